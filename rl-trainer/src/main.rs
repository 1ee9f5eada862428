//! The binary `rl-train`: reads the command line and hands over.

use clap::{Parser, Subcommand};
use harness::children::ChildCommand;
use harness::exit::Failure;
use rl_trainer::cli::{calibrate, eval, execute, export, inspect, train};
use rl_trainer::executor::ExecutorArgs;
use std::process::ExitCode;

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 internal error, 2 usage, config or file, 3 preflight failed, \
4 switch not verified, 5 invalid (traces unfit, a fit that misses, a scenario that did not end), 130 interrupted \
(what is complete is kept).";

/// Trains the policy `rl`, and proves it against the classical algorithms.
///
/// Without a command it executes a whole run: traffic with traces, trainings, the proof, reports.
#[derive(Debug, Parser)]
#[command(name = "rl-train", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(after_long_help = EXIT_CODES)]
struct Cli {
    /// One step of a run on its own.
    #[command(subcommand)]
    command: Option<Command>,
    /// Arguments of a whole run.
    #[command(flatten)]
    run: ExecutorArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Args),
    Eval(eval::Args),
    Export(export::Args),
    Inspect(inspect::Args),
    Calibrate(calibrate::Args),
    /// Child processes that `rl-train` starts itself.
    #[command(flatten)]
    Child(ChildCommand),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Child(child)) => return child.main(),
        Some(Command::Train(args)) => train::run(&args).map(ExitCode::from),
        Some(Command::Eval(args)) => eval::run(&args).map(ExitCode::from),
        Some(Command::Export(args)) => export::run(&args).map(ExitCode::from),
        Some(Command::Inspect(args)) => inspect::run(args).map_err(Failure::from),
        Some(Command::Calibrate(args)) => calibrate::run(args).map_err(Failure::from),
        None => execute::run(&cli.run).map(ExitCode::from),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        failure.code.into()
    })
}
