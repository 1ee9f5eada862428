//! `rl-train export`: writes the policy file of a training run and checks it by loading it again; and its network as an
//! ONNX model.

use super::policies;
use crate::files::write_whole;
use crate::onnx;
use anyhow::Context;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_core::policy::PolicyFile;
use lb_core::profile::PoolProfile;
use std::fs;
use std::path::{Path, PathBuf};

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
    #[arg(long, value_name = "FILE", required_unless_present = "onnx")]
    pub out: Option<PathBuf>,
    /// File to write the policy's network to, as an ONNX model (opset 17) for other runtimes. Its inputs are the features
    /// and priors of backends, its output their scores.
    #[arg(long, value_name = "FILE", required_unless_present = "out")]
    pub onnx: Option<PathBuf>,
    /// Put the profile of a pool into the policy, as `rl-train calibrate --profile` writes it; it replaces an earlier one.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
}

/// Exports a policy.
///
/// # Errors
/// Fails if there is no valid policy, the profile is not sound, or the file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut file = policies::find(&args.from).or_exit(ExitCode::Usage)?;
    if let Some(path) = &args.profile {
        file.profile = Some(read_profile(path).or_exit(ExitCode::Usage)?);
    }
    let bytes = file.to_bytes();
    PolicyFile::from_bytes(&bytes)
        .context("the exported policy cannot be served, so it was not written")
        .or_exit(ExitCode::Internal)?;
    if let Some(path) = &args.out {
        write_policy(path, &bytes)?;
    }
    if let Some(path) = &args.onnx {
        write_whole(path, &onnx::encode(&file)).or_exit(ExitCode::Preflight)?;
        lb_io::print(format_args!("ONNX model: {} ({})", path.display(), file.short_hash()));
    }
    Ok(ExitCode::Ok)
}

/// Writes a policy file, and loads it again.
fn write_policy(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_whole(path, bytes).or_exit(ExitCode::Preflight)?;
    let written = fs::read(path).with_context(|| format!("failed to read `{}` again", path.display()));
    let again = PolicyFile::from_bytes(&written.or_exit(ExitCode::Preflight)?)
        .with_context(|| format!("the contents of `{}` differ from what was written", path.display()))
        .or_exit(ExitCode::Preflight)?;
    let profile = again.profile.as_ref().map_or_else(String::new, |profile| {
        format!(", with the profile of a pool of {}", profile.backends.len())
    });
    lb_io::print(format_args!("policy: {} ({}{profile})", path.display(), again.short_hash()));
    Ok(())
}

fn read_profile(path: &Path) -> anyhow::Result<PoolProfile> {
    let shown = path.display();
    let bytes = lb_io::read(path, PoolProfile::LONGEST).with_context(|| {
        format!(
            "--profile {shown}: failed to read the file; write one with `rl-train calibrate --profile FILE`"
        )
    })?;
    let text =
        String::from_utf8(bytes).with_context(|| format!("--profile {shown}: the file is not text"))?;
    PoolProfile::parse(&text).with_context(|| format!("--profile {shown}"))
}
