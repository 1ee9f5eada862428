//! The highest arrival rate at which each algorithm keeps an objective.
//!
//! Doubles the rate until the objective is missed, halves the gap until it is narrow, and confirms the
//! highest rate that was kept by a longer run, as Nighthawk's adaptive load controller does. Each probe
//! is a trial of its own: switched, verified, warmed up, drained; Poisson arrivals of what the
//! scenario's busiest moment does. A probe that cannot be believed counts as not kept, since a rate
//! that the generator cannot send is none that was shown to work.

use super::blocks::{ScenarioRun, TrialPlan, seconds};
use super::contestant::Contestant;
use super::live::LiveTrials;
use super::run::Context;
use super::schedules::block_schedule;
use super::sim::simulate;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::Progress;
use anyhow::Context as _;
use lb_analysis::threshold::{Threshold, evaluate};
use lb_analysis::{problems, summarise};
use lb_config::PlannedScenario;
use lb_core::Span;
use lb_core::workload::Scenario;
use lb_results::{MaxRateSummary, ProbeStage, RateProbe};
use std::sync::Arc;

/// First rate: low enough for a laptop's backends.
const FIRST_RATE: f64 = 10.0;
/// A rate that no loopback run reaches; it bounds the search.
const HIGHEST_RATE: f64 = 500_000.0;
/// The lowest rate that is worth a probe.
const LOWEST_RATE: f64 = 1.0;
/// The search ends when the gap between kept and missed is this narrow.
const GAP: f64 = 1.05;
/// Length of a probe where the scenario is longer: many latencies, yet minutes for a whole search.
const PROBE: Span = Span::from_secs(10);
/// The confirming run is this many times as long.
const CONFIRM: u64 = 3;
/// Rates that are tried when the highest one is not confirmed.
const CONFIRMATIONS: u32 = 5;

/// One search.
struct Search<'a, 'b> {
    context: &'a Context<'b>,
    part: &'a ScenarioRun<'b>,
    contestant: &'a Contestant,
    objective: &'a [Threshold],
    probes: Vec<RateProbe>,
}

/// Searches for every contestant and puts what it finds into `found`.
pub(super) async fn search(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    objective: &[Threshold],
    mut target: Option<&mut LiveTrials>,
    progress: &mut Progress,
    found: &mut Vec<MaxRateSummary>,
) -> Result<(), Failure> {
    for contestant in &part.contestants {
        let mut search = Search { context, part, contestant, objective, probes: Vec::new() };
        let rate = search.run(target.as_deref_mut(), progress).await?;
        if context.interrupt.is_set() {
            break;
        }
        let line = rate.map_or_else(|| "no rate".to_owned(), |rate| format!("{rate:.1} arrivals/s"));
        progress.say(&format!("{}: {line} keeps the objective", contestant.label));
        found.push(MaxRateSummary {
            algorithm: contestant.label.clone(),
            objective: objective.iter().map(|rule| rule.text().to_owned()).collect(),
            rate_per_s: rate,
            probes: search.probes,
        });
    }
    Ok(())
}

impl Search<'_, '_> {
    async fn run(
        &mut self,
        mut target: Option<&mut LiveTrials>,
        progress: &mut Progress,
    ) -> Result<Option<f64>, Failure> {
        let length = self.part.scenario.scenario.duration.min(PROBE);
        let Some((mut kept, mut missed)) = self.exponential(target.as_deref_mut(), length, progress).await?
        else {
            return Ok(None);
        };
        while missed / kept > GAP {
            let rate = (kept * missed).sqrt();
            match self.probe(target.as_deref_mut(), ProbeStage::Binary, rate, length, progress).await? {
                Some(true) => kept = rate,
                Some(false) => missed = rate,
                None => return Ok(None),
            }
        }
        for _ in 0..CONFIRMATIONS {
            match self
                .probe(target.as_deref_mut(), ProbeStage::Confirm, kept, length * CONFIRM, progress)
                .await?
            {
                Some(true) => return Ok(Some(kept)),
                Some(false) => kept /= GAP,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// A rate that was kept, and one at most twice as high that was not.
    async fn exponential(
        &mut self,
        mut target: Option<&mut LiveTrials>,
        length: Span,
        progress: &mut Progress,
    ) -> Result<Option<(f64, f64)>, Failure> {
        let (mut kept, mut missed, mut rate) = (None, None, FIRST_RATE);
        loop {
            match self.probe(target.as_deref_mut(), ProbeStage::Exponential, rate, length, progress).await? {
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

    /// Runs one rate. None when the user interrupted it.
    async fn probe(
        &mut self,
        target: Option<&mut LiveTrials>,
        stage: ProbeStage,
        rate: f64,
        length: Span,
        progress: &mut Progress,
    ) -> Result<Option<bool>, Failure> {
        let scenario = at_rate(self.part.scenario, rate, length)?;
        let number = self.probes.len() as u32;
        let schedule = block_schedule(&scenario.scenario.workload, self.context.plan.seed, number);
        let plan = TrialPlan {
            scenario_number: self.part.number,
            scenario: &scenario,
            contestant: self.contestant,
            block: number,
            position: 0,
            attempt: 0,
            schedule: &schedule,
            progress: format!("{}, {stage} probe at {rate:.1}/s", self.contestant.label),
        };
        let trial = match target {
            Some(target) => target.trial(self.context, &plan, progress).await?,
            None => simulate(self.context, &plan, progress).await?,
        };
        let Some(trial) = trial.filter(|trial| !trial.record.interrupted) else { return Ok(None) };
        let problems = problems(&trial, !scenario.scenario.topology.faults.is_empty());
        let held = evaluate(self.objective, scenario.scope(), &[&trial], &self.contestant.label);
        let kept = problems.is_empty() && held.iter().all(|result| result.ok);
        let result = summarise(&[&trial], &scenario.scenario.workload);
        progress.say(&format!(
            "{}: {rate:.1}/s {}",
            self.contestant.label,
            if kept { "keeps the objective" } else { "does not keep it" }
        ));
        self.probes.push(RateProbe {
            rate_per_s: rate,
            seconds: seconds(length),
            stage,
            kept,
            latency_ms: result.as_ref().and_then(|result| result.latency_ms.clone()),
            error_rate: result.as_ref().map_or(0.0, |result| result.error_rate),
            problems,
        });
        Ok(Some(kept))
    }
}

/// The scenario with its busiest moment as Poisson arrivals.
fn at_rate(planned: &PlannedScenario, rate: f64, length: Span) -> Result<PlannedScenario, Failure> {
    let inner = &planned.scenario;
    let workload = inner.workload.at_rate(rate, length).with_context(|| {
        format!("failed to vary the rate of scenario \"{}\": a recorded list has times of its own; take a config with users or arrivals", inner.name)
    });
    let workload = Arc::new(workload.or_exit(ExitCode::Usage)?);
    let scenario = Scenario { workload, duration: length, ..Scenario::clone(inner) };
    Ok(PlannedScenario { scenario: Arc::new(scenario), ..planned.clone() })
}
