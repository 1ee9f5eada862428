//! `pack.json` as written. The doc comments are the published schema.

use crate::overrides::{HIGHEST_SPAWN_RATE, LOWEST_SPAWN_RATE};
use crate::raw::MOST_USERS;
use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A scenario pack: a load test as data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "scenario pack")]
pub(super) struct PackFile {
    /// The address of this schema, for editors; it has no effect.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code, reason = "for editors")]
    pub(super) schema: Option<String>,
    /// Name of the pack, in results and messages.
    #[schemars(length(min = 1))]
    pub(super) name: String,
    /// What the pack puts load on, in a few words.
    #[schemars(length(min = 1))]
    pub(super) title: String,
    /// The question that the pack answers, as one sentence.
    #[schemars(length(min = 1))]
    pub(super) answers: String,
    /// The config of all modes: a file of the pack, or the name of a bundled config.
    #[schemars(length(min = 1))]
    pub(super) config: String,
    /// What mock backends answer if no target is named: a file of the pack (docs/mock-api.md). Without it, the
    /// topology of the config decides.
    #[schemars(length(min = 1))]
    pub(super) mock_api: Option<String>,
    /// Path that answers with a status below 400 once a target is ready, such as `/health`.
    #[schemars(length(min = 1))]
    pub(super) ready: Option<String>,
    /// Environment variables that the pack reads, and what each sets. A flag goes before a variable, and a variable
    /// before the pack. Of two that set the same, the first that is set counts.
    #[serde(default)]
    pub(super) environment: Ordered<Setting>,
    /// The mode or suite that is played if none is named; by default the first mode.
    #[schemars(length(min = 1))]
    pub(super) default: Option<String>,
    /// The modes by name: how much load, for how long, and what is expected.
    pub(super) modes: Ordered<Mode>,
    /// The profiles by name: how users behave. Without `--profile`, the config is as written.
    #[serde(default)]
    pub(super) profiles: Ordered<Profile>,
    /// The suites by name: several modes, one after the other.
    #[serde(default)]
    pub(super) suites: Ordered<Suite>,
}

/// What an environment variable sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Setting {
    /// The address to measure, as `--url`. A host with a port is enough.
    Target,
    /// The number of users, as `--users`.
    Users,
    /// The users that start per second, as `--spawn-rate`.
    SpawnRate,
    /// The length, as `--duration`. A number alone is in seconds.
    Duration,
}

/// How much load, for how long, and what is expected.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mode {
    /// What the mode is for, in a few words.
    pub(super) description: String,
    /// The config of this mode, in place of that of the pack.
    #[schemars(length(min = 1))]
    pub(super) config: Option<String>,
    /// Users at the busiest moment, as `--users`.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(super) users: Option<u32>,
    /// Users that start per second, as `--spawn-rate`.
    #[schemars(range(min = LOWEST_SPAWN_RATE, max = HIGHEST_SPAWN_RATE))]
    pub(super) spawn_rate: Option<f64>,
    /// Length, as `--duration`: `60s`, `5m`, or `forever`.
    #[schemars(length(min = 1))]
    pub(super) duration: Option<String>,
    /// Names of the user classes that take part, as `--user-class`; by default all of the config.
    #[schemars(inner(length(min = 1)))]
    pub(super) user_classes: Vec<String>,
    /// Tags of what runs, as `--tags`.
    #[schemars(inner(length(min = 1)))]
    pub(super) tags: Vec<String>,
    /// Tags of what does not run, as `--exclude-tags`.
    #[schemars(inner(length(min = 1)))]
    pub(super) exclude_tags: Vec<String>,
    /// What is expected: thresholds by metric, such as `{"http_req_duration": ["p(95)<100"]}`. They take the place of
    /// those of the config.
    pub(super) targets: Option<Ordered<Vec<String>>>,
    /// Changes of the config (RFC 7396): objects are merged, `null` removes a key, lists and values are replaced.
    #[schemars(extend("type" = "object"))]
    pub(super) change: Option<Value>,
}

/// How users behave.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// What the users of this profile are like, in a few words.
    #[serde(default)]
    pub(super) description: String,
    /// Changes of the config (RFC 7396), after those of the mode.
    #[schemars(extend("type" = "object"))]
    pub(super) change: Value,
}

/// Several modes, one after the other.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Suite {
    /// What the suite is for, in a few words.
    #[serde(default)]
    pub(super) description: String,
    /// The modes, in the order in which they run.
    #[schemars(length(min = 1))]
    pub(super) modes: Vec<String>,
    /// Pause between two modes, such as `30s`; by default none.
    #[schemars(length(min = 1))]
    pub(super) cool_down: Option<String>,
}

/// Returns the published schema of `pack.json`.
pub fn pack_schema() -> Value {
    schemars::schema_for!(PackFile).to_value()
}
