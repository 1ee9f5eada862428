//! Prequal's hot/cold lexicographic rule: fast backends first, unless they are crowded.
//!
//! Wydrowski, Kleinberg, Rumble and Archer, Load is not what you should balance: introducing Prequal
//! (NSDI 2024). A backend is *hot* if its requests in flight exceed the `Q_RIF` quantile of the recent
//! in-flight counts in the pool, and *cold* otherwise. If any backend is cold, the cold one with the
//! lowest latency is picked; otherwise the one with the fewest requests in flight.
//!
//! Differences from the paper, in which many clients probe a hundred servers:
//! - There are no probes. The balancer's own counts replace the servers' counts. They are the same if
//!   one balancer sends everything, and a private view if there are several. All backends are
//!   candidates, not only a pool of recent probes.
//! - In the paper, a server reports its latency at the present load: the median of requests that found
//!   about as many others in flight. Here it is the balancer's mean latency times
//!   `(in-flight + 1) / (in-flight that a request usually finds there + 1)`, with exponentially weighted
//!   means. Without this correction, outdated latencies would send all requests to one backend.
//! - Estimates fade without replies and failures have a cost (`policy/estimate.rs`), which replaces the
//!   paper's error aversion.
//! - The quantile is tracked, not computed: each pick compares it with the count of one random backend
//!   (its "probe") and moves it up by `step x Q_RIF` if the count is higher, and down by
//!   `step x (1 - Q_RIF)` if not. It settles where a share of `Q_RIF` of the counts is lower (Robbins and
//!   Monro, A stochastic approximation method, 1951).

use super::estimate::Estimates;
use super::scan::lowest;
use super::{BackendIndex, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};
use rand::RngExt;

/// Quantile that separates hot from cold, as in the paper: about one backend in six is hot.
const Q_RIF: f64 = 0.84;

/// Step of the quantile, relative to its value (at least one request): it follows a doubling of the
/// load within some tens of picks.
const STEP: f64 = 0.05;

/// Weight of one request in the means of latency and of in-flight, as in [`super::EwmaScan`].
const ALPHA: f64 = 0.15;

/// Rank above every latency on the scale of [`Estimates`], which stays below 1e160.
const HOT: f64 = 1e200;

/// With this, a backend that looks slow is tried again after a few tens of seconds.
const FADE: Span = Span::from_secs(10);

/// Prequal, see the [module](self).
#[derive(Debug)]
pub struct Prequal {
    latency: Estimates,
    /// The `Q_RIF` quantile of in-flight counts.
    crowded: f64,
    usual: Vec<Usual>,
}

/// Mean number of requests in flight that a request to a backend finds there.
#[derive(Clone, Copy, Debug)]
struct Usual {
    mean: f64,
    /// 1 / (mean + 1), updated with the mean instead of computed for each comparison.
    inverse: f64,
}

impl Prequal {
    fn probe(&mut self, pool: &PoolView<'_>, rng: &mut Rng) {
        let probed = pool.eligible[rng.random_range(0..pool.eligible.len() as u32) as usize];
        let step = STEP * self.crowded.max(1.0);
        if f64::from(pool.backend(probed).in_flight) > self.crowded {
            self.crowded += step * Q_RIF;
        } else {
            self.crowded = (self.crowded - step * (1.0 - Q_RIF)).max(0.0);
        }
    }

    /// Returns the expected latency of a cold backend. Hot backends rank after all cold ones, by
    /// requests in flight.
    fn rank(&self, backend: BackendIndex, in_flight: f64) -> f64 {
        let latency = self.latency.cost(backend) * (in_flight + 1.0) * self.usual[backend.get()].inverse;
        if in_flight > self.crowded { HOT * in_flight } else { latency }
    }
}

impl Default for Prequal {
    fn default() -> Self {
        Self { latency: Estimates::new(FADE), crowded: 0.0, usual: Vec::new() }
    }
}

impl Policy for Prequal {
    fn pick(
        &mut self,
        _: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        if pool.eligible.is_empty() {
            return None;
        }
        self.latency.grow(pool.backends.len(), now);
        if self.usual.len() < pool.backends.len() {
            self.usual.resize(pool.backends.len(), Usual { mean: 0.0, inverse: 1.0 });
        }
        self.probe(pool, rng);
        let in_flight = |backend: BackendIndex| f64::from(pool.backend(backend).in_flight);
        let picked = lowest(pool.eligible, rng, |backend| self.rank(backend, in_flight(backend)))?;
        let usual = &mut self.usual[picked.get()];
        usual.mean += ALPHA * (in_flight(picked) - usual.mean);
        usual.inverse = 1.0 / (usual.mean + 1.0);
        Some(picked)
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let observed = self.latency.charge(reply, reply.latency.as_nanos() as f64);
        self.latency.average(backend, observed, now, ALPHA);
    }
}
