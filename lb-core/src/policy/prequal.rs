//! Prequal's hot/cold lexicographic rule: fast backends first, unless they are crowded.
//!
//! Wydrowski, Kleinberg, Rumble and Archer, Load is not what you should balance: introducing Prequal
//! (NSDI 2024). A backend is *hot* if its requests in flight exceed the `Q_RIF` quantile of the recent
//! in-flight counts in the pool, and *cold* otherwise. If any backend is cold, the cold one with the
//! lowest latency is picked; otherwise the one with the fewest requests in flight.
//!
//! # With probes
//! If backends answer probes ([`LoadReport::probed`](super::LoadReport)), the rule picks among the answers
//! in the pool of probes (`policy/probes.rs`), by the counts and latencies that backends report, as in the
//! paper. Its error aversion is a charge: a backend that always fails ranks as if it had 41 times the
//! requests and the latency, and one that fails now and then in proportion (`policy/estimate.rs`).
//!
//! # With reports that come with replies
//! Reports of this kind come only from backends that get requests, so that a pool of them would forget the
//! others. All backends stay candidates as without reports, but the requests of other load balancers are
//! added to the balancer's own ([`super::report`]).
//!
//! # Without reports
//! Differences from the paper, in which many clients probe a hundred servers:
//! - The balancer's own counts replace the servers' counts. They are the same if
//!   one balancer sends everything, and a private view if there are several. All backends are
//!   candidates, not only a pool of recent probes.
//! - In the paper, a server reports its latency at the present load: the median of requests that found
//!   about as many others in flight. Here it is the balancer's mean latency times
//!   `(in-flight + 1) / (in-flight that a request usually finds there + 1)`, with exponentially weighted
//!   means. Without this correction, outdated latencies would send all requests to one backend.
//! - Estimates fade without replies and failures have a cost (`policy/estimate.rs`), which replaces the
//!   paper's error aversion.
//! - The quantile is tracked, not computed: each pick compares it with the count of one random backend
//!   (its "probe", in any case) and moves it up by `step x Q_RIF` if the count is higher, and down by
//!   `step x (1 - Q_RIF)` if not. It settles where a share of `Q_RIF` of the counts is lower (Robbins and
//!   Monro, A stochastic approximation method, 1951).

use super::estimate::{Estimates, FAILURE_COST};
use super::probes::{Candidate, Probes};
use super::report::{LoadReport, Reported};
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
    /// Empty as long as no backend sends reports.
    reported: Reported,
    probes: Probes,
    /// What replies say besides, once there are reports.
    seen: Vec<Seen>,
}

/// Mean number of requests in flight that a request to a backend finds there.
#[derive(Clone, Copy, Debug)]
struct Usual {
    mean: f64,
    /// 1 / (mean + 1), updated with the mean instead of computed for each comparison.
    inverse: f64,
}

/// What the replies of a backend say besides [`Estimates`].
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Share of replies that are failures.
    failing: f64,
    /// Mean latency: the time in which it turns its queue over.
    latency: Span,
}

impl Prequal {
    /// Moves the quantile by a count.
    fn track(&mut self, in_flight: f64) {
        let step = STEP * self.crowded.max(1.0);
        if in_flight > self.crowded {
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

    /// Moves the quantile by the count of one random backend.
    fn track_one(
        &mut self,
        pool: &PoolView<'_>,
        rng: &mut Rng,
        in_flight: impl Fn(&Self, BackendIndex) -> f64,
    ) {
        let drawn = pool.eligible[rng.random_range(0..pool.eligible.len() as u32) as usize];
        let found = in_flight(self, drawn);
        self.track(found);
    }

    /// Picks among all eligible backends, of which each has `in_flight` requests.
    fn scan(
        &mut self,
        pool: &PoolView<'_>,
        rng: &mut Rng,
        in_flight: impl Fn(&Self, BackendIndex) -> f64,
    ) -> Option<BackendIndex> {
        let picked = lowest(pool.eligible, rng, |backend| self.rank(backend, in_flight(self, backend)))?;
        let found = in_flight(self, picked);
        let usual = &mut self.usual[picked.get()];
        usual.mean += ALPHA * (found - usual.mean);
        usual.inverse = 1.0 / (usual.mean + 1.0);
        Some(picked)
    }

    /// Picks with what backends report.
    fn pick_reported(&mut self, pool: &PoolView<'_>, now: Time, rng: &mut Rng) -> Option<BackendIndex> {
        let in_flight = |this: &Self, backend| this.reported_in_flight(pool, backend, now);
        self.track_one(pool, rng, in_flight);
        if !self.probes.is_empty() {
            // Taken out, since the ranks are read from the rest.
            let mut probes = std::mem::take(&mut self.probes);
            let rank = |candidate: &Candidate| rank_of_probe(candidate, &self.seen, self.crowded);
            let picked = probes.pick(pool, now, rng, |backend| in_flight(self, backend), rank);
            self.probes = probes;
            if picked.is_some() {
                return picked;
            }
        }
        self.scan(pool, rng, in_flight)
    }

    /// Returns the requests in flight of all load balancers, as far as they are reported.
    fn reported_in_flight(&self, pool: &PoolView<'_>, backend: BackendIndex, now: Time) -> f64 {
        let settle = self.seen.get(backend.get()).map_or(Span::ZERO, |seen| seen.latency);
        f64::from(self.reported.in_flight(backend, pool.backend(backend).in_flight, now, settle))
    }
}

/// Returns the rank of a backend by its probe. A latency that was not reported counts as less than all others, so that
/// requests in flight decide among such backends.
fn rank_of_probe(candidate: &Candidate, seen: &[Seen], crowded: f64) -> f64 {
    let failing = seen.get(candidate.backend.get()).map_or(0.0, |seen| seen.failing);
    let charge = 1.0 + FAILURE_COST * failing;
    let in_flight = (candidate.in_flight + 1.0) * charge - 1.0;
    match candidate.latency {
        _ if in_flight > crowded => HOT * in_flight,
        Some(latency) => latency * charge,
        None => in_flight,
    }
}

impl Default for Prequal {
    fn default() -> Self {
        Self {
            latency: Estimates::new(FADE),
            crowded: 0.0,
            usual: Vec::new(),
            reported: Reported::default(),
            probes: Probes::default(),
            seen: Vec::new(),
        }
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
        if !self.reported.is_empty() {
            return self.pick_reported(pool, now, rng);
        }
        let in_flight = |_: &Self, backend| f64::from(pool.backend(backend).in_flight);
        self.track_one(pool, rng, in_flight);
        self.scan(pool, rng, in_flight)
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let latency = reply.latency.as_nanos() as f64;
        let observed = self.latency.charge(reply, latency);
        self.latency.average(backend, observed, now, ALPHA);
        if self.reported.is_empty() {
            return;
        }
        if self.seen.len() <= backend.get() {
            self.seen.resize(backend.get() + 1, Seen::default());
        }
        let seen = &mut self.seen[backend.get()];
        seen.failing += ALPHA * (f64::from(u8::from(!reply.is_success())) - seen.failing);
        if seen.latency.is_zero() {
            seen.latency = reply.latency;
        }
        let mean = seen.latency.as_nanos() as f64;
        seen.latency = Span::from_nanos((mean + ALPHA * (latency - mean)) as u64);
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.reported.on_report(backend, report, now);
        if report.probed {
            self.probes.add(backend, report, now);
        }
    }
}
