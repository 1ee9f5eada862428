//! Runs the command that the command line names.

use super::args::{Cli, Command};
use super::{
    aa, algorithms, analyze, compare, doctor, export, history, import, inspect_costs, learn, mark, nightly,
    pack, packs, plan, replay_events, report, run, serve_load, show, suite, synthesise, ui, validate, wait,
    what_if, workers,
};
use crate::exit::with_output;
use lb_core::plain;
use lb_io::complain;
use std::process::ExitCode as ProcessExit;

/// Runs the command and returns the exit status. Errors are printed to standard error.
pub fn execute(cli: &Cli) -> ProcessExit {
    let result = match &cli.command {
        _ if workers::need_program(cli) => workers::hand_over(),
        // Child processes set up their own runtimes and logs.
        Some(Command::Child(child)) => return child.main(),
        Some(Command::Plan(args)) => plan::execute(args),
        Some(Command::Doctor(args)) => doctor::execute(args),
        Some(Command::Algorithms) => algorithms::execute(),
        Some(Command::Packs) => packs::execute(),
        Some(Command::Pack(args)) => pack::execute(args),
        Some(Command::Suite(args)) => suite::execute(args),
        Some(Command::Show(args)) => show::execute(args),
        Some(Command::Aa(args)) => aa::execute(args),
        Some(Command::Compare(args)) => compare::execute(args),
        Some(Command::Analyze(args)) => analyze::execute(args),
        Some(Command::ServeLoad(args)) => serve_load::execute(args),
        Some(Command::Ui(args)) => ui::execute(args),
        Some(Command::Mark(args)) => mark::execute(args),
        Some(Command::Wait(args)) => wait::execute(args),
        Some(Command::Learn(args)) => learn::execute(args),
        Some(Command::Synthesise(args)) => synthesise::execute(args),
        Some(Command::Validate(args)) => validate::execute(args),
        Some(Command::Export(args)) => export::execute(args),
        Some(Command::History(args)) => history::execute(args),
        Some(Command::Import(args)) => import::execute(args),
        Some(Command::Nightly(args)) => nightly::execute(args),
        Some(Command::Trend(args)) => history::execute_trend(args),
        Some(Command::WhatIf(args)) => what_if::execute(args),
        Some(Command::InspectCosts(args)) => inspect_costs::execute(args),
        Some(Command::Worker(_)) => workers::hand_over(),
        Some(Command::Report(args)) => report::execute(args),
        Some(Command::ReplayEvents(args)) => replay_events::execute(args),
        None => run::execute(&cli.run),
    };
    with_output(match result {
        Ok(code) => code.into(),
        Err(failure) => {
            complain(format_args!("error: {}", plain::lines(&failure.to_string())));
            failure.code.into()
        }
    })
}
