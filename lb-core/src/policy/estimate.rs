//! Estimates per backend that fade without replies, stored so that a pick computes no exponential.
//!
//! **Fading.** An estimate `v` made at time `u` has the value `v * exp(-(t - u) / tau)` at time `t`. A
//! backend that looks slow gets no requests, so its recovery would never be noticed; with fading, its
//! cost falls until it is tried again. (The peak EWMA of tower and linkerd decays its estimates towards
//! zero in the same way.) A backend without replies starts with the pool's typical value at the time
//! when it was first seen, and fades from there, so that it is tried soon. No estimate fades below a
//! quarter of the typical value (`FLOOR`): after a minute of absence, a backend looks good but not
//! infinitely fast, so it does not attract all requests.
//!
//! **No exponential per pick.** At any time `t`, all values share the factor `exp(-t / tau)`, so their
//! order is the order of `v * exp((u - origin) / tau)`, which only changes with replies. That product
//! is stored (`Estimates::cost`), at one exponential per reply and none per pick. The origin moves
//! before the factor leaves the range of an `f64`.
//!
//! **Failures.** A backend that rejects requests at once looks fast and idle, and a rule based on
//! latency sends it more and more of them (the sinkhole described in linkerd2-proxy's pull request
//! 4537). A failed reply therefore counts as a multiple of a typical success, however fast it came.
//! Because the cost is relative, it suits services of microseconds and of seconds, and errors that
//! affect all backends equally cancel out.

use super::{BackendIndex, Reply};
use crate::time::{Span, Time};

/// Cost of a failed reply, in typical successes. A backend that fails one request in five costs nine
/// times as much as a healthy one, but is still tried again after `tau * ln 40`.
pub(crate) const FAILURE_COST: f64 = 40.0;

/// Weight of one success in the pool's typical value, which averages about the last hundred.
const TYPICAL_ALPHA: f64 = 0.02;

/// The origin moves after this many `tau`: `exp(300)` leaves 178 decades of an `f64` for values.
const REBASE_AFTER: f64 = 300.0;

/// Least value of an estimate, as a share of the typical one. It limits how many requests a backend
/// gets before its first reply to four times those of the others.
const FLOOR: f64 = 0.25;

/// One estimate per backend.
#[derive(Debug)]
pub(super) struct Estimates {
    /// 1 / tau, per nanosecond.
    fade_rate: f64,
    origin: Time,
    estimates: Vec<Estimate>,
    /// Mean of recent successes of the whole pool; `None` before the first.
    typical: Option<f64>,
    /// Lower limit on all costs.
    floor: f64,
    /// Number of backends without replies.
    unknown: usize,
}

#[derive(Clone, Copy, Debug)]
struct Estimate {
    /// Value times the scale at its last update; before the first reply, of the typical value.
    scaled: f64,
    /// `exp((last update, or first sight, - origin) / tau)`.
    scale: f64,
    is_known: bool,
}

/// The estimate of a backend just before a new observation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The faded value.
    pub(super) value: f64,
    /// Share that is left of a value from the last update: `exp(-time since / tau)`.
    pub(super) faded: f64,
}

impl Estimates {
    pub(super) fn new(tau: Span) -> Self {
        Self {
            fade_rate: 1.0 / tau.as_nanos() as f64,
            origin: Time::ZERO,
            estimates: Vec::new(),
            typical: None,
            floor: 0.0,
            unknown: 0,
        }
    }

    /// Makes room for `count` backends, first seen at `now`.
    #[inline]
    pub(super) fn grow(&mut self, count: usize, now: Time) {
        if self.estimates.len() < count {
            let scale = self.scale(now);
            let scaled = self.typical() * scale;
            self.unknown += count - self.estimates.len();
            self.estimates.resize(count, Estimate { scaled, scale, is_known: false });
        }
    }

    /// Returns the estimate of `backend` on a scale shared by all backends, for comparison only.
    #[inline]
    pub(super) fn cost(&self, backend: BackendIndex) -> f64 {
        self.estimates[backend.get()].scaled.max(self.floor)
    }

    /// Returns the mean of recent successes on the scale of [`Self::cost`]; 0 before the first.
    #[inline]
    pub(super) fn typical_cost(&self) -> f64 {
        self.floor / FLOOR
    }

    /// Returns the mean of recent successes. Before the first success any number works, since it is
    /// only compared with itself.
    fn typical(&self) -> f64 {
        self.typical.unwrap_or(1.0)
    }

    /// Returns the cost of a reply: `observed` if it succeeded; otherwise [`FAILURE_COST`] typical
    /// successes or `observed`, whichever is greater.
    pub(super) fn charge(&mut self, reply: &Reply, observed: f64) -> f64 {
        if !reply.is_success() {
            return observed.max(FAILURE_COST * self.typical());
        }
        let typical = self.typical.unwrap_or(observed);
        self.typical = Some(typical + TYPICAL_ALPHA * (observed - typical));
        observed
    }

    /// Sets the estimate of `backend` to `update` of its faded value, or to `observed` if it had none.
    pub(super) fn observe(
        &mut self,
        backend: BackendIndex,
        observed: f64,
        now: Time,
        update: impl FnOnce(Before) -> f64,
    ) {
        self.grow(backend.get() + 1, now);
        let scale = self.scale(now);
        let estimate = &mut self.estimates[backend.get()];
        let value = if estimate.is_known {
            update(Before { value: estimate.scaled / scale, faded: estimate.scale / scale })
        } else {
            self.unknown -= 1;
            observed
        };
        *estimate = Estimate { scaled: value * scale, scale, is_known: true };
        self.floor = FLOOR * self.typical() * scale;
        if self.unknown > 0 {
            let typical = self.typical();
            for estimate in self.estimates.iter_mut().filter(|estimate| !estimate.is_known) {
                estimate.scaled = typical * estimate.scale;
            }
        }
    }

