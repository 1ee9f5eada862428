//! Reads the results of load tests from many tools, grades them, and compares them in pairs.
//!
//! Unlike `lb-analysis` it needs no trials: it reads what a tool wrote of one test and compares it with fixed limits,
//! or with one other test. So a first look, or a gate in continuous integration, works the same for all tools:
//!
//! | tool | input |
//! |---|---|
//! | Locust | `_stats.csv` of all versions, with the files beside it; `--json`; downloads of the web UI |
//! | k6 | `--summary-export`, the data of `handleSummary`, the machine-readable summary; points as CSV or JSON |
//! | JMeter | JTL as CSV (with or without a header) or XML |
//! | Gatling | `stats.json`, `global_stats.json`, `simulation.log` as text |
//! | Vegeta | reports as JSON, text or histogram; results as JSON or CSV |
//! | wrk, wrk2 | their output |
//! | hey, oha | their output, JSON and lists of requests |
//! | ab | its output, `-e` and `-g` |
//! | bombardier | JSON and text |
//! | autocannon, Artillery, Fortio, Nighthawk | JSON |
//! | `bench` | a results folder or its `summary.json`; each algorithm in each scenario is a test |
//!
//! The kind is recognised by the content, never by the name, and a folder may mix them: one reader for each lies in
//! `read`. What single requests say in total is computed in `sample`. Values that a file does not report are null and
//! listed as missing, never 0, and percentiles are never averaged. Nothing here opens a socket, and no bytes make it
//! panic.
//!
//! # Example: a result of Vegeta, graded
//!
//! ```
//! use lb_grading::{Grade, analyze_content};
//! use std::path::Path;
//!
//! let report = br#"{
//!     "latencies": {"mean": 30939, "50th": 30000, "95th": 52000000, "99th": 90000000, "max": 99000000, "min": 20000},
//!     "requests": 100, "rate": 10, "success": 0.98, "status_codes": {"200": 98, "500": 2}
//! }"#;
//! let analysis = analyze_content(Path::new("report.json"), report)?;
//! let summary = &analysis.tests[0].summary;
//! assert_eq!((summary.p95, summary.total_failures), (Some(52.0), Some(2)));
//! assert_eq!(summary.performance_grade, Some(Grade::Good));
//! # Ok::<(), lb_grading::AnalyzeError>(())
//! ```

mod analyze;
mod compare;
mod course;
mod document;
mod error;
mod files;
mod folder;
mod gate;
mod grade;
mod json;
mod judge;
mod one_each;
mod page;
mod quick_grades;
mod read;
mod render;
mod sample;
mod stats;
mod stream;
mod table;
mod test;
mod units;

pub use analyze::{Analysis, analyze, analyze_content};
pub use compare::{
    Change, Comparison, ComparisonDocument, Pair, PairDocument, changes, compare, render_comparison,
};
pub use course::{Interval, Spread};
pub use document::{AnalysisDocument, SCHEMA_VERSION, TestDocument};
pub use error::AnalyzeError;
pub use gate::{Gate, gates};
pub use grade::Grade;
pub use judge::{Bottleneck, BottleneckMetric};
pub use one_each::one_run_each;
pub use page::{render_comparison_page, render_page};
pub use quick_grades::{MeanGrade, QuickGrades, ReliabilityGrade, Volume};
pub use render::render;
pub use stats::{Check, Endpoint, FailureCount, Kind, OwnThreshold, Stats, Timing};
pub use test::Test;
