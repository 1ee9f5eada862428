//! Results of objectives: thresholds, and the highest rates at which an objective was met.

use super::kinds::ProbeStage;
use super::latency::Latency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// Scenario in which the threshold was checked.
    pub scenario: String,
    /// Algorithm for which the threshold was checked.
    pub algorithm: String,
    /// The threshold as written, such as `http_req_duration{action:browse}: p(95)<200`.
    pub threshold: String,
    /// The observed value. Null when there was nothing to measure.
    pub observed: Option<f64>,
    /// Whether the threshold held. False if there was nothing to measure.
    pub ok: bool,
}

/// The highest rate at which an algorithm kept its objective.
///
/// The interval of the rate begins at `rate_per_s` and ends at `breached_rate_per_s`. At the lower end the
/// objective was met in repeated probes and in a longer one; at the upper end it was breached in repeated
/// probes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaxRateSummary {
    /// Algorithm whose highest rate was searched.
    pub algorithm: String,
    /// The objective, in the grammar of thresholds.
    pub objective: Vec<String>,
    /// The unit of arrivals at these rates.
    #[serde(default)]
    pub unit: RateUnit,
    /// Average number of requests per arrival. Null in results of older versions.
    #[serde(default)]
    pub requests_per_arrival: Option<f64>,
    /// Highest rate, in arrivals per second, at which the objective was confirmed to be met. Null if no rate
    /// was confirmed.
    pub rate_per_s: Option<f64>,
    /// Lowest rate, in arrivals per second, at which repeated probes breached the objective. Null if no rate
    /// breached it.
    #[serde(default)]
    pub breached_rate_per_s: Option<f64>,
    /// What ended the upward search.
    #[serde(default)]
    pub limit: RateLimit,
    /// The problem of the generator or the machine, if that is the limit. Null otherwise.
    #[serde(default)]
    pub limited_by: Option<String>,
    /// 1 plus the number of algorithms whose interval is entirely above this one. Null until the search is
    /// finished for all algorithms.
    #[serde(default)]
    pub rank: Option<u32>,
    /// Algorithms whose intervals overlap with this one, so that no difference was shown.
    #[serde(default)]
    pub equal_to: Vec<String>,
    /// The rates that were tried, in order.
    pub probes: Vec<RateProbe>,
}

/// One rate that was tried in a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateProbe {
    /// Arrivals per second that were offered.
    pub rate_per_s: f64,
    /// Length of the beginning that was left out, in seconds: until the number of concurrent sessions is
    /// steady.
    #[serde(default)]
    pub warm_up_s: f64,
    /// Length of the measured phase in seconds.
    pub seconds: f64,
    /// The purpose of the probe.
    pub stage: ProbeStage,
    /// Number of the schedule. The same number at the same rate is the same schedule for all algorithms.
    #[serde(default)]
    pub replicate: u32,
    /// SHA-256 of the schedule, in hex.
    #[serde(default)]
    pub schedule_sha256: String,
    /// Whether the objective was met.
    pub kept: bool,
    /// The conditions that did not hold, each with the observed value.
    #[serde(default)]
    pub breaches: Vec<String>,
    /// Requests that ended in the measured phase.
    #[serde(default)]
    pub requests: u64,
    /// Latency of successful requests. Null without any.
    pub latency_ms: Option<Latency>,
    /// Share of requests that failed, from 0 to 1.
    pub error_rate: f64,
    /// Why the probe is invalid, so that it says nothing about the algorithm. Empty for a valid probe.
    pub problems: Vec<String>,
}

/// The unit of arrivals in a search for the highest rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RateUnit {
    /// Whole sessions, each with several requests.
    #[default]
    Sessions,
    /// Single actions.
    Actions,
}

/// What ended the upward search for the highest rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RateLimit {
    /// The algorithm breached the objective.
    #[default]
    Objective,
    /// The generator or the machine could not send or measure a higher rate.
    Generator,
    /// The highest rate of the search met the objective.
    Search,
}

impl RateUnit {
    /// Returns the name of the stage in files, sentences and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Actions => "actions",
        }
    }
}

impl MaxRateSummary {
    /// Returns the interval of the rate: from the highest rate that met the objective, or 0, to the lowest
    /// rate that breached it, or infinity.
    pub fn interval(&self) -> [f64; 2] {
        [self.rate_per_s.unwrap_or(0.0), self.breached_rate_per_s.unwrap_or(f64::INFINITY)]
    }

    /// Returns the longer probe that confirmed the rate. `None` without a rate.
    pub fn confirming(&self) -> Option<&RateProbe> {
        let is_it = |probe: &&RateProbe| probe.kept && Some(probe.rate_per_s) == self.rate_per_s;
        self.probes.iter().rev().find(is_it)
    }
}
