//! The number of active users in each second, derived from the schedule, so that it is the same for every
//! algorithm and engine.

use lb_core::Time;
use lb_core::workload::UserPlan;

/// Nanoseconds in a second, the length of a slice.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// The number of active users in each second of a phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    users: usize,
    by_second: Vec<u32>,
    /// The number of users whose last window has no end.
    staying: u32,
}

impl Population {
    /// Counts the active users in each second: the greatest number at once within it, so that no peak between
    /// two readings is lost. A window that ends at [`Time::MAX`] has no end.
    pub fn of<'a>(plans: impl IntoIterator<Item = &'a UserPlan>) -> Self {
        let mut changes: Vec<(u64, i64)> = Vec::new();
        let (mut users, mut staying) = (0, 0);
        for plan in plans {
            users = users.max(plan.id.0 as usize + 1);
            for (from, to) in &plan.windows {
                changes.push((from.as_nanos(), 1));
                match *to {
                    Time::MAX => staying += 1,
                    to => changes.push((to.as_nanos(), -1)),
                }
            }
        }
        // At the same instant, users leave before others arrive: -1 sorts first.
        changes.sort_unstable();
        Self { users, by_second: peaks(&changes), staying }
    }

    /// Returns the number of users: one more than the highest user number, or zero without users.
    pub fn users(&self) -> usize {
        self.users
    }

    /// Returns the greatest number of users active at once.
    pub fn peak(&self) -> u32 {
        self.by_second.iter().copied().max().unwrap_or(0)
    }

    /// Returns the greatest number of users active at once within a second; after the last change, those that stay.
    pub fn active(&self, second: u32) -> u32 {
        self.by_second.get(second as usize).copied().unwrap_or(self.staying)
    }
}

/// Returns the greatest running sum within each second, given changes in order of time.
fn peaks(changes: &[(u64, i64)]) -> Vec<u32> {
    let mut peaks: Vec<u32> = Vec::new();
    let mut active = 0_i64;
    let mut changes = changes.iter().peekable();
    while changes.peek().is_some() {
        let end = (peaks.len() as u64 + 1) * SECOND_NS;
        let begin = end - SECOND_NS;
        let mut peak = None;
        while let Some((at, change)) = changes.next_if(|(at, _)| *at < end) {
            // The level before the first change counts, unless that change is exactly at the boundary.
            if *at > begin {
                peak = peak.max(Some(active));
            }
            active += change;
            if changes.peek().is_none_or(|(next, _)| next != at) {
                peak = peak.max(Some(active));
            }
        }
        peaks.push(u32::try_from(peak.unwrap_or(active)).unwrap_or(0));
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::UserId;

    fn plan(id: u32, windows: &[(f64, f64)]) -> UserPlan {
        let at = |secs: f64| Time::from_nanos((secs * 1e9) as u64);
        let windows = windows.iter().map(|(from, to)| (at(*from), at(*to))).collect();
        UserPlan { id: UserId(id), stage: 0, class: 0, windows }
    }

    #[test]
    fn a_second_counts_the_most_users_at_once_within_it() {
        let plans = [plan(0, &[(0.0, 4.0)]), plan(1, &[(0.5, 2.0)]), plan(2, &[(1.2, 1.4)])];
        let population = Population::of(&plans);
        let active: Vec<u32> = (0..6).map(|second| population.active(second)).collect();
        assert_eq!(active, [2, 3, 1, 1, 0, 0], "short visits count, and users who have left do not");
        assert_eq!((population.users(), population.peak()), (3, 3));
    }

    #[test]
    fn a_handover_at_one_instant_is_not_a_peak() {
        let plans = [plan(0, &[(0.0, 1.5), (2.0, 3.0)]), plan(1, &[(1.5, 2.0)])];
        let population = Population::of(&plans);
        let active: Vec<u32> = (0..3).map(|second| population.active(second)).collect();
        assert_eq!(active, [1, 1, 1], "a user that leaves makes room before the next one comes");
    }

    #[test]
    fn users_whose_window_has_no_end_stay() {
        let mut endless = plan(0, &[]);
        endless.windows.push((Time::from_nanos(1_500_000_000), Time::MAX));
        let population = Population::of(&[endless, plan(1, &[(0.0, 1.0)])]);
        let active: Vec<u32> = [0, 1, 2, 1_000_000].map(|second| population.active(second)).into();
        assert_eq!((active, population.peak()), (vec![1, 1, 1, 1], 1));
    }

    #[test]
    fn without_plans_no_user_is_active() {
        assert_eq!(Population::of(&[]).active(0), 0);
    }
}
