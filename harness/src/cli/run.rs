//! `bench` without a command: runs the experiment.

use super::history::Recording;
use super::job::{Job, log_to, open};
use super::run_args::RunArgs;
use super::serve_load;
use super::shared::{block_on, command_line, detail, listen_saying, print_more, read_plan};
use super::steered::{Steered, steered};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{self, Ended, Event, Interrupt, Mode, Observe, RunOptions};
use crate::show::{EventFile, Progress};
use anyhow::anyhow;
use lb_analysis::threshold::Threshold;
use lb_config::Plan;
use lb_report::parts::percent;
use lb_report::write_reports;
use lb_results::ThresholdResult;
use std::path::PathBuf;

/// What the first signal says: complete trials are kept.
pub(super) const STOPPING: &str =
    "interrupted: stopping the trial, keeping complete ones (press again to quit at once)";

pub(super) fn execute(args: &RunArgs) -> Result<ExitCode, Failure> {
    block_on(run(args, Mode::Compare))
}

/// How a run that could begin and did not fail came out.
pub(super) struct Outcome {
    /// The exit code of `bench`, if it runs nothing else.
    pub(super) code: ExitCode,
    /// The thresholds that did not hold, each with its scenario and algorithm.
    pub(super) missed: Vec<ThresholdResult>,
    /// The results folder of an experiment.
    pub(super) folder: Option<PathBuf>,
}

/// Runs the experiment in the given mode, or searches for rates if `--max-rate` is given.
pub(super) async fn run(args: &RunArgs, mode: Mode) -> Result<ExitCode, Failure> {
    let (loaded, plan) = read_plan(&args.experiment)?;
    let job = Job { loaded, plan, command: command_line(), replication: 0 };
    run_alone(args, &job, mode).await
}

/// Runs a job that is no part of a suite, and takes commands meanwhile if a flag says so.
pub(super) async fn run_alone(args: &RunArgs, job: &Job, mode: Mode) -> Result<ExitCode, Failure> {
    let stopping = if job.plan.is_endless() { serve_load::STOPPING } else { STOPPING };
    steered(args.steer, stopping, async |steered| Ok(run_job(args, job, mode, None, steered).await?.code))
        .await
}

/// Runs a job with the flags of `args` that no plan contains. `interrupt` ends it early; `None` listens for signals from
/// the moment at which results are kept. `steered` takes commands, if anything does.
pub(super) async fn run_job(
    args: &RunArgs,
    job: &Job,
    mode: Mode,
    interrupt: Option<&Interrupt>,
    steered: Option<&Steered>,
) -> Result<Outcome, Failure> {
    let Job { loaded, plan, command, replication } = job;
    if plan.is_endless() {
        serve_load::refuse_mode(&mode)?;
        let code = serve_load::serve(args, job, None, steered).await?;
        return Ok(Outcome { code, missed: Vec::new(), folder: None });
    }
    args.live.refuse_without_end()?;
    let mode = match &args.max_rate {
        Some(objective) => Mode::MaxRate(read_objective(objective)?),
        None => mode,
    };
    refuse_precision_of_one(plan, &mode)?;
    let recording = Recording::of(args)?;
    let interrupt = interrupt.or(steered.map(|steered| &steered.interrupt));
    let interrupt = interrupt.cloned().unwrap_or_else(|| listen_saying(STOPPING));
    let fleet = args.workers.muster(args, plan, &mode, &interrupt).await?;
    // The claim keeps other runs out of the folder until this one ends.
    let (run_id, folder, _claim) = open(args, plan)?;
    log_to(folder.create_log("bench.log").or_exit(ExitCode::Preflight)?);

    args.live.wait(plan, &interrupt, args.quiet).await?;
    let progress = Progress::new(args.quiet, detail(args.verbose));
    let events = args.events.as_deref().map(EventFile::create).transpose().or_exit(ExitCode::Preflight)?;
    let mut observers: Vec<&dyn Observe> = vec![&progress];
    observers.extend(events.as_ref().map(|file| file as &dyn Observe));
    observers.extend(steered.map(|steered| &steered.events as &dyn Observe));
    let options = RunOptions {
        loaded,
        command: command.clone(),
        run_id,
        folder: folder.clone(),
        record_actions: args.record_actions,
        record_requests: args.record_requests,
        traces: args.traces.then_some(args.exploration),
        access_log: args.access_log.clone(),
        accept_invalid: args.accept_invalid,
        oracles: !args.no_oracles,
        replication: *replication,
        mode,
        resume: args.resume.is_some(),
        desk: steered.map(|steered| steered.desk.clone()),
        fleet,
    };
    let experiment::Run { summary, ended } = experiment::run(plan, options, &interrupt, &observers).await?;
    print_more(&summary, args.stats, args.grades);
    let reports = write_reports(&folder, &summary, &args.report).or_exit(ExitCode::Preflight);
    for report in reports.iter().flatten() {
        observers.observe(&Event::ReportWritten { path: report.display().to_string() });
    }
    let record = |code| recording.as_ref().map_or(code, |run| run.record(folder.path(), args.quiet, code));
    if let Ended::Failed(error) = ended {
        record(ExitCode::Internal);
        return Err(error.into());
    }
    reports?;
    events.map_or(Ok(()), EventFile::finish).or_exit(ExitCode::Preflight)?;
    // An objective that no algorithm keeps at any rate is a threshold that did not hold.
    let unreachable = summary.scenarios.iter().any(|scenario| {
        let rates = &scenario.max_rates;
        !rates.is_empty() && rates.iter().all(|rate| rate.rate_per_s.is_none())
    });
    let missed: Vec<ThresholdResult> =
        summary.thresholds.into_iter().filter(|threshold| !threshold.ok).collect();
    let code = match !unreachable && missed.is_empty() {
        _ if matches!(ended, Ended::Interrupted) => ExitCode::Interrupted,
        true => ExitCode::Ok,
        false => ExitCode::Threshold,
    };
    Ok(Outcome { code: record(code), missed, folder: Some(folder.path().to_owned()) })
}

/// Rejects `--precision` for a single algorithm: it is the precision of a difference between two algorithms.
fn refuse_precision_of_one(plan: &Plan, mode: &Mode) -> Result<(), Failure> {
    let single = plan.scenarios().iter().all(|scenario| scenario.algorithms().len() < 2);
    match (plan.precision(), mode) {
        (Some(precision), Mode::Compare) if single => Err(anyhow!(
            "--precision {}: requires a difference between two algorithms, but only one runs; add another \
             with --algorithms, or use --repetitions instead",
            percent(precision, 1)
        ))
        .or_exit(ExitCode::Usage),
        _ => Ok(()),
    }
}

/// Reads an objective such as `p(95)<200,rate<0.01`: `rate` is that of failed requests, everything else is a
/// latency.
fn read_objective(text: &str) -> Result<Vec<Threshold>, Failure> {
    let rule = |expression: &str| {
        let failures = expression.trim_start().starts_with("rate");
        Threshold::new(if failures { "http_req_failed" } else { "http_req_duration" }, expression)
    };
    let rules: Result<Vec<Threshold>, _> = text.split(',').map(rule).collect();
    let rules = rules.map_err(|error| anyhow!("--max-rate: {error}")).or_exit(ExitCode::Usage)?;
    match rules.iter().find(|rule| !rule.is_upper_limit()) {
        Some(rule) => Err(anyhow!(
            "--max-rate: `{}` is not an upper limit, so a higher rate may not breach it; use `<` or `<=`",
            rule.text()
        ))
        .or_exit(ExitCode::Usage),
        None => Ok(rules),
    }
}
