//! Grades finished load tests of several tools: latency, failures, bottlenecks and recommendations.
//!
//! Unlike [`lb_analysis`] it compares nothing and needs no trials: it reads the totals that a tool wrote and
//! compares them with fixed limits. So a first look, or a gate in continuous integration, works the same for
//! Locust, k6, oha and `bench`:
//!
//! | kind | input |
//! |---|---|
//! | Locust | `*_stats.csv`, with its `_stats_history.csv` and `_failures.csv`; a folder: every `*_stats.csv` |
//! | k6 | `--summary-export`, the data of `handleSummary`, and the machine-readable summary 1.0.0 |
//! | oha | `--output-format json` |
//! | `bench` | a results folder or its `summary.json`; each algorithm in each scenario is a test |
//!
//! The kind is recognised by the content. Values that a file does not report are null and listed as missing,
//! never 0.

mod analyze;
mod detect;
mod document;
mod error;
mod files;
mod grade;
mod judge;
mod k6;
mod locust;
mod oha;
mod own;
mod render;
mod stats;
mod table;
mod test;

pub use analyze::{Analysis, analyze, analyze_content};
pub use document::{AnalysisDocument, SCHEMA_VERSION, TestDocument};
pub use error::AnalyzeError;
pub use grade::Grade;
pub use judge::{Bottleneck, BottleneckMetric};
pub use render::render;
pub use stats::{Endpoint, FailureCount, Kind, Stats, Timing};
pub use test::Test;
