//! The load of a pool as an oracle estimates it: the mean demand of requests and the utilisation.

use lb_core::{Span, Time};

/// Number of requests over which means are taken: enough for an error of a few per cent, and few enough
/// to follow a pattern that changes within seconds.
const WINDOW: f64 = 1_000.0;

/// Highest utilisation. Above it, a pool could not keep up, and the cost to later requests would be
/// unbounded.
const HIGHEST: f64 = 0.95;

/// Exponentially weighted means, which are plain means during the first requests.
#[derive(Debug, Default)]
pub(super) struct Load {
    requests: f64,
    last: Time,
    /// Mean demand in nanoseconds at speed 1.
    mean_demand: f64,
    /// Mean gap between arrivals in nanoseconds.
    mean_gap: f64,
}

impl Load {
    /// Records the arrival of a request.
    pub(super) fn arrival(&mut self, demand: Span, now: Time) {
        let gap = now.since(self.last).as_nanos() as f64;
        self.last = now;
        self.requests += 1.0;
        let weight = self.requests.min(WINDOW).recip();
        self.mean_demand += weight * (demand.as_nanos() as f64 - self.mean_demand);
        // There is no gap before the first request.
        if self.requests > 1.0 {
            let weight = (self.requests - 1.0).min(WINDOW).recip();
            self.mean_gap += weight * (gap - self.mean_gap);
        }
    }

    /// Returns the mean demand in nanoseconds at speed 1.
    pub(super) fn mean_demand(&self) -> f64 {
        self.mean_demand
    }

    /// Returns the share of `capacity`, in workers of speed 1, that the offered work needs.
    pub(super) fn utilisation(&self, capacity: f64) -> f64 {
        let offered = if self.mean_gap > 0.0 { self.mean_demand / self.mean_gap } else { 0.0 };
        if capacity > 0.0 { (offered / capacity).min(HIGHEST) } else { HIGHEST }
    }
}
