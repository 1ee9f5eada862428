//! What had to hold: thresholds, and the highest rates at which an objective was kept.

use super::kinds::ProbeStage;
use super::latency::Latency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A threshold and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// Scenario that it was held against.
    pub scenario: String,
    /// Algorithm that it was held against.
    pub algorithm: String,
    /// As written, such as `http_req_duration{action:browse}: p(95)<200`.
    pub threshold: String,
    /// What was measured; none: there was nothing to measure.
    pub observed: Option<f64>,
    /// Whether it held. A threshold without anything to measure did not.
    pub ok: bool,
}

/// The highest rate at which an algorithm kept its objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaxRateSummary {
    /// Algorithm.
    pub algorithm: String,
    /// The objective, in the grammar of thresholds.
    pub objective: Vec<String>,
    /// Arrivals per second; none: not even the lowest rate kept it.
    pub rate_per_s: Option<f64>,
    /// What was tried, in order.
    pub probes: Vec<RateProbe>,
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateProbe {
    /// Arrivals per second that were offered.
    pub rate_per_s: f64,
    /// Seconds measured.
    pub seconds: f64,
    /// What the probe was for.
    pub stage: ProbeStage,
    /// Whether the objective was kept.
    pub kept: bool,
    /// Latency of successful requests.
    pub latency_ms: Option<Latency>,
    /// Share of requests that failed.
    pub error_rate: f64,
    /// Why the probe cannot be believed, which counts as not kept.
    pub problems: Vec<String>,
}
