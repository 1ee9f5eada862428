//! The metrics that trials are compared by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A metric that trials are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean latency of successful requests, ms.
    Mean,
    /// Median latency of successful requests, ms.
    P50,
    /// 95th percentile of the latency of successful requests, ms.
    P95,
    /// 99th percentile of the latency of successful requests, ms.
    P99,
    /// 99.9th percentile of the latency of successful requests, ms; only where a trial has enough requests for
    /// it.
    P999,
    /// Share of requests that did not get the expected reply, from 0 to 1.
    ErrorRate,
    /// Ordinary requests that succeeded, per second.
    Goodput,
    /// Jain's index of the backends' shares, from 0 to 1.
    JainIndex,
}

impl Metric {
    /// All metrics, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Mean,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::ErrorRate,
        Self::Goodput,
        Self::JainIndex,
    ];

    /// Returns the name of the metric in sentences and tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mean => "mean latency",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::ErrorRate => "error rate",
            Self::Goodput => "goodput",
            Self::JainIndex => "Jain's index",
        }
    }

    /// The metrics of latency, in milliseconds.
    pub const LATENCIES: [Self; 5] = [Self::Mean, Self::P50, Self::P95, Self::P99, Self::P999];

    /// Returns whether a larger value is better. Jain's index is a description rather than an aim: see
    /// [`Self::has_direction`].
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::Goodput | Self::JainIndex)
    }

    /// Returns whether a change of the metric can be for better or worse. An even share is not an aim where
    /// backends are unequal.
    pub const fn has_direction(self) -> bool {
        !matches!(self, Self::JainIndex)
    }

    /// Returns whether effects are ratios (latencies, goodput) rather than differences (error rate, Jain's
    /// index).
    pub const fn is_ratio(self) -> bool {
        !matches!(self, Self::ErrorRate | Self::JainIndex)
    }
}

/// The value of one metric in one trial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricValue {
    /// The metric.
    pub metric: Metric,
    /// The value in the metric's own unit. Null where the trial has too few requests for it.
    pub value: Option<f64>,
}

/// One metric of one algorithm over its valid trials: where it lies, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricEstimate {
    /// The metric.
    pub metric: Metric,
    /// Valid trials that have a value of the metric.
    pub trials: u32,
    /// Hodges–Lehmann estimate over the values of these trials, in the metric's own unit.
    pub estimate: f64,
    /// 95 % interval of the estimate (bootstrap, BCa). Null with fewer than 5 trials.
    pub interval: Option<[f64; 2]>,
    /// Smallest and largest value of a single trial.
    pub range: [f64; 2],
}
