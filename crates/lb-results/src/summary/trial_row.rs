//! One trial as a row of the experiment.

use super::metric::{Metric, MetricValue};
use lb_core::trace_summary::TraceSummary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One trial as a row of the experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialSummary {
    /// Name of the algorithm, or its label in an A/A comparison.
    pub label: String,
    /// Number of the block, a pass over all algorithms, that contains the trial, from 0.
    pub block: u32,
    /// Position of the trial within its block, from 0.
    pub position: usize,
    /// 0 for a first attempt, one more for each repetition of an invalid trial.
    pub attempt: u32,
    /// Time at which the measured phase began (RFC 3339).
    pub started_at: String,
    /// Why the trial is invalid and left out, one sentence per problem. Empty for a trial that counts.
    pub problems: Vec<String>,
    /// Why the trial is invalid although `--accept-invalid` makes it count. Empty for a valid trial.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// Seconds cut off the beginning of the trial as warm-up.
    pub cut_s: f64,
    /// Metrics over the measured phase without the warm-up that was cut.
    pub metrics: Vec<MetricValue>,
    /// How well the generator kept up.
    pub generator: GeneratorSummary,
    /// The recording of the trial's decisions. Null if decisions were not recorded.
    #[serde(default)]
    pub trace: Option<TraceSummary>,
}

impl TrialSummary {
    /// Returns whether the trial counts: it is valid, or invalid trials count.
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns whether the trial counts although it is invalid.
    pub fn is_accepted(&self) -> bool {
        self.is_valid() && !self.accepted.is_empty()
    }

    /// Lists what is wrong with the trial, whether or not it counts. Empty only for a valid trial.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().chain(&self.accepted).map(String::as_str)
    }

    /// Returns the value of a metric. `None` if the trial has too few requests for it.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        self.metrics.iter().find(|value| value.metric == metric)?.value
    }
}

/// How well the generator and its machine kept up during a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSummary {
    /// Arrivals per second that the schedule asked for. Null in the closed model.
    pub offered_per_s: Option<f64>,
    /// Arrivals per second that began. Null in the closed model.
    pub achieved_per_s: Option<f64>,
    /// Number of arrivals that were dropped because too many sessions were in flight.
    pub dropped: u64,
    /// Median lateness of users and arrivals, in milliseconds.
    pub lateness_p50_ms: Option<f64>,
    /// 99th percentile of the lateness of users and arrivals, in milliseconds.
    pub lateness_p99_ms: Option<f64>,
    /// The most that this lateness may have added to each latency, in milliseconds. Empty if no user acted.
    #[serde(default)]
    pub bias: Vec<MetricValue>,
    /// Share of the measured phase that the worst generator thread was ready to run but waited for a CPU,
    /// from 0 to 1. Null if the system does not report it.
    pub cpu_wait_share: Option<f64>,
    /// Share of the time in which the generator's CPUs were used by any program, from 0 to 1. Null if the
    /// system does not report it.
    pub machine_busy_share: Option<f64>,
    /// Number of replies that named the algorithm under test.
    pub named_right: u64,
    /// Number of replies that named another algorithm.
    pub named_wrong: u64,
}
