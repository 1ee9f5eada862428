//! `rl-train export`: writes the policy file of a training run and checks it by loading it again.

use super::policies;
use crate::files::write_whole;
use anyhow::Context;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_core::policy::PolicyFile;
use std::fs;
use std::path::PathBuf;

/// Writes the policy of a training run to a file that load balancers can serve.
///
/// For an unfinished training, this is the best network so far on the validation set. Before the file is
/// written, it is checked as a load balancer would check it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Checkpoint, policy file, or folder of a training run or a whole run.
    #[arg(value_name = "CHECKPOINT_OR_RUN")]
    pub from: PathBuf,
    /// File to write the policy to.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Exports a policy.
///
/// # Errors
/// Fails if there is no valid policy, or the file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let file = policies::find(&args.from).or_exit(ExitCode::Usage)?;
    let bytes = file.to_bytes();
    PolicyFile::from_bytes(&bytes)
        .context("the exported policy cannot be served, so it was not written")
        .or_exit(ExitCode::Internal)?;
    write_whole(&args.out, &bytes).or_exit(ExitCode::Preflight)?;
    let written =
        fs::read(&args.out).with_context(|| format!("failed to read `{}` again", args.out.display()));
    let again = PolicyFile::from_bytes(&written.or_exit(ExitCode::Preflight)?)
        .with_context(|| format!("the contents of `{}` differ from what was written", args.out.display()))
        .or_exit(ExitCode::Preflight)?;
    lb_io::print(format_args!("policy: {} ({})", args.out.display(), again.short_hash()));
    Ok(ExitCode::Ok)
}
