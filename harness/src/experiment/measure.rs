//! Measures one scenario: starts its driver, runs its blocks or its search for rates, and stops the driver.
//! The results are judged afterwards.

use super::blocks::run_blocks;
use super::context::{Context, Mode};
use super::driver::Driver;
use super::error::RunError;
use super::events::Event;
use super::live::LiveTrials;
use super::max_rate::search;
use super::measured::MeasuredScenario;
use super::pilot;
use super::recorded::Recorded;
use super::run_file::{BegunScenario, RunFile};
use super::shares::workers_note;
use super::sim::SimulatedTrials;
use super::trial_plan::ScenarioRun;
use crate::testbed::Choice;
use lb_analysis::{BUSY_MACHINE_WAY_OUT, ProblemKind, problem_kinds};
use lb_core::Algorithm;
use lb_results::{Skipped, Trial};

/// The source of trials.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// Real sockets, with this load balancer.
    Live(&'a Choice),
    /// Virtual time.
    Simulated,
    /// Trials that an earlier process left on disk.
    Disk,
}

/// Runs the trials of one scenario and adds each to `measured`, so that those before an error are kept.
/// Trials that an earlier process completed are taken from disk.
pub(super) async fn measure(
    context: &Context<'_>,
    number: usize,
    source: Source<'_>,
    file: &mut RunFile,
    measured: &mut MeasuredScenario,
) -> Result<(), RunError> {
    // With a precision, the number of blocks is only known during the run.
    let blocks = context.plan.repetitions();
    let all_there = |begun: &&BegunScenario| {
        let counted = context.plan.precision().is_none();
        let blocks = begun.pilot.as_ref().map_or(blocks, |pilot| pilot.blocks);
        counted && context.recorded.hold_all(begun.number, &begun.contestants, blocks)
    };
    let on_disk =
        file.begun(number).filter(|begun| matches!(source, Source::Disk) || all_there(begun)).cloned();
    if let Some(begun) = on_disk {
        measured.skipped.clone_from(&begun.skipped);
        return measure_with(Recorded { begun: &begun }, context, number, file, false, measured).await;
    }
    match source {
        Source::Live(choice) => {
            let driver = LiveTrials::start(context, number, choice).await?;
            let simulates = !matches!(choice, Choice::Running(_));
            measure_with(driver, context, number, file, simulates, measured).await
        }
        Source::Simulated => {
            measure_with(SimulatedTrials::new(context), context, number, file, true, measured).await
        }
        Source::Disk => {
            context.recorded.miss();
            Ok(())
        }
    }
}

/// Measures a scenario with its driver. `simulates` says whether the backends are known, so that a pilot can
/// be simulated.
async fn measure_with<D: Driver>(
    mut driver: D,
    context: &Context<'_>,
    number: usize,
    file: &mut RunFile,
    simulates: bool,
    measured: &mut MeasuredScenario,
) -> Result<(), RunError> {
    let scenario = &context.plan.scenarios()[number];
    let mut algorithms = scenario.algorithms().to_vec();
    if let Some(offered) = driver.offered() {
        measured.skipped = not_offered(&offered, &mut algorithms);
    }
    measured.contestants = driver.contestants(&algorithms, context.mode);
    let mut part = ScenarioRun {
        number,
        scenario,
        contestants: measured.contestants.clone(),
        blocks: context.plan.repetitions(),
    };
    measured.pilot = match file.begun(number) {
        Some(begun) => begun.pilot.clone(),
        None if simulates => pilot::play(context, &part).await?,
        None => None,
    };
    if let Some(pilot) = &measured.pilot {
        part.blocks = pilot.blocks;
    }
    context.events.observe(&started(context, &part));
    file.begin(BegunScenario {
        number,
        contestants: measured.contestants.clone(),
        skipped: measured.skipped.clone(),
        pilot: measured.pilot.clone(),
    });
    let kept = file.write(context.folder).map_err(RunError::Results);
    let result = match (algorithms.is_empty(), context.mode) {
        _ if kept.is_err() => kept,
        (true, _) => Err(RunError::NothingOffered { skipped: measured.skipped.clone() }),
        (false, Mode::MaxRate(objective)) => search(context, &part, objective, &mut driver, measured).await,
        (false, _) => run_blocks(context, &part, &mut driver, &mut measured.blocks).await,
    };
    let notes = driver.end().await;
    for text in &notes {
        context.events.observe(&Event::Note { text: text.clone() });
    }
    measured.blocks.notes.extend(notes);
    measured.blocks.notes.extend(workers_note(&measured.blocks.trials));
    result?;
    let searched = matches!(context.mode, Mode::MaxRate(_));
    let ended_early = context.interrupt.is_set() || context.recorded.are_missing_some();
    if ended_early || searched { Ok(()) } else { enough_valid(&part, &measured.blocks.trials) }
}

/// Returns the event that a scenario starts, with the number of trials.
fn started(context: &Context<'_>, part: &ScenarioRun<'_>) -> Event {
    let inner = part.scenario.scenario();
    let counted = context.plan.precision().is_none() && !matches!(context.mode, Mode::MaxRate(_));
    let rest = context.plan.cool_down().as_secs_f64();
    Event::ScenarioStarted {
        scenario: inner.name.clone(),
        contestants: part.contestants.iter().map(|contestant| contestant.label.clone()).collect(),
        trials: counted.then(|| part.contestants.len() as u32 * part.blocks),
        trial_s: inner.warm_up.as_secs_f64() + inner.duration.as_secs_f64() + rest,
    }
}

/// Removes the algorithms that a load balancer does not offer from `algorithms`, and returns them.
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

/// Returns an error if a contestant has valid trials in fewer than half of the blocks.
fn enough_valid(part: &ScenarioRun<'_>, trials: &[Trial]) -> Result<(), RunError> {
    let blocks = trials.iter().map(|trial| trial.block as usize + 1).max().unwrap_or(0);
    let mut lacking = Vec::new();
    let mut problems = Vec::new();
    for contestant in &part.contestants {
        let of = || trials.iter().filter(|trial| trial.label == contestant.label);
        let left = of().filter(|trial| trial.problems.is_empty()).count();
        if left * 2 < blocks.max(1) {
            lacking.push(format!("{} {left} of {blocks}", contestant.label));
            problems.extend(of().flat_map(|trial| &trial.problems).map(String::as_str));
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    let kinds = problem_kinds(problems.into_iter().map(|problem| (problem, ())));
    // The advice about a busy machine is given once.
    let text = |kind: &ProblemKind<'_, ()>| {
        if kind.is_of_busy_machine() { kind.finding().to_owned() } else { kind.problem.to_owned() }
    };
    let mut reasons: Vec<String> = kinds.iter().map(text).collect();
    if kinds.iter().any(|kind| kind.is_of_busy_machine()) {
        reasons.push(BUSY_MACHINE_WAY_OUT.to_owned());
    }
    Err(RunError::TooFewValid { scenario: part.scenario.scenario().name.clone(), lacking, reasons })
}
