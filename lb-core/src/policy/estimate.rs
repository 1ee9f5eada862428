//! Estimates per backend that fade with silence, kept so that a decision needs no exponential.
//!
//! **Fading.** An estimate `v` made at time `u` is worth `v * exp(-(t - u) / tau)` at time `t`. A
//! backend that is judged slow gets no requests, so nobody would ever find out that it has recovered;
//! with fading its cost sinks until it is tried again. (tower's and linkerd's peak EWMA project their
//! estimates towards zero in the same way.)
//!
//! **No exponential per decision.** At one moment `t` all values carry the same factor
//! `exp(-t / tau)`, so their order is the order of `v * exp((u - origin) / tau)`, which changes at
//! replies only. That product is what is stored ([`Estimates::cost`]): one exponential per reply, none
//! per pick. The origin moves on before the factor leaves the range of an `f64`.
//!
//! **Failures.** A backend that refuses at once looks fast and idle, and a rule that trusts latency
//! sends it ever more (the sinkhole that linkerd2-proxy's pull request 4537 describes). So a failed
//! reply is charged a multiple of what a success typically takes, however fast it came; being a
//! multiple it fits services of microseconds and of seconds, and errors that strike all backends
//! alike cancel out.

use super::{BackendIndex, Reply};
use crate::time::{Span, Time};

/// A failed reply counts as this many typical successes: enough that a backend that fails one time in
/// five costs nine times a healthy one, little enough that it is tried again after `tau * ln 40`.
pub(super) const FAILURE_COST: f64 = 40.0;

/// Weight of one success in what is typical of the pool: about the last hundred count.
const TYPICAL_ALPHA: f64 = 0.02;

/// The origin moves after this many `tau`: `exp(300)` leaves 178 decades of an `f64` for values.
const REBASE_AFTER: f64 = 300.0;

/// One estimate per backend.
#[derive(Debug)]
pub(super) struct Estimates {
    /// 1 / tau, per nanosecond.
    fade_rate: f64,
    origin: Time,
    estimates: Vec<Estimate>,
    /// Mean of recent successes of the whole pool; zero before the first.
    typical: f64,
    /// `typical` in the form of [`Estimate::scaled`]: what a backend without replies is taken for.
    typical_scaled: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    /// Value times the scale at its last update.
    scaled: f64,
    /// `exp((last update - origin) / tau)`; zero before the first.
    scale: f64,
}

/// What is known of a backend when an observation arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The faded value.
    pub(super) value: f64,
    /// What is left of a value made at the last update: `exp(-time since / tau)`.
    pub(super) faded: f64,
}

impl Estimates {
    pub(super) fn new(tau: Span) -> Self {
        Self {
            fade_rate: 1.0 / tau.as_nanos() as f64,
            origin: Time::ZERO,
            estimates: Vec::new(),
            typical: 0.0,
            typical_scaled: 1.0,
        }
    }

    /// Makes room for `count` backends.
    pub(super) fn grow(&mut self, count: usize) {
        if self.estimates.len() < count {
            self.estimates.resize(count, Estimate::default());
        }
    }

    /// The estimate of `backend` on a scale that all backends share, for comparison only. A backend
    /// without replies counts as typical.
    pub(super) fn cost(&self, backend: BackendIndex) -> f64 {
        match self.estimates.get(backend.get()) {
            Some(estimate) if estimate.scale > 0.0 => estimate.scaled,
            _ => self.typical_scaled,
        }
    }

    /// What a reply counts for: `observed` when it succeeded, [`FAILURE_COST`] typical successes (or
    /// `observed`, whichever is more) when it failed.
    pub(super) fn charge(&mut self, reply: &Reply, observed: f64) -> f64 {
        if !reply.is_success() {
            return observed.max(FAILURE_COST * self.typical);
        }
        self.typical = match self.typical {
            0.0 => observed,
            typical => typical + TYPICAL_ALPHA * (observed - typical),
        };
        observed
    }

    /// Moves the estimate of `backend` to what `update` makes of its faded value, or to `observed`
    /// when it had none.
    pub(super) fn observe(
        &mut self,
        backend: BackendIndex,
        observed: f64,
        now: Time,
        update: impl FnOnce(Before) -> f64,
    ) {
        self.grow(backend.get() + 1);
        let scale = self.scale(now);
        let estimate = &mut self.estimates[backend.get()];
        let value = if estimate.scale > 0.0 {
            update(Before {
                value: estimate.scaled / scale,
                faded: estimate.scale / scale,
            })
        } else {
            observed
        };
        *estimate = Estimate {
            scaled: value * scale,
            scale,
        };
        self.typical_scaled = self.typical * scale;
    }

    /// `exp((now - origin) / tau)`, after moving the origin if it is due.
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
        self.origin = now;
        1.0
    }

    /// The faded estimate of `backend` at `now`, in the unit of the observations.
    #[cfg(test)]
    pub(super) fn value(&self, backend: BackendIndex, now: Time) -> f64 {
        self.cost(backend) / (now.since(self.origin).as_nanos() as f64 * self.fade_rate).exp()
    }
}
