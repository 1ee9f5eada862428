//! How each backend serves, as one load balancer can tell from its own requests and replies, and what it costs to
//! send it another one.
//!
//! Latency mixes four things: the size of the request, the speed of the backend, the wait for others, and chance.
//! This module separates them. From the times of sending and ending alone it finds out how many workers a backend
//! has and how requests share them (`pattern.rs`), and thus how long each request was in service; from that, how
//! fast the backend is now (`speed.rs`); and from the predicted costs and ages of what is in flight, how much work
//! is left there (`left.rs`). With the utilisation of the pool (`load.rs`), it says what a request would cost at
//! each backend: its own delay, and the delay that it causes to others (`index.rs`, with the formulas of
//! [`price`], which oracles share).
//!
//! Requests of other load balancers are not seen. What they cause is estimated as a dependence of the time in
//! service on the number in flight (`crowding.rs`).
//!
//! How long a failure takes does not show how fast a backend is, so nothing is learnt from it. What failures
//! cost is for others to say.
//!
//! State is bounded, and so is the time of each call: a call looks at a dozen requests at most, apart from the
//! search for the one that ended, which is near the front of the list.

mod backend;
mod crowding;
mod index;
mod left;
mod load;
mod pattern;
pub mod price;
mod sent;
mod speed;

pub(super) use index::Costs;
pub use index::Index;
pub use sent::{Ended, Sent};

use super::{BackendIndex, PredictedCost, ReplyKind, RequestInfo};
use crate::time::Time;
use crate::topology::Discipline;
use backend::{Backend, LOGS, OfPool, Shared, UNKNOWN};
use load::Load;
use pattern::Pattern;
use price::Prices;
use speed::Guess;

/// Highest utilisation that is assumed. Above it, the pool could not keep up, and the cost to later requests would
/// be unbounded.
const HIGHEST: f32 = 0.95;

/// Lowest utilisation that is assumed, for which the formulas are still well behaved.
const LOWEST: f32 = 0.05;

/// A backend that got none of this many requests in a row is taken to be out of the pool.
const AWAY: u64 = 3_000;

/// Weight of one end in the mean of relative times. They have heavy tails, so many are averaged.
const FACTOR: f32 = 0.001;

/// Range of the standard deviation of what is known from elsewhere.
const LEAST_ERROR: f32 = 0.03;
const MOST_ERROR: f32 = 3.0;

/// Longest relative time that counts, and one over the shortest.
const MOST_RATIO: f32 = 50.0;

/// Online estimates of how each backend of a pool serves.
///
/// ```
/// use lb_core::hints::Hints;
/// use lb_core::policy::serving::Serving;
/// use lb_core::policy::{BackendIndex, PredictedCost, ReplyKind, RequestInfo};
/// use lb_core::Time;
///
/// let (fast, slow) = (BackendIndex(0), BackendIndex(1));
/// let ordinary = PredictedCost { log_cost: 0.0, cost: 1.0, deviation: 1.0 };
/// let mut serving = Serving::default();
/// serving.grow(2, Time::ZERO);
/// let at = |millis: u64| Time::from_nanos(millis * 1_000_000);
/// for round in 0..100 {
///     let sent = at(round * 20);
///     for (backend, millis) in [(fast, 2), (slow, 10)] {
///         serving.on_sent(backend, &RequestInfo::default(), ordinary, sent);
///         serving.on_end(backend, sent, Some(ReplyKind::Success), at(round * 20 + millis));
///     }
/// }
/// let cost = |backend| serving.index(backend, &ordinary, at(2_000)).log_improvement;
/// assert!(cost(slow) - cost(fast) > 1.0, "five times slower");
/// ```
#[derive(Clone, Debug)]
pub struct Serving {
    backends: Vec<Backend>,
    /// Number of the latest request sent to each backend.
    latest: Vec<u64>,
    sends: u64,
    load: Load,
    shared: Shared,
    of_pool: OfPool,
    /// Number of ends in `of_pool.factor`.
    factor_count: f32,
    /// The backend that was looked at last; all take turns.
    turn: usize,
    utilisation: f32,
    prices: Prices,
}

