//! The noise that an A/A comparison measured.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The noise that an A/A comparison measured: the difference between two labels of one algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaSummary {
    /// The algorithm that ran under both labels.
    pub algorithm: String,
    /// Number of pairs of valid trials.
    pub pairs: usize,
    /// The noise by metric.
    pub metrics: Vec<AaMetric>,
    /// Number of pairs of individual trials whose p95 or mean differs by more than 5 %, which a comparison
    /// without statistics would have called a difference.
    pub naive_alarms: usize,
    /// Number of primary metrics that the whole procedure reports as different. Each is a false alarm.
    pub alarms: usize,
    /// Share of relabellings, of the trials of all algorithms, in which the procedure raises any alarm, from
    /// 0 to 1. Null with too few pairs.
    pub false_alarm_rate: Option<f64>,
    /// Number of relabellings: the labels of whole blocks are swapped.
    pub relabellings: usize,
}

/// The noise of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaMetric {
    /// The metric.
    pub metric: Metric,
    /// Effect of the second label compared with the first, as in a comparison.
    pub effect: f64,
    /// 95 % interval of the effect. Null below 5 pairs.
    pub interval: Option<[f64; 2]>,
    /// Largest absolute difference within a single pair.
    pub largest_pair: f64,
    /// Largest effect that counts as noise.
    pub noise_floor: f64,
}
