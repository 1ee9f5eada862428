//! The interface between an experiment and the engine that runs its trials. There are two implementations:
//! [`LiveTrials`](super::live::LiveTrials) sends requests over real sockets, and
//! [`SimulatedTrials`](super::sim::SimulatedTrials) plays the same scenario in virtual time.

use super::contestant::Contestant;
use super::context::Mode;
use super::error::RunError;
use super::trial_plan::TrialPlan;
use lb_core::Algorithm;
use lb_results::Trial;

/// The most attempts at a trial: one, and another if it is invalid.
const ATTEMPTS: u32 = 2;

/// Runs the trials of one scenario.
pub(super) trait Driver {
    /// Returns the algorithms that this engine can run; `None` if it can run all of them.
    fn offered(&self) -> Option<Vec<Algorithm>>;

    /// Returns the contestants for `algorithms` in a run of this mode.
    fn contestants(&self, algorithms: &[Algorithm], mode: &Mode) -> Vec<Contestant>;

    /// Runs one trial. Returns `None` if the user interrupted it before anything was measured. If the
    /// measured phase was interrupted, returns what was measured so far.
    async fn run(&mut self, trial: &TrialPlan<'_>) -> Result<Option<Trial>, RunError>;

    /// Returns the most attempts at a trial; 0 if nothing can run.
    fn attempts(&self) -> u32 {
        ATTEMPTS
    }

    /// Takes the error that ended the last trial early. `None` if there was no error, such as after an
    /// interrupt.
    fn take_failure(&mut self) -> Option<RunError> {
        None
    }

    /// Stops everything that was started for the scenario, and restores what was changed. Returns notes for
    /// the user.
    async fn end(self) -> Vec<String>;
}
