//! Consistent hashing: backends and clients have positions on a ring, and a client is served by the
//! first eligible backend at or after its own position.
//!
//! Karger et al., Consistent hashing and random trees (1997). Each backend has `POINTS` positions
//! (times its weight over the mean weight), as in ketama: with one position each, shares would differ
//! by large factors; with 160 they differ by about a twelfth. When a backend leaves, only its clients
//! move, and they spread over all other backends. A new backend takes clients evenly from all others.
//!
//! Ineligible backends keep their positions and are skipped, so a failed health check does not rebuild
//! the ring; a change of weights or of the pool's size does. A backend is identified by its index in
//! the pool.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::{Rng, Seed, mix};
use crate::time::Time;

/// Number of positions of a backend of mean weight, as in ketama.
const POINTS: f64 = 160.0;

/// Seed that keeps positions on the ring independent of other uses of the same hash.
const RING: Seed = Seed(0x7269_6e67);

/// Consistent hashing, see the [module](self).
#[derive(Debug, Default)]
pub struct ConsistentHash {
    /// Positions in ascending order.
    ring: Vec<Point>,
    /// For each value of a position's upper bits, the index of the first point at or after it. A lookup
    /// starts a step or two from its end; a binary search would take eleven steps that miss the cache.
    starts: Vec<u32>,
    /// Number of bits by which a position is shifted to give its index in `starts`.
    shift: u32,
    weights: Vec<f64>,
    is_eligible: Vec<bool>,
    generation: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    place: u64,
    backend: BackendIndex,
}

impl ConsistentHash {
    fn adapt(&mut self, pool: &PoolView<'_>) {
        let weights = || pool.backends.iter().map(|backend| backend.weight);
        if !weights().eq(self.weights.iter().copied()) {
            self.weights = weights().collect();
            self.build();
        }
        self.is_eligible = pool.eligibility();
        self.generation = Some(pool.generation);
    }

    fn build(&mut self) {
        let mean = self.weights.iter().sum::<f64>() / self.weights.len() as f64;
        self.ring.clear();
        for (backend, weight) in (0..).map(BackendIndex).zip(&self.weights) {
            let points = (POINTS * weight / mean).round().max(1.0) as u64;
            self.ring.extend(
                (0..points).map(|point| Point { place: RING.key(&[u64::from(backend.0), point]), backend }),
            );
        }
        self.ring.sort_unstable();
        let bits = (self.ring.len().next_power_of_two().trailing_zeros() + 1).clamp(1, 32);
        self.shift = u64::BITS - bits;
        self.starts = (0..1u64 << bits)
            .map(|high| self.ring.partition_point(|point| point.place < high << self.shift) as u32)
            .collect();
    }
}

impl Policy for ConsistentHash {
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
        let key = mix(request.client_key);
        let start = self.starts[(key >> self.shift) as usize] as usize;
        let (before, after) = self.ring.split_at(start);
        after
            .iter()
            .skip_while(|point| point.place < key)
            .chain(before)
            .chain(after)
            .map(|point| point.backend)
            .find(|backend| self.is_eligible[backend.get()])
    }

    fn propensity(&self) -> Option<f64> {
        Some(1.0)
    }
}
