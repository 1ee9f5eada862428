//! Round-robin: each backend in turn, regardless of load, speed and weight.
//!
//! The next backend is the first eligible one, by index, after the one picked last. When a backend
//! joins or leaves, the rotation continues, and no backend is skipped or picked twice.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;

/// Round-robin, see the [module](self).
#[derive(Debug, Default)]
pub struct RoundRobin {
    /// Index after that of the backend picked last.
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
