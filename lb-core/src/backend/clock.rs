//! The work clock of a backend: how much work a request in service has got since the clock's zero.

use crate::time::{Span, Time};

/// A clock that shows work, in nanoseconds of service at speed 1, and advances at a rate that may
/// change.
///
/// Work is an `f64`: at a rate of 1 whole nanoseconds stay exact for three months, and at any rate an
/// end of service is off by less than a nanosecond after hours of uninterrupted work. The backend
/// sets the clock back to zero whenever it is idle.
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

    /// What the clock shows at `now`, which no change of rate may follow.
    pub(super) fn at(&self, now: Time) -> f64 {
        self.work + now.since(self.since).as_nanos() as f64 * self.rate
    }

    /// When the clock will show `work`, rounded to the nanosecond; never at a rate of zero.
    pub(super) fn when(&self, work: f64) -> Time {
        // The cast saturates: an infinite or huge wait becomes the end of time.
        let wait = ((work - self.work) / self.rate + 0.5) as u64;
        if self.rate > 0.0 { self.since + Span::from_nanos(wait) } else { Time::MAX }
    }

    /// From `now` on the clock advances at `rate`.
    pub(super) fn set_rate(&mut self, rate: f64, now: Time) {
        if rate != self.rate {
            *self = Self { since: now, work: self.at(now), rate };
        }
    }

    /// Starts over from zero; allowed only while no earlier reading is kept.
    pub(super) fn reset(&mut self, now: Time) {
        self.since = now;
        self.work = 0.0;
    }
}
