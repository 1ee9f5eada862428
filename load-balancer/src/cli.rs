//! The command line, shared by the binary of this crate and by tools that embed it as a subcommand.
//!
//! Exit codes: 0 clean shutdown, 1 internal error, 2 invalid arguments or config, 3 an address
//! cannot be bound.

use crate::{Config, ConfigError, StartError, run};
use lb_core::{plain, with_causes};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Load balancer for HTTP/1.1 and HTTP/2 whose algorithm can be switched while it serves.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Load balancer")]
pub struct Args {
    /// JSON file with listen address, algorithm and pools.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Stop when standard input is closed, as happens when the parent process dies.
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
        // A log that cannot be written must not end a data thread: by default, the failure itself would be printed, and
        // a closed standard error would then cause a panic.
        .log_internal_errors(false)
        .with_writer(|| lb_io::Lossy(std::io::stderr()))
        .init();
    let served = Config::read(&args.config)
        .map_err(anyhow::Error::from)
        .and_then(|config| run(config, args.exit_with_parent));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            lb_io::complain(format_args!("error: {}", plain::lines(&with_causes(error.as_ref()))));
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