    /// Moves the estimate of `backend` towards `observed`. The old value keeps the weight
    /// `(1 - alpha) * exp(-gap / tau)`: `alpha` dominates if replies are frequent, `tau` if they are
    /// rare. In both cases a constant observation is reproduced exactly.
    pub(super) fn average(&mut self, backend: BackendIndex, observed: f64, now: Time, alpha: f64) {
        let keep = 1.0 - alpha;
        self.observe(backend, observed, now, |Before { value, faded }| {
            value * keep + observed * (1.0 - keep * faded)
        });
    }

    /// Returns `exp((now - origin) / tau)`, after moving the origin if necessary.
    fn scale(&mut self, now: Time) -> f64 {
        let age = now.since(self.origin).as_nanos() as f64 * self.fade_rate;
        if age < REBASE_AFTER {
            return age.exp();
        }
        let shrink = (-age).exp();
        for estimate in &mut self.estimates {
            estimate.scaled *= shrink;
            estimate.scale *= shrink;
        }
        self.floor *= shrink;
        self.origin = now;
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ReplyKind;

    const TAU: Span = Span::from_secs(10);
    const A: BackendIndex = BackendIndex(0);
    const B: BackendIndex = BackendIndex(1);

    fn set(estimates: &mut Estimates, backend: BackendIndex, value: f64, now: Time) {
        estimates.observe(backend, value, now, |_| value);
    }

    /// Updates `A` now and returns the share that is left of `B`'s value, from their ratio.
    fn left_of_b(estimates: &mut Estimates, now: Time) -> f64 {
        set(estimates, A, 1.0, now);
        estimates.cost(B) / estimates.cost(A)
    }

    #[test]
    fn an_estimate_fades_by_e_in_each_tau_however_long_it_takes() {
        let mut estimates = Estimates::new(TAU);
        let mut now = Time::ZERO;
        set(&mut estimates, B, 1e9, now);
        for taus in 1..=20 {
            now += TAU;
            let expected = 1e9 * (-f64::from(taus)).exp();
            let left = left_of_b(&mut estimates, now);
            assert!((left / expected - 1.0).abs() < 1e-9, "{taus} tau: {left} of {expected}");
        }
    }

    #[test]
    fn moving_the_origin_changes_no_comparison() {
        let mut estimates = Estimates::new(TAU);
        let before = Time::ZERO + TAU * (REBASE_AFTER as u64 - 1);
        set(&mut estimates, B, 100.0, before);
        let after = before + TAU * 2;
        let left = left_of_b(&mut estimates, after);
        assert_eq!(estimates.origin, after, "the origin has moved");
        assert!((left / (100.0 * (-2f64).exp()) - 1.0).abs() < 1e-9, "{left}");
    }

    #[test]
    fn a_year_of_silence_is_no_special_case() {
        let mut estimates = Estimates::new(TAU);
        let reply = Reply { kind: ReplyKind::Success, latency: Span::ZERO };
        let observed = estimates.charge(&reply, 8.0);
        set(&mut estimates, A, observed, Time::ZERO);
        set(&mut estimates, B, observed, Time::ZERO);
        let later = Time::ZERO + Span::from_secs(365 * 86_400);
        set(&mut estimates, A, observed, later);
        let ratio = estimates.cost(B) / estimates.cost(A);
        assert_eq!(ratio, FLOOR, "fades to the floor and no further");
    }

    #[test]
    fn an_unknown_backend_is_typical_and_then_fades() {
        let mut estimates = Estimates::new(TAU);
        estimates.grow(2, Time::ZERO);
        assert_eq!(estimates.cost(A), estimates.cost(B), "nothing is known: all are equal");
        let reply = Reply { kind: ReplyKind::Success, latency: Span::ZERO };
        let observed = estimates.charge(&reply, 8.0);
        set(&mut estimates, A, observed, Time::ZERO + TAU);
        let ratio = estimates.cost(B) / estimates.cost(A);
        assert!((ratio - (-1f64).exp()).abs() < 1e-9, "typical, a tau ago: {ratio}");
    }

    #[test]
    fn the_average_of_equal_observations_is_their_value_however_rare_they_are() {
        for gap in [Span::from_micros(10), Span::from_millis(100), TAU, TAU * 50] {
            let mut estimates = Estimates::new(TAU);
            let mut now = Time::ZERO;
            for _ in 0..40 {
                now += gap;
                estimates.average(A, 5.0, now, 0.02);
                set(&mut estimates, B, 1.0, now);
                let ratio = estimates.cost(A) / estimates.cost(B);
                assert!((ratio - 5.0).abs() < 1e-9, "every {gap:?}: {ratio}");
            }
        }
    }

    #[test]
    fn a_failure_is_charged_in_typical_successes() {
        let mut estimates = Estimates::new(TAU);
        let reply = |kind| Reply { kind, latency: Span::ZERO };
        for _ in 0..50 {
            assert_eq!(estimates.charge(&reply(ReplyKind::Success), 8.0), 8.0);
        }
        let fast = estimates.charge(&reply(ReplyKind::ServerError), 0.1);
        assert!((fast - 8.0 * FAILURE_COST).abs() < 1e-9, "however fast it came: {fast}");
        let slow = estimates.charge(&reply(ReplyKind::Timeout), 5_000.0);
        assert_eq!(slow, 5_000.0, "a timeout counts at least its length");
        let next = estimates.charge(&reply(ReplyKind::ConnectionError), 0.1);
        assert_eq!(next, fast, "failures do not change what is typical");
    }
}
