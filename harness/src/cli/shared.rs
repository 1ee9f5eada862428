//! What several commands need: a plan, a runtime, and places to write to.

use super::args::ConfigArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::Interrupt;
use anyhow::Context as _;
use lb_config::{Loaded, Plan};
use std::path::Path;

/// Reads the config that the command line names, and makes its plan.
pub(super) fn read_plan(args: &ConfigArgs) -> Result<(Loaded, Plan), Failure> {
    let loaded = lb_config::load(&args.config).or_exit(ExitCode::Usage)?;
    let plan = lb_config::plan(&loaded, &args.overrides).or_exit(ExitCode::Usage)?;
    Ok((loaded, plan))
}

/// Runs `work` to its end. The orchestrator needs one thread: load runs on threads of its own, and all else
/// waits.
pub(super) fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(ExitCode::Internal)?;
    runtime.block_on(work)
}

/// Prints to standard output. A reader that went away (`bench plan | head`) is not an error.
pub(super) fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

/// Listens for Ctrl-C: the first one ends the trial in order and keeps what is complete, the second one ends `bench`
/// at once (children end with it, since their standard input closes).
pub(super) fn listen() -> Interrupt {
    let first =
        || eprintln!("interrupted: ending the trial, keeping what is complete (press again to end at once)");
    Interrupt::listen(first, || std::process::exit(ExitCode::Interrupted as i32))
}

/// Writes `value` as JSON to a file that the user named with `--json`.
pub(super) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(value).or_exit(ExitCode::Internal)?;
    std::fs::write(path, text)
        .with_context(|| format!("failed to write `{}`; give another path with --json", path.display()))
        .or_exit(ExitCode::Preflight)
}
