//! What a pool is offered, as an oracle learns it: the mean demand of requests and the utilisation.

use lb_core::{Span, Time};

/// Requests over which the means are taken: enough for a mean within a few per cent, short enough to
/// follow a pattern that changes within seconds.
const WINDOW: f64 = 1_000.0;

/// Above this the pool could not keep up, and what a request costs later ones would have no bound.
const HIGHEST: f64 = 0.95;

/// Exponentially weighted means; plain means while there are few requests.
#[derive(Debug, Default)]
pub(super) struct Load {
    requests: f64,
    last: Time,
    /// Nanoseconds at speed 1.
    mean_demand: f64,
    /// Nanoseconds.
    mean_gap: f64,
}

impl Load {
    /// A request arrives.
    pub(super) fn arrival(&mut self, demand: Span, now: Time) {
        let gap = now.since(self.last).as_nanos() as f64;
        self.last = now;
        self.requests += 1.0;
        let weight = self.requests.min(WINDOW).recip();
        self.mean_demand += weight * (demand.as_nanos() as f64 - self.mean_demand);
        // Before the first request there was no gap.
        if self.requests > 1.0 {
            let weight = (self.requests - 1.0).min(WINDOW).recip();
            self.mean_gap += weight * (gap - self.mean_gap);
        }
    }

    /// Nanoseconds at speed 1.
    pub(super) fn mean_demand(&self) -> f64 {
        self.mean_demand
    }

    /// The share of `capacity`, in workers of speed 1, that the offered work needs.
    pub(super) fn utilisation(&self, capacity: f64) -> f64 {
        let offered = if self.mean_gap > 0.0 { self.mean_demand / self.mean_gap } else { 0.0 };
        if capacity > 0.0 { (offered / capacity).min(HIGHEST) } else { HIGHEST }
    }
}
