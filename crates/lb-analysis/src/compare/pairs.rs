//! Pairs the trials of two labels block by block.

use lb_results::{Metric, TrialSummary};
use lb_stats::{Moments, hodges_lehmann, median};
use std::collections::BTreeMap;

/// Two labels and the blocks in which both have a valid trial.
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) baseline: String,
    pub(crate) candidate: String,
    /// Trials of the baseline and the candidate in each block.
    pub(crate) blocks: Vec<[&'a TrialSummary; 2]>,
}

impl<'a> Pair<'a> {
    /// Pairs the trials of two labels by block.
    pub(crate) fn new(
        baseline: String,
        candidate: String,
        of_baseline: &BTreeMap<u32, &'a TrialSummary>,
        of_candidate: &BTreeMap<u32, &'a TrialSummary>,
    ) -> Self {
        let both = of_baseline.iter().filter_map(|(block, trial)| Some([*trial, *of_candidate.get(block)?]));
        Self { baseline, candidate, blocks: both.collect() }
    }

    /// Pairs every label with every later one; the earlier label is the baseline.
    pub(super) fn all(trials: &'a [TrialSummary], labels: &[String]) -> Vec<Self> {
        Self::some(trials, labels, &|_, _| true)
    }

    /// Makes the `wanted` pairs, given by the indices of their labels; the earlier label is the baseline.
    pub(super) fn some(
        trials: &'a [TrialSummary],
        labels: &[String],
        wanted: &dyn Fn(usize, usize) -> bool,
    ) -> Vec<Self> {
        let by_label: Vec<_> = labels.iter().map(|label| valid_trials(trials, label)).collect();
        let mut pairs = Vec::new();
        for (first, baseline) in labels.iter().enumerate() {
            let later = labels.iter().enumerate().skip(first + 1);
            for (second, candidate) in later.filter(|(second, _)| wanted(first, *second)) {
                pairs.push(Self::new(
                    baseline.clone(),
                    candidate.clone(),
                    &by_label[first],
                    &by_label[second],
                ));
            }
        }
        pairs
    }
}

/// Returns the valid trial of each block of a label. If several are valid, the last attempt counts.
pub(crate) fn valid_trials<'a>(trials: &'a [TrialSummary], label: &str) -> BTreeMap<u32, &'a TrialSummary> {
    let mut by_block: BTreeMap<u32, &TrialSummary> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.label == label && trial.is_valid()) {
        let kept = by_block.entry(trial.block).or_insert(trial);
        if trial.attempt >= kept.attempt {
            *kept = trial;
        }
    }
    by_block
}

/// One metric of a pair over the blocks that have it on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) metric: Metric,
    pub(super) baseline: Vec<f64>,
    pub(super) candidate: Vec<f64>,
    /// Positions of these blocks within the pair.
    places: Vec<usize>,
    /// Candidate compared with baseline, block by block, on the scale of tests: logarithms of ratios, or
    /// differences.
    pub(crate) differences: Vec<f64>,
}

impl Measured {
    /// Measures one metric of a pair. `None` if no block has the metric on both sides.
    pub(crate) fn new(pair: &Pair<'_>, metric: Metric) -> Option<Self> {
        let mut measured = Self {
            metric,
            baseline: Vec::new(),
            candidate: Vec::new(),
            places: Vec::new(),
            differences: Vec::new(),
        };
        for (place, [baseline, candidate]) in pair.blocks.iter().enumerate() {
            let (Some(before), Some(after)) = (baseline.metric(metric), candidate.metric(metric)) else {
                continue;
            };
            let difference = if metric.is_ratio() { (after / before).ln() } else { after - before };
            if difference.is_finite() {
                measured.baseline.push(before);
                measured.candidate.push(after);
                measured.places.push(place);
                measured.differences.push(difference);
            }
        }
        (!measured.differences.is_empty()).then_some(measured)
    }

    /// Returns candidate minus baseline for each block, in the metric's unit.
    pub(crate) fn plain_differences(&self) -> Vec<f64> {
        self.candidate.iter().zip(&self.baseline).map(|(after, before)| after - before).collect()
    }

    /// Returns the difference in each block of a family; `blocks` holds the block numbers in ascending order.
    pub(crate) fn by_block(&self, pair: &Pair<'_>, blocks: &[u32]) -> Vec<Option<f64>> {
        let mut slots = vec![None; blocks.len()];
        for (place, difference) in self.places.iter().zip(&self.differences) {
            if let Ok(slot) = blocks.binary_search(&pair.blocks[*place][0].block) {
                slots[slot] = Some(*difference);
            }
        }
        slots
    }

    /// Returns the number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.differences.len()
    }

    /// Returns whether there is anything to test: false if neither side ever had an error.
    pub(crate) fn is_testable(&self) -> bool {
        self.metric != Metric::ErrorRate
            || self.baseline.iter().chain(&self.candidate).any(|rate| *rate != 0.0)
    }

    /// Returns the medians of the baseline and the candidate.
    pub(super) fn medians(&self) -> [f64; 2] {
        [&self.baseline, &self.candidate].map(|side| median(side).unwrap_or(f64::NAN))
    }

    /// Returns the effect on the scale of tests.
    pub(crate) fn estimate(&self) -> f64 {
        hodges_lehmann(&self.differences).unwrap_or(0.0)
    }

    /// Returns the moments of the differences. `None` with fewer than two blocks.
    pub(crate) fn moments(&self) -> Option<Moments> {
        Moments::of(&self.differences)
    }
}

/// Converts a difference on the scale of tests to an effect.
pub(crate) fn to_effect(metric: Metric, difference: f64) -> f64 {
    if metric.is_ratio() { difference.exp_m1() } else { difference }
}

/// Converts an effect to a difference on the scale of tests. A drop of 100 % stays finite.
pub(crate) fn to_difference(metric: Metric, effect: f64) -> f64 {
    if metric.is_ratio() { effect.max(-0.999_999).ln_1p() } else { effect }
}
