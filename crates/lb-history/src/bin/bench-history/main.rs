//! `bench-history`: records runs in a history, and says what it knows.
//!
//! A program of its own, so that `bench` needs no database: `bench history` starts it.

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

mod args;
mod changes;
mod export;
mod import;
mod list;
mod night;
mod prune;
mod show;
mod table;
mod trend;
mod values;

use args::{Cli, Command};
use clap::Parser;
use lb_core::plain;
use lb_history::{Access, History, HistoryError};
use std::process::ExitCode;

/// Some folders were not imported.
const INCOMPLETE: u8 = 1;
/// What was asked for makes no sense, or is not there.
const USAGE: u8 = 2;
/// The history cannot be used, or an output cannot be written.
const UNUSABLE: u8 = 3;
/// Standard output could not be written.
const UNPRINTED: u8 = 6;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Prints help as well; only a closed pipe can refuse it.
        Err(said) => {
            let _ = said.print();
            return u8::try_from(said.exit_code()).map_or(ExitCode::FAILURE, Into::into);
        }
    };
    let code = run(&cli).unwrap_or_else(|error| {
        lb_io::complain(format_args!("error: {}", plain::lines(&error.to_string())));
        match error {
            HistoryError::Url { .. } | HistoryError::NoRun { .. } | HistoryError::Missing { .. } => USAGE,
            _ => UNUSABLE,
        }
    });
    match lb_io::unprinted() {
        Some(problem) if code == 0 => {
            lb_io::complain(format_args!("error: failed to write to standard output: {problem}"));
            UNPRINTED.into()
        }
        _ => code.into(),
    }
}

fn run(cli: &Cli) -> Result<u8, HistoryError> {
    let makes_one = matches!(cli.command, Command::Import(_) | Command::Nights);
    let access = if makes_one { Access::Create } else { Access::Existing };
    let mut history = History::open(&cli.history, access, cli.wait)?;
    match &cli.command {
        Command::Import(args) => import::execute(&mut history, args),
        Command::List(args) => list::execute(&mut history, args),
        Command::Show(args) => show::execute(&mut history, args),
        Command::Changes(args) => changes::execute(&mut history, args),
        Command::Export(args) => export::execute(&mut history, args),
        Command::Prune(args) => prune::execute(&mut history, args),
        Command::Trend(args) => trend::execute(&mut history, args),
        Command::Judge(args) => night::judge(&mut history, args),
        Command::Nights => night::list(&mut history),
        Command::Night(args) => night::changes(&mut history, args),
    }
}

/// Prints to standard output, without anything that a terminal would obey.
fn print(text: &str) {
    lb_io::print(plain::lines(text.trim_end()));
}

/// Prints JSON to standard output, in which an escape has a meaning of its own.
fn print_json(value: &impl serde::Serialize) -> Result<(), HistoryError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| HistoryError::Unusable { problem: format!("failed to write JSON: {error}") })?;
    lb_io::print(text);
    Ok(())
}
