//! The command line, shared by the binary of this crate and by tools that embed it as a subcommand.
//!
//! Exit codes: 0 clean shutdown, 1 internal error, 2 invalid arguments or config, 3 an address
//! cannot be bound.

use crate::{Config, ConfigError, StartError, run};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// HTTP/1.1 load balancer whose algorithm can be switched while it serves.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// JSON file with listen address, algorithm and pools.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Stop when standard input reaches its end, which it does when the parent process dies.
    #[arg(long)]
    pub exit_with_parent: bool,
}

/// Runs the program with parsed arguments: serves until asked to stop, reports errors on
/// standard error, and returns the exit code.
pub fn main(args: &Args) -> ExitCode {
    let filter = EnvFilter::try_from_env("LOAD_BALANCER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let served = Config::read(&args.config)
        .map_err(anyhow::Error::from)
        .and_then(|config| run(config, args.exit_with_parent));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            exit_code(&error)
        }
    }
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<ConfigError>() {
        ExitCode::from(2)
    } else if error.is::<StartError>() {
        ExitCode::from(3)
    } else {
        ExitCode::FAILURE
    }
}
