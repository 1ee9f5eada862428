//! Summary of a recording of decisions.
//!
//! Writers of traces create it, a load balancer's admin API returns it, and results store it, so this
//! crate defines it, without any knowledge of file formats.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Size and counts of a finished recording of a load balancer's decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TraceFile", description = "The trace of one trial.")]
pub struct TraceSummary {
    /// Path of the file: as named by its writer, or within a results folder.
    #[schemars(description = "Path of the file within the results folder.")]
    pub file: PathBuf,
    /// Size of the file in bytes.
    #[schemars(description = "Size of the file in bytes.")]
    pub bytes: u64,
    /// Number of decisions in the file.
    #[schemars(description = "Number of decisions in the file.")]
    pub rows: u64,
    /// Number of decisions in the file whose outcome is unknown.
    #[schemars(description = "Number of decisions in the file whose outcome is unknown.")]
    pub censored: u64,
    /// Number of decisions in the file that were made by exploration.
    #[schemars(description = "Number of decisions in the file that were made by exploration.")]
    pub explored: u64,
    /// Number of decisions missing from the file because the writer could not keep up.
    #[schemars(description = "Number of decisions missing because the writer could not keep up.")]
    pub dropped_decisions: u64,
    /// Number of outcomes missing for the same reason; their decisions count as censored.
    #[schemars(description = "Number of outcomes missing because the writer could not keep up.")]
    pub dropped_outcomes: u64,
}
