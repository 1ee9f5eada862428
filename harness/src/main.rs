//! The `bench` binary: reads the command line and hands over. How it exits is in [`harness::exit`].

use anyhow::{Context as _, anyhow};
use clap::{CommandFactory, Parser};
use harness::cli::{
    AnalyzeArgs, Cli, Command, CompareArgs, Engine, ExperimentArgs, PlanArgs, ReplayEventsArgs, ReportArgs,
    RunArgs, Switching, WarmUp,
};
use harness::exit::{ExitCode, Failure, OrExit};
use harness::experiment::{
    self, Ended, Event, Interrupt, Mode, Observe, RunOptions, combined_sha256, schedules,
};
use harness::grading;
use harness::show::{EventFile, Progress, render_algorithms, render_plan, replay};
use lb_analysis::CompareOptions;
use lb_analysis::runs::{FolderVerdict, compare_folders};
use lb_analysis::threshold::Threshold;
use lb_config::{Loaded, Overrides, Plan};
use lb_core::Algorithm;
use lb_report::write_reports;
use lb_results::{ResultsFolder, Summary, run_id};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode as ProcessExit;

fn main() -> ProcessExit {
    let cli = Cli::parse();
    let result = match &cli.command {
        // The children bring their own runtimes and logs.
        Some(Command::Child(child)) => return child.main(),
        Some(Command::Plan(args)) => plan(args),
        Some(Command::Algorithms) => {
            print(&render_algorithms(Algorithm::table()));
            Ok(ExitCode::Ok)
        }
        Some(Command::Doctor(args)) => block_on(doctor(args)),
        Some(Command::Aa(args)) => block_on(run(&args.run, Mode::Aa)),
        Some(Command::Compare(args)) => compare(args),
        Some(Command::Analyze(args)) => analyze(args),
        Some(Command::Report(args)) => report(args),
        Some(Command::ReplayEvents(args)) => replay_events(args),
        None => block_on(run(&cli.run, Mode::Compare)),
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.code.into()
        }
    }
}

/// The orchestrator needs one thread: load runs on threads of its own, everything else waits.
fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(ExitCode::Internal)?;
    runtime.block_on(work)
}

/// Prints to standard output; a reader that went away (`bench plan | head`) is no error.
fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

fn read_plan(args: &ExperimentArgs) -> Result<(Loaded, Plan), Failure> {
    let loaded = lb_config::load(&args.config).or_exit(ExitCode::Usage)?;
    let overrides = Overrides {
        algorithms: args.algorithms.clone(),
        scenario: args.scenario.clone(),
        repetitions: args.repetitions,
        seed: args.seed,
        users: args.users,
        duration: args.duration,
        ramp_up: args.ramp_up,
        engine: args.engine.map(|engine| match engine {
            Engine::Live => lb_config::Engine::Live,
            Engine::Sim => lb_config::Engine::Sim,
        }),
        time_scale: args.time_scale,
        topology: args.topology.clone(),
        policy: args.policy.clone(),
        balancers: args.balancers,
        url: args.url.clone(),
        admin: args.admin.clone(),
        admin_token: args.admin_token.clone(),
        load_balancer: args.load_balancer.clone(),
        compare_load_balancers: args.compare_load_balancers.clone(),
        program: args.program.clone(),
        steering_period: args.steering_period,
        listen: args.listen.clone(),
        switching: args.switching.map(|how| match how {
            Switching::Selector => lb_admin_client::Switching::Selector,
            Switching::Config => lb_admin_client::Switching::Config,
        }),
        precision: args.precision,
        max_repetitions: args.max_repetitions,
        margin: args.margin,
        warm_up: match args.warm_up {
            Some(WarmUp::Fixed(length)) => Some(length),
            _ => None,
        },
        detect_warm_up: args.warm_up == Some(WarmUp::Detect),
        arrivals: args.arrivals.clone(),
        replay: args.replay.clone(),
        speed: args.speed,
        thresholds: args.threshold.clone(),
        threshold_presets: args.threshold_preset.clone(),
    };
    let plan = lb_config::plan(&loaded, &overrides).or_exit(ExitCode::Usage)?;
    Ok((loaded, plan))
}

fn plan(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let (_, plan) = read_plan(&args.experiment)?;
    let hashes: Vec<String> = plan
        .scenarios
        .iter()
        .flat_map(|scenario| schedules(&scenario.scenario.workload, plan.seed, plan.repetitions))
        .map(|schedule| schedule.sha256().to_owned())
        .collect();
    let sha256 = combined_sha256(hashes.iter().map(String::as_str));
    if args.json {
        print(&serde_json::to_string_pretty(&plan.to_json(&sha256)).or_exit(ExitCode::Internal)?);
    } else {
        print(&render_plan(&plan, &sha256));
    }
    Ok(ExitCode::Ok)
}

