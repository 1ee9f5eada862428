//! The users of a load without end, whose number commands change.

use lb_core::Span;
use lb_core::connections::ConnectionPolicy;
use lb_core::workload::Workload;
use lb_load::{Headcount, most_users};
use lb_report::parts::{count, trimmed};
use std::sync::Arc;
use std::time::Instant;

/// The most users that a load has room for, however many files may be open. Each takes about a hundred bytes before it
/// comes.
const MOST: u32 = 50_000;

/// The users of a load.
pub(super) struct Users {
    headcount: Arc<Headcount>,
    begun: Instant,
    /// The most users that can be asked for.
    most: u32,
    /// The limit of open files, if that is what limits the users.
    files: Option<u64>,
    /// How many users come each second unless a command says so; `None` for all at once.
    spawn_rate: Option<f64>,
}

impl Users {
    /// Returns the users of a workload; `None` if its load arrives by a rate.
    pub(super) fn of(workload: &Workload, connections: ConnectionPolicy) -> Option<Self> {
        let closed = || {
            workload.stages().iter().filter(|stage| stage.arrivals.is_none() && stage.duration == Span::MAX)
        };
        let planned: u32 = closed().map(|stage| stage.users.min(stage.max_users)).sum();
        if planned == 0 {
            return None;
        }
        let ramp_up_s = closed().map(|stage| stage.ramp_up.as_secs_f64()).fold(0.0, f64::max);
        let spawn_rate = (ramp_up_s > 0.0).then(|| f64::from(planned) / ramp_up_s);
        // Users who share connections need no files of their own.
        let (room, limit) = if connections.pool().is_some() { (MOST, None) } else { most_users(1) };
        Some(Self {
            headcount: Headcount::new(planned, spawn_rate),
            begun: Instant::now(),
            most: room.clamp(planned, MOST.max(planned)),
            files: limit.filter(|_| room < MOST),
            spawn_rate,
        })
    }

    /// Returns the handle that the load engine follows.
    pub(super) fn headcount(&self) -> Arc<Headcount> {
        Arc::clone(&self.headcount)
    }

    /// Returns the number of users that is aimed at.
    pub(super) fn aim(&self) -> u32 {
        self.headcount.aim()
    }

    /// Returns the most users that can be asked for.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// Returns how many users come each second unless a command says so; `None` for all at once.
    pub(super) fn spawn_rate(&self) -> Option<f64> {
        self.spawn_rate
    }

    /// Aims at another number of users. Returns what happens now.
    ///
    /// # Errors
    /// In words: there is no room for so many, or somebody else has changed the number.
    pub(super) fn change(
        &self,
        users: u32,
        spawn_rate: Option<f64>,
        from: Option<u32>,
    ) -> Result<String, String> {
        let aim = self.aim();
        if from.is_some_and(|from| from != aim) {
            return Err(format!("another page has set {} since; look and try again", in_words(aim)));
        }
        if users > self.most {
            return Err(match self.files {
                Some(limit) => format!(
                    "{} need a connection each, and this process may have {limit} files open, which is room for {}; ask \
                     for fewer, or start again after `ulimit -n {}`",
                    in_words(users),
                    self.most,
                    u64::from(users) + 1024
                ),
                None => format!("{} are too many; a load has room for {}", in_words(users), self.most),
            });
        }
        let rate = spawn_rate.or(self.spawn_rate);
        let now = Span::from_secs_f64(self.begun.elapsed().as_secs_f64());
        self.headcount.aim_at(users, rate, now);
        Ok(match (rate, users >= aim) {
            _ if users == aim => format!("{}, as before", in_words(users)),
            (None, _) => format!("{} from now on", in_words(users)),
            (Some(rate), true) => {
                format!("{} from now on, {} more each second", in_words(users), trimmed(rate, 2))
            }
            (Some(rate), false) => {
                format!("{} from now on, {} fewer each second", in_words(users), trimmed(rate, 2))
            }
        })
    }
}

/// Writes a number of users with its noun.
fn in_words(users: u32) -> String {
    count(users as usize, "user")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(most: u32, files: Option<u64>) -> Users {
        let headcount = Headcount::new(10, None);
        Users { headcount, begun: Instant::now(), most, files, spawn_rate: None }
    }

    #[test]
    fn a_change_says_what_happens_and_an_outdated_one_is_refused() {
        let users = users(100, None);
        let said = |answer: Result<String, String>| answer.unwrap_or_else(|refused| format!("no: {refused}"));
        assert_eq!(said(users.change(50, Some(10.0), Some(10))), "50 users from now on, 10 more each second");
        assert_eq!(
            said(users.change(20, Some(10.0), Some(10))),
            "no: another page has set 50 users since; look and try again"
        );
        assert_eq!(said(users.change(1, Some(2.5), None)), "1 user from now on, 2.5 fewer each second");
        assert_eq!(said(users.change(0, None, None)), "0 users from now on");
        assert_eq!(
            said(users.change(101, None, None)),
            "no: 101 users are too many; a load has room for 100"
        );
        assert_eq!(users.aim(), 0, "what is refused changes nothing");
    }

    #[test]
    fn the_limit_of_open_files_is_named_with_the_way_out() {
        let refused = users(896, Some(1_024)).change(2_000, None, None).expect_err("there is no room");
        assert!(refused.contains("1024 files") && refused.contains("`ulimit -n 3024`"), "{refused}");
    }
}
