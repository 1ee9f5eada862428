//! One scenario of a run: its target started, its blocks run, its results summed up.

use super::blocks::{Blocks, ScenarioRun, run_blocks, seconds, valid};
use super::contestant::{Contestant, DIRECT};
use super::live::LiveTrials;
use super::max_rate::search;
use super::run::{Context, Mode};
use super::verdicts::compare_trials;
use crate::exit::{ExitCode, Failure};
use crate::show::Progress;
use crate::target::Choice;
use lb_analysis::{estimates, fault_marks, fault_responses, overheads, series, summarise, trial_summary};
use lb_config::{Plan, PlannedScenario};
use lb_core::Algorithm;
use lb_core::workload::Stage;
use lb_results::{
    LoadModel, MaxRateSummary, NoiseFloors, ScenarioSummary, Skipped, StageMark, StageModel, Trial, WarmUp,
};

/// What came out of a scenario, also when it ended early.
#[derive(Default)]
pub(super) struct Played {
    pub(super) blocks: Blocks,
    /// Who ran.
    pub(super) contestants: Vec<Contestant>,
    /// What was found where rates were searched.
    pub(super) max_rates: Vec<MaxRateSummary>,
    /// Algorithms that the load balancer does not offer.
    pub(super) skipped: Vec<Skipped>,
}

/// All trials of one scenario, as far as they get; they are put into `played` one by one.
pub(super) async fn run_scenario(
    context: &Context<'_>,
    number: usize,
    run_id: &str,
    choice: Option<&Choice>,
    progress: &mut Progress,
    played: &mut Played,
) -> Result<(), Failure> {
    let scenario = &context.plan.scenarios[number];
    let mut algorithms = scenario.algorithms.clone();
    let mut target = None;
    if let Some(choice) = choice {
        let started = LiveTrials::start(context, number, scenario, choice).await?;
        played.skipped = not_offered(&started.algorithms(), &mut algorithms);
        target = Some(started);
    }
    played.contestants = match (context.mode, algorithms.first(), &target) {
        (Mode::Aa, Some(algorithm), target) => {
            let steered = target.as_ref().is_some_and(|target| target.steers(*algorithm));
            Contestant::twice(*algorithm, steered)
        }
        (_, _, Some(target)) => {
            let direct = target.has_direct().then(Contestant::direct);
            direct.into_iter().chain(Contestant::of(&target.entrants(&algorithms))).collect()
        }
        _ => Contestant::each(&algorithms),
    };
    let part = ScenarioRun { number, scenario, run_id, contestants: played.contestants.clone() };
    let result = match (algorithms.is_empty(), context.mode) {
        (true, _) => Err(nothing_offered(&played.skipped)),
        (false, Mode::MaxRate(objective)) => {
            search(context, &part, objective, target.as_mut(), progress, &mut played.max_rates).await
        }
        (false, _) => run_blocks(context, &part, target.as_mut(), progress, &mut played.blocks).await,
    };
    if let Some(target) = target {
        target.stop().await;
    }
    result?;
    let searched = matches!(context.mode, Mode::MaxRate(_));
    if context.interrupt.is_set() || searched { Ok(()) } else { enough_valid(&part, &played.blocks.trials) }
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

/// An error when a contestant has fewer than half of its blocks left.
fn enough_valid(part: &ScenarioRun<'_>, trials: &[Trial]) -> Result<(), Failure> {
    let blocks = trials.iter().map(|trial| trial.block as usize + 1).max().unwrap_or(0);
    let mut lacking = Vec::new();
    for contestant in &part.contestants {
        let of = || trials.iter().filter(|trial| trial.label == contestant.label);
        let left = of().filter(|trial| trial.problems.is_empty()).count();
        if left * 2 < blocks.max(1) {
            let why = of().flat_map(|trial| &trial.problems).next().map_or("", String::as_str);
            lacking.push(format!("{} has {left} valid trials of {blocks} ({why})", contestant.label));
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Failure {
        code: ExitCode::InvalidTrials,
        error: anyhow::anyhow!(
            "too few trials of scenario \"{}\" can be believed: {}",
            part.scenario.scenario.name,
            lacking.join("; ")
        ),
    })
}

/// What a config says of backends and a load balancer that is running already does not do.
pub(super) fn not_ours(scenario: &PlannedScenario) -> Option<String> {
    let faults = scenario.scenario.topology.faults.len();
    (faults > 0).then(|| {
        format!(
            "{}: {faults} faults of the config are not applied, the backends belong to the load balancer that was driven",
            scenario.scenario.name
        )
    })
}

/// The results of a scenario. `ours` says whether its backends and faults are those of the config.
pub(super) fn summarise_scenario(
    plan: &Plan,
    scenario: &PlannedScenario,
    played: &Played,
    floors: Option<&NoiseFloors>,
    ours: bool,
) -> ScenarioSummary {
    let inner = &scenario.scenario;
    let duration_s = seconds(inner.duration);
    let trials = &played.blocks.trials;
    let mut summary = ScenarioSummary::empty(inner, scenario.peak_users);
    summary.schedules.clone_from(&played.blocks.schedules);
    summary.stages = inner.workload.stages().iter().map(stage_mark).collect();
    summary.model = LoadModel::of(summary.stages.iter().map(|stage| stage.model));
    summary.warm_up = if plan.detect_warm_up { WarmUp::Mser5 } else { WarmUp::Fixed };
    summary.faults = if ours { fault_marks(&inner.topology, duration_s) } else { Vec::new() };
    summary.trials = trials.iter().map(trial_summary).collect();
    for contestant in &played.contestants {
        let of: Vec<&Trial> = valid(trials).filter(|trial| trial.label == contestant.label).collect();
        if let Some(mut result) = summarise(&of, &inner.workload) {
            result.estimates = estimates(&summary.trials, &contestant.label, plan.seed);
            result.series = series(&of);
            result.fault_responses = fault_responses(&of, &summary.faults, duration_s);
            summary.algorithms.push(result);
        }
    }
    summary.comparison = compare_trials(&summary.trials, &played.contestants, plan, &inner.name, floors);
    if played.contestants.iter().any(|contestant| contestant.label == DIRECT) {
        let labels: Vec<String> = played.contestants.iter().map(|one| one.label.clone()).collect();
        summary.overheads = overheads(&summary.trials, &labels, DIRECT, plan.seed);
    }
    summary.skipped = scenario
        .skipped
        .iter()
        .chain(&plan.skipped)
        .map(|skipped| Skipped { name: skipped.name.clone(), reason: skipped.reason.clone() })
        .chain(played.skipped.iter().cloned())
        .collect();
    summary
}

fn stage_mark(stage: &Stage) -> StageMark {
    StageMark {
        name: stage.name.clone(),
        start_s: seconds(stage.start),
        end_s: seconds(stage.start + stage.duration),
        ramp_up_s: if stage.arrivals.is_some() { 0.0 } else { seconds(stage.ramp_up) },
        model: if stage.arrivals.is_some() { StageModel::Open } else { StageModel::Closed },
    }
}
