//! The features of the learned policy: one row of numbers per backend, updated from what a load
//! balancer already observes.
//!
//! Rows do not depend on scale (times are relative to the pool's typical latency, counts are
//! logarithms), so that a policy trained on services of a millisecond works on services of a second.
//! Every backend is described in the same way, so that any number of them can be scored.
//! [`FEATURE_SET`] names the meaning of the numbers: a network that was trained on another set is
//! rejected.
//!
//! Most of a row changes only when a request is sent or ends, and is computed then. Values that grow
//! with time (ages, silence) are computed at the decision, with a logarithm that takes a few
//! instructions. Training uses the same one.
//!
//! **Latency corrected for the mix of requests.** A backend that happened to get the long requests is
//! not slow. The mean logarithm of latency per class of route, relative to the backend that served it,
//! is learned as the *cost* of the class. Latencies are divided by it, and work in flight is counted in
//! it. With a single class, every cost is 1, and nothing is known about a request's size.
//!
//! **Latency corrected for the queue.** Latency depends on the speed of a backend and on its queue.
//! Next to each mean latency, there is the mean number in flight when those requests were sent, so that
//! a network can tell the two apart.

use super::super::{BackendIndex, PoolView, Reply, ReplyKind, RequestInfo};
use super::routes::RouteCosts;
use crate::time::{Span, Time};
use std::collections::VecDeque;

/// Name of the set of features below. A different set has a different name.
pub const FEATURE_SET: &str = "lbf-1";

/// Number of features per backend.
pub const WIDTH: usize = 21;

/// Names of the features of one backend, in order. *Typical* is the geometric mean of the slow mean
/// latencies of the candidate backends.
pub const FEATURES: [&str; WIDTH] = [
    "log_in_flight",
    "log_in_flight_vs_pool",
    "log_fast_latency_vs_typical",
    "log_slow_latency_vs_typical",
    "log_peak_latency_vs_typical",
    "log_low_latency_vs_typical",
    "log_oldest_age_vs_typical",
    "log_mean_age_vs_typical",
    "log_idle_time_vs_typical",
    "error_rate",
    "log_consecutive_errors",
    "log_completion_gap_vs_typical",
    "pool_log_in_flight",
    "log_arrival_burst",
    "log_silence_vs_typical",
    "is_idle",
    "log_in_flight_when_sent",
    "log_request_cost",
    "log_cost_in_flight_vs_count",
    "log_weight_vs_pool",
    "newness",
];

/// Features are clamped to this magnitude: far outside the training data, a network's output is noise.
const CLAMP: f32 = 6.0;

/// Weights of one reply in the fast and the slow means, which cover about the last seven and the last
/// fifty.
const FAST: f32 = 0.15;
const SLOW: f32 = 0.02;
/// Weight of one reply in the error rate, which covers about the last ten.
const ERRORS: f32 = 0.1;
/// A lower error rate counts as zero, after some hundred and thirty replies without an error.
const LEAST_ERROR_RATE: f32 = 1e-7;
/// Weight of one lower reply in the peak, which rises at once and falls over about ten replies.
const PEAK: f32 = 0.1;
/// Weight of one lower reply in the low mean, which falls within three replies and rises within two
/// hundred: about the latency of an unloaded backend.
const LOW_DOWN: f32 = 0.3;
const LOW_UP: f32 = 0.005;
/// Weights of one arrival in the two means whose ratio indicates bursts.
const ARRIVALS_FAST: f32 = 0.05;
const ARRIVALS_SLOW: f32 = 0.002;
/// Cost of a failure in the prior, in requests.
const FAILURE_COST: f32 = super::super::estimate::FAILURE_COST as f32;
/// A backend counts as half new after this many typical latencies.
const NEW_FOR: f32 = 64.0;

/// State kept for one backend.
#[derive(Clone, Debug)]
struct Memory {
    outstanding: VecDeque<Outstanding>,
    /// Sum of the send times, in nanoseconds.
    sent_sum: u128,
    /// Sum of the costs of outstanding requests.
    cost: f32,
    latency: Option<Latency>,
    error_rate: f32,
    log_consecutive_errors: f32,
    consecutive_errors: u32,
    /// Mean gap between completions while busy, as the natural logarithm of nanoseconds.
    gap: Option<f32>,
    last_reply: Option<Time>,
    /// When the current busy period began.
    busy_since: Time,
    joined: Time,
    log_weight: f32,
    eligible: bool,
}

