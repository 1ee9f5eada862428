//! The progress and the result of a training run.

use super::state::StateError;
use super::validation::Score;
use crate::checkpoint::CheckpointError;
use crate::curves::CurvesError;
use crate::episode::PlayersLost;
use lb_core::policy::PolicyFile;
use std::fmt;

/// The result of a completed training.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The policy, with its training record.
    pub file: PolicyFile,
    /// Score on the validation set.
    pub validation: Score,
    /// Number of decisions that PPO learnt from.
    pub env_steps: u64,
    /// Decisions per second of PPO, including all overhead.
    pub steps_per_second: f64,
    /// Total duration in seconds.
    pub seconds: f64,
}

/// The progress of a training run.
#[derive(Clone, Debug)]
pub struct Progress {
    /// `lessons`, `ppo` or `evolution`.
    pub phase: &'static str,
    /// Completed rounds of this phase.
    pub done: u64,
    /// Total rounds of this phase.
    pub total: u64,
    /// Number of decisions that PPO has learnt from.
    pub env_steps: u64,
    /// Elapsed time in seconds.
    pub seconds: f64,
    /// Score on the validation set, if the network was just evaluated.
    pub validation: Option<Score>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, done, total, env_steps, seconds, .. } = self;
        write!(f, "{phase} {done} of {total}, {env_steps} steps, {seconds:.0} s")
    }
}

/// Reasons why a training run did not complete.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The training was stopped; the checkpoint holds its state.
    #[error("training was stopped; resume from the checkpoint in `{0}`")]
    Stopped(String),
    /// The checkpoint belongs to another training run.
    #[error(
        "the checkpoint in `{folder}` has seed {found}, not seed {wanted}; use another folder or seed {found}"
    )]
    OtherTraining {
        /// Folder of the checkpoint.
        folder: String,
        /// Seed of the checkpoint.
        found: u64,
        /// Seed of this training run.
        wanted: u64,
    },
    /// Nobody is left to play episodes.
    #[error("{0}; `--resume` goes on from the last checkpoint, if there is one")]
    Players(#[from] PlayersLost),
    /// See [`CheckpointError`].
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// See [`StateError`].
    #[error(transparent)]
    State(#[from] StateError),
    /// See [`CurvesError`].
    #[error(transparent)]
    Curves(#[from] CurvesError),
}
