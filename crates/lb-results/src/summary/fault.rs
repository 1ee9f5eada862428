//! Faults, and how algorithms answered them.

use super::kinds::FaultPhase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened to backends in every trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultMark {
    /// Kind, such as `latency_factor`.
    pub fault: String,
    /// Backends that it hit.
    pub backends: Vec<String>,
    /// Seconds from the start of the measured phase.
    pub start_s: f64,
    /// Where it ended; at most the end of the phase.
    pub end_s: f64,
}

/// One algorithm before, during and after one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultResponse {
    /// Position in the scenario's faults.
    pub fault: usize,
    /// Before, during, after; without a phase that has no length.
    pub phases: Vec<PhaseSummary>,
    /// Share of requests that the faulty backends got before.
    pub share_before: Option<f64>,
    /// Share while the fault lasted.
    pub share_during: Option<f64>,
    /// Seconds from the start of the fault until their share had fallen below half of what it was, and
    /// stayed there; none: never.
    pub time_to_avoid_s: Option<f64>,
    /// Seconds from the end of the fault until their share was back above four fifths of what it was;
    /// none: not within the run, or they were never avoided.
    pub time_to_return_s: Option<f64>,
    /// Seconds over which shares were looked at to tell both times, by how many requests there were.
    pub resolution_s: f64,
}

/// The numbers of one phase around a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseSummary {
    /// Where the phase lies around the fault.
    pub name: FaultPhase,
    /// Seconds from the start of the measured phase.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// Requests per trial and second.
    pub throughput_rps: f64,
    /// Mean latency of successful requests, ms.
    pub mean_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Share of requests that did not get what was expected.
    pub error_rate: f64,
}
