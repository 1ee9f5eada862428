//! Active health checks: load balancers check each backend at regular intervals.

use crate::options::HealthChecks;
use lb_core::Time;

/// The state of each backend as load balancers assume it. All load balancers check at the same times,
/// so they share one state.
#[derive(Debug)]
pub(crate) struct Health {
    checks: HealthChecks,
    next: Time,
    beliefs: Vec<Belief>,
}

#[derive(Clone, Copy, Debug)]
struct Belief {
    healthy: bool,
    /// Number of consecutive checks that contradict the assumed state.
    against: u32,
}

impl Health {
    pub(crate) fn new(checks: HealthChecks, backends: usize) -> Self {
        let next = if checks.interval.is_zero() { Time::MAX } else { Time::ZERO + checks.interval };
        Self { checks, next, beliefs: vec![Belief { healthy: true, against: 0 }; backends] }
    }

    /// Returns the time of the next check.
    pub(crate) fn next(&self) -> Time {
        self.next
    }

    /// Records that the current round of checks is complete.
    pub(crate) fn checked(&mut self) {
        self.next += self.checks.interval;
    }

    /// Records whether a check found `backend` up; returns the new assumed state if it changed.
    pub(crate) fn found(&mut self, backend: usize, up: bool) -> Option<bool> {
        let belief = &mut self.beliefs[backend];
        if up == belief.healthy {
            belief.against = 0;
            return None;
        }
        belief.against += 1;
        let needed = if up { self.checks.successes } else { self.checks.failures };
        if belief.against < needed {
            return None;
        }
        *belief = Belief { healthy: up, against: 0 };
        Some(up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Span;

    #[test]
    fn a_belief_changes_after_enough_checks_in_a_row() {
        let checks = HealthChecks { interval: Span::from_secs(1), failures: 2, successes: 3 };
        let mut health = Health::new(checks, 1);
        let news: Vec<Option<bool>> = [false, true, false, false, true, true, false, true, true, true]
            .into_iter()
            .map(|up| health.found(0, up))
            .collect();
        let mut expected = [None; 10];
        expected[3] = Some(false);
        expected[9] = Some(true);
        assert_eq!(news, expected, "two failures in a row take it out, three successes bring it back");
    }
}
