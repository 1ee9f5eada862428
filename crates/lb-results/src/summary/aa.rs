//! The noise that an A/A comparison measured.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What two labels of one algorithm came to: how much of a difference is noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaSummary {
    /// The algorithm under both labels.
    pub algorithm: String,
    /// Pairs of valid trials.
    pub pairs: usize,
    /// By metric.
    pub metrics: Vec<AaMetric>,
    /// Pairs of single trials whose p95 or mean differ by more than 5 %: what a comparison without
    /// statistics would have called a difference.
    pub naive_alarms: usize,
    /// Metrics that the whole procedure calls different; every one is a false alarm.
    pub alarms: usize,
    /// Share of random relabellings of these trials in which the procedure raises any alarm.
    pub false_alarm_rate: Option<f64>,
    /// Relabellings tried.
    pub relabellings: usize,
}

/// The noise of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaMetric {
    /// Which.
    pub metric: Metric,
    /// Effect of the second label against the first.
    pub effect: f64,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Largest difference of a single pair, absolute.
    pub largest_pair: f64,
    /// Effects up to this size are noise.
    pub noise_floor: f64,
}
