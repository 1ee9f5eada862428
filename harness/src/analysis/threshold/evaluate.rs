//! Holding trials against thresholds.
//!
//! Figures are over all trials together. Without a window and without a cut they are exact (the
//! record's own cells); seconds are summed up where a part of the phase is wanted. Requests of one
//! action or method are kept for the whole phase only, so a cut of the warm-up does not reach them.

use super::{Aggregation, Selector, Threshold, ThresholdMetric, TimeWindow};
use crate::analysis::{PoolShare, Window, jain_index};
use crate::config::PlannedScenario;
use crate::experiment::{Trial, pooled_step};
use crate::record::{Cell, StepRecord};
use crate::results::ThresholdResult;
use lb_core::workload::Step;
use lb_core::{Outcome, Span};

/// Holds the valid trials of one algorithm in one scenario against the thresholds that look at them.
/// A threshold that finds nothing to measure did not hold.
pub fn evaluate(
    thresholds: &[Threshold],
    scenario: &PlannedScenario,
    trials: &[&Trial],
    algorithm: &str,
) -> Vec<ThresholdResult> {
    let name = &scenario.scenario.name;
    let mine = thresholds.iter().filter(|threshold| {
        threshold.selector.names_algorithm(algorithm) && covers(&threshold.selector, scenario)
    });
    mine.map(|threshold| {
        let observed = observe(threshold, scenario, trials).filter(|value| value.is_finite());
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

/// Whether a scenario has what a threshold looks at: it is the one named, it has such requests, and it
/// lasts until the window begins.
pub fn covers(selector: &Selector, scenario: &PlannedScenario) -> bool {
    let lasts = match selector.window {
        Some(TimeWindow::Seconds { from, .. }) => from < scenario.scenario.duration.as_secs_f64(),
        _ => true,
    };
    let narrowed = selector.action.is_some() || selector.method.is_some();
    let requests = || scenario.scenario.workload.steps().iter().any(|step| selects(selector, scenario, step));
    selector.names_scenario(&scenario.scenario.name) && lasts && (!narrowed || requests())
}

/// Whether a request belongs to the action and has the method that are looked at.
fn selects(selector: &Selector, scenario: &PlannedScenario, step: &Step) -> bool {
    let of_action = |action: &String| {
        *action == step.name
            || scenario.action_steps.get(action).is_some_and(|steps| steps.contains(&step.name))
    };
    selector.action.as_ref().is_none_or(of_action)
        && selector.method.as_ref().is_none_or(|method| step.method.eq_ignore_ascii_case(method))
}

fn observe(threshold: &Threshold, scenario: &PlannedScenario, trials: &[&Trial]) -> Option<f64> {
    if trials.is_empty() {
        return None;
    }
    let selector = &threshold.selector;
    match selector.metric {
        ThresholdMetric::Dropped => {
            Some(trials.iter().map(|trial| trial.record.arrivals.dropped as f64).sum())
        }
        ThresholdMetric::Fairness => fairness(selector, scenario, trials),
        _ => Figures::of(selector, scenario, trials).value(selector.metric, threshold.aggregation),
    }
}

/// What a threshold on requests is computed from.
struct Figures {
    requests: u64,
    errors: u64,
    seconds: f64,
    latency: Latency,
}

/// Latencies of successes: exact over whole trials, from histograms over parts of them.
enum Latency {
    Exact(Cell),
    Seconds(Window),
}

impl Figures {
    fn of(selector: &Selector, scenario: &PlannedScenario, trials: &[&Trial]) -> Self {
        let narrowed = selector.action.is_some() || selector.method.is_some();
        let cut = trials.iter().any(|trial| trial.cut_s > 0.0);
        if !narrowed && (selector.window.is_some() || cut) {
            let window = window(selector, scenario, trials);
            return Self {
                requests: window.requests,
                errors: window.errors,
                seconds: window.seconds,
                latency: Latency::Seconds(window),
            };
        }
        let mut sum = StepRecord::default();
        for (number, step) in scenario.scenario.workload.steps().iter().enumerate() {
            if selects(selector, scenario, step) {
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
    /// Milliseconds; none without successes.
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

/// The seconds that count, of all trials.
fn window(selector: &Selector, scenario: &PlannedScenario, trials: &[&Trial]) -> Window {
    let mut window = Window::empty();
    for trial in trials {
        for (from, to) in parts(selector.window, scenario) {
            let from = from.max(trial.cut_s);
            if from < to {
                window.add(&trial.record, from, to);
            }
        }
    }
    window
}

/// The parts of the phase that a window stands for, in whole seconds, ends exclusive.
fn parts(window: Option<TimeWindow>, scenario: &PlannedScenario) -> Vec<(f64, f64)> {
    match window {
        None => vec![(0.0, f64::INFINITY)],
        Some(TimeWindow::Seconds { from, to }) => vec![(from.ceil(), to.floor())],
        Some(TimeWindow::AfterRampUp) => {
            let mut ramps: Vec<(f64, f64)> = scenario
                .patterns
                .iter()
                .filter(|pattern| !pattern.ramp_up.is_zero())
                .map(|pattern| (pattern.start.as_secs_f64(), (pattern.start + pattern.ramp_up).as_secs_f64()))
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

fn fairness(selector: &Selector, scenario: &PlannedScenario, trials: &[&Trial]) -> Option<f64> {
    let listed = &trials.first()?.backends;
    let cut = trials.iter().any(|trial| trial.cut_s > 0.0);
    let replies: Vec<u64> = if selector.window.is_some() || cut {
        window(selector, scenario, trials).backends
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
    jain_index(&shares.collect::<Vec<_>>())
}
