//! What a person reads of a training and its proof: Markdown, one self-contained HTML page, the console.
//!
//! Reports are pure functions of [`RunReport`], which the run also leaves behind as JSON. What tables and
//! charts say is decided once, in [`tables`] and [`charts`]; the formats only draw it, with the parts that
//! reports of `bench` are made of ([`lb_report::parts`]).

mod charts;
mod console;
mod data;
mod html;
mod lists;
mod markdown;
mod numbers;
mod tables;

pub use console::console;
pub use data::{AlgorithmReport, RunReport, StepReport, TraceReport, TrafficReport, TrainingReport};
pub use html::html;
pub use lists::Lists;
pub use markdown::markdown;
