//! Comparisons of pairs of algorithms: effects, intervals, tests and verdicts.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The statistics of one scenario: every pair of labels, every metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Family-wise error rate of the verdicts.
    pub alpha: f64,
    /// Equivalence margin of ratio metrics, as a fraction: 0.05 is ±5 %.
    pub margin: f64,
    /// The metrics that decide verdicts. All other metrics are exploratory.
    #[serde(default)]
    pub primary: Vec<Metric>,
    /// Number of tests in the family for which p values are adjusted: the primary metrics of every pair.
    pub family: usize,
    /// Every pair of labels that was compared.
    pub pairs: Vec<PairComparison>,
    /// Name of the A/A run that measured the noise floor. Null if the noise floor is unknown.
    pub noise_source: Option<String>,
}

/// The comparison of two labels over the blocks in which both have a valid trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairComparison {
    /// Label that the candidate is compared with.
    pub baseline: String,
    /// Label that is compared with the baseline.
    pub candidate: String,
    /// Number of blocks in which both labels have a valid trial.
    pub blocks: usize,
    /// The comparison by metric; metrics without values are left out.
    pub metrics: Vec<MetricComparison>,
    /// Verdict over all metrics that have a direction.
    pub verdict: Verdict,
    /// The verdict as a sentence.
    pub sentence: String,
}

/// The comparison of one metric of one pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricComparison {
    /// The metric that is compared.
    pub metric: Metric,
    /// Whether the metric is exploratory: tested individually, outside the family, and never the reason for a
    /// winner.
    #[serde(default)]
    pub exploratory: bool,
    /// Median of the baseline over blocks, in the metric's own unit.
    pub baseline: f64,
    /// Median of the candidate over blocks, in the metric's own unit.
    pub candidate: f64,
    /// Hodges–Lehmann estimate: candidate / baseline - 1 for ratios (0.1 is 10 % more), otherwise the
    /// difference.
    pub effect: f64,
    /// 95 % interval of the effect (paired bootstrap, BCa with percentiles expanded for few blocks), not
    /// corrected for the number of tests. Null below 5 blocks.
    pub interval: Option<[f64; 2]>,
    /// Two-sided p value of the exact paired permutation test. Null with fewer than 2 blocks, or if neither
    /// label had an error, so that there is nothing to test.
    pub p_value: Option<f64>,
    /// The p value after the step-down correction over the family. Null for an exploratory metric, or if
    /// there is no p value.
    pub p_adjusted: Option<f64>,
    /// Whether the effect lies within the margin (two one-sided t tests; for a primary metric after Holm's
    /// correction).
    pub equivalent: bool,
    /// Smallest effect that this number of blocks detects with a probability of 80 %. Null with too few
    /// blocks to detect any effect.
    pub minimum_detectable: Option<f64>,
    /// Number of blocks needed to detect an effect as large as the margin with a probability of 80 %. Null
    /// with fewer than 2 blocks, or if more than 10 000 are needed.
    pub repetitions_needed: Option<u32>,
    /// Largest effect between two labels of one algorithm. Null if it is unknown.
    pub noise_floor: Option<f64>,
    /// Verdict on this metric.
    pub verdict: Verdict,
}

/// The verdict on a candidate compared with its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The candidate is better, beyond noise.
    Better,
    /// The candidate is worse, beyond noise.
    Worse,
    /// The candidate is better in some metrics and worse in others.
    Mixed,
    /// The candidate differs beyond noise, in a metric that is neither better nor worse when larger.
    Different,
    /// The difference is smaller than the margin.
    Equivalent,
    /// The data do not support any of the other verdicts.
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
