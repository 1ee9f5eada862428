//! The work clock of a backend: how much work a request in service has received since the clock was at
//! zero.

use crate::time::{Span, Time};

/// A clock that counts work, in nanoseconds of service at speed 1. Its rate may change.
///
/// Work is an `f64`: at a rate of 1, nanoseconds are exact for three months. At any rate, the end of a
/// service is off by less than a nanosecond after hours of uninterrupted work. The backend resets the
/// clock whenever it is idle.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkClock {
    since: Time,
    work: f64,
    rate: f64,
}

impl WorkClock {
    pub(super) const fn new(rate: f64) -> Self {
        Self { since: Time::ZERO, work: 0.0, rate }
    }

    /// Returns the work at `now`. The rate must not have changed after `now`.
    pub(super) fn at(&self, now: Time) -> f64 {
        self.work + now.since(self.since).as_nanos() as f64 * self.rate
    }

    /// Returns the time at which the clock reaches `work`, to the nearest nanosecond; [`Time::MAX`] at
    /// rate zero.
    pub(super) fn when(&self, work: f64) -> Time {
        // The cast saturates: an infinite or huge wait becomes the end of time.
        let wait = ((work - self.work) / self.rate + 0.5) as u64;
        if self.rate > 0.0 { self.since + Span::from_nanos(wait) } else { Time::MAX }
    }

    /// Sets the rate from `now` on.
    pub(super) fn set_rate(&mut self, rate: f64, now: Time) {
        if rate != self.rate {
            *self = Self { since: now, work: self.at(now), rate };
        }
    }

    /// Resets the clock to zero. Allowed only while no earlier reading is in use.
    pub(super) fn reset(&mut self, now: Time) {
        self.since = now;
        self.work = 0.0;
    }
}
