//! What a run plays, its results folder and its log.

use super::args::Cli;
use super::run_args::RunArgs;
use super::shared::command_line;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::RunFile;
use anyhow::anyhow;
use clap::CommandFactory;
use lb_config::{Loaded, Plan};
use lb_results::{Claim, ResultsFolder, run_id};
use std::fs::File;
use std::path::PathBuf;

/// What a run plays, and how it can be repeated.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The config.
    pub(super) loaded: Loaded,
    /// The plan that was made of it.
    pub(super) plan: Plan,
    /// The words that repeat the run, for its record.
    pub(super) command: Vec<String>,
    /// 0; another number gives simulated users other service times, as another night gives measured ones.
    pub(super) replication: u64,
}

/// Opens the folder of a new run, or of the run to resume. Returns the id of the run, the folder and the
/// claim to it.
pub(super) fn open(args: &RunArgs, plan: &Plan) -> Result<(String, ResultsFolder, Claim), Failure> {
    if let Some(path) = &args.resume {
        let file = RunFile::read(path).or_exit(ExitCode::Usage)?;
        let missing = || anyhow!("--resume: `{}` holds no run to resume (no run.json)", path.display());
        let file = file.ok_or_else(missing).or_exit(ExitCode::Usage)?;
        let (folder, claim) = ResultsFolder::claim(path).or_exit(ExitCode::Preflight)?;
        return Ok((file.run_id().to_owned(), folder, claim));
    }
    let run_id = run_id(plan.name());
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(&run_id));
    let (folder, claim) = ResultsFolder::claim_new(&path).or_exit(ExitCode::Preflight)?;
    Ok((run_id, folder, claim))
}

/// Sends the log of `bench` to the results folder, at the level set by `BENCH_LOG`.
pub(super) fn log_to(file: File) {
    crate::log_to(file, "BENCH_LOG");
    tracing::info!(version = Cli::command().get_version(), command = ?command_line(), "bench starts");
}
