//! Consistent hashing: backends and clients have places on one ring, and a client meets the first
//! eligible backend at or after its place.
//!
//! Karger et al., Consistent hashing and random trees (1997). Each backend has `POINTS` places
//! (times its weight over the mean weight), as in ketama, because one place each would give shares
//! that differ by factors; with 160 they differ by about a twelfth. When a backend leaves, only its
//! clients move, and they spread over all others; a new one takes its share from everyone alike.
//!
//! Ineligible backends keep their places and are stepped over, so a failed health check rebuilds
//! nothing; weights and the size of the pool do. A backend's identity is its index in the pool.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::{Rng, Seed, mix};
use crate::time::Time;

/// ketama's number of places of a backend of mean weight.
const POINTS: f64 = 160.0;

/// Keeps the ring's places apart from other uses of the same hash.
const RING: Seed = Seed(0x7269_6e67);

/// See the [module](self).
#[derive(Debug, Default)]
pub struct ConsistentHash {
    /// Places in order.
    ring: Vec<Point>,
    /// For each value of a place's upper bits, the first point of the ring at or after it: a look-up
    /// starts a step or two from its end, where a binary search takes eleven that miss the cache.
    starts: Vec<u32>,
    /// How far a place is shifted to give its index in `starts`.
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
