//! The larger events of live load: figures of a second, statistics of a phase, and what a run can be asked for.

use serde::{Deserialize, Serialize};

/// What the last complete second of a live phase brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The trial in words; `load` for a load without end.
    pub trial: String,
    /// The algorithm under test, by its label; null if none is known.
    pub algorithm: Option<String>,
    /// The phase in words, such as `measure`.
    pub phase: String,
    /// The end of the second, in seconds since the phase began.
    pub at_s: f64,
    /// The users that are active now; in the open model, the sessions.
    pub users: u32,
    /// The users that should be there; null in the open model.
    pub aim: Option<u32>,
    /// The requests that wait for their reply now.
    pub in_flight: u32,
    /// The requests that ended in the second.
    pub requests: u64,
    /// Those of them that did not get the expected reply.
    pub failures: u64,
    /// Latencies of all requests of the second, whether or not they succeeded; null without requests.
    pub latency_ms: Option<SecondLatencies>,
    /// The endpoints with requests in the second, in the order of the journey.
    pub endpoints: Vec<EndpointFigures>,
    /// Replies by backend.
    pub backends: Vec<BackendFigures>,
}

/// Latencies of one second in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SecondLatencies {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Maximum.
    pub max: f64,
}

/// The requests of one endpoint in one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointFigures {
    /// The method.
    pub method: String,
    /// The name of the request.
    pub name: String,
    /// The requests that ended.
    pub requests: u64,
    /// Those of them that did not get the expected reply.
    pub failures: u64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
}

/// The replies of one backend in one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BackendFigures {
    /// The id of the backend.
    pub id: String,
    /// The replies.
    pub replies: u64,
    /// Those of them that were not the expected ones.
    pub errors: u64,
}

/// Everything that a live phase brought since it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The trial in words; `load` for a load without end.
    pub trial: String,
    /// The algorithm under test, by its label; null if none is known.
    pub algorithm: Option<String>,
    /// The phase in words.
    pub phase: String,
    /// Seconds since the phase began, up to the last complete one.
    pub seconds: f64,
    /// The endpoints with requests, in the order of the journey.
    pub endpoints: Vec<EndpointStatistics>,
    /// All endpoints together.
    pub total: Counted,
    /// Failed requests by kind, the most frequent first.
    pub failures: Vec<FailureStatistics>,
}

/// The requests of one endpoint since the phase began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointStatistics {
    /// The method.
    pub method: String,
    /// The name of the request.
    pub name: String,
    /// Counts and latencies.
    #[serde(flatten)]
    pub counted: Counted,
}

/// Counts and latencies of requests since the phase began. Latencies are those of all requests, in milliseconds; null
/// without requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// The requests that ended.
    pub requests: u64,
    /// Those of them that did not get the expected reply.
    pub failures: u64,
    /// Mean latency.
    pub avg_ms: Option<f64>,
    /// Smallest latency.
    pub min_ms: Option<f64>,
    /// Greatest latency.
    pub max_ms: Option<f64>,
    /// Median latency.
    pub median_ms: Option<f64>,
    /// 95th percentile of latency.
    pub p95_ms: Option<f64>,
    /// 99th percentile of latency.
    pub p99_ms: Option<f64>,
    /// Requests per second.
    pub requests_per_s: f64,
    /// Failed requests per second.
    pub failures_per_s: f64,
}

/// Failed requests of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FailureStatistics {
    /// The method.
    pub method: String,
    /// The name of the request.
    pub name: String,
    /// What went wrong, such as `HTTP 503` or `timeout`.
    pub text: String,
    /// The number of requests.
    pub count: u64,
}

/// Which commands make sense for a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Steerable {
    /// The users that are aimed at; null if their number cannot be changed.
    pub users: Option<u32>,
    /// The most users that can be asked for; null if their number cannot be changed.
    pub most_users: Option<u32>,
    /// How many users come each second; null if all come at once, or their number cannot be changed.
    pub spawn_rate: Option<f64>,
    /// The algorithms that the load balancer can be switched to; empty if it cannot be switched.
    pub algorithms: Vec<String>,
    /// The algorithm that is active; null if it is not known.
    pub algorithm: Option<String>,
    /// The ids of the backends that are known.
    pub backends: Vec<String>,
    /// Whether faults can be put into the backends.
    pub faults: bool,
    /// Whether the run can pause.
    pub pause: bool,
    /// Whether marks can be set.
    pub marks: bool,
}
