//! Runs mock backends from the command line.

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// HTTP services that queue like real ones: a capacity model, faults and an e-commerce API.
#[derive(Debug, Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    args: mock_backends::cli::Args,
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // Standard output is reserved for the announcement.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A log that cannot be written must not end the process: by default, the failure itself would be printed, and
        // a closed standard error would then cause a panic.
        .log_internal_errors(false)
        .with_writer(|| lb_io::Lossy(std::io::stderr()))
        .init();
    mock_backends::cli::main(&Command::parse().args)
}
