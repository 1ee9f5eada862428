//! `summary.json`: one run, all scenarios and algorithms, with what is needed to repeat it.
//!
//! Rates are fractions from 0 to 1, latencies milliseconds. The latency of an algorithm is that of
//! its successful requests; `latency_all_ms` also holds failures (a timeout counts with the time
//! that it took), because a failure that returns fast is not a fast success.

use super::evidence::{
    AaSummary, Comparison, FaultMark, FaultResponse, MaxRateSummary, OracleSummary, SeriesPoint, StageMark,
    ThresholdResult, TrialSummary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Raised with every change that a reader of `summary.json` must know of.
pub const SCHEMA_VERSION: u32 = 2;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Name of the run and of its folder.
    pub run_id: String,
    /// When it began (RFC 3339).
    pub started_at: String,
    /// The command as typed.
    pub command: Vec<String>,
    /// Version of `bench`.
    pub version: String,
    /// Commit that `bench` was built from.
    pub commit: String,
    /// The machine.
    pub host: Host,
    /// The config.
    pub config: ConfigSummary,
    /// Seed of the schedule.
    pub seed: u64,
    /// `live` or `sim`.
    pub engine: String,
    /// Which load balancer was driven.
    pub load_balancer: String,
    /// Load balancers, each of which saw only what it had sent itself; 1 where all requests were seen by
    /// one.
    #[serde(default = "one")]
    pub balancers: u16,
    /// The policy file that `rl` followed. Null when it did not run, or in a load balancer that was running
    /// already.
    #[serde(default)]
    pub policy: Option<PolicySummary>,
    /// Where every decision was recorded. Null when that was not asked for.
    #[serde(default)]
    pub traces: Option<TracesSummary>,
    /// SHA-256 over the schedules of all scenarios and repetitions.
    pub schedule_sha256: String,
    /// Whether the run was interrupted; then only complete trials are summed up.
    pub interrupted: bool,
    /// SHA-256 over what the numbers depend on besides algorithms, seed and repetitions: users,
    /// backends, lengths, engine, load balancer. Runs with the same one share a noise floor.
    pub fingerprint: String,
    /// Results.
    pub scenarios: Vec<ScenarioSummary>,
    /// Thresholds that were asked for.
    pub thresholds: Vec<ThresholdResult>,
    /// Settings that could not be honoured, and other things to know.
    pub notes: Vec<String>,
}

/// Traces of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TracesSummary {
    /// Their folder in the results folder.
    pub folder: String,
    /// Probability with which a decision was made evenly at random meanwhile.
    pub exploration: f64,
}

fn one() -> u16 {
    1
}

/// The folder of traces in the results folder.
pub const TRACES: &str = "traces";

/// The machine that measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Host name.
    pub name: String,
    /// Operating system and architecture.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// CPU model.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
}

/// The config that was run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConfigSummary {
    /// Name as given.
    pub name: String,
    /// Where it was found.
    pub source: String,
    /// Its dialect.
    pub dialect: String,
    /// The config itself.
    pub content: serde_json::Value,
}

/// One scenario.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioSummary {
    /// Name.
    pub name: String,
    /// Length of the measured phase in seconds.
    pub duration_s: f64,
    /// Most users at once.
    pub peak_users: u32,
    /// Name of the topology.
    pub topology: String,
    /// SHA-256 of the schedule of each repetition.
    pub schedules: Vec<String>,
    /// `closed`, `open` or `mixed`.
    pub model: String,
    /// How the warm-up was left out: `fixed` or `mser-5`.
    pub warm_up: String,
    /// Patterns, in order of time.
    pub stages: Vec<StageMark>,
    /// Faults, in order of time.
    pub faults: Vec<FaultMark>,
    /// Every trial in the order in which they ran, invalid ones too.
    pub trials: Vec<TrialSummary>,
    /// Every pair of algorithms. Null with fewer than two.
    pub comparison: Option<Comparison>,
    /// What the way through each load balancer adds to a request, where direct connections ran beside them.
    #[serde(default)]
    pub overheads: Vec<Overhead>,
    /// Bounds by policies that know what none can know.
    pub oracles: Vec<OracleSummary>,
    /// Highest rates, where they were searched.
    pub max_rates: Vec<MaxRateSummary>,
    /// The noise, where one algorithm ran under two labels.
    pub aa: Option<AaSummary>,
    /// Results, in the order in which the config names the algorithms.
    pub algorithms: Vec<AlgorithmSummary>,
    /// Algorithms that did not run, and why.
    pub skipped: Vec<Skipped>,
}

/// What the way through a load balancer adds to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    /// Load balancer and algorithm.
    pub name: String,
    /// Blocks in which both it and direct connections have a valid trial.
    pub blocks: usize,
    /// Added to the mean.
    pub mean_ms: Option<OverheadEstimate>,
    /// Added to the median.
    pub p50_ms: Option<OverheadEstimate>,
    /// Added to the 99th percentile.
    pub p99_ms: Option<OverheadEstimate>,
}

/// A difference in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverheadEstimate {
    /// Hodges-Lehmann estimate.
    pub ms: f64,
    /// 95 % interval. Null with too few blocks.
    pub interval: Option<[f64; 2]>,
}

