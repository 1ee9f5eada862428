//! From trials to verdicts: the statistics of `analysis`, given what a run knows.

use super::contestant::Contestant;
use super::trial::Trial;
use crate::analysis::{tenth_means, trial_summary};
use crate::config::Plan;
use crate::results::{Comparison, Metric, TrialSummary};
use std::collections::BTreeMap;

/// Compares every pair of contestants.
pub(super) fn compare_trials(
    _trials: &[TrialSummary],
    _contestants: &[Contestant],
    _plan: &Plan,
    _noise: &BTreeMap<Metric, f64>,
) -> Option<Comparison> {
    None
}

/// Whether every interval is narrow enough.
pub(super) fn precise_enough(trials: &[Trial], contestants: &[Contestant], plan: &Plan, _precision: f64) -> bool {
    let rows: Vec<TrialSummary> = trials.iter().map(trial_summary).collect();
    compare_trials(&rows, contestants, plan, &BTreeMap::new()).is_some()
}

/// Seconds to cut off every trial of a block. None when they are too short to tell.
pub(super) fn warm_up_cut(trials: &[Trial]) -> Option<f64> {
    trials.iter().map(|trial| tenth_means(trial).len() as f64).reduce(f64::max)
}
