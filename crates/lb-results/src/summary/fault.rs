//! Faults, and how algorithms answered them.

use super::kinds::FaultPhase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A fault that hit backends in every trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultMark {
    /// Kind of the fault, such as `latency_factor`.
    pub fault: String,
    /// Ids of the backends that the fault hit; empty for all.
    pub backends: Vec<String>,
    /// Start of the fault, in seconds from the start of the measured phase.
    pub start_s: f64,
    /// End of the fault, in seconds from the start of the measured phase; at most the end of that phase.
    pub end_s: f64,
}

/// The response of one algorithm to one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultResponse {
    /// Position of the fault in the scenario's list of faults.
    pub fault: usize,
    /// The numbers before, during and after the fault. A phase without length is left out.
    pub phases: Vec<PhaseSummary>,
    /// Share of requests that the faulty backends got before the fault, from 0 to 1. Null without requests.
    pub share_before: Option<f64>,
    /// Share of requests that the faulty backends got during the fault, from 0 to 1. Null without requests.
    pub share_during: Option<f64>,
    /// Seconds from the start of the fault until the share of the faulty backends stayed below half of what it
    /// was. Null when that did not happen.
    pub time_to_avoid_s: Option<f64>,
    /// Seconds from the end of the fault until the share was back above four fifths of what it was. Null when
    /// that did not happen within the run, or when the backends were never avoided.
    pub time_to_return_s: Option<f64>,
    /// Resolution of both times in seconds: the length of time over which shares are averaged.
    pub resolution_s: f64,
}

/// The numbers of one phase around a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseSummary {
    /// Where the phase lies around the fault.
    pub name: FaultPhase,
    /// Start of the phase, in seconds from the start of the measured phase.
    pub from_s: f64,
    /// End of the phase, in seconds from the start of the measured phase.
    pub to_s: f64,
    /// Requests that ended, per second and trial.
    pub throughput_rps: f64,
    /// Mean latency of successful requests. Null without any.
    pub mean_ms: Option<f64>,
    /// 95th percentile of the latency of successful requests. Null without any.
    pub p95_ms: Option<f64>,
    /// 99th percentile of the latency of successful requests. Null without any.
    pub p99_ms: Option<f64>,
    /// Share of requests that did not get the expected reply, from 0 to 1.
    pub error_rate: f64,
}
