//! Resources beside latency: the scraped series of one algorithm, and how they move with latency.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A scraped series under one algorithm, over its valid trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceSummary {
    /// Name of the series.
    pub name: String,
    /// Name of the target that it was read from.
    pub target: String,
    /// Unit of the values, such as `bytes` or `1/s`; empty if it is not known.
    pub unit: String,
    /// Number of samples.
    pub samples: usize,
    /// Mean of the samples. Null without any.
    pub mean: Option<f64>,
    /// Smallest sample. Null without any.
    pub min: Option<f64>,
    /// Greatest sample. Null without any.
    pub max: Option<f64>,
    /// The course as pairs of seconds from the start of the measured phase and mean over the trials, at most 300.
    pub points: Vec<[f64; 2]>,
    /// How the series moves with latency. Null if it does not change, or if there is too little to tell.
    pub correlation: Option<ResourceCorrelation>,
}

/// How a series moves with latency: their rank correlation within trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceCorrelation {
    /// The latency that the series is compared with: `p95` or `mean`, of successful requests.
    pub latency: String,
    /// Length of the parts of a trial that are compared, in seconds.
    pub part_s: f64,
    /// How long before the latency the series is looked at, in seconds: the lag with the strongest correlation.
    pub lag_s: f64,
    /// Spearman's rank correlation, from -1 to 1. Above 0, latency is high when the series is high.
    pub r: f64,
    /// 95 % interval of `r`, for parts that depend on those before them.
    pub interval: [f64; 2],
    /// The p value, for parts that depend on those before them.
    pub p: f64,
    /// The p value adjusted for all series, algorithms and lags of the scenario.
    pub p_adjusted: f64,
    /// Whether the adjusted p value is at most 5 %.
    pub moves: bool,
    /// Number of parts of trials that were compared.
    pub parts: usize,
}
