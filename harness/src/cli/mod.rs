//! The command line of `bench`: the parsed arguments ([`Cli`]), and one file for each command.
//!
//! Only this folder prints to standard output. Everything below it returns values and errors; each error
//! carries the exit code of `bench` ([`crate::exit`]).

mod aa;
mod algorithms;
mod analyze;
mod args;
mod compare;
mod dispatch;
mod doctor;
mod export;
mod history;
mod history_program;
mod import;
mod inspect_costs;
mod job;
mod learn;
mod live_args;
mod mark;
mod nightly;
mod pack;
mod pack_args;
mod pack_job;
mod packs;
mod parse;
mod plan;
mod program;
mod recover;
mod replay_events;
mod report;
mod run;
mod run_args;
mod serve_load;
mod shared;
mod show;
mod steered;
mod suite;
mod synthesise;
mod traffic_args;
mod ui;
mod ui_args;
mod validate;
mod wait;
mod what_if;
mod what_if_args;
mod workers;

pub use args::{
    AaArgs, AnalyzeArgs, Cli, Command, CompareArgs, ImportArgs, PlanArgs, ReplayEventsArgs, ReportArgs,
};
pub use dispatch::execute;
pub use history::HistoryArgs;
pub use inspect_costs::InspectCostsArgs;
pub use live_args::{LiveArgs, MarkArgs, WaitArgs};
pub use nightly::NightlyArgs;
pub use pack_args::{PackArgs, ShowArgs, SuiteArgs};
pub use parse::parse;
pub use run_args::{ConfigArgs, RunArgs};
pub use traffic_args::{ExportArgs, ExportTool, LearnArgs, SynthesisMethod, SynthesiseArgs, ValidateArgs};
pub use ui_args::UiArgs;
pub use what_if_args::WhatIfArgs;
pub use workers::{MusterArgs, WorkerArgs, WorkersArgs, give_workers};
