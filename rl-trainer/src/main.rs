//! The binary `rl-train`: reads the command line and hands over.

use clap::{Parser, Subcommand};
use rl_trainer::cli::{calibrate, inspect};
use std::process::ExitCode;

/// Trains the policy `rl`, and proves it against the classical algorithms.
#[derive(Debug, Parser)]
#[command(name = "rl-train", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Args),
    Calibrate(calibrate::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Inspect(args) => inspect::run(args),
        Command::Calibrate(args) => calibrate::run(args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
