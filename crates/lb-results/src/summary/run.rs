//! One run, with what is needed to repeat it.

use super::kinds::Engine;
use super::objective::ThresholdResult;
use super::scenario::ScenarioSummary;
use crate::host::Host;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Raised with every change that readers of `summary.json` must adapt to.
pub const SCHEMA_VERSION: u32 = 2;

/// The folder of traces in the results folder.
pub const TRACES: &str = "traces";

/// The summary of one run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Version of this schema.
    pub schema_version: u32,
    /// Name of the run and of its folder.
    pub run_id: String,
    /// Time at which the run began (RFC 3339).
    pub started_at: String,
    /// The command as it was typed, word by word.
    pub command: Vec<String>,
    /// Version of `bench` that ran.
    pub version: String,
    /// Commit that `bench` was built from.
    pub commit: String,
    /// The machine that measured.
    pub host: Host,
    /// The config that was run.
    pub config: ConfigSummary,
    /// Seed of the schedules.
    pub seed: u64,
    /// How trials were driven.
    pub engine: Engine,
    /// Name of the load balancer that was driven.
    pub load_balancer: String,
    /// Number of load balancers, each of which saw only the requests that it sent itself; 1 where one saw all of
    /// them.
    #[serde(default = "one")]
    pub balancers: u16,
    /// The policy file that `rl` followed. Null when `rl` did not run, or ran in a load balancer that `bench`
    /// did not start.
    #[serde(default)]
    pub policy: Option<PolicySummary>,
    /// Where every decision was recorded. Null when no recording was asked for.
    #[serde(default)]
    pub traces: Option<TracesSummary>,
    /// SHA-256 over the schedules of all scenarios and repetitions.
    pub schedule_sha256: String,
    /// Whether the run was interrupted; its numbers then come from the complete trials only.
    pub interrupted: bool,
    /// SHA-256 over what the numbers depend on besides algorithms, seed and repetitions: users, backends,
    /// lengths, engine, load balancer. Runs with the same fingerprint share a noise floor.
    pub fingerprint: String,
    /// Results by scenario, in the order of the config.
    pub scenarios: Vec<ScenarioSummary>,
    /// Thresholds that were asked for, and whether they held.
    pub thresholds: Vec<ThresholdResult>,
    /// Settings that were not honoured, and other things that a reader should know.
    pub notes: Vec<String>,
}

impl Summary {
    /// Returns a run that begins now and in which nothing was measured yet, driven through one load balancer.
    pub fn empty(run_id: &str, engine: Engine) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: run_id.to_owned(),
            started_at: jiff::Timestamp::now().to_string(),
            command: Vec::new(),
            version: String::new(),
            commit: String::new(),
            host: Host::default(),
            config: ConfigSummary::default(),
            seed: 0,
            engine,
            load_balancer: String::new(),
            balancers: one(),
            policy: None,
            traces: None,
            schedule_sha256: String::new(),
            interrupted: false,
            fingerprint: String::new(),
            scenarios: Vec::new(),
            thresholds: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// The config of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ConfigSummary {
    /// Name of the config as it was typed.
    pub name: String,
    /// Where the config was found: a path, or `bundled`.
    pub source: String,
    /// The dialect that the config is written in, as docs/configs.md names it.
    pub dialect: String,
    /// The config itself, as a JSON document.
    pub content: serde_json::Value,
}

/// The policy file that `rl` followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySummary {
    /// Where the policy was found: a path, or `bundled`.
    pub source: String,
    /// SHA-256 of the weights of the policy.
    pub sha256: String,
}

/// The recordings of decisions that a run made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TracesSummary {
    /// Folder of the recordings, within the results folder.
    pub folder: String,
    /// Probability with which a recorded decision was made evenly at random, from 0 to 1.
    pub exploration: f64,
}

fn one() -> u16 {
    1
}
