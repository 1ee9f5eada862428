//! Latency over trials as charts and tables show it: the estimates in the results, with one kind of whiskers
//! for all algorithms of a scenario.

use lb_results::{AlgorithmSummary, Latency, Metric, MetricEstimate, ScenarioSummary};

/// The meaning of the whiskers around an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whiskers {
    /// The 95 % interval of the estimate.
    Interval,
    /// The smallest and the largest trial, used when some algorithm has too few trials for an interval.
    Range,
    /// No algorithm has more than one trial, so the uncertainty is unknown.
    Single,
    /// No estimates in the summary, which an older version wrote: only pooled latencies are available.
    None,
}

/// How to show the latency of a scenario's algorithms.
#[derive(Clone, Debug)]
pub(super) struct Spreads {
    metrics: Vec<Metric>,
    whiskers: Whiskers,
}

impl Spreads {
    /// Chooses the metrics that at least one algorithm has, and the whiskers that all of them have.
    pub(super) fn of(scenario: &ScenarioSummary) -> Self {
        let all = || scenario.algorithms.iter().flat_map(|algorithm| &algorithm.estimates);
        let has = |metric: &Metric| all().any(|estimate| estimate.metric == *metric);
        let metrics: Vec<Metric> = match all().next() {
            Some(_) => Metric::LATENCIES.into_iter().filter(has).collect(),
            // Without estimates, use the metrics that the pooled latency of every summary has.
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

    /// Returns the metrics to show.
    pub(super) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Returns the meaning of the whiskers.
    pub(super) const fn whiskers(&self) -> Whiskers {
        self.whiskers
    }

    /// Returns the estimate of an algorithm and the ends of its whiskers, in milliseconds. `None` if the
    /// results contain no estimate.
    pub(super) fn spread(
        &self,
        algorithm: &AlgorithmSummary,
        metric: Metric,
    ) -> Option<(f64, Option<[f64; 2]>)> {
        let found = algorithm.estimates.iter().find(|estimate| estimate.metric == metric)?;
        Some((found.estimate, self.ends(found)))
    }

    fn ends(&self, estimate: &MetricEstimate) -> Option<[f64; 2]> {
        match self.whiskers {
            Whiskers::Interval => estimate.interval,
            Whiskers::Range => Some(estimate.range),
            Whiskers::Single | Whiskers::None => None,
        }
    }
}

/// Returns a latency metric of a pooled latency, in milliseconds.
pub(super) fn latency_of(latency: &Latency, metric: Metric) -> f64 {
    match metric {
        Metric::P50 => latency.p50,
        Metric::P95 => latency.p95,
        Metric::P99 => latency.p99,
        Metric::P999 => latency.p999,
        _ => latency.mean,
    }
}
