//! One run, with what is needed to repeat it.

use super::kinds::Engine;
use super::objective::ThresholdResult;
use super::scenario::ScenarioSummary;
use crate::host::Host;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Raised with every change that a reader of `summary.json` must know of.
pub const SCHEMA_VERSION: u32 = 2;

/// The folder of traces in the results folder.
pub const TRACES: &str = "traces";

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
    /// How trials were driven.
    pub engine: Engine,
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

/// The config that was run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
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

/// The policy file that `rl` followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySummary {
    /// Where it was found: a path, or `bundled`.
    pub source: String,
    /// SHA-256 of its weights.
    pub sha256: String,
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
