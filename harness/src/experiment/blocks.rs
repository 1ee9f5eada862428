//! Blocks: each holds every contestant once, all on one schedule, in an order of its own.
//!
//! A trial that cannot be believed is repeated once, at once and on the same schedule; both are kept
//! and listed. Blocks go on until there are as many as asked for, or until the intervals are as narrow
//! as asked for.

use super::contestant::Contestant;
use super::live::LiveTrials;
use super::order::order;
use super::run::Context;
use super::schedules::block_schedule;
use super::sim::simulate;
use super::verdicts;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::Progress;
use lb_analysis::{problems, summarise};
use lb_config::PlannedScenario;
use lb_core::Span;
use lb_core::workload::Schedule;
use lb_results::{ListedBackend, Trial};
use lb_results::{RequestsFile, trial_stem, write_trial};
use std::sync::Arc;

/// Blocks before precision is looked at: fewer say nothing about noise.
const FEWEST_FOR_PRECISION: u32 = 5;

/// One scenario to be run.
pub(super) struct ScenarioRun<'a> {
    pub(super) number: usize,
    pub(super) scenario: &'a PlannedScenario,
    /// Name of the run.
    pub(super) run_id: &'a str,
    pub(super) contestants: Vec<Contestant>,
}

/// One trial to be run.
pub(super) struct TrialPlan<'a> {
    pub(super) scenario_number: usize,
    pub(super) scenario: &'a PlannedScenario,
    pub(super) contestant: &'a Contestant,
    pub(super) block: u32,
    pub(super) position: usize,
    pub(super) attempt: u32,
    pub(super) schedule: &'a Arc<Schedule>,
    /// `trial 3 of 10, least-connections`.
    pub(super) progress: String,
}

impl TrialPlan<'_> {
    /// The beginning of the names of its files.
    pub(super) fn stem(&self) -> String {
        let scenario = &self.scenario.scenario.name;
        trial_stem(scenario, &self.contestant.label, self.block, self.attempt)
    }

    /// The file of every request, where the user wants one.
    pub(super) fn requests_file(
        &self,
        context: &Context<'_>,
        backends: &[ListedBackend],
    ) -> Result<Option<RequestsFile>, Failure> {
        if !context.record_requests {
            return Ok(None);
        }
        let inner = &self.scenario.scenario;
        let name = format!("trials/{}-requests.parquet", self.stem());
        let ids: Vec<String> = backends.iter().map(|backend| backend.id.clone()).collect();
        RequestsFile::create(context.folder, &name, &inner.workload, &ids)
            .or_exit(ExitCode::Preflight)
            .map(Some)
    }
}

/// What came out of a scenario, also when it ended early.
#[derive(Default)]
pub(super) struct Blocks {
    /// Every trial that was not interrupted, in the order in which they ran.
    pub(super) trials: Vec<Trial>,
    /// By block that was begun.
    pub(super) schedules: Vec<String>,
    /// How often the best bet was that a trial is worth repeating, and it was.
    pub(super) notes: Vec<String>,
}

