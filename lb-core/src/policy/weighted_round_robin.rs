//! Weighted round-robin, smooth: each backend in turn in proportion to its weight, evenly interleaved.
//!
//! This is nginx's rule (`ngx_http_upstream_round_robin.c`, since 1.3.1). At each pick, every eligible
//! backend's credit grows by its weight; the backend with the most credit is picked (the first one in a
//! tie), and the sum of all weights is subtracted from its credit. Weights 5, 1, 1 give `a a b a c a a`,
//! where the plain rule would send five requests to `a` in a row.
//!
//! A backend that leaves loses its credit, so it starts at zero when it comes back.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;

/// Smooth weighted round-robin, see the [module](self).
#[derive(Debug, Default)]
pub struct WeightedRoundRobin {
    /// Credit of each backend; the credits of eligible backends sum to about zero.
    credit: Vec<f64>,
    /// Sum of the weights of the eligible backends.
    total: f64,
    generation: Option<u64>,
}

impl WeightedRoundRobin {
    fn adapt(&mut self, pool: &PoolView<'_>) {
        let old = std::mem::replace(&mut self.credit, vec![0.0; pool.backends.len()]);
        self.total = 0.0;
        for backend in pool.eligible {
            self.credit[backend.get()] = old.get(backend.get()).copied().unwrap_or(0.0);
            self.total += pool.backend(*backend).weight;
        }
        self.generation = Some(pool.generation);
    }
}

impl Policy for WeightedRoundRobin {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, _: &mut Rng) -> Option<BackendIndex> {
        if self.generation != Some(pool.generation) {
            self.adapt(pool);
        }
        let mut best = *pool.eligible.first()?;
        let mut most = f64::NEG_INFINITY;
        for backend in pool.eligible {
            let credit = &mut self.credit[backend.get()];
            *credit += pool.backend(*backend).weight;
            // Conditional selection instead of a branch, as in the full scan.
            let is_more = *credit > most;
            best = if is_more { *backend } else { best };
            most = if is_more { *credit } else { most };
        }
        self.credit[best.get()] -= self.total;
        Some(best)
    }

    fn propensity(&self) -> Option<f64> {
        Some(1.0)
    }
}
