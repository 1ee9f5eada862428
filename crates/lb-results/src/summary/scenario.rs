//! One scenario of a run: what was asked for, its trials, and what they came to.

use super::aa::AaSummary;
use super::algorithm::AlgorithmSummary;
use super::comparison::Comparison;
use super::fault::FaultMark;
use super::kinds::{LoadModel, StageModel, WarmUp};
use super::latency::Latency;
use super::objective::MaxRateSummary;
use super::trial_row::TrialSummary;
use lb_core::workload::Scenario;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Its model of load.
    pub model: LoadModel,
    /// How the warm-up was left out.
    pub warm_up: WarmUp,
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

impl ScenarioSummary {
    /// A scenario in which nothing was measured yet.
    pub fn empty(scenario: &Scenario, peak_users: u32) -> Self {
        Self {
            name: scenario.name.clone(),
            duration_s: scenario.duration.as_secs_f64(),
            peak_users,
            topology: scenario.topology.name.clone(),
            ..Self::default()
        }
    }
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
    /// Its model of load.
    pub model: StageModel,
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

/// A bound that no real algorithm can know enough to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OracleSummary {
    /// Short name.
    pub name: String,
    /// What it knows.
    pub knows: String,
    /// Latency of successful requests, simulated on the same schedules.
    pub latency_ms: Option<Latency>,
    /// Share of requests that failed.
    pub error_rate: f64,
}

/// An algorithm that did not run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Name.
    pub name: String,
    /// Why.
    pub reason: String,
}
