//! Evaluates thresholds on trials.
//!
//! Figures are over all trials together. For whole phases they are exact, from the record's own cells; for
//! parts of a phase, its seconds are added up. Requests of one action or method are recorded for the whole
//! phase only, so cutting off the warm-up does not affect them.

use super::{Aggregation, Selector, Threshold, ThresholdMetric, TimeWindow};
use crate::fairness::{PoolShare, jain_index, share_spread};
use crate::hits::{gain_of_hits, share_of_hits};
use crate::peak::Peak;
use crate::recovery::recovery;
use crate::window::Window;
use lb_core::workload::{Scenario, Step};
use lb_core::{Outcome, Span};
use lb_record::{Cell, StepRecord, TrialRecord};
use lb_results::{ThresholdResult, Trial, pooled_step};
use std::collections::BTreeMap;

/// What a threshold can refer to: a scenario, and which requests belong to each of its actions.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The scenario that each trial runs.
    pub scenario: &'a Scenario,
    /// Names of the steps of each action, by the name of the action.
    pub action_steps: &'a BTreeMap<String, Vec<String>>,
}

/// Evaluates the thresholds that apply to one algorithm in one scenario on its valid trials. A threshold
/// without anything to measure fails.
pub fn evaluate(
    thresholds: &[Threshold],
    scope: Scope<'_>,
    trials: &[&Trial],
    algorithm: &str,
) -> Vec<ThresholdResult> {
    let name = &scope.scenario.name;
    let mine = thresholds.iter().filter(|threshold| {
        threshold.selector.names_algorithm(algorithm) && covers(&threshold.selector, scope)
    });
    mine.map(|threshold| {
        let observed = observe(threshold, scope, trials).filter(|value| value.is_finite());
        ThresholdResult {
            scenario: name.clone(),
            algorithm: algorithm.to_owned(),
            threshold: threshold.text.clone(),
            observed,
            ok: observed.is_some_and(|value| threshold.holds(value)),
        }
    })
    .collect()
}

/// Returns whether a threshold applies to a scenario: the selector names the scenario or none, the scenario
/// has matching requests, it lasts until the window begins, and its load has a peak to recover from.
pub fn covers(selector: &Selector, scope: Scope<'_>) -> bool {
    let lasts = match selector.window {
        Some(TimeWindow::Seconds { from, .. }) => from < scope.scenario.duration.as_secs_f64(),
        _ => true,
    };
    let recovers = || Peak::of(&scope.scenario.workload, scope.scenario.duration.as_secs_f64()).is_some();
    let has_peak = selector.metric != ThresholdMetric::Recovery || recovers();
    let narrowed = selector.action.is_some() || selector.method.is_some();
    let requests = || scope.scenario.workload.steps().iter().any(|step| selects(selector, scope, step));
    selector.names_scenario(&scope.scenario.name) && lasts && has_peak && (!narrowed || requests())
}

/// Returns whether a request has the action and the method of the selector.
fn selects(selector: &Selector, scope: Scope<'_>, step: &Step) -> bool {
    let of_action = |action: &String| {
        *action == step.name || scope.action_steps.get(action).is_some_and(|steps| steps.contains(&step.name))
    };
    selector.action.as_ref().is_none_or(of_action)
        && selector.method.as_ref().is_none_or(|method| step.method.eq_ignore_ascii_case(method))
}

fn observe(threshold: &Threshold, scope: Scope<'_>, trials: &[&Trial]) -> Option<f64> {
    if trials.is_empty() {
        return None;
    }
    let selector = &threshold.selector;
    match selector.metric {
        ThresholdMetric::Dropped => {
            Some(trials.iter().map(|trial| trial.record.arrivals.dropped as f64).sum())
        }
        ThresholdMetric::Fairness => jain_index(&shares(selector, scope, trials)),
        ThresholdMetric::Spread => {
            let listed = shares(selector, scope, trials);
            let named = || named_shares(trials);
            share_spread(&if listed.is_empty() { named() } else { listed })
        }
        ThresholdMetric::Recovery => {
            let found = recovery(trials, &scope.scenario.workload, scope.scenario.duration.as_secs_f64())?;
            match threshold.aggregation {
                Aggregation::High => found.interval.map(|[_, high]| high),
                _ => found.seconds,
            }
        }
        ThresholdMetric::HitRatio => {
            let steps = scope.scenario.workload.steps();
            share_of_hits(&records(trials), |number| {
                steps.get(number).is_some_and(|step| selects(selector, scope, step))
            })
        }
        ThresholdMetric::HitGain => {
            let (gain, interval) = gain_of_hits(&records(trials))?;
            match threshold.aggregation {
                Aggregation::Low => interval.map(|[low, _]| low),
                _ => Some(gain),
            }
        }
        _ => Figures::of(selector, scope, trials).value(selector.metric, threshold.aggregation),
    }
}

/// Figures from which a threshold on requests is computed.
struct Figures {
    requests: u64,
    errors: u64,
    seconds: f64,
    latency: Latency,
}

/// Latencies of successes: exact for whole trials, from histograms for parts of them.
enum Latency {
    Exact(Cell),
    Seconds(Window),
}

