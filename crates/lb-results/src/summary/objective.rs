//! Results on objectives: thresholds, and the highest rates at which an objective was kept.

use super::kinds::ProbeStage;
use super::latency::Latency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A threshold, and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// Scenario that the threshold was checked in.
    pub scenario: String,
    /// Algorithm that the threshold was checked for.
    pub algorithm: String,
    /// The threshold as written, such as `http_req_duration{action:browse}: p(95)<200`.
    pub threshold: String,
    /// The observed value. Null when there was nothing to measure.
    pub observed: Option<f64>,
    /// Whether the threshold held. A threshold without anything to measure did not.
    pub ok: bool,
}

/// The highest rate at which an algorithm kept its objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaxRateSummary {
    /// Algorithm that was searched for.
    pub algorithm: String,
    /// The objective, in the grammar of thresholds.
    pub objective: Vec<String>,
    /// Highest rate in arrivals per second. Null when not even the lowest rate kept the objective.
    pub rate_per_s: Option<f64>,
    /// The rates that were tried, in order.
    pub probes: Vec<RateProbe>,
}

/// One rate that was tried in a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateProbe {
    /// Arrivals per second that were offered.
    pub rate_per_s: f64,
    /// Length of the measured phase in seconds.
    pub seconds: f64,
    /// What the probe was for.
    pub stage: ProbeStage,
    /// Whether the objective was kept.
    pub kept: bool,
    /// Latency of successful requests. Null without any.
    pub latency_ms: Option<Latency>,
    /// Share of requests that failed, from 0 to 1.
    pub error_rate: f64,
    /// Why the probe is invalid, which counts as not kept. Empty for a valid probe.
    pub problems: Vec<String>,
}
