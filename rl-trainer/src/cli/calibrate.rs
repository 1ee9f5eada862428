//! `rl-train calibrate`: fits the simulator to traces and checks the fit on policies that were held back.

use crate::measure::in_parallel;
use crate::traces::{Traces, clock};
use anyhow::{Context, Result};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use lb_calibration::{Calibration, FittedTraces, Resolution, Tolerance, Verdict, cross_check, profile};
use lb_core::profile::PoolProfile;
use lb_core::{Seed, with_causes};
use serde::Serialize;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code if the predictions miss the logged values.
const MISSED: u8 = 5;
/// Exit code if the traces cannot be read or fitted.
const USAGE: u8 = 2;

/// Fits the simulator to traces: a topology, and the load.
///
/// Each logged policy is then predicted from a fit to all the others. The fit is rejected if mean latency is
/// off by more than 10 % or p99 by more than 20 %, plus the random variation of a log of this length.
///
/// Exit codes: 0 the fit was checked and written; 2 the traces cannot be read or hold too few requests; 5 the
/// predictions are off, or too few policies were logged to check them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Parquet trace written by `bench --traces`, or a folder of such traces.
    pub path: PathBuf,
    /// File to write the topology to; the load is written next to it, with the extension `.load.json`.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Also write a profile of the pool: speeds, workers and costs of routes with their errors, for policies.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Fit the pool that contains this backend, if the traces hold several pools.
    #[arg(long, value_name = "BACKEND")]
    pub pool_of: Option<String>,
    /// Hold these policies back from the fit and predict them, instead of each policy in turn.
    #[arg(long, value_name = "POLICY")]
    pub hold_back: Vec<String>,
    /// Minimum number of policies to predict.
    #[arg(long, value_name = "N", default_value_t = Tolerance::default().policies)]
    pub policies: usize,
    /// Write the fit even if its predictions are off. The exit code is still 5.
    #[arg(long)]
    pub keep: bool,
    /// Write the fit and the verdict to standard output as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The document that `--json` writes.
#[derive(Serialize)]
struct Document<'a> {
    topology: &'a lb_core::topology::Topology,
    load: &'a lb_calibration::Load,
    overhead_us: u64,
    overhead_source: lb_calibration::OverheadSource,
    backends: &'a [lb_calibration::BackendEvidence],
    verdict: &'a Verdict,
    passed: bool,
}

/// Fits the simulator, checks the fit, and prints and writes the results.
///
/// # Errors
/// Fails if the fit cannot be written.
pub fn run(args: Args) -> Result<ExitCode> {
    let Checked { fitted, verdict } = match fit_and_check(&args) {
        Ok(checked) => checked,
        Err(error) => {
            lb_io::complain(format_args!("error: {}", with_causes(error.as_ref())));
            return Ok(USAGE.into());
        }
    };
    let calibration = fitted.calibration();
    let passed = verdict.passed();
    if args.json {
        let document = Document {
            topology: &calibration.topology,
            load: &calibration.load,
            overhead_us: calibration.overhead.as_micros(),
            overhead_source: calibration.overhead_source,
            backends: &calibration.backends,
            verdict: &verdict,
            passed,
        };
        lb_io::print(serde_json::to_string_pretty(&document)?);
    } else {
        lb_io::print(render(calibration, &verdict).trim_end());
    }
    for refusal in verdict.refusals() {
        lb_io::complain(format_args!("error: the fit was rejected: {refusal}"));
    }
    if passed || args.keep {
        let load = args.out.with_extension("load.json");
        write(&args.out, &calibration.topology)?;
        write(&load, &calibration.load)?;
        lb_io::complain(format_args!("wrote {} and {}", args.out.display(), load.display()));
        if let Some(path) = &args.profile {
            write(path, &profile_of(&fitted))?;
            lb_io::complain(format_args!("wrote {}", path.display()));
        }
    }
    Ok(if passed { ExitCode::SUCCESS } else { MISSED.into() })
}

/// Number of variations of the fit from which errors are estimated, to a sixth.
const VARIATIONS: u64 = 24;

/// A fit with its check.
struct Checked {
    fitted: FittedTraces,
    verdict: Verdict,
}

