//! Goals: limits that a user sets for trained policies, and whether an evaluation meets them.
//!
//! Nothing is judged unless a goals file is given (`--goals FILE`), such as `configs/learner-goals.json`. All
//! limits are upper limits. Ratios are relative to the baseline, or to the best classical algorithm of each
//! case if the key's name ends in `to_best`. Other opponents are named by the key as well.
//!
//! `file.rs` reads and checks a file; `judge.rs` compares an evaluation with it.

mod file;
mod judge;

pub use file::{Goals, GoalsError, HeldOutGoals, Pair, SituationGoal, SituationGoals, SizedGoals};
pub use judge::Goal;