/// What an agent did that set the weights of a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SteeringSummary {
    /// Time from one look to the next, as asked for, in milliseconds.
    pub period_ms: f64,
    /// The same as it was, the median.
    pub achieved_period_ms: Option<f64>,
    /// Looks in the measured phases.
    pub looks: usize,
    /// Looks or settings that failed.
    pub failures: u64,
    /// How old a look was when its weights were in force, in milliseconds: median and 99th percentile.
    pub age_p50_ms: Option<f64>,
    /// See `age_p50_ms`.
    pub age_p99_ms: Option<f64>,
    /// Mean share of the weights of each backend.
    pub mean_shares: BTreeMap<String, f64>,
    /// Shares of the weights over time, in the first valid trial; at most some hundred points.
    pub trace: Vec<WeightPoint>,
}

/// Shares of weights at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeightPoint {
    /// Seconds from the beginning of the measured phase.
    pub at_s: f64,
    /// By backend.
    pub shares: BTreeMap<String, f64>,
}

/// An algorithm that did not run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// One algorithm in one scenario, over all its trials.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AlgorithmSummary {
    /// Name, with its wrappers.
    pub name: String,
    /// Trials summed up here.
    pub trials: u32,
    /// Seconds measured, over all trials.
    pub measured_s: f64,
    /// Requests that ended.
    pub total_requests: u64,
    /// Requests that ended, per second.
    pub throughput_rps: f64,
    /// Ordinary requests that succeeded, per second (an injected error that is refused is no work done).
    pub goodput_rps: f64,
    /// Latency of requests that got what was expected of them. Null when there was none.
    pub latency_ms: Option<Latency>,
    /// Latency of all requests, failures and timeouts included.
    pub latency_all_ms: Option<Latency>,
    /// Share of requests that got what was expected of them, injected errors included.
    pub success_rate: f64,
    /// The other requests.
    pub error_rate: f64,
    /// Share of requests that were wrong on purpose and were refused as expected.
    pub expected_error_rate: f64,
    /// Requests by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Backends, in the order of the topology.
    pub backends: Vec<BackendSummary>,
    /// Jain's index of the shares, 1 when even. Null without requests.
    pub jain_index: Option<f64>,
    /// Requests by kind, slowest p95 first.
    pub actions: Vec<ActionSummary>,
    /// Latency of the same requests from when they were sent, not from when they should have been.
    /// Equal to `latency_ms` in the closed model.
    pub service_ms: Option<Latency>,
    /// Latency by percentile, `[percentile, ms]`, ascending; for curves.
    pub distribution: Vec<[f64; 2]>,
    /// The time series, at most some hundred points.
    pub series: Vec<SeriesPoint>,
    /// What it did about each fault of the scenario.
    pub fault_responses: Vec<FaultResponse>,
    /// How each switch to this algorithm was verified.
    pub switch_evidence: Vec<serde_json::Value>,
    /// CPU time of the processes that took part.
    pub processes: Vec<ProcessSummary>,
    /// Who counted requests by backend besides the generator: the load balancer's name. Null where it does not
    /// tell, so that the `X-Backend` of replies is all there is.
    #[serde(default)]
    pub counted_by: Option<String>,
    /// What the agent did that set its weights. Null where none did.
    #[serde(default)]
    pub steering: Option<SteeringSummary>,
    /// How often guards overruled the learned policy. Null under other algorithms, and where the load
    /// balancer does not tell.
    #[serde(default)]
    pub guards: Option<GuardSummary>,
}

/// Decisions of a learned policy, and how many of them were not its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardSummary {
    /// Decisions in the measured phases.
    pub decisions: u64,
    /// Those that gave a backend its minimum share.
    pub minimum_share: u64,
    /// Those that the fallback made because nobody had answered for a while.
    pub stale: u64,
    /// Those that the fallback made because a score was no number.
    pub not_finite: u64,
    /// Share of the decisions that the fallback made.
    pub fallback_share: f64,
}

/// The policy file that `rl` followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySummary {
    /// Where it was found: a path, or `bundled`.
    pub source: String,
    /// SHA-256 of its weights.
    pub sha256: String,
}

/// Latency of a set of requests, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Arithmetic mean, exact.
    pub mean: f64,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Largest.
    pub max: f64,
}

/// One backend under one algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackendSummary {
    /// Id.
    pub id: String,
    /// Replies that named it.
    pub requests: u64,
    /// Its share of all replies that named a backend of its pool.
    pub share: f64,
    /// Replies of it that were not expected.
    pub errors: u64,
    /// Mean latency of its replies. Null without replies.
    pub mean_ms: Option<f64>,
    /// Most requests in flight at it at once, in any trial; null when the load balancer cannot tell.
    pub peak_in_flight: Option<u32>,
    /// Errors that the load balancer saw there and answered for itself (broken or refused connections).
    pub balancer_errors: Option<u64>,
}

/// One kind of request under one algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ActionSummary {
    /// Name.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// Whether it belongs to the opening of sessions.
    pub set_up: bool,
    /// Requests that ended.
    pub requests: u64,
    /// Those that did not get what was expected.
    pub errors: u64,
    /// Latency of those that did.
    pub latency_ms: Option<Latency>,
}

/// CPU time of one process over the measured phases.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProcessSummary {
    /// `generator`, `load-balancer` or `mock-backends`.
    pub name: String,
    /// User and system CPU seconds.
    pub cpu_s: f64,
    /// CPU seconds per second measured: 1 is one core.
    pub cores: f64,
}

impl Host {
    /// Reads this machine.
    pub fn read() -> Self {
        let file = |path| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = file("/proc/cpuinfo")
            .lines()
            .find_map(|line| {
                line.strip_prefix("model name")?.split_once(':').map(|(_, model)| model.trim().to_owned())
            })
            .unwrap_or_else(|| "unknown".to_owned());
        Self {
            name: file("/proc/sys/kernel/hostname").trim().to_owned(),
            os: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            cpu,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
        }
    }
}
