//! How trials are driven, and the shape in which a config is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How trials are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Real HTTP over real sockets in real time.
    Live,
    /// The same rules in virtual time.
    Sim,
}

/// The shape in which a config is written. docs/configs.md has an example of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `scenarios`, which run one after the other.
    #[serde(rename = "guide")]
    Sequence,
    /// `rl_training_scenarios` with profiles of users, `stress_test_scenarios`, or both.
    Training,
    /// `rl_training_scenarios` without profiles of users.
    Inline,
    /// `base_users` and `duration_minutes` in one flat object.
    #[serde(rename = "traffic")]
    Flat,
    /// A list of recorded requests.
    Requests,
}
