//! The load and limits that a config expects of a service. The plan contains them, but results are not
//! checked against them.

use serde::Serialize;

/// The load and limits that a config expects of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ServiceLimit {
    /// Expected requests per second.
    pub expected_rps: Option<f64>,
    /// Highest acceptable error rate, from 0 to 1.
    pub error_rate: Option<f64>,
    /// Highest acceptable 99th percentile of latency, in milliseconds.
    pub p99_ms: Option<f64>,
}
