//! The index of a suite: several runs, one after the other, each with a results folder of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the index, raised with every change that breaks readers.
pub const SUITE_VERSION: u32 = 1;

/// A suite: several runs, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteSummary {
    /// The version of this schema.
    pub schema_version: u32,
    /// Name of the suite.
    pub name: String,
    /// The command line, word by word. Passwords in URLs are masked.
    pub command: Vec<String>,
    /// When the suite began, as RFC 3339 in UTC.
    pub started_at: String,
    /// How far the suite got.
    pub state: SuiteState,
    /// Pause between two runs, in seconds. There is none before a run in virtual time.
    pub cool_down_s: f64,
    /// The runs, in order, also those that did not begin.
    pub runs: Vec<SuiteRunSummary>,
}

/// How far a suite got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuiteState {
    /// Runs follow, or the process was killed.
    Running,
    /// All runs began; some may have failed.
    Complete,
    /// The user ended the suite. Complete runs are kept.
    Interrupted,
}

/// A run of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRunSummary {
    /// Name of the run.
    pub name: String,
    /// Its results folder, relative to that of the suite.
    pub folder: String,
    /// How the run ended.
    pub state: SuiteRunState,
    /// The exit code that `bench` would have ended with; null if the run did not end.
    pub exit_code: Option<u8>,
    /// How long the run took, in seconds of real time; null if it did not end.
    pub duration_s: Option<f64>,
    /// Why the run failed: thresholds that did not hold, or an error. Empty if it did not.
    pub reasons: Vec<String>,
}

/// How a run of a suite ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuiteRunState {
    /// The run did not begin.
    NotRun,
    /// The run is in progress, or the process was killed.
    Running,
    /// Everything that was expected held.
    Passed,
    /// A threshold did not hold, or an error ended the run.
    Failed,
    /// The user ended the run.
    Interrupted,
}

impl SuiteRunState {
    /// Returns the state in words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::NotRun => "not run",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Interrupted => "interrupted",
        }
    }
}
