//! The users of a worker whose number is changed while the phase runs ([`Headcount`]).
//!
//! A user's task exists from the first time that it should be there; before that, a user takes no memory here.

use crate::headcount::{Course, Headcount};
use crate::pace::{Call, Pace};
use crate::shared::Worker;
use crate::user;
use lb_core::Time;
use std::rc::Rc;
use std::sync::Arc;

/// The users of a worker, with how many of the phase's users are there now.
pub(crate) struct Crowd {
    headcount: Arc<Headcount>,
    changes: u32,
    course: Course,
    pace: Rc<Pace>,
    /// The number of the worker's first user, and the distance from one to the next.
    first: usize,
    step: usize,
    /// The number of users of the schedule.
    most: usize,
    /// The number of this worker's users that have a task; user `first + n * step` has the seat `n`.
    begun: usize,
}

impl Crowd {
    pub(crate) fn new(
        headcount: &Arc<Headcount>,
        pace: Rc<Pace>,
        (first, step): (usize, usize),
        most: usize,
    ) -> Self {
        let (changes, course) = (headcount.changes(), headcount.course());
        Self { headcount: Arc::clone(headcount), changes, course, pace, first, step, most, begun: 0 }
    }

    /// Lets users come and leave who should, at `now`.
    pub(crate) fn adjust(&mut self, worker: &Rc<Worker>, now: Time) {
        let changes = self.headcount.changes();
        if changes != self.changes {
            self.changes = changes;
            self.course = self.headcount.course();
        }
        let level = self.course.level(now).min(u32::try_from(self.most).unwrap_or(u32::MAX));
        let before = worker.level.replace(level);
        if before == level && self.begun > 0 {
            return;
        }
        // Those who stay away and should come, or think and should leave, notice only when they are called.
        let (low, high) = (before.min(level), before.max(level));
        for seat in self.seats_below(low)..self.seats_below(high).min(self.begun) {
            self.pace.call(seat, Call::Wake);
        }
        let mut tasks = worker.tasks.borrow_mut();
        while self.begun < self.seats_below(level) {
            let seat = self.begun;
            self.begun += 1;
            self.pace.add_seat(usize::MAX);
            let Some(plan) = worker.plan.schedule.users().get(self.first + seat * self.step) else { return };
            tasks.spawn_local(user::run(Rc::clone(worker), Rc::clone(&self.pace), seat, plan.id));
        }
    }

    /// Returns how many of this worker's users are below a number.
    fn seats_below(&self, number: u32) -> usize {
        (number as usize).saturating_sub(self.first).div_ceil(self.step)
    }
}