/// What is known about one backend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Natural logarithm of the time in service of an ordinary request, in nanoseconds.
    pub log_service: f32,
    /// Standard deviation of that.
    pub log_error: f32,
    /// Number of requests that it serves at once.
    pub workers: f32,
    /// Natural logarithm of that.
    pub log_workers: f32,
    /// Whether requests share its workers, instead of waiting for one.
    pub is_shared: bool,
    /// Predicted work in flight that is not done, in mean requests.
    pub work_left: f32,
    /// Share of the capacity of the pool that arrivals need; above 1 if it cannot keep up.
    pub utilisation: f32,
    /// How much longer recent requests were in service than expected, in standard deviations.
    pub surprise: f32,
    /// Exponent with which times in service grow with the number in flight beyond what workers explain, from 0 to
    /// 1.5. It is the same for the whole pool, and near 0 unless other load balancers send to it too.
    pub crowding: f32,
}

/// What is known about a backend from elsewhere, such as a pool profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Natural logarithm of the time in service of an ordinary request, in nanoseconds.
    pub log_service: f32,
    /// Standard deviation of that.
    pub log_error: f32,
    /// Number of requests that it serves at once, if known.
    pub workers: Option<u32>,
    /// How requests share it, if known.
    pub discipline: Option<Discipline>,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            backends: Vec::new(),
            latest: Vec::new(),
            sends: 0,
            load: Load::default(),
            shared: Shared::default(),
            of_pool: OfPool {
                log_service: UNKNOWN,
                factor: 1.0,
                per_cost: 1.0,
                per_service: (-UNKNOWN).exp(),
            },
            factor_count: 0.0,
            turn: 0,
            utilisation: 0.5,
            prices: Prices::new(0.5),
        }
    }
}

impl Serving {
    /// Makes room for `count` backends. Those that are known stay known.
    pub fn grow(&mut self, count: usize, now: Time) {
        if count > self.backends.len() {
            self.backends.resize_with(count, || Backend::new(now));
            self.prices.prepare(Pattern::USUAL);
            self.latest.resize(count, self.sends);
        }
    }

    /// Records that a request was sent to `backend`.
    pub fn on_sent(
        &mut self,
        backend: BackendIndex,
        request: &RequestInfo,
        predicted: PredictedCost,
        now: Time,
    ) {
        let Some(found) = self.backends.get_mut(backend.get()) else {
            return;
        };
        let sent = Sent::new(now, *request, predicted);
        self.sends += 1;
        self.latest[backend.get()] = self.sends;
        self.load.arrived(sent.predicted.cost, now);
        found.send(sent, &self.of_pool);
        // A backend that does not answer is noticed although nothing happens there: all take turns.
        if self.sends.is_multiple_of(2) {
            return;
        }
        self.turn += 1;
        if self.turn >= self.backends.len() {
            self.turn = 0;
            self.survey();
        }
        let next = &mut self.backends[self.turn];
        if next.is_due(now) {
            next.look(now, &self.of_pool, &self.shared);
        }
    }

    /// Ends the request that was sent to `backend` at `sent`; `None` as its kind if its outcome is unknown.
    /// Returns what was learnt of its own service.
    pub fn on_end(
        &mut self,
        backend: BackendIndex,
        sent: Time,
        kind: Option<ReplyKind>,
        now: Time,
    ) -> Option<Ended> {
        let found = self.backends.get_mut(backend.get())?;
        let learnt = found.end(sent, kind, now, &self.of_pool, &mut self.shared);
        self.prices.prepare(found.pattern);
        let learnt = learnt?;
        if let Some(ratio) = learnt.ratio {
            self.factor_count = (self.factor_count + 1.0).min(1.0 / FACTOR);
            self.of_pool.factor +=
                (ratio.clamp(1.0 / MOST_RATIO, MOST_RATIO) - self.of_pool.factor) / self.factor_count;
        }
        Some(learnt.ended)
    }

