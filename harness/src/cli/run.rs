//! `bench` without a command: a run of the experiment.

use super::args::{Cli, RunArgs};
use super::shared::{block_on, print, read_plan};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{self, Interrupt, Mode, RunOptions};
use crate::show::Progress;
use anyhow::anyhow;
use clap::CommandFactory;
use lb_analysis::threshold::Threshold;
use lb_config::Plan;
use lb_report::{render_summary, write_reports};
use lb_results::{ResultsFolder, run_id};
use std::fs::File;
use std::path::PathBuf;

pub(super) fn execute(args: &RunArgs) -> Result<ExitCode, Failure> {
    block_on(run(args, Mode::Compare))
}

/// Runs the experiment in the given mode; `--max-rate` asks for another one.
pub(super) async fn run(args: &RunArgs, mode: Mode) -> Result<ExitCode, Failure> {
    let (loaded, plan) = read_plan(&args.experiment)?;
    let mode = match &args.max_rate {
        Some(objective) => Mode::MaxRate(read_objective(objective)?),
        None => mode,
    };
    refuse_precision_of_one(&plan, &mode)?;
    let run_id = run_id(plan.name());
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(&run_id));
    let folder = ResultsFolder::create(&path).or_exit(ExitCode::Preflight)?;
    log_to(folder.create_log("bench.log").or_exit(ExitCode::Preflight)?);

    let interrupt = Interrupt::listen();
    let mut progress = Progress::new(args.quiet);
    let options = RunOptions {
        loaded: &loaded,
        run_id,
        folder: folder.clone(),
        record_actions: args.record_actions,
        record_requests: args.record_requests,
        traces: args.traces.then_some(args.exploration),
        accept_invalid: args.accept_invalid,
        oracles: !args.no_oracles,
        luck: 0,
        mode,
    };
    let (summary, failure) = experiment::run(&plan, options, &interrupt, &mut progress).await?;
    print(&render_summary(&summary));
    let reports = write_reports(&folder, &summary, &args.report).or_exit(ExitCode::Preflight);
    print(&format!("results: {}", path.display()));
    if let Some(failure) = failure {
        return Err(failure);
    }
    for report in reports? {
        print(&format!("report: {}", report.display()));
    }
    Ok(match summary.thresholds.iter().all(|threshold| threshold.ok) {
        _ if summary.interrupted => ExitCode::Interrupted,
        true => ExitCode::Ok,
        false => ExitCode::Threshold,
    })
}

/// A precision is that of a difference, which takes two algorithms.
fn refuse_precision_of_one(plan: &Plan, mode: &Mode) -> Result<(), Failure> {
    let single = plan.scenarios().iter().all(|scenario| scenario.algorithms().len() < 2);
    match (plan.precision(), mode) {
        (Some(precision), Mode::Compare) if single => Err(anyhow!(
            "--precision = {precision}: is about the difference of two algorithms, and one runs; give more \
             --algorithms, or --repetitions in its place"
        ))
        .or_exit(ExitCode::Usage),
        _ => Ok(()),
    }
}

/// Reads an objective such as `p(95)<200,rate<0.01`: rates are of failed requests, all else is latency.
fn read_objective(text: &str) -> Result<Vec<Threshold>, Failure> {
    let rule = |expression: &str| {
        let failures = expression.trim_start().starts_with("rate");
        Threshold::new(if failures { "http_req_failed" } else { "http_req_duration" }, expression)
    };
    let rules: Result<Vec<Threshold>, _> = text.split(',').map(rule).collect();
    rules.map_err(|error| anyhow!("--max-rate: {error}")).or_exit(ExitCode::Usage)
}

/// Sends the log of `bench` to the results folder, at the level that `BENCH_LOG` names.
fn log_to(file: File) {
    crate::log_to(file, "BENCH_LOG");
    tracing::info!(version = Cli::command().get_version(), command = ?std::env::args().collect::<Vec<_>>(), "bench starts");
}
