//! Blocks: each holds every contestant once, all on one schedule, in an order of its own.
//!
//! An invalid trial is repeated once, at once and on the same schedule; both are kept and listed. Blocks go on until there are as many as asked for, or until the intervals are as narrow
//! as asked for.

use super::contestant::Contestant;
use super::context::Context;
use super::driver::Driver;
use super::error::RunError;
use super::events::Event;
use super::judge;
use super::measured::Blocks;
use super::order::order;
use super::schedules::block_schedule;
use super::trial_plan::{ScenarioRun, TrialPlan};
use lb_analysis::{problems, summarise};
use lb_core::workload::Schedule;
use lb_results::{Trial, write_trial};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The number of blocks before precision is judged: fewer say nothing about noise.
const FEWEST_FOR_PRECISION: u32 = 5;

/// Runs blocks until there are enough; trials are put into `done` one by one.
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

/// Runs each contestant once, and once more where its trial is invalid. Breaks when the user interrupted it.
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
        for attempt in 0..2 {
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
                title: title(context, part, contestant, block, position),
            };
            let Some(mut trial) = driver.run(&plan).await? else { return Ok(ControlFlow::Break(())) };
            if trial.record.interrupted {
                keep(context, part, schedule, &trial)?;
                return Ok(ControlFlow::Break(()));
            }
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

/// Decides whether a trial is valid; where invalid trials count, what is wrong becomes a note.
fn look_for_problems(context: &Context<'_>, part: &ScenarioRun<'_>, trial: &mut Trial) {
    let faults = !part.scenario.scenario().topology.faults.is_empty();
    let found = problems(trial, faults);
    if context.accept_invalid {
        trial.notes.extend(found.into_iter().map(|problem| format!("counted although {problem}")));
    } else {
        trial.problems = found;
    }
}

/// Decides whether there are enough blocks, and notes a precision that was not reached.
fn enough(context: &Context<'_>, part: &ScenarioRun<'_>, blocks: u32, done: &mut Blocks) -> bool {
    let plan = context.plan;
    let Some(precision) = plan.precision() else { return blocks >= plan.repetitions() };
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
            "{}: the precision of ±{:.1} % was not reached within {blocks} blocks; raise --max-repetitions, lengthen the trials, or ask for less",
            part.scenario.scenario().name,
            precision * 100.0
        ));
        return true;
    }
    false
}

/// Names a trial in words, such as `trial 3 of 10, least-connections`.
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
            let total = within * context.plan.repetitions() as usize;
            format!("trial {number} of {total}, {}", contestant.label)
        }
    }
}

/// Leaves out the same warm-up at the beginning of every trial of a block, as long as the trial that settles last
/// needs: a different length for each algorithm would compare different parts of one schedule.
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
                trial.notes.push("too short to look for the end of the warm-up in it".to_owned());
            }
        }
    }
}

/// Reports a finished trial and puts it on disk.
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
    write_trial(context.folder, context.run_id, inner, schedule, trial, result).map_err(RunError::Results)
}
