//! Summarises one trial as a row of the experiment: its metrics over the measured window.

use super::fairness::{PoolShare, jain_index};
use super::validity::bias_bound_ms;
use super::window::Window;
use lb_core::{Outcome, Span};
use lb_results::Trial;
use lb_results::{GeneratorSummary, Metric, MetricValue, TrialSummary};

/// Returns the smallest number of successes from which a metric is computed: a percentile needs some values
/// beyond it.
const fn needed(metric: Metric) -> u64 {
    match metric {
        Metric::P95 => 20,
        Metric::P99 => 100,
        Metric::P999 => 10_000,
        _ => 1,
    }
}

/// Summarises one trial as a row of the experiment.
pub fn trial_summary(trial: &Trial) -> TrialSummary {
    let metrics = Metric::ALL.into_iter().map(|metric| MetricValue { metric, value: None });
    let mut metrics: Vec<MetricValue> = metrics.collect();
    let figures = Figures::of(trial);
    for value in &mut metrics {
        value.value = figures.metric(value.metric).filter(|value| value.is_finite());
    }
    TrialSummary {
        label: trial.label.clone(),
        block: trial.block,
        position: trial.position,
        attempt: trial.attempt,
        started_at: trial.started.to_string(),
        problems: trial.problems.clone(),
        accepted: trial.accepted.clone(),
        cut_s: trial.cut_s,
        metrics,
        generator: generator(trial),
        trace: trial.trace.clone(),
    }
}

/// Figures from which metrics are computed: the exact record, or the part that remains after the cut.
struct Figures {
    successes: u64,
    mean_ms: Option<f64>,
    quantile_ms: Box<dyn Fn(f64) -> Option<f64>>,
    error_rate: f64,
    goodput_rps: f64,
    jain: Option<f64>,
}

impl Figures {
    fn of(trial: &Trial) -> Self {
        let record = &trial.record;
        // An injected error that is rejected as expected does not count as work done.
        let ordinary = record.count(Outcome::Ok) as f64
            / (record.count(Outcome::Ok) + record.count(Outcome::ExpectedError)).max(1) as f64;
        if trial.cut_s > 0.0 {
            let window = Window::of(record, trial.cut_s, f64::INFINITY);
            let successes = window.requests - window.errors;
            let goodput_rps = successes as f64 * ordinary / window.seconds.max(f64::MIN_POSITIVE);
            return Self {
                successes,
                mean_ms: window.mean_ms(),
                error_rate: window.error_rate(),
                goodput_rps,
                jain: jain_index(&shares(trial, &window.backends)),
                quantile_ms: Box::new(move |quantile| window.quantile_ms(quantile)),
            };
        }
        let cell = record.successes();
        let requests = record.requests();
        let replies: Vec<u64> = record.backends.iter().map(|backend| backend.requests()).collect();
        Self {
            successes: cell.count(),
            mean_ms: cell.mean().map(Span::as_millis_f64),
            error_rate: record.errors() as f64 / requests.max(1) as f64,
            goodput_rps: record.goodput_rps(),
            jain: jain_index(&shares(trial, &replies)),
            quantile_ms: Box::new(move |quantile| cell.quantile(quantile).map(Span::as_millis_f64)),
        }
    }

    fn metric(&self, metric: Metric) -> Option<f64> {
        let enough = self.successes >= needed(metric);
        let quantile = |at: f64| (self.quantile_ms)(at).filter(|_| enough);
        match metric {
            Metric::Mean => self.mean_ms,
            Metric::P50 => quantile(0.50),
            Metric::P95 => quantile(0.95),
            Metric::P99 => quantile(0.99),
            Metric::P999 => quantile(0.999),
            Metric::ErrorRate => Some(self.error_rate),
            Metric::Goodput => Some(self.goodput_rps),
            Metric::JainIndex => self.jain,
        }
    }
}

/// Returns the requests of each listed backend by its replies; other backends are left out.
fn shares(trial: &Trial, replies: &[u64]) -> Vec<PoolShare> {
    let listed = trial.backends.iter().enumerate();
    listed
        .map(|(number, backend)| PoolShare {
            pool: backend.pool,
            // One that the record does not know got nothing.
            requests: replies.get(number).copied().unwrap_or(0),
            weight: backend.weight,
        })
        .collect()
}

fn generator(trial: &Trial) -> GeneratorSummary {
    let record = &trial.record;
    let wall = record.wall.as_secs_f64();
    let open = record.arrivals.due > 0 && wall > 0.0;
    let rate = |count: u64| open.then(|| count as f64 / wall);
    let late = |quantile| record.lateness.quantile(quantile).map(Span::as_millis_f64);
    GeneratorSummary {
        offered_per_s: rate(record.arrivals.due),
        achieved_per_s: rate(record.arrivals.begun),
        dropped: record.arrivals.dropped,
        lateness_p50_ms: late(0.50),
        lateness_p99_ms: late(0.99),
        bias: Metric::LATENCIES
            .into_iter()
            .filter_map(|metric| Some(MetricValue { metric, value: Some(bias_bound_ms(record, metric)?) }))
            .collect(),
        cpu_wait_share: trial.machine.cpu_wait_share,
        machine_busy_share: trial.machine.busy_share,
        named_right: record.named.right,
        named_wrong: record.named.wrong,
    }
}
