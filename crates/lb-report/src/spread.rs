//! What charts and tables show of latency over trials: the estimates that the results hold, with one kind of
//! whiskers for all algorithms of a scenario.

use lb_results::{AlgorithmSummary, Latency, Metric, MetricEstimate, ScenarioSummary};

/// What the ends around an estimate stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whiskers {
    /// The 95 % interval of the estimate.
    Interval,
    /// The smallest and the largest trial: some algorithm has too few trials for an interval.
    Range,
    /// No algorithm has more than one trial, so the uncertainty is unknown.
    Single,
    /// The summary holds no estimates, as those of older versions: pooled latencies are all there is.
    None,
}

/// How the latency of a scenario's algorithms is shown.
#[derive(Clone, Debug)]
pub(super) struct Spreads {
    metrics: Vec<Metric>,
    whiskers: Whiskers,
}

impl Spreads {
    /// Chooses the metrics that some algorithm has, and the whiskers that all of them have.
    pub(super) fn of(scenario: &ScenarioSummary) -> Self {
        let all = || scenario.algorithms.iter().flat_map(|algorithm| &algorithm.estimates);
        let has = |metric: &Metric| all().any(|estimate| estimate.metric == *metric);
        let metrics: Vec<Metric> = match all().next() {
            Some(_) => Metric::LATENCIES.into_iter().filter(has).collect(),
            // Without estimates: what the pooled latency of every summary holds.
            None => vec![Metric::Mean, Metric::P50, Metric::P95, Metric::P99],
        };
        let several = all().any(|estimate| estimate.trials > 1);
        let whiskers = match all().next() {
            None => Whiskers::None,
            Some(_) if !several => Whiskers::Single,
            Some(_) if all().all(|estimate| estimate.interval.is_some()) => Whiskers::Interval,
            Some(_) => Whiskers::Range,
        };
        Self { metrics, whiskers }
    }

    /// The metrics that are shown.
    pub(super) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// What whiskers stand for.
    pub(super) const fn whiskers(&self) -> Whiskers {
        self.whiskers
    }

    /// The estimate of an algorithm and the ends of its whiskers, in milliseconds. `None` where the results hold
    /// no estimate.
    pub(super) fn spread(
        &self,
        algorithm: &AlgorithmSummary,
        metric: Metric,
    ) -> Option<(f64, Option<[f64; 2]>)> {
        let found = algorithm.estimates.iter().find(|estimate| estimate.metric == metric)?;
        Some((found.estimate, self.ends(found)))
    }

    /// What a chart marks for an algorithm: its estimates, or its pooled latency where the results hold none.
    pub(super) fn markers(&self, algorithm: &AlgorithmSummary) -> Vec<(Metric, f64, Option<[f64; 2]>)> {
        let pooled = algorithm.latency_ms.as_ref().filter(|_| algorithm.estimates.is_empty());
        let mark = |metric: Metric| match pooled {
            Some(latency) => Some((metric, latency_of(latency, metric), None)),
            None => self.spread(algorithm, metric).map(|(estimate, ends)| (metric, estimate, ends)),
        };
        self.metrics.iter().filter_map(|metric| mark(*metric)).collect()
    }

    fn ends(&self, estimate: &MetricEstimate) -> Option<[f64; 2]> {
        match self.whiskers {
            Whiskers::Interval => estimate.interval,
            Whiskers::Range => Some(estimate.range),
            Whiskers::Single | Whiskers::None => None,
        }
    }
}

/// Reads a latency metric off a pooled latency, in milliseconds.
pub(super) fn latency_of(latency: &Latency, metric: Metric) -> f64 {
    match metric {
        Metric::P50 => latency.p50,
        Metric::P95 => latency.p95,
        Metric::P99 => latency.p99,
        Metric::P999 => latency.p999,
        _ => latency.mean,
    }
}