/// A request that has been sent and has not ended.
#[derive(Clone, Copy, Debug)]
struct Outstanding {
    sent: Time,
    route: u16,
    cost: f32,
    log_in_flight: f32,
}

/// Means of natural logarithms of nanoseconds, relative to the cost of the route.
#[derive(Clone, Copy, Debug)]
struct Latency {
    fast: f32,
    slow: f32,
    peak: f32,
    low: f32,
    /// Mean of ln(1 + in flight when sent), with the weight of `slow`.
    log_in_flight: f32,
}

impl Memory {
    fn new(now: Time) -> Self {
        Self {
            outstanding: VecDeque::new(),
            sent_sum: 0,
            cost: 0.0,
            latency: None,
            error_rate: 0.0,
            log_consecutive_errors: 0.0,
            consecutive_errors: 0,
            gap: None,
            last_reply: None,
            busy_since: now,
            joined: now,
            log_weight: 0.0,
            eligible: false,
        }
    }

    /// Removes the request that was sent at `sent`. The oldest come first, so it is found near the
    /// front. If a driver's clocks disagree, the oldest one is removed, so that the list cannot grow.
    /// Requests from before this memory began are not in it.
    fn take(&mut self, sent: Time) -> Option<Outstanding> {
        if self.outstanding.front().is_none_or(|oldest| sent < oldest.sent) {
            return None;
        }
        let place = self.outstanding.iter().position(|one| one.sent == sent).unwrap_or(0);
        let taken = self.outstanding.remove(place)?;
        self.sent_sum -= u128::from(taken.sent.as_nanos());
        // Reset rounding errors whenever the backend is idle.
        self.cost = if self.outstanding.is_empty() { 0.0 } else { self.cost - taken.cost };
        Some(taken)
    }

    fn learn_latency(&mut self, log: f32, log_in_flight: f32) {
        self.latency = Some(match self.latency {
            None => Latency { fast: log, slow: log, peak: log, low: log, log_in_flight },
            Some(old) => Latency {
                fast: old.fast + FAST * (log - old.fast),
                slow: old.slow + SLOW * (log - old.slow),
                peak: log.max(old.peak + PEAK * (log - old.peak)),
                low: old.low + if log < old.low { LOW_DOWN } else { LOW_UP } * (log - old.low),
                log_in_flight: old.log_in_flight + SLOW * (log_in_flight - old.log_in_flight),
            },
        });
    }

    fn learn_gap(&mut self, now: Time) {
        let since = self.last_reply.map_or(self.busy_since, |last| last.max(self.busy_since));
        let log = ln(now.since(since).as_nanos().max(1) as f32);
        self.gap = Some(self.gap.map_or(log, |old| old + SLOW * (log - old)));
    }
}

/// The features of one pool, as one load balancer observes them.
#[derive(Clone, Debug, Default)]
pub struct Features {
    memories: Vec<Memory>,
    routes: RouteCosts,
    generation: Option<u64>,
    last_arrival: Option<Time>,
    /// Mean gaps between arrivals, in nanoseconds.
    gap_fast: f32,
    gap_slow: f32,
    newest_reply: Time,
}

