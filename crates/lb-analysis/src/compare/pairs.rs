//! Pairs the trials of two labels block by block.

use lb_results::{Metric, TrialSummary};
use lb_stats::{Moments, hodges_lehmann, median};
use std::collections::BTreeMap;

/// Two labels and the blocks in which both have a valid trial.
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) baseline: String,
    pub(crate) candidate: String,
    /// Trials of the baseline and of the candidate.
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

    /// Every pair of labels, the earlier one as baseline.
    pub(super) fn all(trials: &'a [TrialSummary], labels: &[String]) -> Vec<Self> {
        Self::some(trials, labels, &|_, _| true)
    }

    /// The pairs of labels, by their places, that are `wanted`; the earlier one is the baseline.
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

/// The valid trial of each block of a label; where several are valid, the last attempt.
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
    /// Candidate against baseline, block by block, on the scale of tests: logarithms of ratios, or
    /// differences.
    pub(crate) differences: Vec<f64>,
}

impl Measured {
    /// None where no block has the metric on both sides.
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

    /// The sum of differences if the labels were swapped in these blocks of the pair.
    pub(crate) fn relabelled_sum(&self, swapped: &[bool]) -> f64 {
        let signed = self.places.iter().zip(&self.differences);
        signed.map(|(place, difference)| if swapped[*place] { -difference } else { *difference }).sum()
    }

    /// Candidate less baseline, block by block, in the metric's unit.
    pub(crate) fn plain_differences(&self) -> Vec<f64> {
        self.candidate.iter().zip(&self.baseline).map(|(after, before)| after - before).collect()
    }

    /// Blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.differences.len()
    }

    /// Whether there is anything to test: not where neither side ever had an error.
    pub(crate) fn is_testable(&self) -> bool {
        self.metric != Metric::ErrorRate
            || self.baseline.iter().chain(&self.candidate).any(|rate| *rate != 0.0)
    }

    /// The medians of both sides.
    pub(super) fn medians(&self) -> [f64; 2] {
        [&self.baseline, &self.candidate].map(|side| median(side).unwrap_or(f64::NAN))
    }

    /// The effect on the scale of tests.
    pub(crate) fn estimate(&self) -> f64 {
        hodges_lehmann(&self.differences).unwrap_or(0.0)
    }

    /// Moments of the differences; none below two blocks.
    pub(crate) fn moments(&self) -> Option<Moments> {
        Moments::of(&self.differences)
    }
}

/// From the scale of tests to that of effects.
pub(crate) fn to_effect(metric: Metric, difference: f64) -> f64 {
    if metric.is_ratio() { difference.exp_m1() } else { difference }
}

/// From the scale of effects to that of tests. A drop of all that there is stays finite.
pub(crate) fn to_difference(metric: Metric, effect: f64) -> f64 {
    if metric.is_ratio() { effect.max(-0.999_999).ln_1p() } else { effect }
}
