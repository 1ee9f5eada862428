//! One algorithm in one scenario, over all its valid trials.

use super::fault::FaultResponse;
use super::latency::Latency;
use super::metric::MetricEstimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One algorithm in one scenario, over all its trials.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AlgorithmSummary {
    /// Name, with its wrappers.
    pub name: String,
    /// Trials summed up here.
    pub trials: u32,
    /// Seconds measured, over all trials.
    pub measured_s: f64,
    /// Requests that ended.
    pub total_requests: u64,
    /// Requests that ended, per second.
    pub throughput_rps: f64,
    /// Ordinary requests that succeeded, per second (an injected error that is refused is no work done).
    pub goodput_rps: f64,
    /// Latency of requests that got what was expected of them. Null when there was none.
    pub latency_ms: Option<Latency>,
    /// Latency of all requests, failures and timeouts included.
    pub latency_all_ms: Option<Latency>,
    /// Share of requests that got what was expected of them, injected errors included.
    pub success_rate: f64,
    /// The other requests.
    pub error_rate: f64,
    /// Share of requests that were wrong on purpose and were refused as expected.
    pub expected_error_rate: f64,
    /// Requests by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Backends, in the order of the topology.
    pub backends: Vec<BackendSummary>,
    /// Jain's index of the shares, 1 when even. Null without requests.
    pub jain_index: Option<f64>,
    /// Requests by kind, slowest p95 first.
    pub actions: Vec<ActionSummary>,
    /// Latency of the same requests from when they were sent, not from when they should have been.
    /// Equal to `latency_ms` in the closed model.
    pub service_ms: Option<Latency>,
    /// Latency by percentile, `[percentile, ms]`, ascending; for curves.
    pub distribution: Vec<[f64; 2]>,
    /// The time series, at most some hundred points.
    pub series: Vec<SeriesPoint>,
    /// What it did about each fault of the scenario.
    pub fault_responses: Vec<FaultResponse>,
    /// Latency metrics over trials, the trial being the unit. Empty in the file of a single trial, and in
    /// summaries that were written before this field existed.
    #[serde(default)]
    pub estimates: Vec<MetricEstimate>,
    /// How each switch to this algorithm was verified.
    pub switch_evidence: Vec<serde_json::Value>,
    /// CPU time of the processes that took part.
    pub processes: Vec<ProcessSummary>,
    /// Who counted requests by backend besides the generator: the load balancer's name. Null where it does not
    /// tell, so that the `X-Backend` of replies is all there is.
    #[serde(default)]
    pub counted_by: Option<String>,
    /// What the agent did that set its weights. Null where none did.
    #[serde(default)]
    pub steering: Option<SteeringSummary>,
    /// How often guards overruled the learned policy. Null under other algorithms, and where the load
    /// balancer does not tell.
    #[serde(default)]
    pub guards: Option<GuardSummary>,
}

/// One backend under one algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackendSummary {
    /// Id.
    pub id: String,
    /// Replies that named it.
    pub requests: u64,
    /// Its share of all replies that named a backend of its pool.
    pub share: f64,
    /// Replies of it that were not expected.
    pub errors: u64,
    /// Mean latency of its replies. Null without replies.
    pub mean_ms: Option<f64>,
    /// Most requests in flight at it at once, in any trial; null when the load balancer cannot tell.
    pub peak_in_flight: Option<u32>,
    /// Errors that the load balancer saw there and answered for itself (broken or refused connections).
    pub balancer_errors: Option<u64>,
}

/// One kind of request under one algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ActionSummary {
    /// Name.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// Whether it belongs to the opening of sessions.
    pub set_up: bool,
    /// Requests that ended.
    pub requests: u64,
    /// Those that did not get what was expected.
    pub errors: u64,
    /// Latency of those that did.
    pub latency_ms: Option<Latency>,
}

/// CPU time of one process over the measured phases.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProcessSummary {
    /// `generator`, `load-balancer` or `mock-backends`.
    pub name: String,
    /// User and system CPU seconds.
    pub cpu_s: f64,
    /// CPU seconds per second measured: 1 is one core.
    pub cores: f64,
}

/// Decisions of a learned policy, and how many of them were not its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardSummary {
    /// Decisions in the measured phases.
    pub decisions: u64,
    /// Those that gave a backend its minimum share.
    pub minimum_share: u64,
    /// Those that the fallback made because nobody had answered for a while.
    pub stale: u64,
    /// Those that the fallback made because a score was no number.
    pub not_finite: u64,
    /// Share of the decisions that the fallback made.
    pub fallback_share: f64,
}

/// A piece of the time series of one algorithm, over all its valid trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// Seconds from the start of the measured phase.
    pub at_s: f64,
    /// Length in seconds.
    pub length_s: f64,
    /// Requests per second and trial.
    pub throughput_rps: f64,
    /// Of those, errors.
    pub errors_rps: f64,
    /// Mean latency of successful requests, ms.
    pub mean_ms: Option<f64>,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Share of each backend among the requests that were sent, in the order of `backends`.
    pub shares: Vec<f64>,
}

/// What an agent did that set the weights of a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SteeringSummary {
    /// Time from one look to the next, as asked for, in milliseconds.
    pub period_ms: f64,
    /// The same as it was, the median.
    pub achieved_period_ms: Option<f64>,
    /// Looks in the measured phases.
    pub looks: usize,
    /// Looks or settings that failed.
    pub failures: u64,
    /// How old a look was when its weights were in force, in milliseconds: median and 99th percentile.
    pub age_p50_ms: Option<f64>,
    /// See `age_p50_ms`.
    pub age_p99_ms: Option<f64>,
    /// Mean share of the weights of each backend.
    pub mean_shares: BTreeMap<String, f64>,
    /// Shares of the weights over time, in the first valid trial; at most some hundred points.
    pub trace: Vec<WeightPoint>,
}

/// Shares of weights at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeightPoint {
    /// Seconds from the beginning of the measured phase.
    pub at_s: f64,
    /// By backend.
    pub shares: BTreeMap<String, f64>,
}
