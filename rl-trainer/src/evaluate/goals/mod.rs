//! Goals: limits that a user sets for trained policies, and whether an evaluation keeps them.
//!
//! Nothing is judged unless a file of goals is given (`--goals FILE`); `configs/learner-goals.json` is one. All
//! limits are upper limits. Ratios are to the baseline, or to the best classical algorithm of each case where the
//! name of the key says so.
//!
//! `file.rs` reads and checks a file; `judge.rs` compares an evaluation with it.

mod file;
mod judge;

pub use file::{Goals, GoalsError, HeldOutGoals, Pair, SituationGoal, SituationGoals};
pub use judge::Goal;
