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
    /// The block, a pass over all algorithms, that the trial belongs to, from 0.
    pub block: u32,
    /// Position of the trial within its block, from 0.
    pub position: usize,
    /// 0 for a first attempt, 1 for the repeat of an invalid trial.
    pub attempt: u32,
    /// Time at which the measured phase began (RFC 3339).
    pub started_at: String,
    /// Why the trial is invalid, one sentence each. Empty for a valid trial.
    pub problems: Vec<String>,
    /// Seconds cut off the beginning of the trial as warm-up.
    pub cut_s: f64,
    /// Metrics over the rest of the measured phase.
    pub metrics: Vec<MetricValue>,
    /// How well the generator kept up.
    pub generator: GeneratorSummary,
    /// The recording of the decisions. Null when none was asked for.
    #[serde(default)]
    pub trace: Option<TraceSummary>,
}

impl TrialSummary {
    /// Returns whether the trial is valid.
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns the value of a metric. `None` where the trial has too few requests for it.
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
    /// Median of how late users and arrivals got to act, in milliseconds.
    pub lateness_p50_ms: Option<f64>,
    /// 99th percentile of how late users and arrivals got to act, in milliseconds.
    pub lateness_p99_ms: Option<f64>,
    /// Share of the measured phase in which a generator thread was ready to run and waited for a CPU, the worst
    /// thread, from 0 to 1. Null where the system does not tell.
    pub cpu_wait_share: Option<f64>,
    /// Share of the time in which the generator's CPUs were in use by any program, from 0 to 1. Null where the
    /// system does not tell.
    pub machine_busy_share: Option<f64>,
    /// Number of replies that named the algorithm under test.
    pub named_right: u64,
    /// Number of replies that named another algorithm.
    pub named_wrong: u64,
}
