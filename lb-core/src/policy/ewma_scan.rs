//! EWMA scan: of all backends, the one with the lowest `mean latency x (in-flight + 1)`.
//!
//! The mean is exponentially weighted per reply, so it follows a busy backend quickly and an idle one
//! slowly. It fades without replies, so that a backend that looked slow is tried again
//! (`policy/estimate.rs`, which also defines the cost of a failure). It differs from [peak
//! EWMA](super::PeakEwma) in that it compares all backends instead of two: on unequal backends, a
//! random pair is often a pair of slow ones.

use super::estimate::Estimates;
use super::scan::lowest;
use super::{BackendIndex, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};

/// Weight of one reply. About the last seven count: enough to smooth service times that vary by as much
/// as their mean, and few enough to notice that a backend became slow before its queue does.
const ALPHA: f64 = 0.15;

/// With this, a backend ten times as slow as the others is tried again after about twenty seconds.
const FADE: Span = Span::from_secs(10);

/// EWMA scan, see the [module](self).
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
