//! Pairs of algorithms, compared: effects, intervals, tests, verdicts.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The statistics of one scenario: every pair, every metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Family-wise error rate that the verdicts keep.
    pub alpha: f64,
    /// Margin of equivalence, as a fraction (0.05 is ±5 %).
    pub margin: f64,
    /// Tests in the family over which p values are adjusted (Holm).
    pub family: usize,
    /// Every pair of labels.
    pub pairs: Vec<PairComparison>,
    /// Where the noise floor came from: the run of an A/A comparison; none: unknown.
    pub noise_source: Option<String>,
}

/// Two labels, compared over the blocks in which both have a valid trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairComparison {
    /// What it is compared with.
    pub baseline: String,
    /// What is judged.
    pub candidate: String,
    /// Blocks with a valid trial of both.
    pub blocks: usize,
    /// By metric; metrics without values are left out.
    pub metrics: Vec<MetricComparison>,
    /// All in all.
    pub verdict: Verdict,
    /// In words.
    pub sentence: String,
}

/// One metric of one pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricComparison {
    /// Which.
    pub metric: Metric,
    /// Median over blocks.
    pub baseline: f64,
    /// Median over blocks.
    pub candidate: f64,
    /// Hodges–Lehmann estimate: candidate / baseline - 1 for ratios (0.1 is 10 % more), else the
    /// difference.
    pub effect: f64,
    /// 95 % interval of the effect (paired bootstrap, BCa with percentiles expanded for few blocks), for
    /// itself, not corrected; none below 2 blocks.
    pub interval: Option<[f64; 2]>,
    /// Exact paired permutation test, two-sided; none below 2 blocks, and where neither side ever had an
    /// error, so that there is nothing to test.
    pub p_value: Option<f64>,
    /// After Holm's correction.
    pub p_adjusted: Option<f64>,
    /// Whether the effect lies within the margin (two one-sided t tests, after Holm's correction).
    pub equivalent: bool,
    /// Smallest effect that this many blocks find in 80 of 100 cases; none where the test cannot find any
    /// with so few.
    pub minimum_detectable: Option<f64>,
    /// Blocks at which an effect as large as the margin would be found in 80 of 100 cases; none below 2
    /// blocks, or when it would take more than 10 000.
    pub repetitions_needed: Option<u32>,
    /// Effects of at most this size arise between two labels of one algorithm.
    pub noise_floor: Option<f64>,
    /// In one word.
    pub verdict: Verdict,
}

/// What may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The candidate is better, beyond noise.
    Better,
    /// The candidate is worse, beyond noise.
    Worse,
    /// Better in some metrics, worse in others.
    Mixed,
    /// Different beyond noise, in a metric that is neither good nor bad.
    Different,
    /// Not different by more than the margin.
    Equivalent,
    /// Nothing may be said.
    NotEnoughData,
}

impl Verdict {
    /// The word for it in sentences and tables.
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
