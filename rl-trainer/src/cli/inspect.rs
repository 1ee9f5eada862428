//! `rl-train inspect`: what is in a trace, and whether a policy can be trained on it.

use crate::traces::inspect::{self, Report};
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// The data are there, but not fit for training.
const UNFIT: u8 = 5;
/// What was given cannot be read.
const USAGE: u8 = 2;

/// Says what is in a trace, and whether a policy can be trained on it.
///
/// Exit codes: 0 fit for training; 2 unreadable, or columns are missing; 5 readable, but not fit for
/// training (one action only, constant reward, too few experiences).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A Parquet trace, a folder of them, or an `rl_experiences.jsonl`.
    pub path: PathBuf,
    /// Write the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Inspects and prints.
///
/// # Errors
/// When standard output cannot take the report.
pub fn run(args: Args) -> Result<ExitCode> {
    let report = match inspect::inspect(&args.path) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(USAGE.into());
        }
    };
    print(&report, args.json)?;
    Ok(if report.fit_for_training { ExitCode::SUCCESS } else { UNFIT.into() })
}

fn print(report: &Report, json: bool) -> Result<()> {
    use std::io::Write;
    let text = match json {
        true => serde_json::to_string_pretty(report)? + "\n",
        false => inspect::render(report),
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
