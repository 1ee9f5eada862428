//! Peak EWMA: of two different backends drawn at random, the one with the lower
//! `latency estimate x (in-flight + 1)`.
//!
//! This is Finagle's `PeakEwma` and the `load::PeakEwma` of tower and linkerd. The estimate rises to a
//! higher latency at once and approaches a lower one gradually, with the weight `1 - exp(-gap / tau)`,
//! where `gap` is the time since the last reply. It is cautious: one slow reply counts in full, one
//! fast reply does not. Between replies it fades with the same `tau`.
//!
//! It differs in two ways. A failed reply counts as a slow one (`policy/estimate.rs`), as in linkerd's
//! newer load biaser. A backend without replies counts as typical of the pool, where linkerd assumes 30
//! ms and tower's documentation 1 s: depending on the service, a constant would overload the backend or
//! leave it without requests.

use super::estimate::{Before, Estimates};
use super::p2c::draw_two;
use super::{BackendIndex, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};

/// Decay window, as in linkerd and Finagle.
const TAU: Span = Span::from_secs(10);

/// Peak EWMA, see the [module](self).
#[derive(Debug)]
pub struct PeakEwma {
    latency: Estimates,
}

impl PeakEwma {
    /// Creates a policy whose estimates fade with `tau`.
    pub fn new(tau: Span) -> Self {
        Self { latency: Estimates::new(tau) }
    }

    fn cost(&self, backend: BackendIndex, pool: &PoolView<'_>) -> f64 {
        self.latency.cost(backend) * (f64::from(pool.backend(backend).in_flight) + 1.0)
    }
}

impl Default for PeakEwma {
    fn default() -> Self {
        Self::new(TAU)
    }
}

impl Policy for PeakEwma {
    fn pick(
        &mut self,
        _: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        self.latency.grow(pool.backends.len(), now);
        let [a, b] = draw_two(pool.eligible, rng)?;
        Some(if self.cost(b, pool) < self.cost(a, pool) { b } else { a })
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let observed = self.latency.charge(reply, reply.latency.as_nanos() as f64);
        self.latency.observe(backend, observed, now, |Before { value, faded }| {
            if observed > value { observed } else { value + observed * (1.0 - faded) }
        });
    }
}
