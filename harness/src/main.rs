//! The `bench` binary: reads the command line and hands over to [`harness::cli`].

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

use harness::cli::{execute, parse};
use harness::exit::explain;
use std::process::ExitCode;

fn main() -> ExitCode {
    match parse(std::env::args_os()) {
        Ok(cli) => execute(&cli),
        Err(error) => explain(&error),
    }
}
