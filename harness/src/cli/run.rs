//! `bench` without a command: a run of the experiment.

use super::args::{Cli, RunArgs};
use super::shared::{block_on, listen, read_plan};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{self, Ended, Event, Mode, Observe, RunOptions};
use crate::show::{EventFile, Progress};
use anyhow::anyhow;
use clap::CommandFactory;
use lb_analysis::threshold::Threshold;
use lb_config::Plan;
use lb_report::write_reports;
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

    let interrupt = listen();
    let progress = Progress::new(args.quiet);
    let events = args.events.as_deref().map(EventFile::create).transpose().or_exit(ExitCode::Preflight)?;
    let mut observers: Vec<&dyn Observe> = vec![&progress];
    observers.extend(events.as_ref().map(|file| file as &dyn Observe));
    let options = RunOptions {
        loaded: &loaded,
        command: std::env::args().collect(),
        run_id,
        folder: folder.clone(),
        record_actions: args.record_actions,
        record_requests: args.record_requests,
        traces: args.traces.then_some(args.exploration),
        accept_invalid: args.accept_invalid,
        oracles: !args.no_oracles,
        replication: 0,
        mode,
    };
    let experiment::Run { summary, ended } = experiment::run(&plan, options, &interrupt, &observers).await?;
    let reports = write_reports(&folder, &summary, &args.report).or_exit(ExitCode::Preflight);
    if let Ended::Failed(error) = ended {
        return Err(error.into());
    }
    for report in reports? {
        observers.observe(&Event::ReportWritten { path: report.display().to_string() });
    }
    events.map_or(Ok(()), EventFile::finish).or_exit(ExitCode::Preflight)?;
    Ok(match summary.thresholds.iter().all(|threshold| threshold.ok) {
        _ if matches!(ended, Ended::Interrupted) => ExitCode::Interrupted,
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
