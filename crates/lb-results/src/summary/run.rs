//! The summary of one run, with the information needed to repeat it.

use super::kinds::Engine;
use super::objective::ThresholdResult;
use super::scenario::ScenarioSummary;
use crate::host::Host;
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the schema of `summary.json`. Raised with every change that readers must adapt to.
pub const SCHEMA_VERSION: u32 = 2;

/// Name of the folder of traces in the results folder.
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
    /// The command line as typed, split into words.
    pub command: Vec<String>,
    /// Version of `bench` that made the run.
    pub version: String,
    /// Commit that `bench` was built from.
    pub commit: String,
    /// The machine that ran the benchmark.
    pub host: Host,
    /// The config of the run.
    pub config: ConfigSummary,
    /// Seed of the schedules.
    pub seed: u64,
    /// How trials were driven.
    pub engine: Engine,
    /// Name of the load balancer that was driven.
    pub load_balancer: String,
    /// Number of load balancers. With more than one, each saw only the requests that it sent itself.
    #[serde(default = "one")]
    pub balancers: u16,
    /// The policy file used by `rl`. Null if `rl` did not run, or ran in a load balancer that `bench` did not
    /// start.
    #[serde(default)]
    pub policy: Option<PolicySummary>,
    /// The recordings of decisions. Null if decisions were not recorded.
    #[serde(default)]
    pub traces: Option<TracesSummary>,
    /// SHA-256 over the schedules of all scenarios and repetitions.
    pub schedule_sha256: String,
    /// Whether the certificate of the target was not verified (`--insecure`), so that whoever answered may not be
    /// the target.
    #[serde(default)]
    pub unverified_tls: bool,
    /// The version of HTTP that was asked for: `1.1`, `2` or `auto`. What was spoken stands with the connections of each
    /// algorithm. Null in a simulation, and in summaries written before this field existed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub http: Option<HttpChoice>,
    /// Which requests shared a connection: `per-user`, `pool:N` or `per-request`. Null in a simulation, and in
    /// summaries written before this field existed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub connections: Option<ConnectionPolicy>,
    /// Whether the run was interrupted. Its numbers then come from completed trials only.
    pub interrupted: bool,
    /// SHA-256 over everything that affects the numbers except algorithms, seed and repetitions: users,
    /// backends, lengths, engine, load balancer. Runs with the same fingerprint share a noise floor.
    pub fingerprint: String,
    /// Results by scenario, in the order of the config.
    pub scenarios: Vec<ScenarioSummary>,
    /// Results of the thresholds.
    pub thresholds: Vec<ThresholdResult>,
    /// Settings that were ignored, and other notes for the reader.
    pub notes: Vec<String>,
}

impl Summary {
    /// Returns the summary of a run that begins now with one load balancer and has no results yet.
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
            unverified_tls: false,
            http: None,
            connections: None,
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
    /// Name of the config as typed.
    pub name: String,
    /// Where the config was found: a path, or `bundled`.
    pub source: String,
    /// The dialect of the config, as named in docs/configs.md.
    pub dialect: String,
    /// The config itself, as a JSON document.
    pub content: serde_json::Value,
}

/// The policy file used by `rl`.
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
    /// Probability that a recorded decision was made uniformly at random, from 0 to 1.
    pub exploration: f64,
}

fn one() -> u16 {
    1
}
