//! What a binary does when it is its own child: a load balancer, the backends, or another program. Part of the
//! binaries and not of the libraries below them, so it may print.

use crate::testbed::child::{BECOME, LOAD_BALANCER, MOCK_BACKENDS};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;

/// The hidden subcommands by which a program that drives the embedded target is its own load balancer and
/// backends. A binary that starts a [`Child`](crate::testbed::Child) must accept them.
#[derive(Debug, clap::Subcommand)]
pub enum ChildCommand {
    /// Run the reference load balancer.
    #[command(name = LOAD_BALANCER, hide = true)]
    LoadBalancer(load_balancer::cli::Args),
    /// Run the mock backends.
    #[command(name = MOCK_BACKENDS, hide = true)]
    MockBackends(mock_backends::cli::Args),
    /// Become another program that ends with its parent.
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
    /// Returns only when the program cannot be started.
    fn main(&self) -> std::process::ExitCode {
        let [program, args @ ..] = self.command.as_slice() else { return std::process::ExitCode::FAILURE };
        // SIGTERM, so that a program with processes of its own can end them. The setting outlives exec.
        #[cfg(target_os = "linux")]
        if let Err(error) =
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        {
            eprintln!("failed to watch for the end of the parent process: {error}");
        }
        let error = std::process::Command::new(program).args(args).exec();
        eprintln!("failed to start `{}`: {error}", program.to_string_lossy());
        std::process::ExitCode::FAILURE
    }
}

impl ChildCommand {
    /// Serves until it is asked to stop. Children bring their own runtimes and logs.
    pub fn main(&self) -> std::process::ExitCode {
        match self {
            Self::LoadBalancer(args) => load_balancer::cli::main(args),
            Self::MockBackends(args) => mock_backends::cli::main(args),
            Self::Become(args) => args.main(),
        }
    }
}
