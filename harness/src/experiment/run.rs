//! A run: scenario by scenario, block by block, each algorithm once per block in a shuffled order.
//! Each trial is on disk before the next one begins, so a failure loses nothing that was measured.

use super::live::LiveTrials;
use super::order::order;
use super::schedules::{combined_sha256, schedules};
use super::sim::simulate;
use super::{Interrupt, Trial};
use crate::analysis::summarise;
use crate::config::{Engine, Loaded, Plan, PlannedScenario};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::report::Progress;
use crate::results::{
    ConfigSummary, Host, ResultsFolder, SCHEMA_VERSION, ScenarioSummary, Skipped, Summary, write_scenario,
    write_summary, write_trial,
};
use crate::target::{Choice, choose};
use lb_core::Algorithm;
use lb_core::workload::Schedule;
use std::sync::Arc;

/// What a run is told besides its plan.
#[derive(Debug)]
pub struct RunOptions<'a> {
    /// The config that the plan was made from.
    pub loaded: &'a Loaded,
    /// Name of the run.
    pub run_id: String,
    /// Where results go.
    pub folder: ResultsFolder,
    /// Whether to keep each user's sequence of requests.
    pub record_actions: bool,
}

/// What all trials of a run share.
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a ResultsFolder,
    pub(super) interrupt: &'a Interrupt,
    pub(super) record_actions: bool,
}

/// One scenario to be run.
struct ScenarioRun<'a> {
    number: usize,
    scenario: &'a PlannedScenario,
    /// By block.
    schedules: &'a [Arc<Schedule>],
    /// Name of the run.
    run_id: &'a str,
}

/// One trial to be run.
pub(super) struct TrialPlan<'a> {
    pub(super) scenario_number: usize,
    pub(super) scenario: &'a PlannedScenario,
    pub(super) algorithm: Algorithm,
    pub(super) block: u32,
    pub(super) position: usize,
    pub(super) schedule: &'a Arc<Schedule>,
    /// `trial 3 of 10, least-connections`.
    pub(super) label: String,
}

/// Runs a plan and writes its results. The summary is given back even when the run ended early; the
/// failure then says why.
pub async fn run(
    plan: &Plan,
    options: RunOptions<'_>,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> Result<(Summary, Option<Failure>), Failure> {
    let engine = plan.engine.unwrap_or(Engine::Live);
    let choice = match engine {
        Engine::Sim => None,
        Engine::Live => Some(choose(&plan.target).await.or_exit(ExitCode::Preflight)?),
    };
    let driven = choice.as_ref().map_or_else(|| "simulated".to_owned(), ToString::to_string);
    progress.announce(&format!("load balancer: {driven}"));
    progress.say(&format!("results: {}", options.folder.path().display()));
    for note in &plan.notes {
        progress.say(&format!("note: {note}"));
    }

    let mut summary = blank_summary(plan, &options, engine, driven);
    let context =
        Context { plan, folder: &options.folder, interrupt, record_actions: options.record_actions };
    let mut failure = None;
    let mut hashes = Vec::new();
    for (number, scenario) in plan.scenarios.iter().enumerate() {
        let schedules = schedules(&scenario.scenario.workload, plan.seed, plan.repetitions);
        hashes.extend(schedules.iter().map(|schedule| schedule.sha256().to_owned()));
        if failure.is_some() || interrupt.is_set() {
            continue;
        }
        let mut played = Played::default();
        let part = ScenarioRun { number, scenario, schedules: &schedules, run_id: &options.run_id };
        failure = run_scenario(&context, &part, choice.as_ref(), progress, &mut played).await.err();
        let trials = &played.trials;
        // What was measured is worth its tables even when it cannot be written.
        let written =
            write_scenario(&options.folder, &scenario.scenario, trials).or_exit(ExitCode::Preflight);
        failure = failure.or(written.err());
        let mut result = summarise_scenario(plan, scenario, &schedules, &played);
        if let Some(Choice::Running(_)) = choice {
            summary.notes.extend(not_ours(scenario));
            result.topology = "of the load balancer".to_owned();
        }
        summary.scenarios.push(result);
        for trial in trials {
            summary.notes.extend(trial.notes.iter().map(|note| format!("{}: {note}", trial.algorithm)));
        }
    }
    summary.notes.dedup();
    summary.schedule_sha256 = combined_sha256(hashes.iter().map(String::as_str));
    summary.interrupted = interrupt.is_set();
    progress.finish();
    let written = write_summary(&options.folder, &summary).or_exit(ExitCode::Preflight);
    Ok((summary, failure.or(written.err())))
}

/// What came out of a scenario, also when it ended early.
#[derive(Default)]
struct Played {
    trials: Vec<Trial>,
    /// Algorithms that the load balancer does not offer.
    skipped: Vec<Skipped>,
}

/// All trials of one scenario, as far as they get; they are put into `played` one by one.
async fn run_scenario(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    choice: Option<&Choice>,
    progress: &mut Progress,
    played: &mut Played,
) -> Result<(), Failure> {
    let mut algorithms = part.scenario.algorithms.clone();
    let mut target = None;
    if let Some(choice) = choice {
        let started = LiveTrials::start(context, part.number, part.scenario, choice).await?;
        played.skipped = not_offered(&started.algorithms(), &mut algorithms);
        target = Some(started);
    }
    let result = match algorithms.is_empty() {
        true => Err(nothing_offered(&played.skipped)),
        false => run_blocks(context, part, &algorithms, target.as_mut(), progress, &mut played.trials).await,
    };
    if let Some(target) = target {
        target.stop().await;
    }
    result
}

