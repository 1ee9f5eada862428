//! `bench what-if`: predicts what other algorithms would have done with the requests of an access log.

use super::shared::{print, print_json};
use super::what_if_args::WhatIfArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::{WhatIfDocument, render_fit, render_prediction};
use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use lb_calibration::log::{AccessLog, Gatherer, Maker};
use lb_calibration::what_if::{FittedLog, WhatIf};
use lb_calibration::{Calibration, Tolerance};
use lb_core::{Algorithm, Seed};
use lb_io::complain;
use lb_recording::{Entries, ReadOptions};
use std::path::Path;

/// Steps of the progress bar.
const STEPS: u64 = 1_000;

pub(super) fn execute(args: &WhatIfArgs) -> Result<ExitCode, Failure> {
    let log = read(args)?;
    if args.server_weight.is_some() && log.maker != Maker::Haproxy {
        return Err(anyhow!("`--server-weight` is for logs of HAProxy, and this is none; leave it out"))
            .or_exit(ExitCode::Usage);
    }
    complain(format_args!("fitting {} backends to {} requests", log.names.len(), log.requests.len()));
    let fitted = FittedLog::new(&log, args.routing).or_exit(ExitCode::Usage)?;
    let check = fitted.check(Tolerance::default()).or_exit(ExitCode::Usage)?;
    let misfit = !check.refusals().is_empty();
    if !args.json {
        print(&render_fit(&log, &fitted, &check));
    }
    for refusal in check.refusals() {
        complain(format_args!("error: the fit does not predict the end of the log: {refusal}"));
    }
    if misfit && !args.accept_misfit {
        complain(
            "nothing is predicted; give a longer log, or one without changes to the backends, or see what comes out \
             all the same with --accept-misfit",
        );
        return Ok(ExitCode::InvalidTrials);
    }
    let what_if = WhatIf {
        algorithms: if args.algorithms.is_empty() { untrained() } else { args.algorithms.clone() },
        scale: args.scale,
        kills: args.kill.clone(),
        primary: args.primary_metric.into(),
        seed: Seed(args.seed),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let bar = ProgressBar::new(STEPS);
    if let Ok(style) = ProgressStyle::with_template("simulating {wide_bar} {percent} % ({eta} left)") {
        bar.set_style(style);
    }
    let progress = |done: f64| bar.set_position((done * STEPS as f64) as u64);
    let prediction = fitted.predict(&what_if, &progress).or_exit(ExitCode::Usage)?;
    bar.finish_and_clear();
    let document = WhatIfDocument::new(&log, &fitted, &check, &what_if, args.margin, &prediction);
    if args.json {
        print_json(&document)?;
    } else {
        print(&render_prediction(&document));
    }
    if let Some(path) = &args.topology_out {
        write_topology(path, fitted.calibration())?;
    }
    Ok(if misfit { ExitCode::InvalidTrials } else { ExitCode::Ok })
}

/// Reads the access logs.
fn read(args: &WhatIfArgs) -> Result<AccessLog, Failure> {
    // Logs are written when requests end, and the gatherer sorts them whatever their latency.
    let options = ReadOptions { unsorted: true, ..ReadOptions::default() };
    let mut entries = Entries::open(&args.files, options).or_exit(ExitCode::Usage)?;
    let mut gatherer = Gatherer::of(Maker::of(entries.formats()));
    for entry in entries.by_ref() {
        gatherer.take(&entry);
    }
    entries.finish().or_exit(ExitCode::Usage)?;
    for note in entries.notes() {
        complain(format_args!("note: {note}"));
    }
    let names: Vec<String> = args.files.iter().map(|file| format!("`{}`", file.display())).collect();
    let log = gatherer.finish(args.pool_of.as_deref());
    let mut log =
        log.with_context(|| format!("failed to use {}", names.join(", "))).or_exit(ExitCode::Usage)?;
    log.server_weight = args.server_weight.unwrap_or(log.server_weight);
    Ok(log)
}

/// Returns all algorithms that need no training.
fn untrained() -> Vec<Algorithm> {
    let all = Algorithm::table().iter().map(|entry| Algorithm::plain(entry.rule));
    all.filter(|algorithm| algorithm.policy().is_ok()).collect()
}

/// Writes the fitted topology, and the load beside it.
fn write_topology(path: &Path, calibration: &Calibration) -> Result<(), Failure> {
    let load = path.with_extension("load.json");
    write(path, &calibration.topology)?;
    write(&load, &calibration.load)?;
    complain(format_args!("wrote {} and {}", path.display(), load.display()));
    Ok(())
}

fn write(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).or_exit(ExitCode::Internal)? + "\n";
    std::fs::write(path, text)
        .with_context(|| {
            format!("failed to write `{}`; give another path with --topology-out", path.display())
        })
        .or_exit(ExitCode::Preflight)
}
