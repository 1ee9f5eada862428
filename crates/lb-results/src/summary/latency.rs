//! Latency figures of a set of requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Latency of a set of requests, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Arithmetic mean, exact.
    pub mean: f64,
    /// Smallest latency.
    pub min: f64,
    /// Median latency.
    pub p50: f64,
    /// 90th percentile of latency.
    pub p90: f64,
    /// 95th percentile of latency.
    pub p95: f64,
    /// 99th percentile of latency.
    pub p99: f64,
    /// 99.9th percentile of latency.
    pub p999: f64,
    /// Largest latency.
    pub max: f64,
}
