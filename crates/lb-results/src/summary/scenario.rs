//! One scenario of a run: its configuration, its trials, and their results.

use super::aa::AaSummary;
use super::algorithm::AlgorithmSummary;
use super::answer::Answer;
use super::comparison::Comparison;
use super::fault::FaultMark;
use super::kinds::{LoadModel, StageModel, WarmUp};
use super::latency::Latency;
use super::objective::MaxRateSummary;
use super::pilot::PilotSummary;
use super::trial_row::TrialSummary;
use lb_core::workload::Scenario;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The results of one scenario.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioSummary {
    /// Name of the scenario.
    pub name: String,
    /// The beginning of the names of all files of this scenario, up to the `-` before the algorithm. Different
    /// scenarios of a run have different ones. Empty if a version wrote the summary that did not record it.
    #[serde(default)]
    pub files: String,
    /// Length of the measured phase in seconds.
    pub duration_s: f64,
    /// Highest number of concurrent users.
    pub peak_users: u32,
    /// Whether an address was measured as it is: nothing was switched, and the only label is the user's.
    #[serde(default)]
    pub as_is: bool,
    /// Name of the topology of backends.
    pub topology: String,
    /// SHA-256 of the schedule of each block, in order.
    pub schedules: Vec<String>,
    /// The load model: closed, open or mixed.
    pub model: LoadModel,
    /// How the warm-up was left out.
    pub warm_up: WarmUp,
    /// Stages of the load, in order of time.
    pub stages: Vec<StageMark>,
    /// Faults of backends, in order of time.
    pub faults: Vec<FaultMark>,
    /// Every trial in the order in which they ran, including invalid ones.
    pub trials: Vec<TrialSummary>,
    /// The plan from a simulated pilot. Null if there was no pilot.
    pub pilot: Option<PilotSummary>,
    /// Which algorithm to choose. Null with fewer than two algorithms, or if not all of them were compared.
    pub answer: Option<Answer>,
    /// The comparison of every pair of algorithms. Null with fewer than two algorithms.
    pub comparison: Option<Comparison>,
    /// What each load balancer adds to a request, if direct connections also ran.
    #[serde(default)]
    pub overheads: Vec<Overhead>,
    /// Bounds: results of policies that know what no load balancer can know.
    pub oracles: Vec<OracleSummary>,
    /// Highest rates at which the objective was met, if they were searched.
    pub max_rates: Vec<MaxRateSummary>,
    /// The measured noise of each algorithm that ran under two labels. Empty otherwise.
    #[serde(default)]
    pub noise: Vec<AaSummary>,
    /// Results by algorithm, in the order in which the config names them.
    pub algorithms: Vec<AlgorithmSummary>,
    /// Algorithms that did not run, with the reason.
    pub skipped: Vec<Skipped>,
}

impl ScenarioSummary {
    /// Returns the summary of a scenario without results.
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

/// One stage of the load of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageMark {
    /// Name of the stage.
    pub name: String,
    /// Start of the stage, in seconds from the start of the measured phase.
    pub start_s: f64,
    /// End of the stage, in seconds from the start of the measured phase.
    pub end_s: f64,
    /// Seconds over which the users of the stage arrive; 0 in the open model.
    pub ramp_up_s: f64,
    /// The load model of the stage.
    pub model: StageModel,
}

/// What a load balancer adds to a request, compared with direct connections to the backends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    /// Name of the load balancer and the algorithm.
    pub name: String,
    /// Number of blocks in which both the load balancer and direct connections have a valid trial.
    pub blocks: usize,
    /// Difference of the means. Null without such blocks.
    pub mean_ms: Option<OverheadEstimate>,
    /// Difference of the medians. Null without such blocks.
    pub p50_ms: Option<OverheadEstimate>,
    /// Difference of the 99th percentiles. Null without such blocks.
    pub p99_ms: Option<OverheadEstimate>,
}

/// An estimated difference of latency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverheadEstimate {
    /// Hodges–Lehmann estimate, in milliseconds.
    pub ms: f64,
    /// 95 % interval, in milliseconds. Null with fewer than five blocks.
    pub interval: Option<[f64; 2]>,
}

/// A bound: the result of a policy that knows what no load balancer can know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OracleSummary {
    /// Short name of the bound.
    pub name: String,
    /// What the policy knows, as a phrase that ends a sentence.
    pub knows: String,
    /// Latency of successful requests, simulated on the same schedules. Null without any.
    pub latency_ms: Option<Latency>,
    /// Share of requests that failed, from 0 to 1.
    pub error_rate: f64,
}

/// An algorithm that did not run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Name of the algorithm.
    pub name: String,
    /// Why the algorithm did not run.
    pub reason: String,
}
