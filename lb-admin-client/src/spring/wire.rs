//! The JSON of the Spring dialect and of the reference load balancer's additions, as they go over
//! the wire. These types are private to the adapter. Unknown keys are ignored, since the API is
//! not ours.

use lb_core::plain;
use lb_core::policy::GuardCounts;
use serde::Deserialize;
use serde_json::Value;

/// The reply to `GET /api/benchmark/status`. Its `currentAlgorithm` is a label of the benchmark, not what
/// routes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// Required, so that other JSON is not mistaken for a status.
    #[serde(rename = "benchmarkActive")]
    pub(super) _benchmark_active: bool,
    pub(super) current_algorithm: String,
    /// The algorithms that a complete benchmark compares.
    #[serde(default)]
    pub(super) test_algorithms: Vec<String>,
    /// All algorithms that can be switched to. Only the reference load balancer reports them.
    #[serde(default)]
    pub(super) available_algorithms: Vec<String>,
}

/// The reply to `GET /rl/strategies`; `current` is the active one. `available` is not read, since it lists
/// strategies that the router does not know.
#[derive(Debug, Deserialize)]
pub(super) struct Strategies {
    pub(super) current: String,
}

/// Any reply of `/api/benchmark` to a POST. Errors come with a 400, or with a 200 and `"status": "error"`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    pub(super) status: Option<Value>,
    pub(super) message: Option<String>,
    pub(super) error: Option<String>,
    pub(super) available_algorithms: Option<Vec<String>>,
}

impl Answer {
    /// Returns the message, under whichever key it is given.
    pub(super) fn said(&self) -> String {
        let said = self.error.as_ref().or(self.message.as_ref());
        said.map_or_else(|| "no message".to_owned(), |said| plain::line(said).into_owned())
    }

    /// Returns whether `status` has this value. In Spring's own error page it is a number.
    pub(super) fn is(&self, status: &str) -> bool {
        self.status.as_ref().and_then(Value::as_str) == Some(status)
    }
}

/// The reply to `GET /api/lb/snapshot`.
#[derive(Debug, Deserialize)]
pub(super) struct LbSnapshot {
    pub(super) algorithm: String,
    pub(super) generation: Value,
    pub(super) pools: Vec<LbPool>,
    #[serde(default = "one")]
    pub(super) views: u32,
    #[serde(default)]
    pub(super) guards: Option<GuardCounts>,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
pub(super) struct LbPool {
    pub(super) name: String,
    #[serde(default)]
    pub(super) services: Vec<String>,
    pub(super) backends: Vec<LbBackend>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LbBackend {
    pub(super) id: String,
    pub(super) weight: f64,
    pub(super) healthy: bool,
    pub(super) draining: bool,
    #[serde(default)]
    pub(super) ejected: bool,
    pub(super) in_flight: u32,
    pub(super) requests: u64,
    pub(super) errors: u64,
    #[serde(default)]
    pub(super) cancelled: u64,
    #[serde(default)]
    pub(super) latency_sum_ms: f64,
    #[serde(default)]
    pub(super) peak_in_flight: u32,
}
