//! The `bench` binary: reads the command line and hands over to [`harness::cli`].

use clap::Parser;
use harness::cli::{Cli, execute};
use std::process::ExitCode;

fn main() -> ExitCode {
    execute(&Cli::parse())
}
