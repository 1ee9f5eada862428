//! One trial as a row of the experiment.

use super::metric::{Metric, MetricValue};
use lb_core::trace_summary::TraceSummary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One trial as a row of the experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialSummary {
    /// Algorithm, or label in an A/A comparison.
    pub label: String,
    /// The pass over all algorithms that it belongs to.
    pub block: u32,
    /// Its place within the block.
    pub position: usize,
    /// 0, or 1 when it repeats one that was invalid.
    pub attempt: u32,
    /// When its measured phase began (RFC 3339).
    pub started_at: String,
    /// Why it cannot be believed; empty: it is valid.
    pub problems: Vec<String>,
    /// Seconds cut off its beginning as warm-up.
    pub cut_s: f64,
    /// Its metrics over what is left.
    pub metrics: Vec<MetricValue>,
    /// Self-observation of the generator.
    pub generator: GeneratorSummary,
    /// The trace of its decisions. Null when none was asked for.
    #[serde(default)]
    pub trace: Option<TraceSummary>,
}

impl TrialSummary {
    /// Whether it can be believed.
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value of a metric.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        self.metrics.iter().find(|value| value.metric == metric)?.value
    }
}

/// How well the generator and its machine kept up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSummary {
    /// Requests, sessions or actions per second that the schedule asked for (open model).
    pub offered_per_s: Option<f64>,
    /// Of those, what was begun.
    pub achieved_per_s: Option<f64>,
    /// Arrivals that found the limit of sessions in flight, and were dropped.
    pub dropped: u64,
    /// How late users and arrivals got to act, ms.
    pub lateness_p50_ms: Option<f64>,
    /// The same, 99th percentile.
    pub lateness_p99_ms: Option<f64>,
    /// Share of the measured phase in which a generator thread wanted a CPU and had none.
    pub cpu_wait_share: Option<f64>,
    /// Share of the time in use, by anybody, of the CPUs that are open to the generator.
    pub machine_busy_share: Option<f64>,
    /// Replies that named the algorithm that was meant.
    pub named_right: u64,
    /// Replies that named another one.
    pub named_wrong: u64,
}
