//! One algorithm in one scenario, over all its valid trials.

use super::fault::FaultResponse;
use super::latency::Latency;
use super::metric::MetricEstimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The results of one algorithm in one scenario, over all its valid trials.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AlgorithmSummary {
    /// Name of the algorithm with its wrappers, or its label in an A/A comparison.
    pub name: String,
    /// Number of valid trials that the results sum up.
    pub trials: u32,
    /// Length of the measured phases of all trials together, in seconds.
    pub measured_s: f64,
    /// Number of requests that ended, with any outcome.
    pub total_requests: u64,
    /// Requests that ended, per second.
    pub throughput_rps: f64,
    /// Ordinary requests that succeeded, per second. An injected error that is refused as expected is not work
    /// done, so it does not count.
    pub goodput_rps: f64,
    /// Latency of requests that got the expected reply. Null without such requests.
    pub latency_ms: Option<Latency>,
    /// Latency of all requests, failures and timeouts included. Null without requests.
    pub latency_all_ms: Option<Latency>,
    /// Share of requests that got the expected reply, injected errors included, from 0 to 1.
    pub success_rate: f64,
    /// Share of requests that did not get the expected reply, from 0 to 1.
    pub error_rate: f64,
    /// Share of requests that were wrong on purpose and were refused as expected, from 0 to 1.
    pub expected_error_rate: f64,
    /// Number of requests by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Results by backend, in the order of the topology.
    pub backends: Vec<BackendSummary>,
    /// Jain's index of the backends' shares: 1 when they are even. Null without requests.
    pub jain_index: Option<f64>,
    /// Results by kind of request, the slowest 95th percentile first.
    pub actions: Vec<ActionSummary>,
    /// Latency of the same requests counted from when they were sent rather than from when they were due. Equal
    /// to `latency_ms` in the closed model.
    pub service_ms: Option<Latency>,
    /// Latency by percentile as pairs `[percentile, ms]`, ascending.
    pub distribution: Vec<[f64; 2]>,
    /// The course of the measured phase over time, in at most 300 points.
    pub series: Vec<SeriesPoint>,
    /// The response to each fault of the scenario.
    pub fault_responses: Vec<FaultResponse>,
    /// Latency metrics over trials, the trial being the unit. Empty in the file of a single trial, and in
    /// summaries that were written before this field existed.
    #[serde(default)]
    pub estimates: Vec<MetricEstimate>,
    /// The evidence on each switch to this algorithm, one entry per trial. An entry is null in a simulated
    /// trial.
    pub switch_evidence: Vec<serde_json::Value>,
    /// CPU time of the processes that took part.
    pub processes: Vec<ProcessSummary>,
    /// Name of the load balancer, where it counted requests by backend itself. Null where only the `X-Backend`
    /// header of replies names the backend.
    #[serde(default)]
    pub counted_by: Option<String>,
    /// How an agent set the weights of the load balancer. Null where no agent did.
    #[serde(default)]
    pub steering: Option<SteeringSummary>,
    /// How often guards overruled the learned policy. Null under other algorithms, and where the load balancer
    /// does not tell.
    #[serde(default)]
    pub guards: Option<GuardSummary>,
}

/// One backend under one algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackendSummary {
    /// Id of the backend.
    pub id: String,
    /// Number of replies that named the backend.
    pub requests: u64,
    /// The backend's share of all replies that named a backend of its pool, from 0 to 1.
    pub share: f64,
    /// Number of replies of the backend that were not the expected ones.
    pub errors: u64,
    /// Mean latency of replies of the backend. Null without replies.
    pub mean_ms: Option<f64>,
    /// Highest number of requests in flight at the backend at the same time, in any trial. Null when the load
    /// balancer does not tell.
    pub peak_in_flight: Option<u32>,
    /// Errors that the load balancer met at the backend and answered itself, such as refused connections. Null
    /// when the load balancer does not tell.
    pub balancer_errors: Option<u64>,
}

/// One kind of request under one algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ActionSummary {
    /// Name of the kind of request.
    pub name: String,
    /// HTTP method of the request.
    pub method: String,
    /// Whether the request belongs to the opening of sessions.
    pub set_up: bool,
    /// Number of requests that ended.
    pub requests: u64,
    /// Number of requests that did not get the expected reply.
    pub errors: u64,
    /// Latency of requests that got the expected reply. Null without such requests.
    pub latency_ms: Option<Latency>,
}

/// CPU time of one process over the measured phases.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProcessSummary {
    /// `generator`, `load-balancer`, `mock-backends` or `simulator`.
    pub name: String,
    /// User and system CPU time, in seconds.
    pub cpu_s: f64,
    /// CPU seconds per second measured; 1 is one core in full use.
    pub cores: f64,
}

/// Decisions under a learned policy, and how many of them the policy did not make itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardSummary {
    /// Number of decisions in the measured phases.
    pub decisions: u64,
    /// Decisions that kept up the minimum share of a backend.
    pub minimum_share: u64,
    /// Decisions that the fallback made because no backend had answered for a while.
    pub stale: u64,
    /// Decisions that the fallback made because a score was not a finite number.
    pub not_finite: u64,
    /// Share of all decisions that the fallback made, from 0 to 1.
    pub fallback_share: f64,
}

/// One piece of the time series of an algorithm, over all its valid trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// Start of the piece, in seconds from the start of the measured phase.
    pub at_s: f64,
    /// Length of the piece in seconds.
    pub length_s: f64,
    /// Requests that ended, per second and trial.
    pub throughput_rps: f64,
    /// Requests that failed, per second and trial.
    pub errors_rps: f64,
    /// Mean latency of successful requests. Null without any.
    pub mean_ms: Option<f64>,
    /// Median latency of successful requests. Null without any.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the latency of successful requests. Null without any.
    pub p95_ms: Option<f64>,
    /// 99th percentile of the latency of successful requests. Null without any.
    pub p99_ms: Option<f64>,
    /// Share of each backend among the requests that were sent, from 0 to 1, in the order of `backends`. Empty
    /// without requests.
    pub shares: Vec<f64>,
}

/// How an agent set the weights of a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SteeringSummary {
    /// Intended time between two observations, in milliseconds.
    pub period_ms: f64,
    /// Median of the actual time between two observations, in milliseconds. Null with fewer than two
    /// observations.
    pub achieved_period_ms: Option<f64>,
    /// Number of observations in the measured phases.
    pub looks: usize,
    /// Number of observations or settings of weights that failed.
    pub failures: u64,
    /// Median age of an observation when the weights that follow from it were in force, in milliseconds. Null
    /// without observations.
    pub age_p50_ms: Option<f64>,
    /// 99th percentile of the age of an observation when the weights were in force, in milliseconds. Null
    /// without observations.
    pub age_p99_ms: Option<f64>,
    /// Mean share of each backend in the weights, from 0 to 1.
    pub mean_shares: BTreeMap<String, f64>,
    /// Shares of the weights over time in the first valid trial, in at most 300 points.
    pub trace: Vec<WeightPoint>,
}

/// Shares of the weights at one point in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeightPoint {
    /// Seconds from the start of the measured phase.
    pub at_s: f64,
    /// Share of each backend, from 0 to 1.
    pub shares: BTreeMap<String, f64>,
}