fn fit_and_check(args: &Args) -> Result<Checked> {
    for (problem, advice) in clock::clock(&args.path)?.problems() {
        lb_io::complain(format_args!("note: {problem}; {advice}"));
    }
    let traces = Traces::read(&args.path, args.pool_of.as_deref())?;
    let tolerance = Tolerance { policies: args.policies, ..Tolerance::default() };
    if args.hold_back.is_empty() {
        let fitted = FittedTraces::new(&traces, Resolution::default())?;
        return Ok(Checked { fitted, verdict: cross_check(&traces, tolerance)? });
    }
    let known = traces.policies();
    if let Some(unknown) = args.hold_back.iter().find(|name| !known.contains(&name.as_str())) {
        anyhow::bail!("--hold-back: the traces have no policy `{unknown}`; they have {}", known.join(", "));
    }
    let is_held_back = |name: &str| args.hold_back.iter().any(|other| other == name);
    let fitted = FittedTraces::new(&traces.only(|name| !is_held_back(name)), Resolution::default())
        .context("failed to fit the traces without the policies that were held back")?;
    let verdict = fitted.calibration().check(&traces.only(is_held_back), tolerance);
    Ok(Checked { fitted, verdict })
}

fn profile_of(fitted: &FittedTraces) -> PoolProfile {
    let numbers: Vec<u64> = (0..VARIATIONS).collect();
    let variations = in_parallel(&numbers, |number| fitted.variation(Seed(*number)));
    let calibration = fitted.calibration();
    profile(calibration, &variations, &calibration.topology.description)
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    // Written to a temporary file and renamed, so that a reader never sees a partial file.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .with_context(|| format!("failed to write `{}`", path.display()))
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn render(calibration: &Calibration, verdict: &Verdict) -> String {
    let mut out = String::new();
    let mut backends = table(&["backend", "workers", "discipline", "queue", "speed", "timed", "F"]);
    let specs = calibration.topology.pools.iter().flat_map(|pool| &pool.backends);
    for (spec, evidence) in specs.zip(&calibration.backends) {
        let sure =
            |value: String, is_sure: bool| right(if is_sure { value } else { format!("{value} (assumed)") });
        backends.add_row([
            Cell::new(&spec.id),
            sure(spec.workers.to_string(), evidence.saturated),
            Cell::new(match spec.discipline {
                lb_core::topology::Discipline::Fcfs => "first come, first served",
                lb_core::topology::Discipline::ProcessorSharing => "processor sharing",
            }),
            sure(spec.queue_cap.to_string(), evidence.queue_was_full),
            right(format!("{:.3}", spec.speed)),
            right(evidence.timed),
            right(format!("{:.2}", evidence.f_ratio)),
        ]);
    }
    let _ = writeln!(out, "{}\n{backends}", calibration.topology.description);
    let _ = writeln!(
        out,
        "{} routes, mean service {:.2} ms, overhead {} us, {} faults, {:.1} requests/s",
        calibration.topology.routes.len().max(1),
        calibration.topology.service_time.mean_ms(),
        calibration.overhead.as_micros(),
        calibration.topology.faults.len(),
        calibration.load.rate,
    );
    let mut checks = table(&[
        "policy",
        "requests",
        "mean logged",
        "predicted",
        "p99 logged",
        "predicted",
        "failed",
        "predicted",
        "",
    ]);
    for check in &verdict.checks {
        let [mean, predicted_mean] = check.mean_ms.map(|value| right(format!("{value:.2} ms")));
        let [p99, predicted_p99] = check.p99_ms.map(|value| right(format!("{value:.2} ms")));
        let [failed, predicted_failed] = check.failed.map(|share| right(format!("{:.2} %", share * 100.0)));
        let word = Cell::new(if check.misses.is_empty() { "ok" } else { "MISSED" });
        let requests = right(check.requests);
        let policy = Cell::new(&check.policy);
        checks.add_row([
            policy,
            requests,
            mean,
            predicted_mean,
            p99,
            predicted_p99,
            failed,
            predicted_failed,
            word,
        ]);
    }
    let _ = writeln!(out, "{checks}");
    for skipped in &verdict.skipped {
        let _ = writeln!(out, "not predicted: `{}`: {}", skipped.policy, skipped.reason);
    }
    out
}