/// Runs blocks until there are enough; trials are put into `done` one by one.
pub(super) async fn run_blocks(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    mut target: Option<&mut LiveTrials>,
    progress: &mut Progress,
    done: &mut Blocks,
) -> Result<(), Failure> {
    let mut block = 0;
    while !enough(context, part, block, done, progress) {
        let workload = &part.scenario.scenario.workload;
        let schedule = block_schedule(workload, context.plan.seed, block);
        done.schedules.push(schedule.sha256().to_owned());
        let first = done.trials.len();
        let places = order(context.plan.seed, part.number, block, part.contestants.len());
        for (position, contestant) in places.into_iter().enumerate() {
            let contestant = &part.contestants[contestant];
            for attempt in 0..2 {
                if context.interrupt.is_set() {
                    return Ok(());
                }
                let plan = TrialPlan {
                    scenario_number: part.number,
                    scenario: part.scenario,
                    contestant,
                    block,
                    position,
                    attempt,
                    schedule: &schedule,
                    progress: label(context, part, contestant, block, position),
                };
                let trial = match &mut target {
                    Some(target) => target.trial(context, &plan, progress).await?,
                    None => simulate(context, &plan, progress).await?,
                };
                let Some(mut trial) = trial else { return Ok(()) };
                if trial.record.interrupted {
                    return keep(context, part, &schedule, &trial, progress);
                }
                let faults = !part.scenario.scenario.topology.faults.is_empty();
                let found = problems(&trial, faults);
                if context.accept_invalid {
                    trial
                        .notes
                        .extend(found.into_iter().map(|problem| format!("counted although {problem}")));
                } else {
                    trial.problems = found;
                }
                let written = keep(context, part, &schedule, &trial, progress);
                let valid = trial.problems.is_empty();
                done.trials.push(trial);
                written?;
                if valid {
                    break;
                }
            }
        }
        if context.plan.detect_warm_up {
            cut_warm_up(context, &mut done.trials[first..], block, progress);
        }
        block += 1;
    }
    Ok(())
}

/// Whether there are enough blocks.
fn enough(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    blocks: u32,
    done: &mut Blocks,
    progress: &Progress,
) -> bool {
    let plan = context.plan;
    let Some(precision) = plan.precision else { return blocks >= plan.repetitions };
    let fewest = plan.repetitions.max(FEWEST_FOR_PRECISION).min(plan.max_repetitions);
    if blocks < fewest {
        return false;
    }
    if verdicts::precise_enough(&done.trials, &part.contestants, plan, precision) {
        progress.say(&format!("after {blocks} blocks all intervals are within ±{:.1} %", precision * 100.0));
        return true;
    }
    if blocks >= plan.max_repetitions {
        done.notes.push(format!(
            "{}: the precision of ±{:.1} % was not reached within {blocks} blocks; raise --max-repetitions, lengthen the trials, or ask for less",
            part.scenario.scenario.name,
            precision * 100.0
        ));
        return true;
    }
    false
}

fn label(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    contestant: &Contestant,
    block: u32,
    position: usize,
) -> String {
    let within = part.contestants.len();
    let number = block as usize * within + position + 1;
    match context.plan.precision {
        Some(_) => format!("block {}, {}", block + 1, contestant.label),
        None => {
            let total = within * context.plan.repetitions as usize;
            format!("trial {number} of {total}, {}", contestant.label)
        }
    }
}

/// Leaves out the beginning of every trial of a block, as much as the slowest to settle needs: a cut of
/// its own for each algorithm would compare different parts of one schedule.
fn cut_warm_up(context: &Context<'_>, trials: &mut [Trial], block: u32, progress: &Progress) {
    if context.interrupt.is_set() {
        return;
    }
    match verdicts::warm_up_cut(trials) {
        Some(cut_s) => {
            for trial in trials.iter_mut() {
                trial.cut_s = cut_s;
            }
            progress.say(&format!("block {}: the first {cut_s:.0} s are left out as warm-up", block + 1));
        }
        None => {
            for trial in trials.iter_mut() {
                trial.notes.push("too short to look for the end of the warm-up in it".to_owned());
            }
        }
    }
}

/// Puts a finished trial on disk and says how it went.
fn keep(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    schedule: &Schedule,
    trial: &Trial,
    progress: &Progress,
) -> Result<(), Failure> {
    let inner = &part.scenario.scenario;
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
    for problem in &trial.problems {
        progress.say(&format!("  invalid: {problem}"));
    }
    write_trial(context.folder, part.run_id, inner, schedule, trial, result).or_exit(ExitCode::Preflight)
}

/// The trials that count: valid, and of each block and label one at most.
pub(super) fn valid(trials: &[Trial]) -> impl Iterator<Item = &Trial> {
    trials.iter().filter(|trial| trial.problems.is_empty())
}

/// Length of a phase in seconds.
pub(super) fn seconds(span: Span) -> f64 {
    span.as_secs_f64()
}
