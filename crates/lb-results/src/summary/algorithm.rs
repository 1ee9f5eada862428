//! One algorithm in one scenario, over all its valid trials.

use super::fault::FaultResponse;
use super::latency::Latency;
use super::metric::MetricEstimate;
use super::observed::ObservedSummary;
use super::recovery::RecoverySummary;
use super::resource::ResourceSummary;
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
    /// Ordinary requests that succeeded, per second. An injected error that is rejected as expected is not
    /// work done, so it does not count.
    pub goodput_rps: f64,
    /// Latency of requests that got the expected reply. Null without such requests.
    pub latency_ms: Option<Latency>,
    /// Latency of all requests, failures and timeouts included. Null without requests.
    pub latency_all_ms: Option<Latency>,
    /// Share of requests that got the expected reply, injected errors included, from 0 to 1.
    pub success_rate: f64,
    /// Share of requests that did not get the expected reply, from 0 to 1.
    pub error_rate: f64,
    /// Share of requests that were deliberately invalid and were rejected as expected, from 0 to 1.
    pub expected_error_rate: f64,
    /// Number of requests by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Results by backend, in the order of the topology.
    pub backends: Vec<BackendSummary>,
    /// Jain's index of the backends' shares; 1 means that they are even. Null without requests, and if the
    /// backends are known from replies alone: one that answered nothing would be left out.
    pub jain_index: Option<f64>,
    /// Number of failed attempts that the load balancer repeated, so that clients did not see them, where it does not
    /// count them by backend. Null if it does not report them so.
    #[serde(default)]
    pub retries: Option<u64>,
    /// Failed requests by kind, the most frequent first; at most 50 kinds.
    #[serde(default)]
    pub failures: Vec<FailureSummary>,
    /// Results by kind of request, the slowest 95th percentile first.
    pub actions: Vec<ActionSummary>,
    /// Replies by the value of a header. Null if none was observed.
    #[serde(default)]
    pub observed: Option<ObservedSummary>,
    /// The recovery after the highest peak of the load. Null if the load has no peak after which it falls to less than
    /// half, and in the file of a single trial.
    #[serde(default)]
    pub recovery: Option<RecoverySummary>,
    /// Latency of the same requests counted from when they were sent rather than from when they were due.
    /// Equal to `latency_ms` in the closed model.
    pub service_ms: Option<Latency>,
    /// How long it took to open connections. Null in a simulation.
    #[serde(default)]
    pub connections: Option<ConnectionSummary>,
    /// Latency by percentile as pairs `[percentile, ms]`, ascending.
    pub distribution: Vec<[f64; 2]>,
    /// Time series of the measured phase, in at most 300 points.
    pub series: Vec<SeriesPoint>,
    /// The response to each fault of the scenario.
    pub fault_responses: Vec<FaultResponse>,
    /// Estimates of latency metrics over trials. Empty in the file of a single trial, and in summaries
    /// written before this field existed.
    #[serde(default)]
    pub estimates: Vec<MetricEstimate>,
    /// The evidence for each switch to this algorithm, one entry per trial. An entry is null in a simulated
    /// trial.
    pub switch_evidence: Vec<serde_json::Value>,
    /// CPU time of the processes that took part.
    pub processes: Vec<ProcessSummary>,
    /// Name of the load balancer, if it counted requests by backend itself. Null if only the `X-Backend`
    /// header of replies names the backend.
    #[serde(default)]
    pub counted_by: Option<String>,
    /// How an agent set the weights of the load balancer. Null without an agent.
    #[serde(default)]
    pub steering: Option<SteeringSummary>,
    /// The series that were scraped beside latency. Empty if nothing was scraped, and in the file of a single trial,
    /// which has the samples themselves.
    #[serde(default)]
    pub resources: Vec<ResourceSummary>,
    /// How often guards overrode the learned policy. Null under other algorithms, or if the load balancer
    /// does not report it.
    #[serde(default)]
    pub guards: Option<GuardSummary>,
}

/// The results of one backend under one algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackendSummary {
    /// Id of the backend.
    pub id: String,
    /// Number of replies that named the backend.
    pub requests: u64,
    /// The backend's share of all replies that named a backend of its pool, from 0 to 1.
    pub share: f64,
    /// Number of unexpected replies of the backend.
    pub errors: u64,
    /// Mean latency of replies of the backend. Null without replies.
    pub mean_ms: Option<f64>,
    /// Highest number of requests in flight at the backend at the same time, in any trial. Null if the load
    /// balancer does not report it.
    pub peak_in_flight: Option<u32>,
    /// Number of errors that the load balancer met at the backend and answered itself, such as refused
    /// connections. Null if the load balancer does not report it.
    pub balancer_errors: Option<u64>,
    /// Number of failed attempts at the backend that the load balancer repeated, here or elsewhere, so that
    /// clients did not see them. Null if the load balancer does not report it.
    #[serde(default)]
    pub retries: Option<u64>,
}

