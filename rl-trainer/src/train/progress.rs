//! How a training goes, and how it ends.

use super::state::StateError;
use super::validation::Score;
use crate::checkpoint::CheckpointError;
use crate::curves::CurvesError;
use lb_core::policy::PolicyFile;
use std::fmt;

/// A training that is complete.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The policy, with its training record.
    pub file: PolicyFile,
    /// Score on the validation set.
    pub validation: Score,
    /// Decisions that PPO learnt from.
    pub env_steps: u64,
    /// Decisions per second of PPO, all in.
    pub steps_per_second: f64,
    /// Seconds in all.
    pub seconds: f64,
}

/// Where a training is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// `lessons`, `ppo` or `evolution`.
    pub phase: &'static str,
    /// Rounds of this phase that are done.
    pub done: u64,
    /// Rounds of this phase.
    pub total: u64,
    /// Decisions that PPO has learnt from.
    pub env_steps: u64,
    /// Seconds so far.
    pub seconds: f64,
    /// The newest score on the validation set, if it was just evaluated.
    pub validation: Option<Score>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, done, total, env_steps, seconds, .. } = self;
        write!(f, "{phase} {done} of {total}, {env_steps} steps, {seconds:.0} s")
    }
}

/// Why a training did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// It was asked to stop; the checkpoint holds where it was.
    #[error("training was stopped; the checkpoint in `{0}` goes on from here")]
    Stopped(String),
    /// The checkpoint belongs to another training.
    #[error(
        "the checkpoint in `{folder}` is of seed {found}, not of seed {wanted}; give another folder or that seed"
    )]
    OtherTraining {
        /// Where it lies.
        folder: String,
        /// Its seed.
        found: u64,
        /// The seed that was asked for.
        wanted: u64,
    },
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
