//! Subcommands with which a binary runs itself as a child process: as a load balancer, as the backends, or as
//! another program. People run the first two as well, where nothing but `bench` is installed, such as in a
//! container. They belong to the binaries rather than to the libraries below them, so they may print.

use crate::testbed::child::{BECOME, LOAD_BALANCER, MOCK_BACKENDS};
use lb_io::complain;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;

/// Subcommands that let a program run its own load balancer and backends as child processes. A binary that starts
/// a [`Child`](crate::testbed::Child) must accept them.
#[derive(Debug, clap::Subcommand)]
pub enum ChildCommand {
    /// Run the reference load balancer on its own.
    ///
    /// docs/reference-load-balancer.md describes its config.
    #[command(name = "load-balancer", alias = LOAD_BALANCER)]
    LoadBalancer(load_balancer::cli::Args),
    /// Run the mock backends on their own.
    ///
    /// docs/mock-backends.md describes what they answer.
    #[command(name = "mock-backends", alias = MOCK_BACKENDS)]
    MockBackends(mock_backends::cli::Args),
    /// Run another program that ends when its parent ends.
    #[command(name = BECOME, hide = true)]
    Become(BecomeArgs),
}

/// A program and its arguments.
#[derive(Debug, clap::Args)]
pub struct BecomeArgs {
    /// The program, then its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl BecomeArgs {
    /// Replaces this process with the program. Returns only if the program cannot be started.
    fn main(&self) -> std::process::ExitCode {
        let [program, args @ ..] = self.command.as_slice() else { return std::process::ExitCode::FAILURE };
        // SIGTERM lets a program end its own child processes. The setting survives exec.
        #[cfg(target_os = "linux")]
        if let Err(error) =
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        {
            complain(format_args!("failed to watch for the end of the parent process: {error}"));
        }
        let error = std::process::Command::new(program).args(args).exec();
        complain(format_args!("failed to start `{}`: {error}", program.to_string_lossy()));
        std::process::ExitCode::FAILURE
    }
}

impl ChildCommand {
    /// Runs the subcommand until it is asked to stop. Child processes set up their own runtimes and logs.
    pub fn main(&self) -> std::process::ExitCode {
        match self {
            Self::LoadBalancer(args) => load_balancer::cli::main(args),
            Self::MockBackends(args) => mock_backends::cli::main(args),
            Self::Become(args) => args.main(),
        }
    }
}
