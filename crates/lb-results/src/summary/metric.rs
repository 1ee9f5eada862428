//! The metrics that trials are compared by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What trials are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean latency of successful requests, ms.
    Mean,
    /// Median, ms.
    P50,
    /// 95th percentile, ms.
    P95,
    /// 99th percentile, ms.
    P99,
    /// 99.9th percentile, ms; only where a trial has enough requests to carry it.
    P999,
    /// Share of requests that did not get what was expected.
    ErrorRate,
    /// Ordinary requests that succeeded, per second.
    Goodput,
    /// Jain's index of the backends' shares.
    JainIndex,
}

impl Metric {
    /// All, in the order of reports.
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

    /// The name in sentences and tables.
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

    /// Those of latency, in milliseconds.
    pub const LATENCIES: [Self; 5] = [Self::Mean, Self::P50, Self::P95, Self::P99, Self::P999];

    /// Whether more of it is better. Jain's index is a description, not an aim: see
    /// [`Self::has_direction`].
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::Goodput | Self::JainIndex)
    }

    /// Whether a change of it is for better or worse at all. An even share is no aim where backends
    /// are unequal.
    pub const fn has_direction(self) -> bool {
        !matches!(self, Self::JainIndex)
    }

    /// Whether effects are ratios (true: latencies, goodput) or differences (error rate, Jain's index).
    pub const fn is_ratio(self) -> bool {
        !matches!(self, Self::ErrorRate | Self::JainIndex)
    }
}

/// One metric of one trial; null where the trial has too few requests for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricValue {
    /// Which.
    pub metric: Metric,
    /// In the metric's own unit.
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
