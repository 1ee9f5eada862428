//! The measurements of a scenario, before they are judged.

use super::contestant::Contestant;
use lb_results::{MaxRateSummary, PilotSummary, Skipped, Trial};

/// The measurements of a scenario, which may have ended early.
#[derive(Default)]
pub(super) struct MeasuredScenario {
    pub(super) blocks: Blocks,
    /// The contestants, in the order of the results.
    pub(super) contestants: Vec<Contestant>,
    /// The result of the simulated pilot; `None` if there was none.
    pub(super) pilot: Option<PilotSummary>,
    /// The highest rate of each contestant; empty unless the run searches for rates.
    pub(super) max_rates: Vec<MaxRateSummary>,
    /// The algorithms that the load balancer does not offer.
    pub(super) skipped: Vec<Skipped>,
}

/// The blocks that ran.
#[derive(Default)]
pub(super) struct Blocks {
    /// All trials that were not interrupted, in the order they ran.
    pub(super) trials: Vec<Trial>,
    /// The SHA-256 of the schedule of every block that was begun.
    pub(super) schedules: Vec<String>,
    /// Notes on these blocks, such as a precision that was not reached.
    pub(super) notes: Vec<String>,
}

/// Returns the valid trials, at most one for each block and label.
pub(super) fn valid(trials: &[Trial]) -> impl Iterator<Item = &Trial> {
    trials.iter().filter(|trial| trial.problems.is_empty())
}
