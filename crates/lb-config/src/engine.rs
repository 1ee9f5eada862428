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

/// The shape that a config was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `scenarios`.
    Guide,
    /// `rl_training_scenarios`, `stress_test_scenarios` or both.
    Training,
    /// `rl_training_scenarios` without profiles.
    Inline,
    /// `base_users` and `duration_minutes`.
    Traffic,
    /// A list of recorded requests.
    Requests,
}
