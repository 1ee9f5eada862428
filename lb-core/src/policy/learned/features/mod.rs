//! The features of the learned policy: one row of numbers per backend, updated from what a load
//! balancer already observes.
//!
//! Rows do not depend on scale (times are relative to the pool's typical latency or to its best backend, counts are
//! logarithms), so that a policy trained on services of a millisecond works on services of a second.
//! Every backend is described in the same way, so that any number of them can be scored.
//! [`FEATURE_SET`] names the meaning of the numbers: a network that was trained on another set is
//! rejected.
//!
//! Most of a row changes only when a request is sent or ends, and is computed then. Values that grow
//! with time (ages, silence) are computed at the decision, with a logarithm that takes a few
//! instructions. Training uses the same one.
//!
//! **What a request costs** is predicted from its route and its hints
//! ([`CostModel`]). Latencies are divided by the predicted cost of their request, so that a backend that happened to
//! get the long ones does not look slow.
//!
//! **How a backend serves** is estimated by [`Serving`], which also keeps the requests that are outstanding. Its
//! indices say what sending this request there would cost, to the request itself and to those after it. They are
//! features, and the second one is the prior of the score.
//!
//! **What a profile says** is a feature as far as it is trusted (`trust.rs`), and starts the estimates.
//!
//! **Latency corrected for the queue.** Latency depends on the speed of a backend and on its queue.
//! Next to each mean latency, there is the mean number in flight when those requests were sent, so that
//! a network can tell the two apart.

mod logs;
mod memory;

use super::super::{BackendIndex, LoadReport, PoolView, Reply, ReplyKind, Reported, RequestInfo};
use super::trust::Trust;
use crate::policy::cost::{CostModel, PredictedCost};
use crate::policy::serving::{Costs, Serving};
use crate::profile::PoolProfile;
use crate::time::{Span, Time};
pub(super) use logs::ln;
use logs::{ln_all, log_of_count};
use memory::{Latency, Memory};

/// Name of the set of features below. A different set has a different name.
pub const FEATURE_SET: &str = "lbf-2";

/// Number of features per backend.
pub const WIDTH: usize = 32;

/// Names of the features of one backend, in order. *Typical* is the geometric mean of the slow mean
/// latencies of the candidate backends; *best* is the candidate with the lowest value.
pub const FEATURES: [&str; WIDTH] = [
    "log_in_flight",
    "log_in_flight_vs_pool",
    "log_fast_latency_vs_typical",
    "log_slow_latency_vs_typical",
    "log_low_latency_vs_typical",
    "log_oldest_age_vs_typical",
    "log_idle_time_vs_typical",
    "error_rate",
    "log_consecutive_errors",
    "log_completion_gap_vs_typical",
    "pool_log_in_flight",
    "log_arrival_burst",
    "log_silence_vs_typical",
    "crowding",
    "log_in_flight_when_sent",
    "log_weight_vs_pool",
    "newness",
    "log_predicted_cost",
    "predicted_cost_deviation",
    "log_work_left_vs_count",
    "log_completion_vs_best",
    "log_improvement_vs_best",
    "log_workers",
    "is_shared",
    "log_service_vs_pool",
    "log_service_error",
    "service_surprise",
    "utilisation",
    "profile_trust",
    "log_service_vs_profile",
    "log_reported_vs_own",
    "report_freshness",
];

/// Places in a row of what is computed before the rest of it.
const IN_FLIGHT: usize = 0;
const OLDEST: usize = 5;
const IDLE: usize = 6;
const WORK: usize = 19;
const COMPLETION: usize = 20;
const IMPROVEMENT: usize = 21;

/// Number of rows whose logarithms are taken together.
const BLOCK: usize = 8;

/// Features are clamped to this magnitude: far outside the training data, a network's output is noise.
const CLAMP: f32 = 6.0;

