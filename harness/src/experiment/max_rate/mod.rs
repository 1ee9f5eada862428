//! Finds the highest arrival rate at which each algorithm meets an objective.
//!
//! [`ladder`] defines the rates and the duration of probes, [`climb`] chooses the next rate, and [`probe`]
//! runs a probe. Every probe is a separate trial (switched, verified, drained) with Poisson arrivals of the
//! load at the scenario's busiest moment. An invalid probe never counts against an algorithm: it ends the
//! upward search, and its reason is reported as the limit.

mod climb;
mod ladder;
mod probe;

use super::contestant::Contestant;
use super::context::Context;
use super::driver::Driver;
use super::error::RunError;
use super::events::Event;
use super::measured::MeasuredScenario;
use super::trial_plan::ScenarioRun;
use climb::{Found, Stop, climb};
use ladder::{Ladder, rate_of};
use lb_analysis::rank_rates;
use lb_analysis::threshold::Threshold;
use lb_core::Span;
use lb_core::workload::{ArrivalStart, Schedule, Workload};
use lb_results::{MaxRateSummary, RateLimit, RateUnit};
use probe::{Prober, workload_at_rate};
use std::sync::Arc;

/// The number of arrivals that are sampled to learn how long sessions are.
const SAMPLE: u32 = 2_000;

/// Searches for every contestant and puts the results into `measured`.
pub(super) async fn search<D: Driver>(
    context: &Context<'_>,
    part: &ScenarioRun<'_>,
    objective: &[Threshold],
    driver: &mut D,
    measured: &mut MeasuredScenario,
) -> Result<(), RunError> {
    let workload = Arc::new(workload_at_rate(
        part.scenario,
        f64::from(SAMPLE),
        Span::from_secs(1),
        part.scenario.scenario().max_in_flight,
    )?);
    let sample = Schedule::new(Arc::clone(&workload), context.plan.seed());
    let ladder = Ladder::new(&sample, objective, part.scenario.scenario().warm_up);
    let unit = unit(&workload);
    announce(context, part, &ladder, unit);
    for contestant in &part.contestants {
        let mut prober = Prober {
            context,
            part,
            contestant,
            objective,
            ladder: &ladder,
            unit,
            driver: &mut *driver,
            probes: Vec::new(),
        };
        let patterns = part.scenario.patterns().iter();
        let expected = patterns.map(|pattern| pattern.expected_rps()).fold(0.0, f64::max);
        let found = match climb(&mut prober, ladder.first(expected), ladder.lowest()).await {
            Ok(found) => found,
            Err(Stop::Interrupted) => break,
            Err(Stop::Failed(error)) => return Err(error),
        };
        let max_rate = summary(found, &prober, contestant);
        context.events.observe(&Event::RateFound {
            scenario: part.scenario.scenario().name.clone(),
            max_rate: max_rate.clone(),
        });
        for probe in &max_rate.probes {
            if !measured.blocks.schedules.contains(&probe.schedule_sha256) {
                measured.blocks.schedules.push(probe.schedule_sha256.clone());
            }
        }
        measured.max_rates.push(max_rate);
    }
    rank_rates(&mut measured.max_rates);
    enough_valid(part, &measured.max_rates)
}

/// Announces the duration of probes and what they leave out.
fn announce(context: &Context<'_>, part: &ScenarioRun<'_>, ladder: &Ladder, unit: RateUnit) {
    let scenario = part.scenario.scenario();
    let first = ladder.first(0.0).max(0);
    let mut notes = vec![format!(
        "{}: rates are in {} per second, with {:.1} requests each; the longest takes {:.0} s, so a probe \
        leaves out its first {:.0} s and measures {:.0} s or more",
        scenario.name,
        unit.name(),
        ladder.requests,
        ladder.longest_s,
        ladder.warm_up_s(),
        ladder.window_s(first, false)
    )];
    let faults = scenario.topology.faults.len();
    if faults > 0 {
        notes.push(format!(
            "{}: the search leaves out {faults} {}, since it looks for a rate in steady state",
            scenario.name,
            if faults == 1 { "fault" } else { "faults" }
        ));
    }
    for text in notes {
        context.events.observe(&Event::Note { text });
    }
}

/// Returns the unit of arrivals.
fn unit(workload: &Workload) -> RateUnit {
    let starts = workload.stages().iter().filter_map(|stage| stage.arrivals.as_ref());
    match starts.map(|open| open.start).next() {
        Some(ArrivalStart::Action) => RateUnit::Actions,
        _ => RateUnit::Sessions,
    }
}

/// Summarises the search for one contestant.
fn summary<D>(found: Found, prober: &Prober<'_, '_, D>, contestant: &Contestant) -> MaxRateSummary {
    let invalid = prober.probes.iter().filter(|probe| !probe.problems.is_empty());
    let lowest_invalid = invalid.min_by(|one, other| one.rate_per_s.total_cmp(&other.rate_per_s));
    let limit = match (found.by_generator, found.breached) {
        (true, _) => RateLimit::Generator,
        (false, Some(_)) => RateLimit::Objective,
        (false, None) => RateLimit::Search,
    };
    MaxRateSummary {
        algorithm: contestant.label.clone(),
        objective: prober.objective.iter().map(|rule| rule.text().to_owned()).collect(),
        unit: prober.unit,
        requests_per_arrival: Some(prober.ladder.requests),
        rate_per_s: found.kept.map(rate_of),
        breached_rate_per_s: found.breached.map(rate_of),
        limit,
        limited_by: lowest_invalid.filter(|_| found.by_generator).map(|probe| probe.problems.join("; ")),
        rank: None,
        equal_to: Vec::new(),
        probes: prober.probes.clone(),
    }
}

/// Rejects a scenario if no rate could be tested for a contestant.
fn enough_valid(part: &ScenarioRun<'_>, found: &[MaxRateSummary]) -> Result<(), RunError> {
    let untested =
        found.iter().filter(|result| result.rate_per_s.is_none() && result.limit == RateLimit::Generator);
    let (mut lacking, mut reasons) = (Vec::new(), Vec::new());
    for result in untested {
        lacking.push(format!("{} could not be tested at any rate", result.algorithm));
        if let Some(reason) = result.limited_by.as_ref().filter(|reason| !reasons.contains(*reason)) {
            reasons.push(reason.clone());
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(RunError::TooFewValid { scenario: part.scenario.scenario().name.clone(), lacking, reasons })
}
