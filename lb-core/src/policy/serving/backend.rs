//! One backend as this load balancer sees it: what was sent and has not ended, and what ends have shown.

use super::crowding::{Crowding, Usual};
use super::left::Left;
use super::pattern::{Fit, Found, LOG_WORKERS, NEVER, PATTERNS, Pattern, Pooled, SIZES, WORKERS, ln};
use super::sent::{Ended, Sent};
use super::speed::{Guess, Overdue, Speed};
use crate::policy::outstanding::place_of;
use crate::policy::{PredictedCost, ReplyKind};
use crate::time::Time;
use std::collections::VecDeque;

/// Most requests in flight that are kept. If a driver never says how requests end, the oldest are forgotten.
const MOST: usize = 4_096;

/// Most requests in service whose ages are looked at; further ones count as if they had just begun.
const AGES: usize = 12;

/// A backend is looked at after this part of a mean time of a request.
const LOOK_AFTER: f32 = 0.5;

/// Most overdue requests that are looked at.
const OVERDUE: usize = 4;

/// ln of the time of an ordinary request before the first reply of a pool: a millisecond in nanoseconds.
pub(super) const UNKNOWN: f32 = 13.8;

/// Shortest time in service in nanoseconds; its logarithm is above zero.
const LEAST_TIME: f32 = 2.0;

/// Range of logarithms of times in nanoseconds, up to an hour.
pub(super) const LOGS: std::ops::RangeInclusive<f32> = 0.0..=29.0;

/// A request stalled if it took this many standard deviations longer than expected.
const STALL: f32 = 3.5;
/// Weight of one end in the mean of stalls, in the error rate, and in the surprise.
const STALLS: f32 = 0.01;
const ERRORS: f32 = 0.1;
const SURPRISE: f32 = 0.2;

/// A request counts as at most e⁶ times as long or as short as expected.
const MOST_LONGER: f32 = 6.0;

/// Uncertain speeds teach little of what a request cost: half at this variance.
const UNCERTAIN: f32 = 0.25;

/// What all backends of a pool learn together.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    pub(super) pooled: Pooled,
    pub(super) crowding: Crowding,
}

/// What the pool tells each of its backends.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfPool {
    /// Mean logarithm of the time of an ordinary request.
    pub(super) log_service: f32,
    /// Mean time of a request, relative to the exponential of its mean logarithm.
    pub(super) factor: f32,
    /// One over the mean predicted cost.
    pub(super) per_cost: f32,
    /// One over the mean time of a request in nanoseconds.
    pub(super) per_service: f32,
}

/// What the end of a request has shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learnt {
    pub(super) ended: Ended,
    /// Time in service relative to the exponential of the expected logarithm of an ordinary request, and to the
    /// predicted cost; `None` at the first reply, which expects nothing.
    pub(super) ratio: Option<f32>,
}

/// State of one backend.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    outstanding: VecDeque<Sent>,
    /// When the oldest of them was sent, and ln(1 + their number).
    oldest: Option<Time>,
    pub(super) log_in_flight: f32,
    /// Sum of their predicted costs.
    cost: f64,
    /// Work clocks of shared processors, one per size, in nanoseconds; reset whenever the backend is idle.
    clocks: [f64; SIZES],
    clock_at: Time,
    fit: Fit,
    pub(super) pattern: Pattern,
    speed: Speed,
    pub(super) usual: Usual,
    last_reply: Time,
    error_rate: f32,
    /// Mean excess of requests that stalled, in times of the request.
    pub(super) stalls: f32,
    pub(super) surprise: f32,
    /// The current guess, silence and requests in service considered.
    pub(super) guess: Guess,
    /// Mean time of a request in nanoseconds; its logarithm is `log_mean_service`.
    service: f32,
    pub(super) log_mean_service: f32,
    /// Work of requests in service that was left at `looked_at`, in mean requests, and how much of it is done per
    /// nanosecond.
    in_service: f32,
    progress: f32,
    looked_at: Time,
    /// Work of requests that wait, in mean requests.
    pub(super) waiting: f32,
}