/// Weights of one arrival in the two means whose ratio indicates bursts.
const ARRIVALS_FAST: f32 = 0.05;
const ARRIVALS_SLOW: f32 = 0.002;
/// What a failure costs in the prior, in ordinary requests. It costs a timeout, which is far more than the forty requests
/// that it costs under other policies; but the more it weighs, the more is lost by a backend that fails now and then.
const FAILURE_COST: f32 = 100.0;
/// A request that costs as much as the mean of all. A failure costs the same whatever was asked for: if it cost a small
/// request less, backends that fail would be sent the small ones.
const ORDINARY: PredictedCost = PredictedCost { log_cost: 0.0, cost: 1.0, deviation: 0.0 };
/// A backend counts as half new after this many typical latencies.
const NEW_FOR: f32 = 64.0;

/// The features of one pool, as one load balancer observes them.
#[derive(Clone, Debug, Default)]
pub struct Features {
    memories: Vec<Memory>,
    serving: Serving,
    costs: CostModel,
    trust: Trust,
    reported: Reported,
    generation: Option<u64>,
    last_arrival: Option<Time>,
    /// Mean gaps between arrivals, in nanoseconds.
    gap_fast: f32,
    gap_slow: f32,
    newest_reply: Time,
    /// Time of the latest event.
    latest: Time,
    /// The prediction for the request that arrived last.
    predicted: Option<(RequestInfo, PredictedCost)>,
}

impl Features {
    /// Creates the features of a pool of which `profile` says something.
    pub fn with_profile(profile: Option<&PoolProfile>) -> Self {
        Self { trust: profile.map(Trust::new).unwrap_or_default(), ..Self::default() }
    }

    /// Updates the list of backends. Must be called before [`Self::observe`] at each decision; while
    /// the pool does not change, it costs one comparison.
    #[inline]
    pub fn adapt(&mut self, pool: &PoolView<'_>, now: Time) {
        if self.generation != Some(pool.generation) {
            self.rebuild(pool, now);
        }
    }

    fn rebuild(&mut self, pool: &PoolView<'_>, now: Time) {
        self.generation = Some(pool.generation);
        self.memories.resize_with(pool.backends.len(), || Memory::new(now));
        self.serving.grow(pool.backends.len(), now);
        for (backend, prior) in self.trust.untold(pool.backends.len()) {
            self.serving.believe(backend, prior);
        }
        let eligible = pool.eligibility();
        for ((memory, view), eligible) in self.memories.iter_mut().zip(pool.backends).zip(eligible) {
            memory.log_weight = (view.weight as f32).ln();
            if eligible && !memory.eligible {
                memory.joined = now;
            }
            memory.eligible = eligible;
        }
    }

    /// Connects `backend` with what the profile says about `id`. It counts from the next [`Self::adapt`].
    pub fn on_named(&mut self, backend: BackendIndex, id: &str) {
        self.trust.name(backend, id);
        self.generation = None;
    }

    /// Records that `request` is about to be placed, and predicts what it costs.
    #[inline]
    pub fn on_arrival(&mut self, request: &RequestInfo, now: Time) {
        self.latest = now;
        self.predicted = Some((*request, self.costs.predict(request)));
        if let Some(last) = self.last_arrival.replace(now) {
            let gap = now.since(last).as_nanos() as f32;
            self.gap_fast += ARRIVALS_FAST * (gap - self.gap_fast);
            self.gap_slow += ARRIVALS_SLOW * (gap - self.gap_slow);
            if self.gap_slow == 0.0 || self.gap_fast == 0.0 {
                (self.gap_fast, self.gap_slow) = (gap, gap);
            }
        }
    }

    /// Returns the predicted cost of a request; for the one that arrived last, it is known already.
    #[inline]
    pub fn predicted(&self, request: &RequestInfo) -> PredictedCost {
        match &self.predicted {
            Some((known, predicted)) if is_same(known, request) => *predicted,
            _ => self.costs.predict(request),
        }
    }

    /// Returns the share of the variance of costs that requests tell, from 0 to 1.
    #[inline]
    pub fn told(&self) -> f32 {
        self.costs.told()
    }

