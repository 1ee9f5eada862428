//! Round-robin: each backend in turn, blind to load, speed and weight.
//!
//! The next one is the first eligible backend after the one picked last, in order of index, so that
//! the turn goes on where it was when a backend comes or goes, and no backend is picked twice or skipped.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct RoundRobin {
    /// The index after the one picked last.
    next: BackendIndex,
}

impl Policy for RoundRobin {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, _: &mut Rng) -> Option<BackendIndex> {
        let place = pool.eligible.partition_point(|backend| *backend < self.next);
        let picked = *pool.eligible.get(place).or(pool.eligible.first())?;
        self.next = BackendIndex(picked.0 + 1);
        Some(picked)
    }

    fn propensity(&self) -> Option<f64> {
        Some(1.0)
    }
}