/// Failed requests of one kind under one algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureSummary {
    /// Name of the kind of request.
    pub name: String,
    /// HTTP method of the request.
    pub method: String,
    /// The outcome, such as `check_failed`.
    pub outcome: String,
    /// Status of the replies. Null without a reply, and for rare statuses once there are too many.
    pub status: Option<u16>,
    /// What the failed check found. Null for other outcomes, and for texts beyond the first few.
    pub message: Option<String>,
    /// Number of the requests.
    pub count: u64,
    /// When the first of them ended, in seconds from the start of the measured phase of its trial.
    pub first_s: f64,
    /// When the last of them ended, in seconds from the start of the measured phase of its trial.
    pub last_s: f64,
}

/// The results of one kind of request under one algorithm.
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
    /// Latency of all requests, failures and timeouts included. Null in summaries written before this field existed.
    #[serde(default)]
    pub latency_all_ms: Option<Latency>,
}

/// How long it took to open the connections of the measured phases. None of it is part of `service_ms`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionSummary {
    /// Number of connections that were opened.
    pub opened: u64,
    /// Time until TCP was connected. Null without connections.
    pub connect_ms: Option<Latency>,
    /// Number of TLS handshakes.
    pub handshakes: u64,
    /// Number of TLS handshakes that resumed a session.
    pub resumed: u64,
    /// Time of TLS handshakes, from the connection on. Null without TLS.
    pub handshake_ms: Option<Latency>,
    /// Number of times that the target's name was looked up again.
    pub look_ups: u64,
    /// Time of these look-ups, which happen beside the requests. Null without any.
    pub look_up_ms: Option<Latency>,
    /// Number of requests that found no connection of the pool free, and waited.
    #[serde(default)]
    pub waits: u64,
    /// Time of these waits, which are part of `latency_ms`, but not of `service_ms`. Null without any.
    #[serde(default)]
    pub wait_ms: Option<Latency>,
    /// The connections whose replies all came from one backend, by backend, in the order of the topology. Those whose
    /// replies named no backend are not listed.
    #[serde(default)]
    pub by_backend: Vec<BackendConnections>,
    /// Number of connections whose replies came from several backends.
    #[serde(default)]
    pub several: u64,
    /// Number of requests that met a kept connection which the other side had closed, and were sent once more on a
    /// new one.
    #[serde(default)]
    pub reused_connection_closed: u64,
    /// Number of requests that the other side said not to have processed (GOAWAY, `REFUSED_STREAM`), and which were
    /// sent once more.
    #[serde(default)]
    pub declined: u64,
    /// Number of connections on which HTTP/2 was spoken; HTTP/1.1 was spoken on the others.
    #[serde(default)]
    pub http2: u64,
    /// The greatest number of streams at once on a connection. Zero without HTTP/2.
    #[serde(default)]
    pub most_streams: u32,
}

/// The connections that led to one backend only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackendConnections {
    /// Id of the backend.
    pub id: String,
    /// Number of connections whose replies all came from it.
    pub opened: u64,
}

/// CPU time of one process over the measured phases.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProcessSummary {
    /// Name of the process: `generator`, `load-balancer`, `mock-backends` or `simulator`.
    pub name: String,
    /// User and system CPU time, in seconds.
    pub cpu_s: f64,
    /// CPU seconds per measured second; 1 means one fully used core.
    pub cores: f64,
}

/// Decisions under a learned policy, and how many of them a guard or the fallback made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardSummary {
    /// Number of decisions in the measured phases.
    pub decisions: u64,
    /// Number of decisions made to keep a backend at its minimum share.
    pub minimum_share: u64,
    /// Number of decisions that the fallback made because no backend had answered for a while.
    pub stale: u64,
    /// Number of decisions that the fallback made because a score was not a finite number.
    pub not_finite: u64,
    /// Number of alarms that a backend does not serve as the policy's pool profile says. They are no decisions.
    #[serde(default)]
    pub distrusted: u64,
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
    /// Share of each backend among the requests sent, from 0 to 1, in the order of `backends`. Empty without
    /// requests.
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
