//! From a summary to what people and other tools read: tables on the console, an HTML page with charts, Markdown,
//! JUnit XML, Prometheus metrics, Go benchmark lines.
//!
//! Reports are pure functions of [`Summary`](lb_results::Summary): they compute no statistics and decide nothing.
//! What tables, charts and caveats say is written once, in `tables`, `charts` and `caveats`; `html` and `markdown`
//! only draw it. The crate uses `lb-results`, `lb-analysis` (for the words of verdicts) and `lb-core`, and neither
//! sockets nor a runtime. The feature `cli` makes [`ReportFormat`] a value of a command line.
//!
//! # Example: a summary rendered
//!
//! ```
//! use lb_report::render_markdown;
//! use lb_results::{AlgorithmSummary, Engine, ScenarioSummary, Summary};
//!
//! let algorithm = AlgorithmSummary {
//!     name: "round-robin".to_owned(),
//!     trials: 3,
//!     total_requests: 1_200,
//!     throughput_rps: 20.0,
//!     success_rate: 1.0,
//!     ..AlgorithmSummary::default()
//! };
//! let mut summary = Summary::empty("20261121-101500-shop", Engine::Sim);
//! summary.scenarios.push(ScenarioSummary {
//!     name: "shop".to_owned(),
//!     algorithms: vec![algorithm],
//!     ..ScenarioSummary::default()
//! });
//! let report = render_markdown(&summary);
//! assert!(report.starts_with("# Load balancing report: 20261121-101500-shop"));
//! assert!(report.contains("| round-robin | 1200 | 20.00 |"), "{report}");
//! ```

mod caveats;
mod charts;
mod console;
mod console_table;
mod evidence;
mod format;
mod go_benchmark;
mod html;
mod junit;
mod markdown;
mod prometheus;
mod spread;
mod step_summary;
mod tables;
mod text;

/// What reports of other tools in this workspace are made of, so that all look and read alike.
pub mod parts {
    pub use super::charts::{Figure, Panel, axis, colour, label, layout};
    pub use super::html::{figure, page, scrolling};
    pub use super::markdown::{captioned, escape};
    pub use super::tables::{Cell, Row, Table, Tone};
    pub use super::text::{command_line, count, percent};
}

pub use console::{render_summary, scenario_tables};
pub use format::{ReportFormat, write_reports};
pub use go_benchmark::render_go_benchmark;
pub use html::render_html;
pub use junit::render_junit;
pub use markdown::render_markdown;
pub use prometheus::render_prometheus;
pub use step_summary::render_step_summary;
