//! One probe: a separate trial at one rate, and whether it met the objective.

use super::climb::{Outcome, Probe, Stop};
use super::ladder::{Ladder, Rung, rate_of};
use crate::experiment::blocks::demands;
use crate::experiment::contestant::Contestant;
use crate::experiment::context::Context;
use crate::experiment::driver::Driver;
use crate::experiment::error::RunError;
use crate::experiment::events::Event;
use crate::experiment::pause::wait_while_paused;
use crate::experiment::schedules::block_schedule;
use crate::experiment::trial_plan::{ScenarioRun, TrialPlan};
use anyhow::Context as _;
use lb_analysis::threshold::{Threshold, evaluate};
use lb_analysis::{Demands, Window, problems};
use lb_config::PlannedScenario;
use lb_core::Span;
use lb_core::topology::Topology;
use lb_core::workload::{Scenario, Workload};
use lb_results::{ProbeStage, RateProbe, RateUnit, ThresholdResult, Trial};
use std::sync::Arc;

/// Probes rates for one contestant.
pub(super) struct Prober<'a, 'b, D> {
    pub(super) context: &'a Context<'b>,
    pub(super) part: &'a ScenarioRun<'b>,
    pub(super) contestant: &'a Contestant,
    pub(super) objective: &'a [Threshold],
    pub(super) ladder: &'a Ladder,
    pub(super) unit: RateUnit,
    pub(super) driver: &'a mut D,
    /// The probes so far, in order.
    pub(super) probes: Vec<RateProbe>,
}

impl<D: Driver> Probe for Prober<'_, '_, D> {
    async fn probe(&mut self, stage: ProbeStage, rung: Rung, replicate: u32) -> Result<Outcome, Stop> {
        let scenario = self.scenario(stage, rung)?;
        let workload = &scenario.scenario().workload;
        let schedule = block_schedule(workload, self.context.plan.seed(), replicate);
        let plan = TrialPlan {
            scenario_number: self.part.number,
            scenario: &scenario,
            contestant: self.contestant,
            block: replicate,
            position: 0,
            // Distinguishes the files of probes.
            attempt: self.probes.len() as u32,
            schedule: &schedule,
            title: format!(
                "{}, {stage} probe at {} {}/s",
                self.contestant.label,
                lb_analysis::rate_in_words(rate_of(rung)),
                self.unit.name()
            ),
        };
        wait_while_paused(self.context).await;
        let trial = self.driver.run(&plan).await?;
        if let Some(error) = self.driver.take_failure() {
            return Err(error.into());
        }
        let Some(mut trial) = trial.filter(|trial| !trial.record.interrupted) else {
            return Err(Stop::Interrupted);
        };
        trial.cut_s = self.ladder.warm_up_s();
        let (outcome, probe) = self.judge(stage, rung, replicate, &scenario, &trial);
        self.context.events.observe(&Event::ProbeFinished {
            scenario: scenario.scenario().name.clone(),
            algorithm: self.contestant.label.clone(),
            probe: probe.clone(),
        });
        self.probes.push(probe);
        Ok(outcome)
    }
}

impl<D: Driver> Prober<'_, '_, D> {
    /// Judges a trial whose warm-up is cut off.
    fn judge(
        &self,
        stage: ProbeStage,
        rung: Rung,
        replicate: u32,
        scenario: &PlannedScenario,
        trial: &Trial,
    ) -> (Outcome, RateProbe) {
        let held = evaluate(self.objective, scenario.scope(), &[trial], &self.contestant.label);
        let breaches: Vec<String> = held.iter().filter(|result| !result.ok).map(in_words).collect();
        // Faults are left out, so no backend is down intentionally.
        let demands = Demands { faults: false, ..demands(self.context, self.part.scenario) };
        let mut problems = problems(trial, demands);
        // The limit is several times the planned number of sessions: if they pile up beyond it and the
        // objective is also breached, the algorithm is the cause.
        if trial.record.arrivals.dropped > 0 && problems.len() == 1 && !breaches.is_empty() {
            problems.clear();
        }
        let outcome = match (problems.is_empty() || self.context.accept_invalid, breaches.is_empty()) {
            (false, _) => Outcome::Invalid,
            (true, true) => Outcome::Kept,
            (true, false) => Outcome::Breached,
        };
        let window = Window::of(&trial.record, trial.cut_s, f64::INFINITY);
        let probe = RateProbe {
            rate_per_s: rate_of(rung),
            warm_up_s: trial.cut_s,
            seconds: self.ladder.window_s(rung, stage == ProbeStage::Confirm),
            stage,
            replicate,
            schedule_sha256: trial.schedule_sha256.clone(),
            kept: outcome == Outcome::Kept,
            breaches,
            requests: window.requests,
            latency_ms: window.latency(),
            error_rate: window.error_rate(),
            problems,
        };
        (outcome, probe)
    }

    /// Builds the scenario of a probe.
    fn scenario(&self, stage: ProbeStage, rung: Rung) -> Result<PlannedScenario, RunError> {
        let length = self.ladder.warm_up_s() + self.ladder.window_s(rung, stage == ProbeStage::Confirm);
        let sessions = self.ladder.sessions(rung, self.part.scenario.scenario().max_in_flight);
        at_rate(self.part.scenario, rate_of(rung), Span::from_secs_f64(length), sessions)
    }
}

/// Describes the value that breached a condition, such as `p(95)<200 was 312`.
fn in_words(result: &ThresholdResult) -> String {
    let rule = result.threshold.rsplit(": ").next().unwrap_or(&result.threshold);
    match result.observed {
        Some(observed) => format!("{rule} was {}", lb_analysis::rate_in_words(observed)),
        None => format!("{rule} could not be measured"),
    }
}

/// Returns the scenario with its busiest moment as Poisson arrivals of this rate and length. Its warm-up is
/// the beginning of the phase itself, and it has no faults, because rates are judged in steady state.
fn at_rate(
    planned: &PlannedScenario,
    rate: f64,
    length: Span,
    sessions: u32,
) -> Result<PlannedScenario, RunError> {
    let inner = planned.scenario();
    let workload = Arc::new(workload_at_rate(planned, rate, length, sessions)?);
    let topology = Arc::new(Topology { faults: Vec::new(), ..Topology::clone(&inner.topology) });
    Ok(planned.with_scenario(Scenario {
        workload,
        duration: length,
        warm_up: Span::ZERO,
        max_in_flight: sessions,
        topology,
        ..Scenario::clone(inner)
    }))
}

/// Returns the workload of the busiest moment as Poisson arrivals.
pub(super) fn workload_at_rate(
    planned: &PlannedScenario,
    rate: f64,
    length: Span,
    sessions: u32,
) -> Result<Workload, RunError> {
    let inner = planned.scenario();
    let workload = inner.workload.at_rate(rate, length, sessions).with_context(|| {
        format!(
            "failed to vary the rate of scenario \"{}\": recorded requests have fixed times; use a \
            config with users or arrivals",
            inner.name
        )
    });
    workload.map_err(RunError::Plan)
}
