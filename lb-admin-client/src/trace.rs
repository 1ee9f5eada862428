//! What a load balancer that records its decisions says of a recording.

use serde::Deserialize;
use std::path::PathBuf;

/// A recording that is over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TraceRecord {
    /// The file, as the load balancer names it.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Decisions in it.
    pub rows: u64,
    /// Those of them whose outcome is not known.
    pub censored: u64,
    /// Those of them that exploration made.
    pub explored: u64,
    /// Decisions that are not in it because its writer did not keep up.
    pub dropped_decisions: u64,
    /// Outcomes that are not in it for the same reason.
    pub dropped_outcomes: u64,
}
