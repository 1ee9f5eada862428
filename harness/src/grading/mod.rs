//! Grades finished load tests, of whatever tool: is it fast, does it fail, what stands out, what to do.
//!
//! Unlike [`lb_analysis`] it compares nothing and needs no trials: it reads the totals that a tool
//! left behind and holds them against fixed limits. So that a first look, or a gate in continuous
//! integration, works the same for Locust, k6, oha and `bench`:
//!
//! | kind | what is read |
//! |---|---|
//! | Locust | `*_stats.csv`, with its `_stats_history.csv` and `_failures.csv`; a folder: every `*_stats.csv` |
//! | k6 | `--summary-export`, the data of `handleSummary`, and the machine-readable summary 1.0.0 |
//! | oha | `--output-format json` |
//! | `bench` | a results folder or its `summary.json`; each algorithm in each scenario is a test |
//!
//! The kind is told from the content. What a file does not say is null and named as missing, never 0.

mod detect;
mod document;
mod error;
mod grade;
mod judge;
mod k6;
mod locust;
mod oha;
mod own;
mod render;
mod stats;
mod table;

pub use document::{AnalysisDocument, SCHEMA_VERSION, TestDocument};
pub use error::AnalyzeError;
pub use grade::Grade;
pub use judge::{Bottleneck, BottleneckMetric};
pub use render::render;
pub use stats::{Endpoint, FailureCount, Kind, Stats, Test, Timing};

use std::path::Path;

/// What was read and found, at least one test.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// What was given.
    pub source: String,
    /// Each test by itself, in the order of their names or of the run.
    pub tests: Vec<Test>,
}

/// Reads `path` and grades what is there.
///
/// # Errors
/// Nothing is there, it is of no kind that is read here, or it is broken.
pub fn analyze(path: &Path) -> Result<Analysis, AnalyzeError> {
    let mut tests = detect::read(path)?;
    tests.iter_mut().for_each(Test::grade);
    Ok(Analysis { source: path.display().to_string(), tests })
}
