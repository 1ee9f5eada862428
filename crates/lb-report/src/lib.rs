//! Renders a summary for people and other tools: tables on the console, an HTML page with charts, Markdown,
//! JUnit XML, Prometheus metrics, Go benchmark lines.
//!
//! Reports are pure functions of [`Summary`](lb_results::Summary): they compute no statistics and make no
//! decisions. The contents of tables, charts and caveats are defined once, in `tables`, `charts` and
//! `caveats`; `html` and `markdown` only draw them. The crate uses `lb-results`, `lb-analysis` (for the words
//! of verdicts) and `lb-core`, but no sockets and no runtime. The feature `cli` makes [`ReportFormat`] usable
//! as a command-line value.
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

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

mod brief;
mod caveats;
mod charts;
mod console;
mod console_table;
mod detail;
mod evidence;
mod format;
mod go_benchmark;
mod headline;
mod html;
mod junit;
mod locust_stats;
mod markdown;
mod notes;
mod pinning;
mod prometheus;
mod ranking;
mod spoken;
mod spread;
mod step_summary;
mod tables;
mod text;
mod trial_faults;

/// Parts for the reports of other tools in this workspace, so that all reports look and read alike.
pub mod parts {
    pub use super::charts::kit::{
        Area, Arrangement, Axis, Chart, Colour, Dash, Figure, Heat, Key, Line, Mark, Panel, Plane, Point,
        Row as ChartRow, Rows, Rule, Scale, Span, Style, Symbol,
    };
    pub use super::console_table::on_console;
    pub use super::format::add_step_summary;
    pub use super::html::{figure, page, prose, scrolling};
    pub use super::junit::junit_text;
    pub use super::markdown::{captioned, escape};
    pub use super::tables::{Cell, Row, Table, Tone, observed_alone};
    pub use super::text::{command_line, count, percent, trimmed};
}

pub use console::{render_summary, scenario_tables};
pub use detail::Detail;
pub use format::{ReportFormat, write_reports};
pub use go_benchmark::render_go_benchmark;
pub use html::render_html;
pub use junit::render_junit;
pub use locust_stats::render_locust_stats;
pub use markdown::render_markdown;
pub use prometheus::render_prometheus;
pub use step_summary::render_step_summary;
pub use text::pilot_sentence;
