//! Least predicted work: of all backends, the one with the lowest `(work in flight + predicted cost) / speed`.
//!
//! What a request costs is predicted from its route and from what it says ([`CostModel`]), in ordinary requests. It is the
//! rule of least work left (Harchol-Balter, Crovella and Murta, On choosing a task assignment policy for a distributed
//! server system, 1999) with predictions in place of known sizes, and of shortest expected delay with speeds that
//! are observed. If requests say nothing, `work in flight + predicted cost` is `in-flight + 1`.
//!
//! **Work in flight.** A request in flight counts as three quarters of an ordinary one and a quarter of its predicted cost.
//! A backend has several workers, of which a large request keeps one; the next request waits for the first of
//! them that is free. Where large requests counted fully, backends with one large request would be left idle. (In a
//! simulation of equal backends with four workers each at a load of 0.9, the mean latency was 17.0 ms with full
//! costs, 12.7 ms with a quarter, and 12.4 ms under least connections; with one worker each, 14.7 ms both ways.)
//!
//! **Speed.** One over the mean of latency relative to predicted cost. How long a request waited is not known, so a reply
//! counts the less the more requests were in flight at its backend; the mean is about that of requests that did not
//! wait. It is multiplied by the weight, so that a backend without replies counts as typical for its weight, and it fades
//! without replies (`policy/estimate.rs`).
//!
//! **Failures.** A failure costs as much as forty typical successes, as in the other rules, which is added in proportion to the
//! recent share of failures. It is no part of the speed, because small requests would hardly notice it there, and
//! would fill a backend that fails fast.
//!
//! **Learning costs.** The same replies, counted in the same way, teach the cost model.
//!
//! It is the policy to compare a learned one with: it has the same predictions, and no training.

use super::estimate::{Estimates, FAILURE_COST};
use super::outstanding::place_of;
use super::scan::lowest;
use super::{BackendIndex, CostModel, Policy, PoolView, PredictedCost, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};
use std::collections::VecDeque;

/// Weight of a reply that did not wait in the means of a backend.
const ALPHA: f64 = 0.05;

/// Weight of a reply in the share of failures, as that of one in the mean of [`super::EwmaScan`].
const FAILURES_ALPHA: f64 = 0.15;

/// A lower share of failures counts as none.
const LEAST_FAILURES: f64 = 0.01;

/// With this, a backend that looks slow is tried again after a few tens of seconds.
const FADE: Span = Span::from_secs(10);

/// Part of its predicted cost that a request in flight counts as; the rest counts as an ordinary request.
const COST_PART: f64 = 0.25;

/// Work is counted in this part of an ordinary request, so that sums of it are exact.
const UNITS: f64 = 1_024.0;

/// Least predicted work, see the [module](self).
#[derive(Debug)]
pub struct LeastPredictedWork {
    costs: CostModel,
    /// Mean latency relative to predicted cost, times weight.
    latency: Estimates,
    backends: Vec<Backend>,
    mean_inverse_weight: f64,
    generation: Option<u64>,
    /// The prediction of the latest pick.
    latest: Option<(Time, PredictedCost)>,
}

#[derive(Clone, Debug)]
struct Backend {
    outstanding: VecDeque<Sent>,
    /// Work of outstanding requests, in [`UNITS`].
    work: u64,
    /// Mean of the logarithm of latencies in nanoseconds, less predicted costs.
    level: f32,
    /// How many replies that did not wait the means are worth, at most `1 / ALPHA`.
    replies: f64,
    /// Share of failures at the time of the latest reply.
    failures: f64,
    latest_reply: Time,
    weight: f64,
    inverse_weight: f64,
}

/// A request that was sent and has not ended.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Time,
    request: RequestInfo,
    predicted: PredictedCost,
    /// As what it counts in flight, in [`UNITS`].
    work: u64,
    /// How far its latency is its own, by the number of requests that were in flight: 0 to 1.
    certainty: f64,
}

impl Backend {
    /// Returns the recent share of failures. It fades without replies, as estimates do.
    #[inline]
    fn failures(&self, now: Time) -> f64 {
        if self.failures == 0.0 {
            return 0.0;
        }
        let age = now.since(self.latest_reply).as_nanos() as f64 / FADE.as_nanos() as f64;
        self.failures * (-age).exp()
    }

    /// Counts a reply in the share of failures.
    fn count(&mut self, reply: &Reply, now: Time) {
        let failure = if reply.is_success() { 0.0 } else { 1.0 };
        let before = self.failures(now);
        let after = before + FAILURES_ALPHA * (failure - before);
        self.failures = if after < LEAST_FAILURES { 0.0 } else { after };
        self.latest_reply = now;
    }