impl Backend {
    pub(super) fn new(now: Time) -> Self {
        Self {
            outstanding: VecDeque::new(),
            oldest: None,
            log_in_flight: 0.0,
            cost: 0.0,
            clocks: [0.0; SIZES],
            clock_at: now,
            fit: Fit::default(),
            pattern: Pattern::USUAL,
            speed: Speed::default(),
            usual: Usual::default(),
            last_reply: now,
            error_rate: 0.0,
            stalls: 0.0,
            surprise: 0.0,
            guess: Guess::in_pool(UNKNOWN),
            service: UNKNOWN.exp(),
            log_mean_service: UNKNOWN,
            in_service: 0.0,
            progress: 0.0,
            looked_at: now,
            waiting: 0.0,
        }
    }

    /// Returns when the oldest request in flight was sent.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.oldest
    }

    /// Notes what decisions read of the list of requests, which they need not touch then.
    fn note_outstanding(&mut self) {
        self.oldest = self.outstanding.front().map(|oldest| oldest.at);
        self.log_in_flight = ln(1.0 + self.outstanding.len() as u32 as f32);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.outstanding.len()
    }

    pub(super) fn is_known(&self) -> bool {
        self.speed.is_known()
    }

    /// Returns the number of mean requests that it can serve per nanosecond.
    pub(super) fn capacity(&self) -> f32 {
        self.pattern.workers() / self.service * (1.0 - self.error_rate)
    }

    /// Returns whether a look is due although nothing happens there.
    pub(super) fn is_due(&self, now: Time) -> bool {
        now.since(self.looked_at).as_nanos() as f32 > LOOK_AFTER * self.service
    }

    /// Returns the work of requests in service that is left, in mean requests.
    #[inline]
    pub(super) fn in_service(&self, now: Time) -> f32 {
        let since = now.since(self.looked_at).as_nanos() as f32;
        let (left, least) = (self.in_service - self.progress * since, 0.1 * self.in_service);
        if left < least { least } else { left }
    }

    /// Returns the work in flight that was left at the latest look, in mean requests.
    pub(super) fn work_left(&self) -> f32 {
        self.in_service + self.waiting
    }

    pub(super) fn believe(
        &mut self,
        guess: Guess,
        workers: Option<u32>,
        is_shared: Option<bool>,
        shared: &Shared,
    ) {
        self.speed.begin(guess);
        self.fit.believe(workers, is_shared);
        self.pattern = self.fit.best(&shared.pooled, self.pattern);
        // Until something is sent there, the index follows from this alone.
        (self.guess, self.log_mean_service, self.service) = (guess, guess.mean, guess.mean.exp());
    }

    /// Advances the work clocks.
    fn tick(&mut self, now: Time) {
        let passed = now.since(self.clock_at).as_nanos() as f64;
        self.clock_at = self.clock_at.max(now);
        if self.outstanding.is_empty() {
            // Rounding errors do not outlive a busy period.
            (self.clocks, self.cost) = ([0.0; SIZES], 0.0);
            return;
        }
        let per = 1.0 / self.outstanding.len() as f64;
        for (clock, workers) in self.clocks.iter_mut().zip(WORKERS) {
            *clock += passed * (f64::from(workers) * per).min(1.0);
        }
    }

    /// Records that a request was sent.
    pub(super) fn send(&mut self, mut sent: Sent, of_pool: &OfPool) {
        self.tick(sent.at);
        if self.outstanding.len() >= MOST
            && let Some(lost) = self.outstanding.pop_front()
        {
            self.cost -= f64::from(lost.predicted.cost);
        }
        let count = self.outstanding.len();
        for (began, workers) in sent.began.iter_mut().zip(WORKERS) {
            *began = if (count as f32) < workers { 0.0 } else { NEVER };
        }
        sent.marks = self.clocks;
        sent.in_flight = count as u32;
        let work = sent.predicted.cost * of_pool.per_cost;
        if self.pattern.is_shared() || (count as f32) < self.pattern.workers() {
            self.in_service += work;
        } else {
            self.waiting += work;
        }
        self.cost += f64::from(sent.predicted.cost);
        self.outstanding.push_back(sent);
        self.note_outstanding();
    }

    /// Removes the request that was sent at `sent`, by [`place_of`], and lets waiting requests begin.
    fn take(&mut self, sent: Time, now: Time) -> Option<Sent> {
        let place = place_of(&self.outstanding, sent, |one| one.at)?;
        self.tick(now);
        let taken = self.outstanding.remove(place)?;
        self.note_outstanding();
        self.cost -= f64::from(taken.predicted.cost);
        for (size, workers) in WORKERS.iter().enumerate() {
            let last = *workers as u32 as usize - 1;
            let Some(next) = self.outstanding.get_mut(last) else { break };
            if place <= last {
                next.began[size] = now.since(next.at).as_nanos() as f32;
            }
        }
        Some(taken)
    }

    /// Returns the logarithm of the time in service of a request that has just ended after `latency`; `None` if it
    /// should not have begun.
    fn log_service(&self, taken: &Sent, latency: f32) -> Option<f32> {
        let size = self.pattern.size();
        let time = match self.pattern.is_shared() {
            true => (self.clocks[size] - taken.marks[size]) as f32,
            false if taken.began[size] < 0.0 => return None,
            false => latency - taken.began[size],
        };
        Some(ln(time.max(LEAST_TIME)))
    }

    /// Returns what all patterns make of a request that has just ended after `latency`.
    fn find(&self, taken: &Sent, latency: f32) -> Found {
        let mut found = Found { log_service: [NEVER; PATTERNS], log_rate: [0.0; PATTERNS] };
        let log_latency = ln(latency);
        // The request itself was there to the end.
        let log_count = ln(self.outstanding.len() as f32 + 1.0);
        let (queues, shared) = found.log_service.split_at_mut(SIZES);
        let (queue_rates, shared_rates) = found.log_rate.split_at_mut(SIZES);
        // Plain loops without branches, so that they are vectorised.
        for size in 0..SIZES {
            let has_begun = taken.began[size] >= 0.0;
            let log = ln((latency - taken.began[size]).max(LEAST_TIME));
            queues[size] = if has_begun { log } else { NEVER };
            queue_rates[size] = if has_begun { 0.0 } else { -log_latency };
        }
        for size in 0..SIZES {
            shared[size] = ln(((self.clocks[size] - taken.marks[size]) as f32).max(LEAST_TIME));
            shared_rates[size] = (LOG_WORKERS[size] - log_count).min(0.0);
        }
        found
    }

    /// Records that a request has ended. `None` if nothing was learnt of its own service.
    pub(super) fn end(
        &mut self,
        sent: Time,
        kind: Option<ReplyKind>,
        now: Time,
        of_pool: &OfPool,
        shared: &mut Shared,
    ) -> Option<Learnt> {
        let taken = self.take(sent, now)?;
        if let Some(kind) = kind {
            self.last_reply = now;
            let error = f32::from(u8::from(kind != ReplyKind::Success));
            self.error_rate += ERRORS * (error - self.error_rate);
            // Arithmetic on subnormal numbers takes about a hundred times as long.
            self.error_rate = if self.error_rate < 1e-6 { 0.0 } else { self.error_rate };
        }
        // How long a failure takes does not show how fast a backend works.
        let learnt = match kind {
            Some(ReplyKind::Success) => self.learn(&taken, now, of_pool, shared),
            _ => None,
        };
        self.look(now, of_pool, shared);
        learnt
    }

    fn learn(&mut self, taken: &Sent, now: Time, of_pool: &OfPool, shared: &mut Shared) -> Option<Learnt> {
        let PredictedCost { log_cost, cost, deviation } = taken.predicted;
        let latency = (now.since(taken.at).as_nanos() as f32).max(LEAST_TIME);
        if self.fit.is_due() {
            self.fit.judge(&self.find(taken, latency), log_cost, deviation, &mut shared.pooled);
            let best = self.fit.best(&shared.pooled, self.pattern);
            if best != self.pattern {
                self.speed.shift(self.fit.shift(self.pattern, best));
                self.pattern = best;
            }
        }
        let log_service = self.log_service(taken, latency)?;
        let variance = deviation * deviation * shared.pooled.variance(self.pattern);
        let own = log_service - log_cost;
        let prior = Guess::in_pool(of_pool.log_service);
        let before = self.speed.guess();
        self.speed.learn(own, variance, prior);
        let expected = before.unwrap_or(prior);
        let longer = own - expected.mean;
        let log_in_flight = ln(1.0 + taken.in_flight as f32);
        if before.is_some() {
            let z = longer / (variance + expected.variance).sqrt();
            let deviation = variance.sqrt();
            self.surprise += SURPRISE * (z - self.surprise);
            let excess = match z > STALL {
                true => longer.min(MOST_LONGER).exp() - (STALL * deviation).min(MOST_LONGER).exp(),
                false => 0.0,
            };
            self.stalls += STALLS * (excess.max(0.0) - self.stalls);
            shared.crowding.learn(log_in_flight, z.clamp(-3.0, 3.0) * deviation, &mut self.usual);
        }
        let hidden = 2.0 * shared.crowding.slope() * log_in_flight;
        let ended = Ended {
            request: taken.request,
            predicted: taken.predicted,
            in_flight_when_sent: taken.in_flight,
            log_service,
            log_relative: log_service - expected.mean,
            certainty: UNCERTAIN / (UNCERTAIN + expected.variance) / (1.0 + hidden),
        };
        let ratio = before.map(|_| (longer.clamp(-MOST_LONGER, MOST_LONGER) + log_cost).exp() / cost);
        Some(Learnt { ended, ratio })
    }

    /// Looks at the requests in flight: what is left of them, and what their ages say.
    pub(super) fn look(&mut self, now: Time, of_pool: &OfPool, shared: &Shared) {
        let count = self.outstanding.len();
        let is_shared = self.pattern.is_shared();
        let (size, workers) = (self.pattern.size(), self.pattern.workers());
        let running = if is_shared { count } else { count.min(workers as usize) };
        let scale = shared.pooled.variance(self.pattern).sqrt();
        let per = 1.0 / self.service;
        let rate = if is_shared { (workers / count as f32).min(1.0) } else { 1.0 };
        // The clocks are read, not advanced: many looks change nothing.
        let ahead = now.since(self.clock_at).as_nanos() as f64 * f64::from(rate);
        let clock = self.clocks[size] + ahead;
        let mut overdue = [Overdue { log_age: 0.0, deviation: 1.0 }; OVERDUE];
        let (mut late, mut work, mut seen, mut ages, mut progress) = (0, 0.0, 0.0, 0.0, 0.0);
        let looked = running.min(AGES);
        let left = Left::table();
        for one in self.outstanding.range(..looked) {
            let expected = one.predicted.cost * of_pool.per_cost;
            let age = match is_shared {
                true => (clock - one.marks[size]) as f32,
                false => now.since(one.at).as_nanos() as f32 - one.began[size].max(0.0),
            };
            let deviation = one.predicted.deviation * scale;
            let relative = age * per / expected;
            seen += expected;
            work += expected * left.of(relative, deviation);
            progress += rate * (1.0 - deviation).max(0.0);
            ages += age;
            if relative > 1.0 && late < OVERDUE {
                overdue[late] = Overdue { log_age: ln(age.max(1.0)) - one.predicted.log_cost, deviation };
                late += 1;
            }
        }
        // Those that were not looked at are in service or wait.
        let rest = (self.cost as f32 * of_pool.per_cost - seen).max(0.0);
        let in_service =
            if count > looked { rest * (running - looked) as f32 / (count - looked) as f32 } else { 0.0 };
        work += in_service;
        let prior = Guess::in_pool(of_pool.log_service);
        let silence = now.since(self.last_reply).as_nanos() as f32 * of_pool.per_service;
        let (mut guess, changed) = self.speed.guess_with(&overdue[..late], prior, silence);
        guess.mean = guess.mean.clamp(*LOGS.start(), *LOGS.end());
        self.guess = guess;
        self.service = guess.mean.exp() * of_pool.factor / of_pool.per_cost;
        self.log_mean_service = guess.mean + ln(of_pool.factor / of_pool.per_cost);
        // What has been slow for a while may be so for as long again.
        self.in_service = if changed > 0.01 { work + changed * (ages / self.service - work) } else { work };
        self.progress = progress / self.service;
        self.waiting = if count > running { rest - in_service } else { 0.0 };
        self.looked_at = now;
    }
}
