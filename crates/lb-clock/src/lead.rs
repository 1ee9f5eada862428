//! How far ahead of its time an alarm must set the kernel's timer to wake in time.

use lb_core::{Span, Time};

/// How far ahead of its time an alarm sets the kernel's timer: a low quantile of its lateness so far, tracked
/// by stochastic approximation (Robbins and Monro, 1951). Each alarm that fires too early subtracts
/// [`Lead::DOWN`], each late one adds [`Lead::UP`], so it settles at the point where a tenth of
/// the alarms, `UP / (UP + DOWN)`, are early. Those few spin for the rest, usually a few microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lead(Span);

impl Lead {
    const UP: Span = Span::from_nanos(200);
    const DOWN: Span = Span::from_nanos(1_800);
    /// Largest lead. A busy process may be late by more than this, but must not spin for longer.
    pub(crate) const MOST: Span = Span::from_micros(100);

    /// Returns when to set the kernel's timer for an alarm at `at`.
    pub(crate) fn before(self, at: Time) -> Time {
        Time::ZERO + at.since(Time::ZERO).saturating_sub(self.0)
    }

    /// Learns from an alarm that was meant for `at` and fired at `came`.
    pub(crate) fn learn(&mut self, at: Time, came: Time) {
        self.0 =
            if came < at { self.0.saturating_sub(Self::DOWN) } else { (self.0 + Self::UP).min(Self::MOST) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lead_settles_at_the_tenth_percentile_of_the_lateness() {
        let mut lead = Lead::default();
        let at = Time::ZERO + Span::from_secs(1);
        // The kernel is late by 40, 41, ... 59 microseconds, over and over.
        for round in 0..20_000 {
            let late = Span::from_micros(40 + round % 20);
            lead.learn(at, lead.before(at) + late);
        }
        let settled = lead.0.as_micros();
        assert!((39..=45).contains(&settled), "{settled} must be near the lowest lateness");
    }

    #[test]
    fn the_lead_is_bounded_when_the_process_is_busy() {
        let mut lead = Lead::default();
        let at = Time::ZERO + Span::from_secs(1);
        for _ in 0..20_000 {
            lead.learn(at, at + Span::from_millis(5));
        }
        assert_eq!(lead.0, Lead::MOST);
        assert_eq!(lead.before(Time::ZERO), Time::ZERO, "no time lies before the epoch");
    }
}
