//! Pairs of algorithms, compared: effects, intervals, tests, verdicts.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The statistics of one scenario: every pair of labels, every metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Family-wise error rate of the verdicts.
    pub alpha: f64,
    /// Margin of equivalence of ratio metrics, as a fraction: 0.05 is ±5 %.
    pub margin: f64,
    /// Number of tests in the family over which p values are adjusted (Holm).
    pub family: usize,
    /// Every pair of labels that was compared.
    pub pairs: Vec<PairComparison>,
    /// Name of the A/A run that measured the noise floor. Null where the noise floor is unknown.
    pub noise_source: Option<String>,
}

/// Two labels, compared over the blocks in which both have a valid trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairComparison {
    /// Label that the candidate is compared with.
    pub baseline: String,
    /// Label that is judged.
    pub candidate: String,
    /// Number of blocks with a valid trial of both labels.
    pub blocks: usize,
    /// The comparison by metric; metrics without values are left out.
    pub metrics: Vec<MetricComparison>,
    /// Verdict over all metrics that have a direction.
    pub verdict: Verdict,
    /// The verdict as a sentence.
    pub sentence: String,
}

/// One metric of one pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricComparison {
    /// The metric that is compared.
    pub metric: Metric,
    /// Median of the baseline over blocks, in the metric's own unit.
    pub baseline: f64,
    /// Median of the candidate over blocks, in the metric's own unit.
    pub candidate: f64,
    /// Hodges–Lehmann estimate: candidate / baseline - 1 for ratios (0.1 is 10 % more), else the
    /// difference.
    pub effect: f64,
    /// 95 % interval of the effect (paired bootstrap, BCa with percentiles expanded for few blocks), not
    /// corrected for the number of tests. Null below 2 blocks.
    pub interval: Option<[f64; 2]>,
    /// Two-sided p value of the exact paired permutation test. Null below 2 blocks, and where neither label had
    /// an error, so that there is nothing to test.
    pub p_value: Option<f64>,
    /// The p value after Holm's correction. Null where there is no p value.
    pub p_adjusted: Option<f64>,
    /// Whether the effect lies within the margin (two one-sided t tests, after Holm's correction).
    pub equivalent: bool,
    /// Smallest effect that this number of blocks detects with a probability of 80 %. Null where the blocks are
    /// too few to detect any.
    pub minimum_detectable: Option<f64>,
    /// Number of blocks at which an effect as large as the margin is detected with a probability of 80 %. Null
    /// below 2 blocks, and above 10 000.
    pub repetitions_needed: Option<u32>,
    /// Largest effect that arises between two labels of one algorithm. Null where it is unknown.
    pub noise_floor: Option<f64>,
    /// Verdict on this metric.
    pub verdict: Verdict,
}

/// A verdict on a candidate against its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The candidate is better, beyond noise.
    Better,
    /// The candidate is worse, beyond noise.
    Worse,
    /// The candidate is better in some metrics and worse in others.
    Mixed,
    /// The candidate differs beyond noise, in a metric for which that is neither better nor worse.
    Different,
    /// The difference is smaller than the margin.
    Equivalent,
    /// The data allow no statement.
    NotEnoughData,
}

impl Verdict {
    /// Returns the verdict in words, for sentences and tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Mixed => "mixed",
            Self::Different => "different",
            Self::Equivalent => "equivalent",
            Self::NotEnoughData => "not enough data",
        }
    }
}
