//! `bench inspect-costs`: says how much of the cost of requests is told by what they say.

use super::shared::{print, print_json};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::render_costs;
use anyhow::{Context as _, anyhow};
use clap::Args;
use lb_calibration::Resolution;
use lb_calibration::costs::inspect;
use lb_calibration::log::{Gatherer, Maker};
use lb_core::hints::Reader;
use lb_io::complain;
use lb_recording::{Entries, ReadOptions};
use lb_traces::read::Traces;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The flags of `bench inspect-costs`.
#[derive(Clone, Debug, Args)]
pub struct InspectCostsArgs {
    /// A trace, a folder of traces, or access logs of one load balancer.
    ///
    /// Traces come from `bench --traces` or from the load balancer. Logs are those that `bench what-if` reads; `-` is
    /// standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Take the pool of this backend, if there are several.
    #[arg(long, value_name = "BACKEND", help_heading = "Inspection")]
    pub pool_of: Option<String>,
    /// Header of access logs to look at, such as `x-batch-size`; at most 4.
    ///
    /// Few logs have headers. Traces have those that the load balancer was told to read, in `hints.headers`. Headers that
    /// hold secrets are refused unless written as `hash:NAME`.
    #[arg(long, value_name = "NAME", help_heading = "Inspection")]
    pub header: Vec<String>,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

pub(super) fn execute(args: &InspectCostsArgs) -> Result<ExitCode, Failure> {
    let (traces, resolution) = match args.paths.as_slice() {
        [path] if is_trace(path) => (read_traces(args, path)?, Resolution::default()),
        _ => read_logs(args)?,
    };
    let report = inspect(&traces, resolution).or_exit(ExitCode::Usage)?;
    match args.json {
        true => print_json(&report)?,
        false => print(&render_costs(&report)),
    }
    Ok(ExitCode::Ok)
}

/// Returns whether a path is a folder or a Parquet file, as traces are.
fn is_trace(path: &Path) -> bool {
    let is_parquet = || -> std::io::Result<bool> {
        let mut mark = [0; 4];
        lb_io::open(path)?.read_exact(&mut mark)?;
        Ok(&mark == b"PAR1")
    };
    path.is_dir() || (path.is_file() && is_parquet().unwrap_or(false))
}

fn read_traces(args: &InspectCostsArgs, path: &Path) -> Result<Traces, Failure> {
    if !args.header.is_empty() {
        return Err(anyhow!(
            "`--header` is for access logs; traces have the headers that the load balancer reads: list them in its config \
             as `hints.headers`, and record again"
        ))
        .or_exit(ExitCode::Usage);
    }
    Traces::read(path, args.pool_of.as_deref()).or_exit(ExitCode::Usage)
}

fn read_logs(args: &InspectCostsArgs) -> Result<(Traces, Resolution), Failure> {
    if let Some(path) = args.paths.iter().find(|path| is_trace(path)) {
        let problem = "is a trace or a folder; give traces alone, and logs as files";
        return Err(anyhow!("`{}` {problem}", path.display())).or_exit(ExitCode::Usage);
    }
    let reader = Reader::new(&args.header).context("failed to use --header").or_exit(ExitCode::Usage)?;
    let options = ReadOptions { unsorted: true, ..ReadOptions::default() };
    let mut entries = Entries::open(&args.paths, options).or_exit(ExitCode::Usage)?;
    let mut gatherer = Gatherer::of(Maker::of(entries.formats())).listening(reader);
    for entry in entries.by_ref() {
        gatherer.take(&entry);
    }
    entries.finish().or_exit(ExitCode::Usage)?;
    for note in entries.notes() {
        complain(format_args!("note: {note}"));
    }
    let names: Vec<String> = args.paths.iter().map(|path| format!("`{}`", path.display())).collect();
    let log = gatherer.finish(args.pool_of.as_deref());
    let log = log.with_context(|| format!("failed to use {}", names.join(", "))).or_exit(ExitCode::Usage)?;
    for note in &log.notes {
        complain(format_args!("note: {note}"));
    }
    Ok((log.traces, log.resolution))
}
