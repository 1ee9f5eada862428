//! `rl-train inspect`: describes a trace and whether a policy can be trained on it.

use crate::traces::inspect::{self, Report};
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code if the data are readable, but not fit for training.
const UNFIT: u8 = 5;
/// Exit code if the trace cannot be read.
const USAGE: u8 = 2;

/// Shows what a trace contains and whether a policy can be trained on it.
///
/// Exit codes: 0 fit for training; 2 unreadable, or columns are missing; 5 readable, but not fit for training
/// (a single action, a constant reward, or too few experiences).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Parquet trace, folder of such traces, or `rl_experiences.jsonl` file.
    pub path: PathBuf,
    /// Write the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Inspects a trace and prints the report.
///
/// # Errors
/// Fails if the report cannot be written as JSON.
pub fn run(args: Args) -> Result<ExitCode> {
    let report = match inspect::inspect(&args.path) {
        Ok(report) => report,
        Err(error) => {
            lb_io::complain(format_args!("error: {error}"));
            return Ok(USAGE.into());
        }
    };
    print(&report, args.json)?;
    Ok(if report.fit_for_training { ExitCode::SUCCESS } else { UNFIT.into() })
}

fn print(report: &Report, json: bool) -> Result<()> {
    let text = match json {
        true => serde_json::to_string_pretty(report)?,
        false => inspect::render(report),
    };
    lb_io::print(text.trim_end());
    Ok(())
}
