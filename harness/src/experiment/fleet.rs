//! Other processes that play the load of a run, each its share of every schedule: the interface to them, which
//! `bench-workers` implements with NATS.

use lb_load::{Hooks, LoadPlan};
use lb_record::TrialRecord;
use lb_results::WorkerShare;
use std::fmt::Debug;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Workers that play the load in place of this process. All calls block.
pub trait Fleet: Debug + Send + Sync {
    /// Waits until enough workers are there, and keeps other leaders from using them. `tell` takes what the user should
    /// know meanwhile.
    ///
    /// # Errors
    /// There are too few workers, or they cannot be used.
    fn muster(&self, stop: &AtomicBool, tell: &dyn Fn(String)) -> Result<(), FleetError>;

    /// Deals a phase out, and returns it when every worker is ready to begin.
    ///
    /// # Errors
    /// A worker cannot play its share, or too few are left.
    fn prepare(&self, plan: &LoadPlan, stop: &AtomicBool) -> Result<Box<dyn DealtPhase>, FleetError>;

    /// Lets the workers go, for other leaders.
    fn dismiss(&self);
}

/// A phase that was dealt out and begins at a moment that all workers know.
pub trait DealtPhase: Send {
    /// Returns how long it takes until the phase begins.
    fn begins_in(&self) -> Duration;

    /// Waits for the end of the phase, and returns the records of all workers as one. Of the hooks, only progress and the
    /// stop flag are used. `judge` says what makes the share of one worker invalid.
    ///
    /// # Errors
    /// The workers were lost, or one could not play its share.
    fn play(self: Box<Self>, hooks: Hooks, judge: &Judge) -> Result<Played, FleetError>;
}

/// Says what makes the record of one worker invalid, as if it were a generator of its own.
pub type Judge = dyn Fn(&TrialRecord) -> Vec<String> + Send + Sync;

/// What workers recorded.
#[derive(Debug)]
pub struct Played {
    /// The records of all workers as one.
    pub record: TrialRecord,
    /// What each worker did, in the order of their shares.
    pub shares: Vec<WorkerShare>,
    /// What makes the record invalid, whatever else is accepted, such as a share that is missing.
    pub problems: Vec<String>,
}

/// Why workers cannot play a phase.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// They cannot begin; nothing was measured with them.
    #[error("{0}")]
    Unready(String),
    /// They could not go on. What was measured before is kept.
    #[error("{0}; the trials before this are kept")]
    Lost(String),
    /// The user ended the run meanwhile.
    #[error("interrupted while waiting for workers")]
    Stopped,
}