/// What a config says of backends and a load balancer that is running already does not do.
fn not_ours(scenario: &PlannedScenario) -> Option<String> {
    let faults = scenario.scenario.topology.faults.len();
    (faults > 0).then(|| {
        format!(
            "{}: {faults} faults of the config are not applied, the backends belong to the load balancer that was driven",
            scenario.scenario.name
        )
    })
}

/// Takes out of `algorithms` what a load balancer does not offer.
fn not_offered(offered: &[Algorithm], algorithms: &mut Vec<Algorithm>) -> Vec<Skipped> {
    let names = offered.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let missing = algorithms.extract_if(.., |algorithm| !offered.contains(algorithm));
    missing
        .map(|algorithm| Skipped {
            name: algorithm.to_string(),
            reason: format!("the load balancer does not offer it (it offers {names})"),
        })
        .collect()
}

fn nothing_offered(skipped: &[Skipped]) -> Failure {
    let lines: Vec<String> =
        skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.reason)).collect();
    Failure {
        code: ExitCode::Preflight,
        error: anyhow::anyhow!("no algorithm is left to run: {}", lines.join("; ")),
    }
}

async fn run_blocks(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    algorithms: &[Algorithm],
    mut target: Option<&mut LiveTrials>,
    progress: &mut Progress,
    trials: &mut Vec<Trial>,
) -> Result<(), Failure> {
    let ScenarioRun { number, scenario, schedules, run_id } = *part;
    let total = algorithms.len() * schedules.len();
    for (block, schedule) in (0..).zip(schedules) {
        for (position, algorithm) in
            order(context.plan.seed, number, block, algorithms.len()).into_iter().enumerate()
        {
            if context.interrupt.is_set() {
                return Ok(());
            }
            let algorithm = algorithms[algorithm];
            let label = format!("trial {} of {total}, {algorithm}", trials.len() + 1);
            let plan =
                TrialPlan { scenario_number: number, scenario, algorithm, block, position, schedule, label };
            let trial = match &mut target {
                Some(target) => target.trial(context, &plan, progress).await?,
                None => simulate(context, &plan, progress).await?,
            };
            let Some(trial) = trial else { return Ok(()) };
            let kept = keep(context, run_id, scenario, schedule, &trial, progress);
            let interrupted = trial.record.interrupted;
            if !interrupted {
                trials.push(trial);
            }
            kept?;
            if interrupted {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Puts a finished trial on disk and says how it went.
fn keep(
    context: &Context<'_>,
    run_id: &str,
    scenario: &PlannedScenario,
    schedule: &Schedule,
    trial: &Trial,
    progress: &Progress,
) -> Result<(), Failure> {
    let inner = &scenario.scenario;
    let Some(result) = summarise(&[trial], &inner.workload) else {
        return Ok(());
    };
    let p95 =
        result.latency_ms.as_ref().map_or_else(|| "-".to_owned(), |latency| format!("{:.1} ms", latency.p95));
    let cut = if trial.record.interrupted { "interrupted, kept but not summed up: " } else { "" };
    progress.say(&format!(
        "{cut}{} (block {}): {} requests, {:.1} req/s, p95 {p95}, {:.2}% errors",
        result.name,
        trial.block + 1,
        result.total_requests,
        result.throughput_rps,
        result.error_rate * 100.0
    ));
    write_trial(context.folder, run_id, inner, schedule, trial, result).or_exit(ExitCode::Preflight)
}

fn summarise_scenario(
    plan: &Plan,
    scenario: &PlannedScenario,
    schedules: &[Arc<Schedule>],
    played: &Played,
) -> ScenarioSummary {
    let inner = &scenario.scenario;
    let mut summary = ScenarioSummary::empty(inner, scenario.peak_users);
    summary.schedules = schedules.iter().map(|schedule| schedule.sha256().to_owned()).collect();
    summary.algorithms = scenario
        .algorithms
        .iter()
        .filter_map(|algorithm| {
            let of: Vec<&Trial> =
                played.trials.iter().filter(|trial| trial.algorithm == *algorithm).collect();
            summarise(&of, &inner.workload)
        })
        .collect();
    summary.skipped = scenario
        .skipped
        .iter()
        .chain(&plan.skipped)
        .map(|skipped| Skipped { name: skipped.name.clone(), reason: skipped.reason.clone() })
        .chain(played.skipped.iter().cloned())
        .collect();
    summary
}

fn blank_summary(plan: &Plan, options: &RunOptions<'_>, engine: Engine, load_balancer: String) -> Summary {
    Summary {
        schema_version: SCHEMA_VERSION,
        run_id: options.run_id.clone(),
        started_at: jiff::Timestamp::now().to_string(),
        command: std::env::args().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("BENCH_COMMIT").to_owned(),
        host: Host::read(),
        config: ConfigSummary {
            name: plan.name.clone(),
            source: plan.source.clone(),
            dialect: serde_json::to_value(plan.dialect)
                .ok()
                .and_then(|d| d.as_str().map(str::to_owned))
                .unwrap_or_default(),
            content: options.loaded.document(),
        },
        seed: plan.seed.0,
        engine: match engine {
            Engine::Live => "live".to_owned(),
            Engine::Sim => "sim".to_owned(),
        },
        load_balancer,
        schedule_sha256: String::new(),
        interrupted: false,
        fingerprint: String::new(),
        scenarios: Vec::new(),
        thresholds: Vec::new(),
        notes: plan.notes.iter().map(ToString::to_string).collect(),
    }
}
