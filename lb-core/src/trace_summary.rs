//! What a recording of decisions holds, in figures.
//!
//! The writer of traces counts it, a load balancer's admin API says it, and results keep it, so it lies below
//! all of them and knows nothing of files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a finished recording of a load balancer's decisions holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TraceFile", description = "The trace of one trial.")]
pub struct TraceSummary {
    /// The file: as the writer names it, or its place in a results folder.
    #[schemars(description = "Its place in the results folder.")]
    pub file: PathBuf,
    /// Size of the file in bytes.
    #[schemars(description = "Its size in bytes.")]
    pub bytes: u64,
    /// Decisions in the file.
    #[schemars(description = "Decisions in it.")]
    pub rows: u64,
    /// Decisions in the file whose outcome is not known.
    #[schemars(description = "Those of them whose outcome is not known.")]
    pub censored: u64,
    /// Decisions in the file that exploration made.
    #[schemars(description = "Those of them that exploration made.")]
    pub explored: u64,
    /// Decisions that are missing because the writer did not keep up.
    #[schemars(description = "Decisions that are not in it because its writer did not keep up.")]
    pub dropped_decisions: u64,
    /// Outcomes that are missing for the same reason; their decisions are censored.
    #[schemars(description = "Outcomes that are not in it for the same reason.")]
    pub dropped_outcomes: u64,
}
