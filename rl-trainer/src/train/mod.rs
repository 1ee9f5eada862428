//! A training from its first episode to the policy that is exported.
//!
//! The phases are, in order: normalisation from the rows of some episodes; optional lessons from a teacher;
//! PPO, which plays the next episodes on one core while it learns from the last ones on the other; and
//! evolution from the best network so far. The exported network is the one that did best on the validation
//! set at any time, the initial one included.
//!
//! All random draws depend only on the seed and the number of the update, so a stopped training run resumes
//! from its checkpoint exactly as if it had not been stopped.

mod args;
mod budget;
mod columns;
mod first;
mod players;
mod progress;
mod record;
mod source;
mod state;
mod to_file;
mod training;
mod validation;

pub use crate::objective::Objective;
pub use args::Args;
pub use budget::{Budget, DeviceName, TrainingArgs};
pub use columns::COLUMNS;
pub use players::{PlayersArgs, SharedPlayers};
pub use progress::{Progress, TrainError, Trained};
pub use record::policy_of;
pub use source::CaseSource;
pub use state::StateError;
pub use to_file::{POLICY, TrainOrWrite, train_to_file};
pub use training::{CHECKPOINT, train};
pub use validation::{BASELINE, Bout, Score, bouts, score, validation_set};