    /// Records that a request was sent to `backend`.
    #[inline]
    pub fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        let predicted = self.predicted(request);
        let Some(memory) = self.memories.get_mut(backend.get()) else {
            return;
        };
        self.latest = self.latest.max(now);
        if self.serving.outstanding(backend) == 0 {
            memory.busy_since = now;
        }
        self.serving.on_sent(backend, request, predicted, now);
    }

    /// Records that a request sent to `backend` has ended.
    #[inline]
    pub fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let Some(memory) = self.memories.get_mut(backend.get()) else {
            return;
        };
        self.latest = self.latest.max(now);
        self.newest_reply = now;
        let sent = Time::from_nanos(now.as_nanos().saturating_sub(reply.latency.as_nanos()));
        // Unknown requests were sent by an earlier policy.
        let ended = self.serving.on_end(backend, sent, Some(reply.kind), now);
        memory.learn_outcome(reply.kind);
        // The latency of a failure does not show how fast a backend works; that of a timeout is a lower
        // bound.
        if matches!(reply.kind, ReplyKind::Success | ReplyKind::Timeout) {
            let log = ln(reply.latency.as_nanos().max(1) as f32);
            let (log_cost, log_in_flight) = ended.as_ref().map_or((0.0, 0.0), |ended| {
                (ended.predicted.log_cost, log_of_count(ended.in_flight_when_sent))
            });
            memory.learn_latency(log - log_cost, log_in_flight);
            memory.learn_gap(now);
        }
        memory.last_reply = Some(now);
        if let Some(ended) = &ended {
            self.costs.learn(&ended.request, ended.log_relative, ended.certainty);
            self.trust.observe(backend, ended);
        }
    }

    /// Records that the client cancelled a request sent to `backend` at `sent`.
    pub fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        if backend.get() < self.memories.len() {
            // The time is not known; nothing has happened since the latest event.
            self.serving.on_end(backend, sent, None, self.latest.max(sent));
        }
    }

    /// Records what `backend` reported about itself.
    pub fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.reported.on_report(backend, report, now);
    }

    /// Returns the time since the latest reply; `None` if no request is outstanding.
    pub fn silence(&self, pool: &PoolView<'_>, now: Time) -> Option<Span> {
        let waiting = pool.eligible.iter().any(|backend| pool.backend(*backend).in_flight > 0);
        waiting.then(|| now.since(self.newest_reply))
    }

    /// Returns the number of consecutive errors of `backend`.
    pub fn consecutive_errors(&self, backend: BackendIndex) -> u32 {
        self.memories[backend.get()].consecutive_errors
    }

    /// Returns how often observations contradicted the profile so far that trust in it fell.
    pub fn distrusted(&self) -> u64 {
        self.trust.alarms()
    }

    /// Writes the rows of `candidates` to `rows` (row-major, [`WIDTH`] numbers each). As initial
    /// scores, it writes `-ln(first policy improvement + 100 error rate x that of an ordinary request)` of each to
    /// `prior`, relative to the best: what sending the request there costs it and later ones, where a failure costs
    /// as much as a hundred ordinary requests.
    pub fn observe(
        &self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        candidates: &[BackendIndex],
        now: Time,
        rows: &mut [f32],
        prior: &mut [f32],
    ) {
        let rows = &mut rows[..candidates.len() * WIDTH];
        let predicted = self.predicted(request);
        let means = self.means(pool, candidates, &predicted, now, rows);
        let per_nano = (-means.typical).exp();
        self.write_logs(pool, candidates, now, per_nano, rows);
        let settle = match self.reported.is_empty() {
            true => Span::ZERO,
            false => Span::from_nanos(means.typical.exp() as u64),
        };
        let burst = match self.gap_fast > 0.0 && self.gap_slow > 0.0 {
            true => ln(self.gap_fast / self.gap_slow),
            false => 0.0,
        };
        for ((backend, row), prior) in candidates.iter().zip(rows.chunks_exact_mut(WIDTH)).zip(prior) {
            let memory = &self.memories[backend.get()];
            let look = self.serving.look(*backend);
            let count = pool.backend(*backend).in_flight;
            let (log_count, oldest, silence, work) = (row[IN_FLIGHT], row[OLDEST], row[IDLE], row[WORK]);
            let (idle, busy) = if count == 0 { (silence, 0.0) } else { (0.0, silence) };
            let latency = memory.latency.unwrap_or(means.unknown());
            let completion = row[COMPLETION] - means.best_completion;
            let improvement = (row[IMPROVEMENT] - means.best_improvement).clamp(0.0, CLAMP);
            let (trust, log_profile) = self.trust.of(*backend);
            let (reported, fresh) = match self.reported.is_empty() {
                true => (0.0, 0.0),
                false => self.reported_vs_own(*backend, count, now, settle),
            };
            row.copy_from_slice(&[
                log_count,
                log_count - means.log_in_flight,
                latency.fast - means.typical,
                latency.slow - means.typical,
                latency.low - means.typical,
                oldest,
                idle,
                memory.error_rate,
                memory.log_consecutive_errors,
                memory.gap.unwrap_or(means.typical) - means.typical,
                means.log_in_flight,
                burst,
                busy,
                look.crowding,
                latency.log_in_flight,
                memory.log_weight - means.log_weight,
                1.0 / (1.0 + now.since(memory.joined).as_nanos() as f32 * per_nano / NEW_FOR),
                predicted.log_cost,
                predicted.deviation,
                work,
                completion,
                improvement,
                look.log_workers,
                if look.is_shared { 1.0 } else { 0.0 },
                look.log_service - means.log_service,
                look.log_error,
                look.surprise,
                look.utilisation,
                trust,
                trust * (look.log_service - log_profile).clamp(-CLAMP, CLAMP),
                reported,
                fresh,
            ]);
            *prior = -improvement;
            if memory.error_rate > 0.0 {
                let ordinary = self.serving.index(*backend, &ORDINARY, now).log_improvement;
                let failure = FAILURE_COST * memory.error_rate * (ordinary - means.best_improvement).exp();
                *prior = -ln(improvement.exp() + failure);
            }
        }
        // All at once, so that it is vectorised.
        for feature in rows {
            *feature = feature.clamp(-CLAMP, CLAMP);
        }
    }

    /// Returns how many requests `backend` is expected to hold relative to the `own` ones, and how fresh its latest
    /// report is: 1 at once, and half after a typical latency.
    fn reported_vs_own(&self, backend: BackendIndex, own: u32, now: Time, settle: Span) -> (f32, f32) {
        let Some(age) = self.reported.age(backend, now) else { return (0.0, 0.0) };
        let others = self.reported.others(backend, now, settle).unwrap_or(0.0);
        let own = 1.0 + own as f32;
        let age = age.as_nanos() as f32 / settle.as_nanos().max(1) as f32;
        (ln((own + others) / own), 1.0 / (1.0 + age))
    }

    /// Writes the features that are logarithms of what changes with time to the row of each candidate.
    fn write_logs(
        &self,
        pool: &PoolView<'_>,
        candidates: &[BackendIndex],
        now: Time,
        per_nano: f32,
        rows: &mut [f32],
    ) {
        let (rows, _) = rows.as_chunks_mut::<WIDTH>();
        for (candidates, rows) in candidates.chunks(BLOCK).zip(rows.chunks_mut(BLOCK)) {
            let mut logs = [[1.0; 3]; BLOCK];
            for (backend, [oldest, silence, work]) in candidates.iter().zip(&mut logs) {
                let memory = &self.memories[backend.get()];
                let count = pool.backend(*backend).in_flight as f32;
                let age = |time: Time| 1.0 + now.since(time).as_nanos() as f32 * per_nano;
                *oldest = self.serving.oldest(*backend).map_or(1.0, age);
                *silence = age(memory.last_reply.unwrap_or(memory.joined));
                *work = (1.0 + self.serving.look(*backend).work_left.max(0.0)) / (1.0 + count);
            }
            ln_all(&mut logs);
            for (row, [oldest, silence, work]) in rows.iter_mut().zip(&logs) {
                (row[OLDEST], row[IDLE], row[WORK]) = (*oldest, *silence, *work);
            }
        }
    }

    /// Computes what rows are relative to, and writes the number in flight and the indices of each candidate to its row.
    fn means(
        &self,
        pool: &PoolView<'_>,
        candidates: &[BackendIndex],
        predicted: &PredictedCost,
        now: Time,
        rows: &mut [f32],
    ) -> Means {
        let mut sums = Means { best_completion: f32::MAX, best_improvement: f32::MAX, ..Means::default() };
        let mut known = 0.0f32;
        let size = self.serving.size(predicted);
        let (rows, _) = rows.as_chunks_mut::<WIDTH>();
        for (candidates, rows) in candidates.chunks(BLOCK).zip(rows.chunks_mut(BLOCK)) {
            let mut logs = [[1.0; 2]; BLOCK];
            for ((backend, row), logs) in candidates.iter().zip(&mut *rows).zip(&mut logs) {
                let memory = &self.memories[backend.get()];
                row[IN_FLIGHT] = log_of_count(pool.backend(*backend).in_flight);
                sums.log_in_flight += row[IN_FLIGHT];
                sums.log_weight += memory.log_weight;
                sums.log_service += self.serving.look(*backend).log_service;
                if let Some(latency) = memory.latency {
                    known += 1.0;
                    sums.typical += latency.slow;
                    sums.log_in_flight_sent += latency.log_in_flight;
                }
                let Costs { log_factor, completion, improvement } = self.serving.costs(*backend, size, now);
                *logs = [completion, improvement];
                (row[COMPLETION], row[IMPROVEMENT]) = (log_factor, log_factor);
            }
            ln_all(&mut logs);
            for (row, [completion, improvement]) in rows.iter_mut().zip(&logs) {
                row[COMPLETION] += completion;
                row[IMPROVEMENT] += improvement;
                sums.best_completion = lower(row[COMPLETION], sums.best_completion);
                sums.best_improvement = lower(row[IMPROVEMENT], sums.best_improvement);
            }
        }
        let count = candidates.len() as f32;
        sums.log_in_flight /= count;
        sums.log_weight /= count;
        sums.log_service /= count;
        if known > 0.0 {
            sums.typical /= known;
            sums.log_in_flight_sent /= known;
        } else {
            sums.typical = UNKNOWN_LATENCY;
        }
        sums
    }
}

/// Returns the lower one of two numbers; unlike [`f32::min`], it takes one instruction.
#[inline]
fn lower(one: f32, other: f32) -> f32 {
    if one < other { one } else { other }
}

/// Returns whether two requests say the same.
#[inline]
fn is_same(one: &RequestInfo, other: &RequestInfo) -> bool {
    one.client_key == other.client_key && one.route == other.route && one.hints == other.hints
}

/// Latency before the first reply of a pool: ln of a millisecond in nanoseconds. Any value works,
/// because only times are compared with it.
const UNKNOWN_LATENCY: f32 = 13.8;

/// Typical and best values of the candidate backends.
#[derive(Clone, Copy, Debug, Default)]
struct Means {
    log_in_flight: f32,
    log_weight: f32,
    log_service: f32,
    typical: f32,
    log_in_flight_sent: f32,
    best_completion: f32,
    best_improvement: f32,
}

impl Means {
    /// Returns the latency assumed for a backend without replies, which counts as typical.
    fn unknown(&self) -> Latency {
        let typical = self.typical;
        Latency { fast: typical, slow: typical, low: typical, log_in_flight: self.log_in_flight_sent }
    }
}
