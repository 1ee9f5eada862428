//! Latencies of simulated requests, by period of the log: counts in logarithmic bins, so that periods can be
//! added up with any weights.

use lb_core::workload::{Observer, Sample};
use lb_core::{Outcome, Span, Time};
use serde::Serialize;

/// Bins per factor of e: neighbouring bins differ by 0.5 %.
const PER_E: f64 = 200.0;
/// Logarithm of the smallest latency that is told apart, a microsecond in milliseconds.
const LEAST: f64 = -6.907_755_278_982_137;
/// Number of bins, up to 1,000 seconds.
const BINS: usize = 4_145;

/// The figures of some requests. Latencies are of served requests, in milliseconds; NaN if none was served.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Mean latency.
    pub mean_ms: f64,
    /// Median latency.
    pub p50_ms: f64,
    /// 95th percentile of the latency.
    pub p95_ms: f64,
    /// 99th percentile of the latency.
    pub p99_ms: f64,
    /// Share of requests that failed or got no reply in time.
    pub failed: f64,
}

/// Latencies of one period.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    served: u64,
    failed: u64,
    sum_ms: f64,
    bins: Vec<u32>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { served: 0, failed: 0, sum_ms: 0.0, bins: vec![0; BINS] }
    }
}

impl Tally {
    /// Adds a served request.
    pub(super) fn serve(&mut self, latency: Span) {
        let ms = latency.as_millis_f64();
        self.served += 1;
        self.sum_ms += ms;
        let place = ((ms.max(1e-3).ln() - LEAST) * PER_E) as usize;
        self.bins[place.min(BINS - 1)] += 1;
    }

    /// Adds a failed request.
    pub(super) fn fail(&mut self) {
        self.failed += 1;
    }

    /// Returns the number of requests.
    pub(super) const fn requests(&self) -> u64 {
        self.served + self.failed
    }
}

/// Returns the figures of periods, each of which counts as often as its weight says.
pub(super) fn figures<'a>(periods: impl Iterator<Item = (&'a Tally, u32)>) -> Figures {
    let mut bins = vec![0u64; BINS];
    let (mut served, mut failed, mut sum) = (0u64, 0u64, 0.0);
    for (tally, weight) in periods.filter(|(_, weight)| *weight > 0) {
        served += tally.served * u64::from(weight);
        failed += tally.failed * u64::from(weight);
        sum += tally.sum_ms * f64::from(weight);
        for (total, count) in bins.iter_mut().zip(&tally.bins) {
            *total += u64::from(*count) * u64::from(weight);
        }
    }
    let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|share| quantile(&bins, served, share));
    Figures {
        mean_ms: if served > 0 { sum / served as f64 } else { f64::NAN },
        p50_ms,
        p95_ms,
        p99_ms,
        failed: failed as f64 / (served + failed).max(1) as f64,
    }
}

/// Returns a quantile by nearest rank, as the middle of its bin.
fn quantile(bins: &[u64], served: u64, share: f64) -> f64 {
    let rank = ((share * served as f64).ceil() as u64).max(1);
    let mut below = 0;
    for (place, count) in bins.iter().enumerate() {
        below += count;
        if below >= rank {
            return (LEAST + (place as f64 + 0.5) / PER_E).exp();
        }
    }
    f64::NAN
}

/// Observes a simulation, by period.
pub(super) struct Periods {
    pub(super) tallies: Vec<Tally>,
    /// Requests of each backend; the last place counts those without one.
    pub(super) by_backend: Vec<Tally>,
    /// Length of a period in nanoseconds.
    period: u64,
    /// Latency that a simulated client adds: the network between client and load balancer.
    outside: Span,
    /// Tells whether a request sent at this time counts.
    counts: Box<dyn Fn(Time) -> bool>,
}

impl Periods {
    pub(super) fn new(
        count: usize,
        length: Span,
        backends: usize,
        outside: Span,
        counts: Box<dyn Fn(Time) -> bool>,
    ) -> Self {
        Self {
            tallies: vec![Tally::default(); count],
            by_backend: vec![Tally::default(); backends + 1],
            period: (length.as_nanos() / count as u64).max(1),
            outside,
            counts,
        }
    }

    /// Returns the share of requests that each backend got.
    pub(super) fn shares(&self) -> Vec<f64> {
        let backends = &self.by_backend[..self.by_backend.len() - 1];
        let all: u64 = backends.iter().map(Tally::requests).sum();
        backends.iter().map(|tally| tally.requests() as f64 / all.max(1) as f64).collect()
    }

    /// Returns the figures of all periods together.
    pub(super) fn whole(&self) -> Figures {
        figures(self.tallies.iter().map(|tally| (tally, 1)))
    }
}

impl Observer for Periods {
    fn sample(&mut self, sample: &Sample) {
        if !(self.counts)(sample.sent) {
            return;
        }
        let place = (sample.sent.as_nanos() / self.period) as usize;
        let last = self.tallies.len() - 1;
        let none = self.by_backend.len() - 1;
        let backend = sample.backend.map_or(none, |backend| usize::from(backend).min(none));
        let latency = sample.done.since(sample.sent).saturating_sub(self.outside);
        for tally in [&mut self.tallies[place.min(last)], &mut self.by_backend[backend]] {
            match sample.outcome {
                Outcome::Ok => tally.serve(latency),
                _ => tally.fail(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_periods_add_up_by_weight() {
        let mut tallies = [Tally::default(), Tally::default()];
        (0..100).for_each(|_| tallies[0].serve(Span::from_millis(10)));
        (0..100).for_each(|_| tallies[1].serve(Span::from_millis(40)));
        tallies[1].fail();
        let of = |weights: [u32; 2]| figures(tallies.iter().zip(weights));
        let both = of([1, 1]);
        assert_eq!(both.mean_ms, 25.0);
        assert!((both.p50_ms / 10.0 - 1.0).abs() < 0.005, "{both:?}");
        assert!((both.p99_ms / 40.0 - 1.0).abs() < 0.005, "{both:?}");
        assert_eq!(both.failed, 1.0 / 201.0);
        assert_eq!(of([3, 1]).mean_ms, 17.5, "the first counts three times");
        assert!(of([0, 0]).p99_ms.is_nan(), "nothing has no percentile");
    }
}
