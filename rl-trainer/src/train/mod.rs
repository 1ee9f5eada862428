//! A training from its first episode to the policy that is exported.
//!
//! In order: rows of some episodes give the normalisation; a teacher's lessons, if wanted; PPO, which plays the
//! next episodes on one core while it learns from the last ones on the other; evolution from the best network
//! so far. The network that is exported is the one that did best on the validation set, whenever that was.
//!
//! Everything that is drawn comes from the seed and the number of the update, so a training that was stopped
//! goes on from its checkpoint exactly as it would have.

mod args;
mod budget;
mod columns;
mod first;
mod progress;
mod record;
mod state;
mod to_file;
mod training;
mod validation;

pub use args::Args;
pub use budget::{Budget, DeviceName, TrainingArgs};
pub use columns::COLUMNS;
pub use progress::{Progress, TrainError, Trained};
pub use record::policy_of;
pub use state::StateError;
pub use to_file::{POLICY, TrainOrWrite, train_to_file};
pub use training::{CHECKPOINT, train};
pub use validation::{BASELINE, Bout, Score, bouts, score, validation_set};
