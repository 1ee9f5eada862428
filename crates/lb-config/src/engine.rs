//! How trials are driven, and the shape in which a config is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The engine, which drives trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Real HTTP over real sockets in real time.
    Live,
    /// A simulation with the same rules in virtual time.
    Sim,
}

/// How load balancers learn what backends hold, those of other load balancers included. docs/load-reports.md describes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum LoadReports {
    /// Every reply of a backend carries a report (Open Request Cost Aggregation).
    Orca,
    /// Load balancers ask random backends with each request, and go on without waiting (Prequal).
    Probes,
}

/// The shape in which a config is written. docs/configs.md has an example of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Scenarios that run one after the other (`scenarios`).
    #[serde(rename = "guide")]
    Sequence,
    /// `rl_training_scenarios` with user profiles, `stress_test_scenarios`, or both.
    Training,
    /// `rl_training_scenarios` without user profiles.
    Inline,
    /// One flat object with `base_users` and `duration_minutes`.
    #[serde(rename = "traffic")]
    Flat,
    /// A list of recorded requests.
    Requests,
}
