//! Runs mock backends from the command line.

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
    // Standard output belongs to the start line.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    mock_backends::cli::main(&Command::parse().args)
}
