//! What makes a result evidence: trials with their validity, comparisons with their uncertainty,
//! faults with their phases, bounds, thresholds.

use lb_core::trace_summary::TraceSummary;
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

/// The statistics of one scenario: every pair, every metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Family-wise error rate that the verdicts keep.
    pub alpha: f64,
    /// Margin of equivalence, as a fraction (0.05 is ±5 %).
    pub margin: f64,
    /// Tests in the family over which p values are adjusted (Holm).
    pub family: usize,
    /// Every pair of labels.
    pub pairs: Vec<PairComparison>,
    /// Where the noise floor came from: the run of an A/A comparison; none: unknown.
    pub noise_source: Option<String>,
}

/// Two labels, compared over the blocks in which both have a valid trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairComparison {
    /// What it is compared with.
    pub baseline: String,
    /// What is judged.
    pub candidate: String,
    /// Blocks with a valid trial of both.
    pub blocks: usize,
    /// By metric; metrics without values are left out.
    pub metrics: Vec<MetricComparison>,
    /// All in all.
    pub verdict: Verdict,
    /// In words.
    pub sentence: String,
}

/// One metric of one pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricComparison {
    /// Which.
    pub metric: Metric,
    /// Median over blocks.
    pub baseline: f64,
    /// Median over blocks.
    pub candidate: f64,
    /// Hodges–Lehmann estimate: candidate / baseline - 1 for ratios (0.1 is 10 % more), else the
    /// difference.
    pub effect: f64,
    /// 95 % interval of the effect (paired bootstrap, BCa with percentiles expanded for few blocks), for
    /// itself, not corrected; none below 2 blocks.
    pub interval: Option<[f64; 2]>,
    /// Exact paired permutation test, two-sided; none below 2 blocks, and where neither side ever had an
    /// error, so that there is nothing to test.
    pub p_value: Option<f64>,
    /// After Holm's correction.
    pub p_adjusted: Option<f64>,
    /// Whether the effect lies within the margin (two one-sided t tests, after Holm's correction).
    pub equivalent: bool,
    /// Smallest effect that this many blocks find in 80 of 100 cases; none where the test cannot find any
    /// with so few.
    pub minimum_detectable: Option<f64>,
    /// Blocks at which an effect as large as the margin would be found in 80 of 100 cases; none below 2
    /// blocks, or when it would take more than 10 000.
    pub repetitions_needed: Option<u32>,
    /// Effects of at most this size arise between two labels of one algorithm.
    pub noise_floor: Option<f64>,
    /// In one word.
    pub verdict: Verdict,
}

/// What may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The candidate is better, beyond noise.
    Better,
    /// The candidate is worse, beyond noise.
    Worse,
    /// Better in some metrics, worse in others.
    Mixed,
    /// Different beyond noise, in a metric that is neither good nor bad.
    Different,
    /// Not different by more than the margin.
    Equivalent,
    /// Nothing may be said.
    NotEnoughData,
}

impl Verdict {
    /// The word for it in sentences and tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Mixed => "mixed",
            Self::Different => "different",
            Self::Equivalent => "equivalent",
            Self::NotEnoughData => "not enough data",
        }
    }
}

/// Something that happened to backends in every trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultMark {
    /// Kind, such as `latency_factor`.
    pub fault: String,
    /// Backends that it hit.
    pub backends: Vec<String>,
    /// Seconds from the start of the measured phase.
    pub start_s: f64,
    /// Where it ended; at most the end of the phase.
    pub end_s: f64,
}

/// A pattern of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageMark {
    /// Name.
    pub name: String,
    /// Seconds from the start of the measured phase.
    pub start_s: f64,
    /// Its end.
    pub end_s: f64,
    /// Seconds over which its users arrive.
    pub ramp_up_s: f64,
    /// `closed`: users wait for replies. `open`: arrivals do not.
    pub model: String,
}