impl Features {
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
        let eligible = pool.eligibility();
        for ((memory, view), eligible) in self.memories.iter_mut().zip(pool.backends).zip(eligible) {
            memory.log_weight = (view.weight as f32).ln();
            if eligible && !memory.eligible {
                memory.joined = now;
            }
            memory.eligible = eligible;
        }
    }

    /// Records that a request is about to be placed.
    #[inline]
    pub fn on_arrival(&mut self, now: Time) {
        if let Some(last) = self.last_arrival.replace(now) {
            let gap = now.since(last).as_nanos() as f32;
            self.gap_fast += ARRIVALS_FAST * (gap - self.gap_fast);
            self.gap_slow += ARRIVALS_SLOW * (gap - self.gap_slow);
            if self.gap_slow == 0.0 || self.gap_fast == 0.0 {
                (self.gap_fast, self.gap_slow) = (gap, gap);
            }
        }
    }

    /// Records that a request was sent to `backend`.
    #[inline]
    pub fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        let Some(memory) = self.memories.get_mut(backend.get()) else {
            return;
        };
        if memory.outstanding.is_empty() {
            memory.busy_since = now;
        }
        let cost = self.routes.cost(request.route);
        let log_in_flight = log_of_count(memory.outstanding.len() as u32);
        memory.outstanding.push_back(Outstanding { sent: now, route: request.route, cost, log_in_flight });
        memory.sent_sum += u128::from(now.as_nanos());
        memory.cost += cost;
    }

    /// Records that a request sent to `backend` has ended.
    #[inline]
    pub fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let Some(memory) = self.memories.get_mut(backend.get()) else {
            return;
        };
        self.newest_reply = now;
        let sent = Time::from_nanos(now.as_nanos().saturating_sub(reply.latency.as_nanos()));
        // Unknown requests were sent by an earlier policy.
        let request = memory.take(sent);
        let error = if reply.is_success() { 0.0 } else { 1.0 };
        memory.error_rate += ERRORS * (error - memory.error_rate);
        // Arithmetic on subnormal numbers takes about a hundred times as long.
        if memory.error_rate < LEAST_ERROR_RATE {
            memory.error_rate = 0.0;
        }
        memory.consecutive_errors = if reply.is_success() { 0 } else { memory.consecutive_errors + 1 };
        memory.log_consecutive_errors = log_of_count(memory.consecutive_errors);
        // The latency of a failure does not show how fast a backend works; that of a timeout is a lower
        // bound.
        if matches!(reply.kind, ReplyKind::Success | ReplyKind::Timeout) {
            let log = ln(reply.latency.as_nanos().max(1) as f32);
            let (route, log_in_flight) =
                request.map_or((None, 0.0), |one| (Some(one.route), one.log_in_flight));
            let log_cost = route.map_or(0.0, |route| self.routes.log_cost(route));
            if let (Some(route), Some(known)) = (route, memory.latency) {
                self.routes.learn(route, log - known.slow);
            }
            memory.learn_latency(log - log_cost, log_in_flight);
            memory.learn_gap(now);
        }
        memory.last_reply = Some(now);
    }

    /// Records that the client cancelled a request sent to `backend` at `sent`.
    pub fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        if let Some(memory) = self.memories.get_mut(backend.get()) {
            memory.take(sent);
        }
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

    /// Writes the rows of `candidates` to `rows` (row-major, [`WIDTH`] numbers each). As initial
    /// scores, it writes `-ln(fast latency x (in flight + 1) x (1 + 40 error rate))` of each to
    /// `prior`: the rule of [`EwmaScan`](crate::policy::EwmaScan), in which a failure costs as much as
    /// forty requests.
    pub fn observe(
        &self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        candidates: &[BackendIndex],
        now: Time,
        rows: &mut [f32],
        prior: &mut [f32],
    ) {
        let pool_means = self.means(pool, candidates);
        let per_nano = (-pool_means.typical).exp();
        let burst = match self.gap_fast > 0.0 && self.gap_slow > 0.0 {
            true => ln(self.gap_fast / self.gap_slow).clamp(-CLAMP, CLAMP),
            false => 0.0,
        };
        let log_cost = self.routes.log_cost(request.route).clamp(-CLAMP, CLAMP);
        let rows = rows.chunks_exact_mut(WIDTH);
        for ((backend, row), prior) in candidates.iter().zip(rows).zip(prior) {
            let memory = &self.memories[backend.get()];
            let count = pool.backend(*backend).in_flight;
            let log_count = log_of_count(count);
            let own = memory.outstanding.len();
            let ln_1p = |nanos: f32| ln(1.0 + nanos * per_nano).min(CLAMP);
            let since = |time: Time| ln_1p(now.since(time).as_nanos() as f32);
            let oldest = memory.outstanding.front().map_or(0.0, |one| since(one.sent));
            let mean_age = match own {
                0 => 0.0,
                own => {
                    let ages = own as u128 * u128::from(now.as_nanos()) - memory.sent_sum;
                    ln_1p(ages as u64 as f32) - log_of_count(own as u32)
                }
            };
            let silence = since(memory.last_reply.unwrap_or(memory.joined));
            let (idle, busy) = if count == 0 { (silence, 0.0) } else { (0.0, silence) };
            let vs_typical = |log: f32| (log - pool_means.typical).clamp(-CLAMP, CLAMP);
            let latency = memory.latency.unwrap_or(pool_means.unknown());
            let cost = if own == 0 { 0.0 } else { ln(memory.cost.max(0.01)) - ln(own as f32) };
            row.copy_from_slice(&[
                log_count.min(CLAMP),
                (log_count - pool_means.log_in_flight).clamp(-CLAMP, CLAMP),
                vs_typical(latency.fast),
                vs_typical(latency.slow),
                vs_typical(latency.peak),
                vs_typical(latency.low),
                oldest,
                mean_age.clamp(-CLAMP, CLAMP),
                idle,
                memory.error_rate,
                memory.log_consecutive_errors.min(CLAMP),
                memory.gap.map_or(0.0, vs_typical),
                pool_means.log_in_flight.min(CLAMP),
                burst,
                busy,
                if count == 0 { 1.0 } else { 0.0 },
                latency.log_in_flight.min(CLAMP),
                log_cost,
                cost.clamp(-CLAMP, CLAMP),
                (memory.log_weight - pool_means.log_weight).clamp(-CLAMP, CLAMP),
                1.0 / (1.0 + now.since(memory.joined).as_nanos() as f32 * per_nano / NEW_FOR),
            ]);
            *prior = -(row[2] + log_count + ln(1.0 + FAILURE_COST * memory.error_rate));
        }
    }

    fn means(&self, pool: &PoolView<'_>, candidates: &[BackendIndex]) -> Means {
        let mut sums = Means::default();
        let mut known = 0.0f32;
        for backend in candidates {
            let memory = &self.memories[backend.get()];
            sums.log_in_flight += log_of_count(pool.backend(*backend).in_flight);
            sums.log_weight += memory.log_weight;
            if let Some(latency) = memory.latency {
                known += 1.0;
                sums.typical += latency.slow;
                sums.log_in_flight_sent += latency.log_in_flight;
            }
        }
        let count = candidates.len() as f32;
        sums.log_in_flight /= count;
        sums.log_weight /= count;
        if known > 0.0 {
            sums.typical /= known;
            sums.log_in_flight_sent /= known;
        } else {
            sums.typical = UNKNOWN_LATENCY;
        }
        sums
    }
}

