//! The metrics by which trials are compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A metric by which trials are compared.
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
    /// 99.9th percentile of the latency of successful requests, ms; only in trials with enough requests.
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

    /// The metrics that can decide a verdict, with their names in configs and flags.
    pub const PRIMARY: [(&'static str, Self); 7] = [
        ("mean", Self::Mean),
        ("p50", Self::P50),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("p999", Self::P999),
        ("error_rate", Self::ErrorRate),
        ("goodput", Self::Goodput),
    ];

    /// All latency metrics, which are in milliseconds.
    pub const LATENCIES: [Self; 5] = [Self::Mean, Self::P50, Self::P95, Self::P99, Self::P999];

    /// Returns whether a larger value is better. Jain's index is descriptive: see [`Self::has_direction`].
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::Goodput | Self::JainIndex)
    }

    /// Returns whether a change of the metric can be for better or worse. An even share is not a goal if
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

impl FromStr for Metric {
    type Err = String;

    /// Parses the name of a metric that can decide a verdict.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::PRIMARY.iter().find(|(known, _)| *known == name);
        found.map(|(_, metric)| *metric).ok_or_else(|| {
            let names: Vec<String> = Self::PRIMARY.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("`{name}` is not a metric for verdicts; use one of {}", names.join(", "))
        })
    }
}

/// The value of one metric in one trial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricValue {
    /// The metric.
    pub metric: Metric,
    /// The value in the metric's own unit. Null if the trial has too few requests for it.
    pub value: Option<f64>,
}

/// The estimate of one metric of one algorithm over its valid trials, with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricEstimate {
    /// The metric.
    pub metric: Metric,
    /// Number of valid trials that have a value of the metric.
    pub trials: u32,
    /// Hodges–Lehmann estimate over the values of these trials, in the metric's own unit.
    pub estimate: f64,
    /// 95 % interval of the estimate (bootstrap, BCa). Null with fewer than 5 trials.
    pub interval: Option<[f64; 2]>,
    /// Smallest and largest value of a single trial.
    pub range: [f64; 2],
}
