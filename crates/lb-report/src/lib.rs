//! What a person reads: tables on the console, live progress, and reports as files. All only read
//! finished or shared numbers; they decide nothing.
//!
//! Reports are pure functions of [`Summary`](lb_results::Summary). What tables, charts and caveats
//! say is decided once, in `tables`, `charts` and `caveats`; `html` and `markdown` only draw it.

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