/// Latency before the first reply of a pool: ln of a millisecond in nanoseconds. Any value works,
/// because only times are compared with it.
const UNKNOWN_LATENCY: f32 = 13.8;

/// Typical values of the candidate backends.
#[derive(Clone, Copy, Debug, Default)]
struct Means {
    log_in_flight: f32,
    log_weight: f32,
    typical: f32,
    log_in_flight_sent: f32,
}

impl Means {
    /// Returns the latency assumed for a backend without replies, which counts as typical.
    fn unknown(&self) -> Latency {
        let typical = self.typical;
        Latency {
            fast: typical,
            slow: typical,
            peak: typical,
            low: typical,
            log_in_flight: self.log_in_flight_sent,
        }
    }
}

/// Counts below this have a precomputed logarithm.
const TABLE: usize = 256;

static LOGS: [f32; TABLE] = logs();

/// Computes ln(1 + n) for small n as a sum of `2 atanh(1 / (2k + 1))`, whose series converges quickly.
const fn logs() -> [f32; TABLE] {
    let mut table = [0.0; TABLE];
    let mut sum = 0.0f64;
    let mut k = 1;
    while k < TABLE {
        let x = 1.0 / (2.0 * k as f64 + 1.0);
        let (mut power, mut term) = (x, 1.0);
        while term < 40.0 {
            sum += 2.0 * power / term;
            power *= x * x;
            term += 2.0;
        }
        table[k] = sum as f32;
        k += 1;
    }
    table
}

/// Returns ln(1 + count).
#[inline]
fn log_of_count(count: u32) -> f32 {
    LOGS.get(count as usize).copied().unwrap_or_else(|| ln(1.0 + count as f32))
}

/// Returns the natural logarithm of a positive number, with an error of at most 1.3e-5. It is the
/// exponent plus a polynomial in the mantissa, which is exact at 1 and 2, so that the function is
/// continuous. (Least squares for `ln(1 + m) / m`.)
#[inline]
pub(super) fn ln(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = ((bits >> 23) as i32 - 127) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000) - 1.0;
    let p = 0.999_404_5 + m * (-0.491_006_16 + m * (0.286_654_52 + m * (-0.132_573_07 + m * 0.030_667_42)));
    exponent * std::f32::consts::LN_2 + m * p
}