impl Figures {
    fn of(selector: &Selector, scope: Scope<'_>, trials: &[&Trial]) -> Self {
        let narrowed = selector.action.is_some() || selector.method.is_some();
        let cut = trials.iter().any(|trial| trial.cut_s > 0.0);
        if !narrowed && (selector.window.is_some() || cut) {
            let window = window(selector, scope, trials);
            return Self {
                requests: window.requests,
                errors: window.errors,
                seconds: window.seconds,
                latency: Latency::Seconds(window),
            };
        }
        let mut sum = StepRecord::default();
        for (number, step) in scope.scenario.workload.steps().iter().enumerate() {
            if selects(selector, scope, step) {
                sum.merge(&pooled_step(trials, number));
            }
        }
        let successes = sum.over(Outcome::is_success);
        let requests = sum.all().count();
        Self {
            requests,
            errors: requests - successes.count(),
            seconds: trials.iter().map(|trial| trial.record.wall.as_secs_f64()).sum(),
            latency: Latency::Exact(successes),
        }
    }

    fn value(&self, metric: ThresholdMetric, aggregation: Aggregation) -> Option<f64> {
        let requests = self.requests as f64;
        match (metric, aggregation) {
            (ThresholdMetric::Failed, _) => (self.requests > 0).then(|| self.errors as f64 / requests),
            (ThresholdMetric::Requests, Aggregation::Count) => Some(requests),
            (ThresholdMetric::Requests, _) => (self.seconds > 0.0).then(|| requests / self.seconds),
            _ => self.latency.value(aggregation),
        }
    }
}

impl Latency {
    /// Returns the aggregated latency in milliseconds. `None` without successes.
    fn value(&self, aggregation: Aggregation) -> Option<f64> {
        let quantile = match aggregation {
            Aggregation::Median => 0.5,
            Aggregation::Percentile(percentile) => percentile / 100.0,
            Aggregation::Min => 0.0,
            _ => 1.0,
        };
        match (self, aggregation) {
            (Self::Exact(cell), Aggregation::Average) => cell.mean().map(Span::as_millis_f64),
            (Self::Exact(cell), Aggregation::Min) => cell.min().map(Span::as_millis_f64),
            (Self::Exact(cell), Aggregation::Max) => cell.max().map(Span::as_millis_f64),
            (Self::Exact(cell), _) => cell.quantile(quantile).map(Span::as_millis_f64),
            (Self::Seconds(window), Aggregation::Average) => window.mean_ms(),
            (Self::Seconds(window), _) => window.quantile_ms(quantile),
        }
    }
}

/// Adds up the seconds of all trials that lie within the selector's window.
fn window(selector: &Selector, scope: Scope<'_>, trials: &[&Trial]) -> Window {
    let mut window = Window::empty();
    for trial in trials {
        for (from, to) in parts(selector.window, scope) {
            let from = from.max(trial.cut_s);
            if from < to {
                window.add(&trial.record, from, to);
            }
        }
    }
    window
}

/// Returns the parts of the phase that a window covers, in whole seconds with exclusive ends.
fn parts(window: Option<TimeWindow>, scope: Scope<'_>) -> Vec<(f64, f64)> {
    match window {
        None => vec![(0.0, f64::INFINITY)],
        Some(TimeWindow::Seconds { from, to }) => vec![(from.ceil(), to.floor())],
        Some(TimeWindow::AfterRampUp) => {
            let stages = scope.scenario.workload.stages();
            let mut ramps: Vec<(f64, f64)> = stages
                .iter()
                .filter(|stage| !stage.ramp_up.is_zero())
                .map(|stage| (stage.start.as_secs_f64(), (stage.start + stage.ramp_up).as_secs_f64()))
                .collect();
            ramps.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut parts, mut from) = (Vec::new(), 0.0_f64);
            for (begin, end) in ramps {
                if begin.floor() > from {
                    parts.push((from, begin.floor()));
                }
                from = from.max(end.ceil());
            }
            parts.push((from, f64::INFINITY));
            parts
        }
    }
}

/// Returns the requests of each listed backend.
fn shares(selector: &Selector, scope: Scope<'_>, trials: &[&Trial]) -> Vec<PoolShare> {
    let Some(listed) = trials.first().map(|trial| &trial.backends) else { return Vec::new() };
    let cut = trials.iter().any(|trial| trial.cut_s > 0.0);
    let replies: Vec<u64> = if selector.window.is_some() || cut {
        window(selector, scope, trials).backends
    } else {
        let of = |number: usize| {
            let records = trials.iter().filter_map(|trial| trial.record.backends.get(number));
            records.map(|backend| backend.requests()).sum()
        };
        (0..listed.len()).map(of).collect()
    };
    let shares = listed.iter().enumerate().map(|(number, backend)| PoolShare {
        pool: backend.pool,
        requests: replies.get(number).copied().unwrap_or(0),
        weight: backend.weight,
    });
    shares.collect()
}

/// Returns the requests of each backend that replies name, where none is listed. One that answered nothing is missing.
fn named_shares(trials: &[&Trial]) -> Vec<PoolShare> {
    let mut requests: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records(trials) {
        let unlisted = record.backends.iter().skip(record.listed_backends);
        for (name, backend) in record.unlisted_backends.iter().zip(unlisted) {
            *requests.entry(name).or_default() += backend.requests();
        }
    }
    requests.into_values().map(|requests| PoolShare { pool: 0, requests, weight: 1.0 }).collect()
}

fn records<'a>(trials: &[&'a Trial]) -> Vec<&'a TrialRecord> {
    trials.iter().map(|trial| &trial.record).collect()
}
