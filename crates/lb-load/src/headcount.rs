//! The number of users of closed stages, which the caller of the engine can change while a phase runs.
//!
//! Users are numbered, and the first ones are there: with a headcount of `n`, users 0 to `n - 1`. A change goes step by
//! step, as many users per second as asked for. Each worker looks at the headcount on its tick, a hundred times a
//! second, and computes by itself how many users are there now; so no request touches anything shared.

use lb_core::{Span, Time};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The number of users that should be there, shared by the caller, who decides it, and the workers of a phase.
///
/// For a schedule of [`Schedule::with_room`](lb_core::workload::Schedule::with_room). Users beyond the headcount stay
/// away, or leave after the action under way and close their connection; they go on where they left off once they come
/// back.
#[derive(Debug)]
pub struct Headcount {
    course: Mutex<Course>,
    /// The number of changes so far, so that a worker takes the lock only after one.
    changes: AtomicU32,
}

/// A change of the number of users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Course {
    /// When it begins; `None` for the beginning of the phase.
    begun: Option<Time>,
    /// The number of users at its beginning.
    from: u32,
    /// The number of users at its end.
    aim: u32,
    /// How many users come or leave each second; `None` for all at once.
    rate: Option<f64>,
}

impl Course {
    /// Returns the number of users at `now`. One comes, or leaves, at once, and the others in even steps.
    pub(crate) fn level(&self, now: Time) -> u32 {
        let Some(rate) = self.rate else { return self.aim };
        let steps = now.since(self.begun.unwrap_or(Time::ZERO)).as_secs_f64() * rate;
        // The cast saturates; a step of rounding must not delay a user by a tick.
        let steps = ((steps + 1e-6) as u32).saturating_add(1);
        match self.aim > self.from {
            true => self.from.saturating_add(steps).min(self.aim),
            false => self.from.saturating_sub(steps).max(self.aim),
        }
    }
}

impl Headcount {
    /// Begins with no users, who become `users` users, `rate` of them each second; `None` for all at once.
    pub fn new(users: u32, rate: Option<f64>) -> Arc<Self> {
        let course = Course { begun: None, from: 0, aim: users, rate: sound(rate) };
        Arc::new(Self { course: Mutex::new(course), changes: AtomicU32::new(0) })
    }

    /// Asks for `users` users from now on, `rate` more or fewer each second; `None` for all at once. `now` is the time
    /// since the phase began, as well as the caller knows it.
    pub fn aim_at(&self, users: u32, rate: Option<f64>, now: Span) {
        let now = Time::ZERO + now;
        {
            let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
            let from = course.level(now);
            *course = Course { begun: Some(now), from, aim: users, rate: sound(rate) };
        }
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Returns the number of users that was last asked for.
    pub fn aim(&self) -> u32 {
        self.course().aim
    }

    /// Returns the number of changes so far.
    pub(crate) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Returns the change under way.
    pub(crate) fn course(&self) -> Course {
        *self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a rate that lets users come; `None` for all at once.
fn sound(rate: Option<f64>) -> Option<f64> {
    rate.filter(|rate| rate.is_finite() && *rate > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn users_come_and_leave_in_even_steps_up_to_the_aim() {
        let headcount = Headcount::new(10, Some(5.0));
        let levels = |times: &[u64]| -> Vec<u32> {
            times.iter().map(|ms| headcount.course().level(at(*ms))).collect()
        };
        assert_eq!(levels(&[0, 199, 200, 400, 1_799, 1_800, 60_000]), [1, 1, 2, 3, 9, 10, 10]);
        headcount.aim_at(50, Some(10.0), Span::from_secs(10));
        assert_eq!(headcount.aim(), 50);
        assert_eq!(levels(&[10_000, 10_100, 11_000, 13_900, 20_000]), [11, 12, 21, 50, 50]);
        headcount.aim_at(48, Some(1.0), Span::from_secs(12));
        assert_eq!(levels(&[12_000, 13_000, 30_000]), [32, 33, 48], "it goes on from what was reached");
        headcount.aim_at(5, Some(20.0), Span::from_secs(40));
        assert_eq!(levels(&[40_000, 40_050, 41_000, 42_100, 50_000]), [47, 46, 27, 5, 5]);
        assert_eq!(headcount.changes(), 3);
    }

    #[test]
    fn without_a_rate_all_come_at_once_and_none_may_be_there() {
        let headcount = Headcount::new(7, None);
        assert_eq!(headcount.course().level(at(0)), 7);
        headcount.aim_at(0, Some(0.0), Span::from_secs(1));
        assert_eq!(headcount.course().level(at(1_000)), 0, "a rate of nothing would never get there");
        headcount.aim_at(3, Some(f64::NAN), Span::from_secs(2));
        assert_eq!(headcount.course().level(at(2_000)), 3);
    }
}
