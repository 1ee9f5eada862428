//! Prequal's hot/cold lexicographic rule: fast backends first, unless they are crowded.
//!
//! Wydrowski, Kleinberg, Rumble and Archer, Load is not what you should balance: introducing Prequal
//! (NSDI 2024). A backend is *hot* when its requests in flight exceed the quantile `Q_RIF` of the
//! requests in flight seen lately in the pool, else *cold*. If any is cold, the cold one with the
//! lowest latency is picked; if all are hot, the one with the fewest requests in flight.
//!
//! How this deviates from the paper, which is about many clients that probe a hundred servers:
//! - No probes. The balancer's own counts stand for the servers' counts, which is the same thing while
//!   one balancer sends everything, and a private view when several do. All backends are candidates,
//!   not a pool of recent probes.
//! - Latency at the present load, which a server would report as the median of its requests that met
//!   about as many others, is this balancer's mean latency times
//!   `(in-flight + 1) / (in-flight that a request usually meets there + 1)`. Both means are exponentially
//!   weighted. Without the correction a latency that is one latency old draws everyone to one backend.
//! - Estimates fade with silence and failures are charged (`policy/estimate.rs`), in place of the paper's
//!   error aversion.
//! - The quantile is tracked, not computed: at each pick the count of one random backend (its "probe")
//!   moves the estimate up by `step x Q_RIF` if it lies above and down by `step x (1 - Q_RIF)` if not,
//!   which comes to rest where a share of `Q_RIF` lies below (Robbins and Monro, A stochastic
//!   approximation method, 1951).

use super::estimate::Estimates;
use super::scan::lowest;
use super::{BackendIndex, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};
use rand::RngExt;

/// The paper's choice: about one backend in six is hot.
const Q_RIF: f64 = 0.84;

/// Step of the quantile, relative to itself (and to one request at least): it follows a doubling of
/// the load within some tens of picks.
const STEP: f64 = 0.05;

/// Weight of one request in the means of latency and of in-flight; as in [`super::EwmaScan`].
const ALPHA: f64 = 0.15;

/// Above every latency on the scale of [`Estimates`], which stays below 1e160.
const HOT: f64 = 1e200;

/// A backend judged slow is tried again after some tens of seconds.
const FADE: Span = Span::from_secs(10);

/// See the [module](self).
#[derive(Debug)]
pub struct Prequal {
    latency: Estimates,
    /// The `Q_RIF` quantile of requests in flight.
    crowded: f64,
    usual: Vec<Usual>,
}

/// How many requests in flight a request to a backend meets.
#[derive(Clone, Copy, Debug)]
struct Usual {
    mean: f64,
    /// 1 / (mean + 1), made when the mean changes, not for each comparison.
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

    /// The latency to expect of a cold backend; hot ones come after all cold ones, by in-flight.
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
