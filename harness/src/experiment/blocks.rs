//! Runs blocks: each runs every contestant once, on the same schedule, in an order of its own.
//!
//! An invalid trial is immediately repeated once on the same schedule; both are kept and listed. When a run
//! is resumed, its valid trials are reused and its invalid ones are tried again. Blocks run until the
//! requested number or the requested precision is reached.

use super::contestant::Contestant;
use super::context::Context;
use super::driver::Driver;
use super::error::RunError;
use super::events::Event;
use super::fault_times::tell_back_to_normal;
use super::judge;
use super::measured::Blocks;
use super::order::order;
use super::pause::wait_while_paused;
use super::schedules::block_schedule;
use super::trial_plan::{ScenarioRun, TrialPlan};
use crate::steer::TrialEnd;
use lb_analysis::{Demands, affinity, problems, summarise};
use lb_config::PlannedScenario;
use lb_core::workload::Schedule;
use lb_results::{Trial, trial_stem, write_trial};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Smallest number of blocks after which precision is judged; fewer blocks do not show how large the noise
/// is.
const FEWEST_FOR_PRECISION: u32 = 5;

/// Runs blocks until there are enough, and adds each trial to `done`.
pub(super) async fn run_blocks<D: Driver>(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    driver: &mut D,
    done: &mut Blocks,
) -> Result<(), RunError> {
    let mut block = 0;
    while !enough(context, part, block, done) {
        let schedule = block_schedule(&part.scenario.scenario().workload, context.plan.seed(), block);
        done.schedules.push(schedule.sha256().to_owned());
        let first = done.trials.len();
        if run_block(context, part, block, &schedule, driver, done).await?.is_break() {
            return Ok(());
        }
        if context.plan.detect_warm_up() {
            cut_warm_up(context, part, &mut done.trials[first..], block);
        }
        block += 1;
    }
    Ok(())
}