/// One algorithm before, during and after one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultResponse {
    /// Position in the scenario's faults.
    pub fault: usize,
    /// Before, during, after; without a phase that has no length.
    pub phases: Vec<PhaseSummary>,
    /// Share of requests that the faulty backends got before.
    pub share_before: Option<f64>,
    /// Share while the fault lasted.
    pub share_during: Option<f64>,
    /// Seconds from the start of the fault until their share had fallen below half of what it was, and
    /// stayed there; none: never.
    pub time_to_avoid_s: Option<f64>,
    /// Seconds from the end of the fault until their share was back above four fifths of what it was;
    /// none: not within the run, or they were never avoided.
    pub time_to_return_s: Option<f64>,
    /// Seconds over which shares were looked at to tell both times, by how many requests there were.
    pub resolution_s: f64,
}

/// The numbers of one phase around a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseSummary {
    /// `before`, `during` or `after`.
    pub name: String,
    /// Seconds from the start of the measured phase.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// Requests per trial and second.
    pub throughput_rps: f64,
    /// Mean latency of successful requests, ms.
    pub mean_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Share of requests that did not get what was expected.
    pub error_rate: f64,
}

/// A piece of the time series of one algorithm, over all its valid trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// Seconds from the start of the measured phase.
    pub at_s: f64,
    /// Length in seconds.
    pub length_s: f64,
    /// Requests per second and trial.
    pub throughput_rps: f64,
    /// Of those, errors.
    pub errors_rps: f64,
    /// Mean latency of successful requests, ms.
    pub mean_ms: Option<f64>,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Share of each backend among the requests that were sent, in the order of `backends`.
    pub shares: Vec<f64>,
}

/// A bound that no real algorithm can know enough to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OracleSummary {
    /// Short name.
    pub name: String,
    /// What it knows.
    pub knows: String,
    /// Latency of successful requests, simulated on the same schedules.
    pub latency_ms: Option<super::Latency>,
    /// Share of requests that failed.
    pub error_rate: f64,
}

/// A threshold and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// Scenario that it was held against.
    pub scenario: String,
    /// Algorithm that it was held against.
    pub algorithm: String,
    /// As written, such as `http_req_duration{action:browse}: p(95)<200`.
    pub threshold: String,
    /// What was measured; none: there was nothing to measure.
    pub observed: Option<f64>,
    /// Whether it held. A threshold without anything to measure did not.
    pub ok: bool,
}

/// The highest rate at which an algorithm kept its objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaxRateSummary {
    /// Algorithm.
    pub algorithm: String,
    /// The objective, in the grammar of thresholds.
    pub objective: Vec<String>,
    /// Arrivals per second; none: not even the lowest rate kept it.
    pub rate_per_s: Option<f64>,
    /// What was tried, in order.
    pub probes: Vec<RateProbe>,
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateProbe {
    /// Arrivals per second that were offered.
    pub rate_per_s: f64,
    /// Seconds measured.
    pub seconds: f64,
    /// `exponential`, `binary` or `confirm`.
    pub stage: String,
    /// Whether the objective was kept.
    pub kept: bool,
    /// Latency of successful requests.
    pub latency_ms: Option<super::Latency>,
    /// Share of requests that failed.
    pub error_rate: f64,
    /// Why the probe cannot be believed, which counts as not kept.
    pub problems: Vec<String>,
}

/// What two labels of one algorithm came to: how much of a difference is noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaSummary {
    /// The algorithm under both labels.
    pub algorithm: String,
    /// Pairs of valid trials.
    pub pairs: usize,
    /// By metric.
    pub metrics: Vec<AaMetric>,
    /// Pairs of single trials whose p95 or mean differ by more than 5 %: what a comparison without
    /// statistics would have called a difference.
    pub naive_alarms: usize,
    /// Metrics that the whole procedure calls different; every one is a false alarm.
    pub alarms: usize,
    /// Share of random relabellings of these trials in which the procedure raises any alarm.
    pub false_alarm_rate: Option<f64>,
    /// Relabellings tried.
    pub relabellings: usize,
}

/// The noise of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AaMetric {
    /// Which.
    pub metric: Metric,
    /// Effect of the second label against the first.
    pub effect: f64,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Largest difference of a single pair, absolute.
    pub largest_pair: f64,
    /// Effects up to this size are noise.
    pub noise_floor: f64,
}