async fn run(args: &RunArgs, mode: Mode) -> Result<ExitCode, Failure> {
    let (loaded, plan) = read_plan(&args.experiment)?;
    let mode = match &args.max_rate {
        Some(objective) => Mode::MaxRate(objective_of(objective)?),
        None => mode,
    };
    let lonely = plan.scenarios.iter().all(|scenario| scenario.algorithms.len() < 2);
    if let (Some(precision), true, Mode::Compare) = (plan.precision, lonely, &mode) {
        return Err(anyhow!(
            "--precision = {precision}: is about the difference of two algorithms, and one runs; give more \
             --algorithms, or --repetitions in its place"
        ))
        .or_exit(ExitCode::Usage);
    }
    let run_id = run_id(&plan.name);
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

/// The rules of an objective such as `p(95)<200,rate<0.01`: rates are of failed requests, all else is
/// latency.
fn objective_of(text: &str) -> Result<Vec<Threshold>, Failure> {
    let rule = |expression: &str| {
        let failures = expression.trim_start().starts_with("rate");
        Threshold::new(if failures { "http_req_failed" } else { "http_req_duration" }, expression)
    };
    let rules: Result<Vec<Threshold>, _> = text.split(',').map(rule).collect();
    rules.map_err(|error| anyhow!("--max-rate: {error}")).or_exit(ExitCode::Usage)
}

fn compare(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let options = CompareOptions { margin: args.margin, ..CompareOptions::default() };
    let comparison = compare_folders(&args.base, &args.new, &options).or_exit(ExitCode::Usage)?;
    print(&lb_analysis::runs::render(&comparison));
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    Ok(if comparison.verdict == FolderVerdict::Regression { ExitCode::Regression } else { ExitCode::Ok })
}

fn analyze(args: &AnalyzeArgs) -> Result<ExitCode, Failure> {
    let analysis = grading::analyze(&args.path).or_exit(ExitCode::Usage)?;
    print(&grading::render(&analysis));
    if let Some(path) = &args.json {
        write_json(path, &analysis.document(jiff::Timestamp::now()))?;
    }
    Ok(ExitCode::Ok)
}

/// Writes a file that the user named.
fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(value).or_exit(ExitCode::Internal)?;
    std::fs::write(path, text)
        .with_context(|| format!("failed to write `{}`; give another path with --json", path.display()))
        .or_exit(ExitCode::Preflight)
}

/// A finished run's summary.
fn read_summary(folder: &Path) -> Result<Summary, Failure> {
    lb_results::read_summary(folder).or_exit(ExitCode::Usage)
}

fn report(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let summary = read_summary(&args.folder)?;
    let folder = ResultsFolder::create(&args.folder).or_exit(ExitCode::Preflight)?;
    for report in write_reports(&folder, &summary, &args.report).or_exit(ExitCode::Preflight)? {
        print(&format!("report: {}", report.display()));
    }
    Ok(ExitCode::Ok)
}

/// Prints what a run printed.
fn replay_events(args: &ReplayEventsArgs) -> Result<ExitCode, Failure> {
    let progress = Progress::new(args.quiet);
    match replay(&args.file, &progress).or_exit(ExitCode::Usage)? {
        Some(Event::RunFinished { error: Some(error), .. }) => eprintln!("error: {error}"),
        Some(_) => {}
        None => eprintln!("note: the events end before the run does"),
    }
    Ok(ExitCode::Ok)
}

async fn doctor(args: &ExperimentArgs) -> Result<ExitCode, Failure> {
    let (_, plan) = read_plan(args)?;
    Ok(match experiment::doctor(&plan, &listen(), &mut |line| print(line)).await? {
        Ended::Complete => ExitCode::Ok,
        Ended::Interrupted => ExitCode::Interrupted,
        Ended::Failed(error) => return Err(error.into()),
    })
}

/// Listens for Ctrl-C: the first one ends the trial in order and keeps what is complete, the second one ends `bench`
/// at once (children end with it, since their standard input closes).
fn listen() -> Interrupt {
    let first =
        || eprintln!("interrupted: ending the trial, keeping what is complete (press again to end at once)");
    Interrupt::listen(first, || std::process::exit(ExitCode::Interrupted as i32))
}

/// What `bench` notes of itself goes to the results folder, at the level that `BENCH_LOG` names.
fn log_to(file: File) {
    harness::log_to(file, "BENCH_LOG");
    tracing::info!(version = Cli::command().get_version(), command = ?std::env::args().collect::<Vec<_>>(), "bench starts");
}
