//! What the trials of a scenario left, before anything is judged.

use super::contestant::Contestant;
use lb_results::{MaxRateSummary, Skipped, Trial};

/// What came out of the trials of a scenario, also when it ended early.
#[derive(Default)]
pub(super) struct MeasuredScenario {
    pub(super) blocks: Blocks,
    /// The contestants, in the order of the results.
    pub(super) contestants: Vec<Contestant>,
    /// What was found for each contestant, where rates were searched.
    pub(super) max_rates: Vec<MaxRateSummary>,
    /// The algorithms that the load balancer does not offer.
    pub(super) skipped: Vec<Skipped>,
}

/// The blocks that ran.
#[derive(Default)]
pub(super) struct Blocks {
    /// Every trial that was not interrupted, in the order in which they ran.
    pub(super) trials: Vec<Trial>,
    /// The SHA-256 of the schedule of every block that was begun.
    pub(super) schedules: Vec<String>,
    /// What is to be known of these blocks, such as a precision that was not reached.
    pub(super) notes: Vec<String>,
}

/// The trials that count: the valid ones, at most one for each block and label.
pub(super) fn valid(trials: &[Trial]) -> impl Iterator<Item = &Trial> {
    trials.iter().filter(|trial| trial.problems.is_empty())
}
