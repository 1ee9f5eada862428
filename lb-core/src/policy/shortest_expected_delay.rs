//! Shortest expected delay: of all backends, the one with the lowest `(in-flight + 1) / rate`.
//!
//! With configured weights as rates, this is the `sed` scheduler of Linux Virtual Server
//! (`ip_vs_sed.c`): the delay of the next request if each backend served one request at a time at a
//! speed in proportion to its weight. The policy starts with that; as replies come in, observed rates
//! replace the weights.
//!
//! **Observed rate.** While a backend has requests in flight, the gaps between its completions show its
//! rate. A gap runs from the last completion, or from the request that found the backend idle, to the
//! next completion; its exponentially weighted mean is one over the rate. Under load this is the
//! capacity of the backend; at light load it is the time of one request.
//!
//! The estimate is gap times weight, the delay per unit of weight, so that a backend without replies
//! counts as typical *for its weight*. Estimates fade without replies and failures have a cost, as in
//! `policy/estimate.rs`. The rule is individually greedy: it drives the fastest backends close to
//! saturation.

use super::estimate::Estimates;
use super::scan::lowest;
use super::{BackendIndex, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};

/// Weight of one gap. Gaps vary more than latencies (several workers may finish at almost the same
/// time), so more of them are averaged: about the last fifty.
const ALPHA: f64 = 0.02;

/// With this, a backend that looks slow is tried again after a few tens of seconds.
const FADE: Span = Span::from_secs(10);

/// Shortest expected delay, see the [module](self).
#[derive(Debug)]
pub struct ShortestExpectedDelay {
    /// Mean gap times weight.
    gaps: Estimates,
    backends: Vec<Gap>,
    generation: Option<u64>,
}

/// The current gap of a backend.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// When it began; `None` before the first request of this policy.
    since: Option<Time>,
    weight: f64,
    inverse_weight: f64,
}

impl ShortestExpectedDelay {
    fn adapt(&mut self, pool: &PoolView<'_>) {
        let since = |place: usize| self.backends.get(place).and_then(|gap| gap.since);
        self.backends = pool
            .backends
            .iter()
            .enumerate()
            .map(|(place, view)| Gap {
                since: since(place),
                weight: view.weight,
                inverse_weight: 1.0 / view.weight,
            })
            .collect();
        self.generation = Some(pool.generation);
    }
}

impl Default for ShortestExpectedDelay {
    fn default() -> Self {
        Self { gaps: Estimates::new(FADE), backends: Vec::new(), generation: None }
    }
}

impl Policy for ShortestExpectedDelay {
    fn pick(
        &mut self,
        _: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        if self.generation != Some(pool.generation) {
            self.adapt(pool);
            self.gaps.grow(pool.backends.len(), now);
        }
        let picked = lowest(pool.eligible, rng, |backend| {
            let waiting = f64::from(pool.backend(backend).in_flight) + 1.0;
            waiting * self.gaps.cost(backend) * self.backends[backend.get()].inverse_weight
        })?;
        if pool.backend(picked).in_flight == 0 {
            self.backends[picked.get()].since = Some(now);
        }
        Some(picked)
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        // Replies to requests of the previous policy may come before the first pick.
        let Some(gap) = self.backends.get_mut(backend.get()) else {
            return;
        };
        let Some(since) = gap.since.replace(now) else {
            return;
        };
        let observed = now.since(since).as_nanos() as f64 * gap.weight;
        let observed = self.gaps.charge(reply, observed);
        self.gaps.average(backend, observed, now, ALPHA);
    }
}
