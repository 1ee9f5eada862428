//! The binary `rl-train`: parses the command line and runs the command.

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

use clap::{Parser, Subcommand};
use harness::children::ChildCommand;
use harness::exit::{Failure, explain, with_output};
use rl_trainer::cli::{calibrate, eval, eval_pool, execute, export, inspect, train};
use rl_trainer::executor::ExecutorArgs;
use std::process::ExitCode;

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 internal error, 2 usage, config or file, 3 preflight failed, \
4 switch not verified, 5 invalid (unfit traces, inaccurate fit, scenario timeout), 6 standard output could not be \
written, 130 interrupted (completed results are kept).";

/// Trains the policy `rl` and compares it with the classical algorithms.
///
/// Without a command, it executes a whole run: traffic with traces, training runs, the proof, and reports.
#[derive(Debug, Parser)]
#[command(name = "rl-train", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(after_long_help = EXIT_CODES)]
struct Cli {
    /// Run a single step.
    #[command(subcommand)]
    command: Option<Command>,
    /// Arguments for a whole run.
    #[command(flatten)]
    run: ExecutorArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Args),
    Eval(eval::Args),
    EvalPool(eval_pool::Args),
    Export(export::Args),
    Inspect(inspect::Args),
    Calibrate(calibrate::Args),
    /// Child processes that `rl-train` starts itself.
    #[command(flatten)]
    Child(ChildCommand),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return explain(&said),
    };
    let done = match cli.command {
        Some(Command::Child(child)) => return child.main(),
        Some(Command::Train(args)) => train::run(&args).map(ExitCode::from),
        Some(Command::Eval(args)) => eval::run(&args).map(ExitCode::from),
        Some(Command::EvalPool(args)) => eval_pool::run(&args).map(ExitCode::from),
        Some(Command::Export(args)) => export::run(&args).map(ExitCode::from),
        Some(Command::Inspect(args)) => inspect::run(args).map_err(Failure::from),
        Some(Command::Calibrate(args)) => calibrate::run(args).map_err(Failure::from),
        None => execute::run(&cli.run).map(ExitCode::from),
    };
    with_output(done.unwrap_or_else(|failure| {
        lb_io::complain(format_args!("error: {}", lb_core::plain::lines(&failure.to_string())));
        failure.code.into()
    }))
}
