//! A simulated pilot: estimates how many blocks a scenario needs before the first real trial.
//!
//! The same schedules and algorithms run in virtual time, which takes a second or two. The scatter of their
//! paired differences shows how small a difference a number of blocks can detect. A real machine adds noise,
//! so the result is a lower bound.

use super::contestant::Contestant;
use super::context::{Context, Mode};
use super::driver::Driver;
use super::error::RunError;
use super::events::Event;
use super::judge::pilot_plan;
use super::schedules::block_schedule;
use super::sim::SimulatedTrials;
use super::trial_plan::{ScenarioRun, TrialPlan};
use lb_analysis::trial_summary;
use lb_results::{PilotSummary, TrialSummary};
use std::time::{Duration, Instant};

/// The number of blocks in a pilot: enough to estimate the scatter to within a third.
const BLOCKS: u32 = 10;
/// The fewest blocks from which a pilot can estimate the scatter.
const FEWEST: u32 = 5;
/// The time after which a pilot stops at the fewest blocks.
const LONGEST: Duration = Duration::from_secs(2);
/// The time limit for the first block; a scenario that exceeds it is too long for a pilot.
const LONGEST_BLOCK: Duration = Duration::from_millis(500);

/// Simulates a pilot of a scenario. `None` if there is nothing to compare, if it would take too long, or if
/// the user interrupted it. There is no time limit if the number of blocks depends on the pilot.
pub(super) async fn play(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
) -> Result<Option<PilotSummary>, RunError> {
    let contestants = contestants(part);
    let asked = context.plan.detect().is_some();
    if contestants.len() < 2 || *context.mode != Mode::Compare {
        return Ok(None);
    }
    let scenario = &part.scenario.scenario();
    context.events.observe(&Event::phase(&scenario.name, "simulating a pilot"));
    let quiet = context.without_traces_and_events();
    let mut driver = SimulatedTrials::new(&quiet);
    let begun = Instant::now();
    let mut trials: Vec<TrialSummary> = Vec::new();
    for block in 0..BLOCKS {
        if block >= FEWEST && begun.elapsed() > LONGEST {
            break;
        }
        let schedule = block_schedule(&scenario.workload, context.plan.seed(), block);
        for (position, contestant) in contestants.iter().enumerate() {
            let plan = TrialPlan {
                scenario_number: part.number,
                scenario: part.scenario,
                contestant,
                block,
                position,
                attempt: 0,
                schedule: &schedule,
                title: format!("pilot, {}", contestant.label),
            };
            let Some(trial) = driver.run(&plan).await? else { return Ok(None) };
            trials.push(trial_summary(&trial));
            if block == 0 && !asked && begun.elapsed() > LONGEST_BLOCK {
                return Ok(None);
            }
        }
    }
    let pilot = pilot_plan(&trials, &contestants, context.plan);
    context.events.observe(&Event::PilotPlayed { scenario: scenario.name.clone(), pilot: pilot.clone() });
    Ok(Some(pilot))
}

/// Returns the contestants of a simulation: each algorithm once, however many load balancers run it.
fn contestants(part: &ScenarioRun<'_>) -> Vec<Contestant> {
    let mut algorithms = Vec::new();
    for contestant in &part.contestants {
        if !algorithms.contains(&contestant.algorithm) {
            algorithms.push(contestant.algorithm);
        }
    }
    Contestant::each(&algorithms)
}
