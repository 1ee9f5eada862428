//! `--workers` and `bench worker`: load that processes on other machines play. Both start `bench-workers`, which is `bench`
//! with NATS, so that `bench` itself is built without it.

use super::args::{Cli, Command};
use super::program::Program;
use super::run_args::RunArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{Fleet, Interrupt, Mode, RunError};
use anyhow::{Context as _, anyhow};
use clap::Args;
use lb_config::values::duration;
use lb_config::{Engine, Plan};
use lb_core::plain;
use lb_io::complain;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const PROGRAM: Program = Program { name: "bench-workers", package: "lb-workers" };

/// How many workers a leader waits for, beside its own flag `--workers`.
#[derive(Clone, Debug, Args)]
pub struct MusterArgs {
    /// Number of workers to wait for.
    #[arg(
        long,
        value_name = "N",
        requires = "workers",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Workers"
    )]
    pub expect_workers: u32,
    /// Longest wait for the workers, such as `30s`.
    #[arg(
        long,
        value_name = "TIME",
        requires = "workers",
        value_parser = duration,
        allow_hyphen_values = true,
        default_value = "60s",
        help_heading = "Workers"
    )]
    pub workers_wait: Duration,
}

/// The flags of a run whose load workers play.
#[derive(Clone, Debug, Args)]
pub struct WorkersArgs {
    /// Let workers that are found through this NATS server play the load.
    ///
    /// Such as `nats://127.0.0.1:4222`, or `nats://HOST:4222/NAME` to use workers of that name. Start them with `bench
    /// worker --join` and the same URL. docs/scale.md describes how the load is dealt out.
    #[arg(long, value_name = "URL", help_heading = "Workers")]
    pub workers: Option<String>,
    /// How many workers to wait for, and how long.
    #[command(flatten)]
    pub muster: MusterArgs,
    /// How late after the common start a worker may begin, such as `10ms`.
    ///
    /// The start of each worker and the drift of its clock are measured on the leader's clock. A trial in which one is
    /// further off is invalid.
    #[arg(
        long,
        value_name = "TIME",
        requires = "workers",
        value_parser = duration,
        allow_hyphen_values = true,
        default_value = "10ms",
        help_heading = "Workers"
    )]
    pub max_skew: Duration,
    /// The workers themselves, which `bench-workers` puts here.
    #[arg(skip)]
    pub fleet: OnceLock<Arc<dyn Fleet>>,
}

/// The flags of `bench worker`.
#[derive(Clone, Debug, Args)]
pub struct WorkerArgs {
    /// NATS server on which leaders look for workers.
    ///
    /// Such as `nats://127.0.0.1:4222`, or `nats://HOST:4222/NAME` to work only for leaders that use this name, too.
    #[arg(long, value_name = "URL", help_heading = "Workers")]
    pub join: String,
    /// Number of threads that send load [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Workers")]
    pub threads: Option<u16>,
    /// Name in results [default: the host and the number of the process].
    #[arg(long, value_name = "NAME", help_heading = "Workers")]
    pub name: Option<String>,
    /// End after one run, as a Kubernetes Job should.
    #[arg(long, help_heading = "Workers")]
    pub once: bool,
}

/// Gives the workers to the run that the command line asks for, if it asks for workers.
///
/// # Errors
/// `find` does not find a way to them.
pub fn give_workers(
    cli: &Cli,
    find: impl FnOnce(&WorkersArgs) -> Result<Arc<dyn Fleet>, Failure>,
) -> Result<(), Failure> {
    if let Some(run) = run_of(cli).filter(|run| run.workers.workers.is_some()) {
        let found = find(&run.workers)?;
        run.workers.fleet.get_or_init(|| found);
    }
    Ok(())
}

/// Returns whether the command line asks for what only `bench-workers` can do.
pub(super) fn need_program(cli: &Cli) -> bool {
    run_of(cli).is_some_and(|run| run.workers.workers.is_some() && run.workers.fleet.get().is_none())
}

/// Returns the flags of the run, if the command is one whose load workers can play.
fn run_of(cli: &Cli) -> Option<&RunArgs> {
    match &cli.command {
        None => Some(&cli.run),
        Some(Command::Aa(args)) => Some(&args.run),
        Some(Command::Pack(args)) => Some(&args.run),
        Some(Command::Suite(args)) => Some(&args.run),
        Some(_) => None,
    }
}

/// Hands over to `bench-workers`, with the same words.
pub(super) fn hand_over() -> Result<ExitCode, Failure> {
    PROGRAM.become_it(std::env::args_os().skip(1))
}

impl WorkersArgs {
    /// Refuses workers where they cannot play the load.
    pub(super) fn refuse_elsewhere(&self, what: &str) -> Result<(), Failure> {
        match self.workers {
            Some(_) => Err(anyhow!("--workers: {what} plays its load in one process; leave out --workers"))
                .or_exit(ExitCode::Usage),
            None => Ok(()),
        }
    }

    /// Finds the workers, if they play the load. Nothing was written before.
    pub(super) async fn muster(
        &self,
        args: &RunArgs,
        plan: &Plan,
        mode: &Mode,
        interrupt: &Interrupt,
    ) -> Result<Option<Arc<dyn Fleet>>, Failure> {
        let Some(fleet) = self.fleet.get() else {
            self.refuse_elsewhere("this command")?;
            return Ok(None);
        };
        refuse(args, plan, mode)?;
        let (finding, stop, quiet) = (Arc::clone(fleet), interrupt.flag(), args.quiet);
        let found = tokio::task::spawn_blocking(move || {
            finding.muster(&stop, &|text| {
                if !quiet {
                    complain(plain::lines(&text));
                }
            })
        });
        let found = found.await.context("failed to look for workers").or_exit(ExitCode::Internal)?;
        found.map_err(RunError::Fleet)?;
        Ok(Some(Arc::clone(fleet)))
    }
}

/// Refuses what needs each request or a load in this process.
fn refuse(args: &RunArgs, plan: &Plan, mode: &Mode) -> Result<(), Failure> {
    let problem = if plan.engine() == Some(Engine::Sim) {
        "--workers: a simulation sends no load; leave out --workers or --engine sim"
    } else if args.record_requests {
        "--record-requests: workers send records of seconds, not of each request; leave out --record-requests or --workers"
    } else if plan.slow().is_some() {
        "--slow: workers send records of seconds, not of each request; leave out --slow (`bench.slow_s`) or --workers"
    } else if matches!(mode, Mode::MaxRate(_)) {
        "--max-rate: a search for rates plays its load in one process; leave out --workers"
    } else {
        return Ok(());
    };
    Err(anyhow!(problem)).or_exit(ExitCode::Usage)
}
