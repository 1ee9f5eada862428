//! IP hash: the client's key determines the backend, in proportion to the backends' weights.
//!
//! This is nginx's `ip_hash` (`ngx_http_upstream_ip_hash_module.c`). The weights of *all* backends are
//! laid end to end, and the hash selects a point on that line. If the backend at that point is not
//! eligible, the hash is hashed again, up to twenty times; after that, the eligible backends are used
//! in turn. Because ineligible backends keep their place on the line, only the clients of a failed
//! backend move, spread over the others, and they come back when it recovers. Adding or removing a
//! backend, or changing a weight, moves nearly all clients: [`super::ConsistentHash`] handles that
//! better.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::{Rng, mix};
use crate::time::Time;

/// Limit on rehashes, as in nginx. With half of the pool down, one client in a million reaches it.
const REHASHES: usize = 20;

/// IP hash, see the [module](self).
#[derive(Debug, Default)]
pub struct IpHash {
    /// End of each backend's interval on the line of weights, by index.
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

    /// Returns the backend, eligible or not, whose interval contains the point of `key`.
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

/// Converts the upper 53 bits of a hash to a fraction in [0, 1).
fn unit(key: u64) -> f64 {
    (key >> 11) as f64 / (1u64 << 53) as f64
}
