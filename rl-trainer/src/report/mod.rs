//! Human-readable reports of a training run and its proof: Markdown, a self-contained HTML page, and console
//! output.
//!
//! Reports are pure functions of [`RunReport`], which the run also writes as JSON. The contents of tables and
//! charts are defined once, in [`tables`] and [`charts`]; the formats only render them, with parts shared
//! with the reports of `bench` ([`lb_report::parts`]).

mod charts;
mod console;
mod data;
mod html;
mod lists;
mod markdown;
mod numbers;
mod pools;
mod tables;
mod twin;
mod twin_tables;

pub use console::{console, on_pools};
pub use data::{
    AlgorithmReport, ExportReport, RunReport, StepReport, TraceReport, TrafficReport, TrainingReport,
};
pub use html::html;
pub use lists::Lists;
pub use markdown::markdown;
pub(crate) use numbers::length;
pub use twin::{
    CandidateReport, CheckReport, EvidenceReport, FitReport, RatioReport, RecordedReport, SliceReport,
    TwinReport, ratios,
};
