//! EWMA scan: of all backends, the one with the lowest `mean latency x (in-flight + 1)`.
//!
//! The mean is exponentially weighted per reply, so it follows a busy backend fast and an idle one
//! slowly, and it fades with silence so that a backend once judged slow is tried again
//! (`policy/estimate.rs`, which also says what a failure costs). Looking at all backends instead of two
//! is what tells it from [peak EWMA](super::PeakEwma): on unequal backends a random pair is often a
//! pair of slow ones.

use super::estimate::Estimates;
use super::scan::lowest;
use super::{BackendIndex, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};

/// Weight of one reply: about the last seven count, enough to even out service times that vary by
/// their own mean, few enough to notice a backend that turned slow before its queue does.
const ALPHA: f64 = 0.15;

/// A backend ten times as slow as the others is tried again after about twenty seconds.
const FADE: Span = Span::from_secs(10);

/// See the [module](self).
#[derive(Debug)]
pub struct EwmaScan {
    latency: Estimates,
}

impl Default for EwmaScan {
    fn default() -> Self {
        Self { latency: Estimates::new(FADE) }
    }
}

impl Policy for EwmaScan {
    fn pick(
        &mut self,
        _: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        self.latency.grow(pool.backends.len(), now);
        lowest(pool.eligible, rng, |backend| {
            self.latency.cost(backend) * (f64::from(pool.backend(backend).in_flight) + 1.0)
        })
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let observed = self.latency.charge(reply, reply.latency.as_nanos() as f64);
        self.latency.average(backend, observed, now, ALPHA);
    }
}
