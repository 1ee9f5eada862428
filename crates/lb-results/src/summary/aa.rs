//! The noise that an A/A comparison measured.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The noise that an A/A comparison measured: how far two labels of one algorithm differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaSummary {
    /// The algorithm that ran under both labels.
    pub algorithm: String,
    /// Number of pairs of valid trials.
    pub pairs: usize,
    /// The noise by metric.
    pub metrics: Vec<AaMetric>,
    /// Number of pairs of single trials whose p95 or mean differ by more than 5 %: what a comparison without
    /// statistics would have called a difference.
    pub naive_alarms: usize,
    /// Number of metrics that the whole procedure calls different. Each of them is a false alarm.
    pub alarms: usize,
    /// Share of random relabellings of these trials in which the procedure raises an alarm, from 0 to 1. Null
    /// with too few pairs.
    pub false_alarm_rate: Option<f64>,
    /// Number of random relabellings that were tried.
    pub relabellings: usize,
}

/// The noise of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaMetric {
    /// The metric.
    pub metric: Metric,
    /// Effect of the second label against the first, as in a comparison.
    pub effect: f64,
    /// 95 % interval of the effect. Null below 2 pairs.
    pub interval: Option<[f64; 2]>,
    /// Largest absolute difference within a single pair.
    pub largest_pair: f64,
    /// Effects up to this size are noise.
    pub noise_floor: f64,
}
