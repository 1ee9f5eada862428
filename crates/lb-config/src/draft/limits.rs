//! The load and limits that a config expects of a service. The plan keeps them; results are not checked.

use serde::Serialize;

/// Load and limits that a config expects of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ServiceLimit {
    /// Requests per second.
    pub expected_rps: Option<f64>,
    /// Highest share of errors.
    pub error_rate: Option<f64>,
    /// Highest 99th percentile of latency in milliseconds.
    pub p99_ms: Option<f64>,
}