    /// Removes the request that was sent at `sent`, by [`place_of`].
    fn take(&mut self, sent: Time) -> Option<Sent> {
        let place = place_of(&self.outstanding, sent, |one| one.at)?;
        let taken = self.outstanding.remove(place)?;
        self.work -= taken.work;
        Some(taken)
    }
}

fn units(work: f64) -> u64 {
    (work * UNITS).round().max(1.0) as u64
}

impl LeastPredictedWork {
    fn adapt(&mut self, pool: &PoolView<'_>, now: Time) {
        let fresh = Backend {
            outstanding: VecDeque::new(),
            work: 0,
            level: 0.0,
            replies: 0.0,
            failures: 0.0,
            latest_reply: now,
            weight: 1.0,
            inverse_weight: 1.0,
        };
        self.backends.resize(pool.backends.len().max(self.backends.len()), fresh);
        for (backend, view) in self.backends.iter_mut().zip(pool.backends) {
            backend.weight = view.weight;
            backend.inverse_weight = view.weight.recip();
        }
        let weights: f64 = pool.backends.iter().map(|view| view.weight).sum();
        self.mean_inverse_weight = pool.backends.len() as f64 / weights;
        self.latency.grow(pool.backends.len(), now);
        self.generation = Some(pool.generation);
    }

    /// Learns the speed of a backend, and the cost of a request, from the time that it took.
    fn learn(&mut self, backend: BackendIndex, sent: &Sent, latency: Span, observed: f64, now: Time) {
        let known = &mut self.backends[backend.get()];
        let log = (latency.as_nanos().max(1) as f32).ln();
        let own = log - sent.predicted.log_cost;
        if known.replies == 0.0 {
            known.level = own;
        } else {
            self.costs.learn(&sent.request, log - known.level, sent.certainty as f32);
        }
        known.replies = (known.replies + sent.certainty).min(ALPHA.recip());
        let part = sent.certainty / known.replies;
        known.level += part as f32 * (own - known.level);
        self.latency.average(backend, observed, now, part);
    }
}

impl Default for LeastPredictedWork {
    fn default() -> Self {
        Self {
            costs: CostModel::default(),
            latency: Estimates::new(FADE),
            backends: Vec::new(),
            mean_inverse_weight: 1.0,
            generation: None,
            latest: None,
        }
    }
}

impl Policy for LeastPredictedWork {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        if self.generation != Some(pool.generation) {
            self.adapt(pool, now);
        }
        let predicted = self.costs.predict(request);
        self.latest = Some((now, predicted));
        let own = units(f64::from(predicted.cost));
        let failure = UNITS * FAILURE_COST * self.latency.typical_cost() * self.mean_inverse_weight;
        lowest(pool.eligible, rng, |backend| {
            let known = &self.backends[backend.get()];
            // Requests of an earlier policy count as ordinary ones.
            let in_flight = u64::from(pool.backend(backend).in_flight);
            let others = in_flight.saturating_sub(known.outstanding.len() as u64);
            let work = known.work + others * UNITS as u64 + own;
            work as f64 * self.latency.cost(backend) * known.inverse_weight + failure * known.failures(now)
        })
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        let Some(known) = self.backends.get_mut(backend.get()) else {
            return;
        };
        let predicted = match self.latest.take() {
            Some((at, predicted)) if at == now => predicted,
            _ => self.costs.predict(request),
        };
        let work = units(1.0 - COST_PART + COST_PART * f64::from(predicted.cost));
        let certainty = (1.0 + known.outstanding.len() as f64).recip();
        known.work += work;
        known.outstanding.push_back(Sent { at: now, request: *request, predicted, work, certainty });
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        // Replies to requests of the previous policy may come before the first pick.
        let Some(known) = self.backends.get_mut(backend.get()) else {
            return;
        };
        let sent = known.take(Time::from_nanos(now.as_nanos().saturating_sub(reply.latency.as_nanos())));
        known.count(reply, now);
        if let Some(sent) = sent.filter(|_| reply.is_success()) {
            let cost = f64::from(sent.predicted.cost);
            let observed = reply.latency.as_nanos() as f64 * known.weight / cost;
            let observed = self.latency.charge(reply, observed);
            self.learn(backend, &sent, reply.latency, observed, now);
        }
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        if let Some(known) = self.backends.get_mut(backend.get()) {
            known.take(sent);
        }
    }
}
