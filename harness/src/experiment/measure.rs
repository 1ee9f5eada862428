//! Measuring one scenario: its driver is started, its blocks or its search for rates run, its driver is ended.
//! What the trials mean is judged afterwards.

use super::blocks::run_blocks;
use super::context::{Context, Mode};
use super::driver::Driver;
use super::error::RunError;
use super::events::Event;
use super::live::LiveTrials;
use super::max_rate::search;
use super::measured::MeasuredScenario;
use super::sim::SimulatedTrials;
use super::trial_plan::ScenarioRun;
use crate::testbed::Choice;
use lb_core::Algorithm;
use lb_results::{Skipped, Trial};

/// Runs the trials of one scenario, as far as they get, and puts them into `measured` one by one. Without a
/// `choice` of load balancer they are simulated.
pub(super) async fn measure(
    context: &Context<'_>,
    number: usize,
    choice: Option<&Choice>,
    measured: &mut MeasuredScenario,
) -> Result<(), RunError> {
    match choice {
        Some(choice) => {
            let driver = LiveTrials::start(context, number, choice).await?;
            measure_with(driver, context, number, measured).await
        }
        None => measure_with(SimulatedTrials::new(context), context, number, measured).await,
    }
}

async fn measure_with<D: Driver>(
    mut driver: D,
    context: &Context<'_>,
    number: usize,
    measured: &mut MeasuredScenario,
) -> Result<(), RunError> {
    let scenario = &context.plan.scenarios()[number];
    let mut algorithms = scenario.algorithms().to_vec();
    if let Some(offered) = driver.offered() {
        measured.skipped = not_offered(&offered, &mut algorithms);
    }
    measured.contestants = driver.contestants(&algorithms, context.mode);
    let part = ScenarioRun { number, scenario, contestants: measured.contestants.clone() };
    context.events.observe(&Event::ScenarioStarted {
        scenario: scenario.scenario().name.clone(),
        contestants: part.contestants.iter().map(|contestant| contestant.label.clone()).collect(),
    });
    let result = match (algorithms.is_empty(), context.mode) {
        (true, _) => Err(RunError::NothingOffered { skipped: measured.skipped.clone() }),
        (false, Mode::MaxRate(objective)) => {
            search(context, &part, objective, &mut driver, &mut measured.max_rates).await
        }
        (false, _) => run_blocks(context, &part, &mut driver, &mut measured.blocks).await,
    };
    driver.end().await;
    result?;
    let searched = matches!(context.mode, Mode::MaxRate(_));
    if context.interrupt.is_set() || searched { Ok(()) } else { enough_valid(&part, &measured.blocks.trials) }
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

/// Refuses a scenario in which a contestant has a valid trial in fewer than half of the blocks.
fn enough_valid(part: &ScenarioRun<'_>, trials: &[Trial]) -> Result<(), RunError> {
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
    Err(RunError::TooFewValid { scenario: part.scenario.scenario().name.clone(), lacking })
}