/// Runs each contestant once, and once more if its trial is invalid. Breaks if the user interrupts the run.
async fn run_block<D: Driver>(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    block: u32,
    schedule: &Arc<Schedule>,
    driver: &mut D,
    done: &mut Blocks,
) -> Result<ControlFlow<()>, RunError> {
    let places = order(context.plan.seed(), part.number, block, part.contestants.len());
    context.events.observe(&Event::BlockStarted {
        scenario: part.scenario.scenario().name.clone(),
        block,
        schedule_sha256: schedule.sha256().to_owned(),
        order: places.iter().map(|place| part.contestants[*place].label.clone()).collect(),
    });
    for (position, contestant) in places.into_iter().enumerate() {
        let contestant = &part.contestants[contestant];
        let recorded = context.recorded.take(part.number, &contestant.label, block, schedule.sha256())?;
        let tried = recorded.last().map_or(0, |last| last.attempt + 1);
        let valid = recorded.last().is_some_and(|last| last.problems.is_empty());
        done.trials.extend(recorded);
        if valid {
            continue;
        }
        if tried == 0 && driver.attempts() == 0 {
            context.recorded.miss();
            return Ok(ControlFlow::Break(()));
        }
        for attempt in tried..tried + driver.attempts() {
            wait_while_paused(context).await;
            if context.interrupt.is_set() {
                return Ok(ControlFlow::Break(()));
            }
            let plan = TrialPlan {
                scenario_number: part.number,
                scenario: part.scenario,
                contestant,
                block,
                position,
                attempt,
                schedule,
                title: title(context, part, contestant, block, position)
                    + if attempt > 0 { ", repeated" } else { "" },
            };
            let Some(mut trial) = run_steered(context, driver, &plan).await? else {
                return ended_early(driver);
            };
            if trial.record.interrupted {
                keep(context, part, schedule, &trial)?;
                return ended_early(driver);
            }
            if let Some(note) = trial.list_by_replies().filter(|note| !done.notes.contains(note)) {
                done.notes.push(note);
            }
            trial.notes.extend(affinity(&trial.label, &trial.record));
            look_for_problems(context, part, &mut trial);
            let written = keep(context, part, schedule, &trial);
            let valid = trial.problems.is_empty();
            done.trials.push(trial);
            written?;
            if valid {
                break;
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Runs a trial, which a command may spoil: then it does not count, whatever else is accepted.
async fn run_steered<D: Driver>(
    context: &Context<'_>,
    driver: &mut D,
    plan: &TrialPlan<'_>,
) -> Result<Option<Trial>, RunError> {
    let Some(desk) = context.desk else { return driver.run(plan).await };
    desk.begin_trial(&plan.title);
    let ran = driver.run(plan).await;
    let TrialEnd { spoiled, backends } = desk.end_trial();
    tell_back_to_normal(context.events, backends);
    let mut trial = ran?;
    if let Some(trial) = &mut trial {
        trial.problems.extend(spoiled);
    }
    Ok(trial)
}

/// Returns the demands on the trials of a scenario.
pub(super) fn demands(context: &Context<'_>, scenario: &PlannedScenario) -> Demands {
    Demands {
        metric: context.plan.primary_metric(),
        margin: context.plan.margin(),
        faults: !scenario.scenario().topology.faults.is_empty(),
    }
}

/// Returns the error that ended a trial early, or `Break` if the user interrupted it.
fn ended_early<D: Driver>(driver: &mut D) -> Result<ControlFlow<()>, RunError> {
    match driver.take_failure() {
        Some(error) => Err(error),
        None => Ok(ControlFlow::Break(())),
    }
}

/// Looks for problems that make a trial invalid. If invalid trials count, the problems are still noted.
fn look_for_problems(context: &Context<'_>, part: &ScenarioRun<'_>, trial: &mut Trial) {
    let found = problems(trial, demands(context, part.scenario));
    if context.accept_invalid {
        trial.accepted = found;
    } else {
        trial.problems.extend(found);
    }
}

/// Decides whether there are enough blocks, and notes a precision that was not reached.
fn enough(context: &Context<'_>, part: &ScenarioRun<'_>, blocks: u32, done: &mut Blocks) -> bool {
    let plan = context.plan;
    let Some(precision) = plan.precision() else { return blocks >= part.blocks };
    let fewest = plan.repetitions().max(FEWEST_FOR_PRECISION).min(plan.max_repetitions());
    if blocks < fewest {
        return false;
    }
    if judge::precise_enough(&done.trials, &part.contestants, plan, precision) {
        let scenario = part.scenario.scenario().name.clone();
        context.events.observe(&Event::PrecisionReached { scenario, blocks, precision });
        return true;
    }
    if blocks >= plan.max_repetitions() {
        done.notes.push(format!(
            "{}: some ratios of mean or p95 are not known to ±{:.1} % after {blocks} block{}; raise \
            --max-repetitions, lengthen the trials, or ask for less",
            part.scenario.scenario().name,
            precision * 100.0,
            if blocks == 1 { "" } else { "s" }
        ));
        return true;
    }
    false
}

/// Describes a trial in words, such as `trial 3 of 10, least-connections`.
fn title(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    contestant: &Contestant,
    block: u32,
    position: usize,
) -> String {
    let within = part.contestants.len();
    let number = block as usize * within + position + 1;
    match context.plan.precision() {
        Some(_) => format!("block {}, {}", block + 1, contestant.label),
        None => {
            let total = within * part.blocks as usize;
            format!("trial {number} of {total}, {}", contestant.label)
        }
    }
}

/// Cuts the same warm-up off the beginning of every trial of a block. It is as long as the slowest trial
/// takes to settle: with a different length for each algorithm, different parts of one schedule would be
/// compared.
fn cut_warm_up(context: &Context<'_>, part: &ScenarioRun<'_>, trials: &mut [Trial], block: u32) {
    if context.interrupt.is_set() {
        return;
    }
    match judge::warm_up_cut(trials) {
        Some(cut_s) => {
            for trial in trials.iter_mut() {
                trial.cut_s = cut_s;
            }
            let scenario = part.scenario.scenario().name.clone();
            context.events.observe(&Event::WarmUpCut { scenario, block, cut_s });
        }
        None => {
            for trial in trials.iter_mut() {
                trial.notes.push("too short to detect the end of the warm-up".to_owned());
            }
        }
    }
}

/// Reports a finished trial and writes it to disk.
fn keep(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    schedule: &Schedule,
    trial: &Trial,
) -> Result<(), RunError> {
    let inner = &part.scenario.scenario();
    let Some(result) = summarise(&[trial], &inner.workload) else {
        return Ok(());
    };
    context.events.observe(&Event::TrialFinished {
        scenario: inner.name.clone(),
        block: trial.block,
        position: trial.position,
        attempt: trial.attempt,
        interrupted: trial.record.interrupted,
        summary: Box::new(result.clone()),
        problems: trial.problems.clone(),
    });
    let stem = trial_stem(part.scenario.slug(), &trial.label, trial.block, trial.attempt);
    write_trial(context.folder, context.run_id, &stem, inner, schedule, trial, result)
        .map_err(RunError::Results)
}