    /// Returns the number of requests that were sent to `backend` and have not ended.
    pub fn outstanding(&self, backend: BackendIndex) -> u32 {
        self.backends.get(backend.get()).map_or(0, |found| found.in_flight() as u32)
    }

    /// Returns when the oldest of them was sent.
    #[inline]
    pub fn oldest(&self, backend: BackendIndex) -> Option<Time> {
        self.backends.get(backend.get())?.oldest()
    }

    /// Returns what is known about `backend`, which must be one of those that there is room for.
    #[inline]
    pub fn look(&self, backend: BackendIndex) -> Look {
        let found = &self.backends[backend.get()];
        Look {
            log_service: found.guess.mean,
            log_error: found.guess.variance.sqrt(),
            workers: found.pattern.workers(),
            log_workers: found.pattern.log_workers(),
            is_shared: found.pattern.is_shared(),
            work_left: found.work_left(),
            utilisation: self.utilisation,
            surprise: found.surprise,
            crowding: self.shared.crowding.slope(),
        }
    }

    /// Returns what a request would cost at `backend`, which must be one of those that there is room for.
    #[inline]
    pub fn index(&self, backend: BackendIndex, predicted: &PredictedCost, now: Time) -> Index {
        self.costs(backend, self.size(predicted), now).index()
    }

    /// Returns the size of a request in mean requests.
    #[inline]
    pub(super) fn size(&self, predicted: &PredictedCost) -> f32 {
        let size = (predicted.cost * self.of_pool.per_cost).max(1e-6);
        if size.is_finite() { size } else { 1.0 }
    }

    /// Returns [`Self::index`] of a request of this [`Self::size`] before its logarithms are taken.
    #[inline]
    pub(super) fn costs(&self, backend: BackendIndex, size: f32, now: Time) -> Costs {
        index::costs(&self.backends[backend.get()], size, &self.shared.crowding, &self.prices, now)
    }

    /// Starts from what is known about `backend` from elsewhere. It counts for some hundred replies at most, and
    /// less if they do not fit it.
    pub fn believe(&mut self, backend: BackendIndex, prior: Prior) {
        self.grow(backend.get() + 1, Time::ZERO);
        if prior.log_service.is_finite() && prior.log_error.is_finite() {
            let variance = prior.log_error.abs().clamp(LEAST_ERROR, MOST_ERROR).powi(2);
            let guess = Guess { mean: prior.log_service.clamp(*LOGS.start(), *LOGS.end()), variance };
            let is_shared = prior.discipline.map(|discipline| discipline == Discipline::ProcessorSharing);
            self.backends[backend.get()].believe(guess, prior.workers, is_shared, &self.shared);
            self.survey();
        }
    }

    /// Updates what backends have in common.
    fn survey(&mut self) {
        let (mut sum, mut known, mut capacity) = (0.0, 0.0, 0.0);
        for (found, latest) in self.backends.iter().zip(&self.latest) {
            if found.is_known() {
                sum += found.guess.mean;
                known += 1.0;
                capacity += if self.sends - latest > AWAY { 0.0 } else { found.capacity() };
            }
        }
        if known > 0.0 {
            self.of_pool.log_service = sum / known;
        }
        self.of_pool.per_cost = 1.0 / self.load.mean_cost();
        let per_ordinary = (-self.of_pool.log_service).exp();
        self.of_pool.per_service = per_ordinary * self.of_pool.per_cost / self.of_pool.factor;
        if capacity > 0.0 {
            // Estimates of both are rough at first.
            self.utilisation = (self.load.rate() / capacity).min(9.0);
        }
        self.prices.update(self.utilisation.clamp(LOWEST, HIGHEST));
        for found in &self.backends {
            self.prices.prepare(found.pattern);
        }
    }
}
