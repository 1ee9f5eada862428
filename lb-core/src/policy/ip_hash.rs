//! IP hash: the client's key decides, each backend in proportion to its weight.
//!
//! nginx's `ip_hash` (`ngx_http_upstream_ip_hash_module.c`): the hash names a point on the line of
//! *all* weights, and the backend whose stretch holds it is picked; when it is not eligible, the
//! hash is hashed again, up to twenty times, and then the turn goes to any that is. Since the line
//! holds ineligible backends too, only the clients of a backend that fails move, and they spread over
//! the others; when it returns they come back. Adding or removing a backend, or changing a weight,
//! moves nearly everyone: [`super::ConsistentHash`] does that better.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::{Rng, mix};
use crate::time::Time;

/// As in nginx: with half of the pool out, one client in a million gets that far.
const REHASHES: usize = 20;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct IpHash {
    /// The end of each backend's stretch on the line of weights, by index.
    ends: Vec<f64>,
    is_eligible: Vec<bool>,
    generation: Option<u64>,
}

impl IpHash {
    fn adapt(&mut self, pool: &PoolView<'_>) {
        self.ends.clear();
        self.ends.extend(pool.backends.iter().scan(0.0, |end, backend| {
            *end += backend.weight;
            Some(*end)
        }));
        self.is_eligible = pool.eligibility();
        self.generation = Some(pool.generation);
    }

    /// The backend, eligible or not, whose stretch of the line holds `key`.
    fn owner(&self, key: u64) -> usize {
        let total = self.ends.last().copied().unwrap_or(0.0);
        let point = unit(key) * total;
        // Rounding may put a point at the very end of the line.
        self.ends.partition_point(|end| *end <= point).min(self.ends.len() - 1)
    }
}

impl Policy for IpHash {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        _: Time,
        _: &mut Rng,
    ) -> Option<BackendIndex> {
        if self.generation != Some(pool.generation) {
            self.adapt(pool);
        }
        if pool.eligible.is_empty() {
            return None;
        }
        let mut key = mix(request.client_key);
        for _ in 0..=REHASHES {
            let owner = self.owner(key);
            if self.is_eligible[owner] {
                return Some(BackendIndex(owner as u32));
            }
            key = mix(key);
        }
        let place = (unit(key) * pool.eligible.len() as f64) as usize;
        pool.eligible.get(place).or(pool.eligible.last()).copied()
    }

    fn propensity(&self) -> Option<f64> {
        Some(1.0)
    }
}

/// A hash as a fraction in 0..1, of its upper 53 bits.
fn unit(key: u64) -> f64 {
    (key >> 11) as f64 / (1u64 << 53) as f64
}
