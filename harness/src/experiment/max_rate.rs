//! The highest arrival rate at which each algorithm keeps an objective.
//!
//! Doubles the rate until the objective is missed, halves the gap until it is narrow, and confirms the
//! highest rate that was kept by a longer run, as Nighthawk's adaptive load controller does. Each probe
//! is a trial of its own: switched, verified, warmed up, drained; Poisson arrivals of what the
//! scenario's busiest moment does. An invalid probe counts as not kept, since a rate
//! that the generator cannot send was not shown to work.

use super::contestant::Contestant;
use super::context::Context;
use super::driver::Driver;
use super::error::RunError;
use super::events::Event;
use super::schedules::block_schedule;
use super::trial_plan::{ScenarioRun, TrialPlan};
use anyhow::Context as _;
use lb_analysis::threshold::{Threshold, evaluate};
use lb_analysis::{problems, summarise};
use lb_config::PlannedScenario;
use lb_core::Span;
use lb_core::workload::Scenario;
use lb_results::{MaxRateSummary, ProbeStage, RateProbe};
use std::sync::Arc;

/// The first rate, in arrivals per second: low enough for a laptop's backends.
const FIRST_RATE: f64 = 10.0;
/// The upper bound of the search, in arrivals per second: a rate that no loopback run reaches.
const HIGHEST_RATE: f64 = 500_000.0;
/// The lowest rate that is probed, in arrivals per second.
const LOWEST_RATE: f64 = 1.0;
/// The search ends when the lowest missed rate is at most this many times the highest kept rate.
const GAP: f64 = 1.05;
/// The longest probe: many latencies, yet a whole search takes only minutes.
const PROBE: Span = Span::from_secs(10);
/// The confirming run is this many times as long.
const CONFIRM: u64 = 3;
/// How many rates are tried when the highest one is not confirmed.
const CONFIRMATIONS: u32 = 5;

/// The search for one contestant.
struct Search<'a, 'b> {
    context: &'a Context<'b>,
    part: &'a ScenarioRun<'b>,
    contestant: &'a Contestant,
    objective: &'a [Threshold],
    probes: Vec<RateProbe>,
}

/// Searches for every contestant and puts what it finds into `found`.
pub(super) async fn search<D: Driver>(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    objective: &[Threshold],
    driver: &mut D,
    found: &mut Vec<MaxRateSummary>,
) -> Result<(), RunError> {
    for contestant in &part.contestants {
        let mut search = Search { context, part, contestant, objective, probes: Vec::new() };
        let rate = search.run(driver).await?;
        if context.interrupt.is_set() {
            break;
        }
        let max_rate = MaxRateSummary {
            algorithm: contestant.label.clone(),
            objective: objective.iter().map(|rule| rule.text().to_owned()).collect(),
            rate_per_s: rate,
            probes: search.probes,
        };
        context.events.observe(&Event::RateFound {
            scenario: part.scenario.scenario().name.clone(),
            max_rate: max_rate.clone(),
        });
        found.push(max_rate);
    }
    Ok(())
}

impl Search<'_, '_> {
    /// Returns the highest rate that is confirmed to keep the objective; `None` when no rate does, or when the
    /// user interrupted the search.
    async fn run<D: Driver>(&mut self, driver: &mut D) -> Result<Option<f64>, RunError> {
        let length = self.part.scenario.scenario().duration.min(PROBE);
        let Some((mut kept, mut missed)) = self.exponential(driver, length).await? else {
            return Ok(None);
        };
        while missed / kept > GAP {
            let rate = (kept * missed).sqrt();
            match self.probe(driver, ProbeStage::Binary, rate, length).await? {
                Some(true) => kept = rate,
                Some(false) => missed = rate,
                None => return Ok(None),
            }
        }
        for _ in 0..CONFIRMATIONS {
            match self.probe(driver, ProbeStage::Confirm, kept, length * CONFIRM).await? {
                Some(true) => return Ok(Some(kept)),
                Some(false) => kept /= GAP,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Returns a rate that was kept, and one at most twice as high that was not; `None` when no rate was kept or the
    /// user interrupted the search.
    async fn exponential<D: Driver>(
        &mut self,
        driver: &mut D,
        length: Span,
    ) -> Result<Option<(f64, f64)>, RunError> {
        let (mut kept, mut missed, mut rate) = (None, None, FIRST_RATE);
        loop {
            match self.probe(driver, ProbeStage::Exponential, rate, length).await? {
                Some(true) => kept = Some(rate),
                Some(false) => missed = Some(rate),
                None => return Ok(None),
            }
            rate = match (kept, missed) {
                (Some(kept), Some(missed)) => return Ok(Some((kept, missed))),
                (Some(kept), None) if kept * 2.0 > HIGHEST_RATE => return Ok(Some((kept, kept * GAP))),
                (Some(kept), None) => kept * 2.0,
                (None, Some(missed)) if missed / 2.0 < LOWEST_RATE => return Ok(None),
                (None, Some(missed)) => missed / 2.0,
                (None, None) => return Ok(None),
            };
        }
    }

    /// Runs one rate, and returns whether it keeps the objective; `None` when the user interrupted it.
    async fn probe<D: Driver>(
        &mut self,
        driver: &mut D,
        stage: ProbeStage,
        rate: f64,
        length: Span,
    ) -> Result<Option<bool>, RunError> {
        let scenario = at_rate(self.part.scenario, rate, length)?;
        let number = self.probes.len() as u32;
        let schedule = block_schedule(&scenario.scenario().workload, self.context.plan.seed(), number);
        let plan = TrialPlan {
            scenario_number: self.part.number,
            scenario: &scenario,
            contestant: self.contestant,
            block: number,
            position: 0,
            attempt: 0,
            schedule: &schedule,
            title: format!("{}, {stage} probe at {rate:.1}/s", self.contestant.label),
        };
        let trial = driver.run(&plan).await?;
        let Some(trial) = trial.filter(|trial| !trial.record.interrupted) else { return Ok(None) };
        let problems = problems(&trial, !scenario.scenario().topology.faults.is_empty());
        let held = evaluate(self.objective, scenario.scope(), &[&trial], &self.contestant.label);
        let kept = problems.is_empty() && held.iter().all(|result| result.ok);
        let result = summarise(&[&trial], &scenario.scenario().workload);
        let probe = RateProbe {
            rate_per_s: rate,
            seconds: length.as_secs_f64(),
            stage,
            kept,
            latency_ms: result.as_ref().and_then(|result| result.latency_ms.clone()),
            error_rate: result.as_ref().map_or(0.0, |result| result.error_rate),
            problems,
        };
        self.context.events.observe(&Event::ProbeFinished {
            scenario: scenario.scenario().name.clone(),
            algorithm: self.contestant.label.clone(),
            probe: probe.clone(),
        });
        self.probes.push(probe);
        Ok(Some(kept))
    }
}

/// Returns the scenario with its busiest moment as Poisson arrivals of this rate and length.
fn at_rate(planned: &PlannedScenario, rate: f64, length: Span) -> Result<PlannedScenario, RunError> {
    let inner = &planned.scenario();
    let workload = inner.workload.at_rate(rate, length).with_context(|| {
        format!("failed to vary the rate of scenario \"{}\": a recorded list has times of its own; take a config with users or arrivals", inner.name)
    });
    let workload = Arc::new(workload.map_err(RunError::Plan)?);
    let scenario = Scenario { workload, duration: length, ..Scenario::clone(inner) };
    Ok(planned.with_scenario(scenario))
}
