//! Runs the command that the command line names.

use super::args::{Cli, Command};
use super::{aa, algorithms, analyze, compare, doctor, plan, replay_events, report, run};
use std::process::ExitCode as ProcessExit;

/// Does what the command line asks for, and returns the status with which to exit. An error is printed to
/// standard error.
pub fn execute(cli: &Cli) -> ProcessExit {
    let result = match &cli.command {
        // Children bring their own runtimes and logs.
        Some(Command::Child(child)) => return child.main(),
        Some(Command::Plan(args)) => plan::execute(args),
        Some(Command::Doctor(args)) => doctor::execute(args),
        Some(Command::Algorithms) => algorithms::execute(),
        Some(Command::Aa(args)) => aa::execute(args),
        Some(Command::Compare(args)) => compare::execute(args),
        Some(Command::Analyze(args)) => analyze::execute(args),
        Some(Command::Report(args)) => report::execute(args),
        Some(Command::ReplayEvents(args)) => replay_events::execute(args),
        None => run::execute(&cli.run),
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.code.into()
        }
    }
}
