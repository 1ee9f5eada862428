//! The contract between an experiment and the engine that runs its trials. There are two implementations:
//! [`LiveTrials`](super::live::LiveTrials) sends requests over real sockets, and
//! [`SimulatedTrials`](super::sim::SimulatedTrials) plays the same scenario in virtual time.

use super::contestant::Contestant;
use super::context::Mode;
use super::error::RunError;
use super::trial_plan::TrialPlan;
use lb_core::Algorithm;
use lb_results::Trial;

/// Runs the trials of one scenario.
pub(super) trait Driver {
    /// The algorithms that can run here; `None` if every algorithm can.
    fn offered(&self) -> Option<Vec<Algorithm>>;

    /// Lists the contestants that `algorithms` become in a run of this mode.
    fn contestants(&self, algorithms: &[Algorithm], mode: &Mode) -> Vec<Contestant>;

    /// Runs one trial. Returns `None` when the user interrupted it before anything was measured; a measured
    /// phase that was interrupted is returned as far as it got.
    async fn run(&mut self, trial: &TrialPlan<'_>) -> Result<Option<Trial>, RunError>;

    /// Stops everything that was started for the scenario.
    async fn end(self);
}
