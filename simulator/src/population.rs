//! The virtual users of a phase: those of closed stages, and the arrivals of open stages.
//!
//! Each user of a closed stage has its own slot (seat), with the user's number. Arrivals reuse the free
//! seats after those, so that memory depends on the number of sessions in progress and not on the length
//! of the schedule.

use crate::report::ArrivalCounts;
use crate::requests::Ended;
use crate::sample::{NO_REQUEST, Sender, sample};
use lb_core::workload::{
    Next, Rendered, Request, Sample, Schedule, StepReply, UserId, UserPlan, VirtualUser,
};
use lb_core::{Span, Time};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The users and arrivals of one phase.
pub(crate) struct Population<'a> {
    schedule: &'a Schedule,
    /// Start of the phase, in the system's time.
    epoch: Time,
    /// Time at which all users stop, even in the middle of a session.
    end: Time,
    max_sessions: u32,
    /// Seats of users of closed stages, by user: empty before the first window and after the last.
    /// Seats of sessions in progress follow.
    seats: Vec<Option<Seat>>,
    /// Free seats, whose sessions are over.
    free: Vec<u32>,
    /// Position of the next arrival.
    next_arrival: usize,
    wake_times: BinaryHeap<Reverse<(Time, u32)>>,
    /// Number of times that a user woke or arrived.
    pub(crate) wakes: u64,
    pub(crate) arrivals: ArrivalCounts,
}

/// A user and its last request.
struct Seat {
    user: VirtualUser,
    client_key: u64,
    request: Request,
}

impl Seat {
    fn new(user: VirtualUser) -> Self {
        Self { client_key: user.client_key(), user, request: NO_REQUEST }
    }
}

/// A request that a user sends.
pub(crate) struct Sending {
    pub(crate) request: Request,
    pub(crate) user: UserId,
    pub(crate) client_key: u64,
}

impl<'a> Population<'a> {
    pub(crate) fn new(schedule: &'a Schedule, epoch: Time, length: Span, max_sessions: u32) -> Self {
        let first = |(id, plan): (usize, &UserPlan)| {
            let begin = plan.windows.first()?.0;
            (begin < Time::ZERO + length).then_some(Reverse((in_system(epoch, begin), id as u32)))
        };
        let due = schedule.arrivals().partition_point(|arrival| arrival.at < Time::ZERO + length);
        Self {
            schedule,
            epoch,
            end: epoch + length,
            max_sessions,
            seats: schedule.users().iter().map(|_| None).collect(),
            free: Vec::new(),
            next_arrival: 0,
            wake_times: schedule.users().iter().enumerate().filter_map(first).collect(),
            wakes: 0,
            arrivals: ArrivalCounts { due: due as u64, ..ArrivalCounts::default() },
        }
    }

    /// Returns the time at which the next user wakes or arrives; `None` if none will.
    pub(crate) fn next_time(&self) -> Option<Time> {
        let wake = self.wake_times.peek().map(|Reverse((at, _))| *at);
        wake.into_iter().chain(self.arrival_time()).min()
    }

    fn arrival_time(&self) -> Option<Time> {
        let due = (self.next_arrival as u64) < self.arrivals.due;
        due.then(|| in_system(self.epoch, self.schedule.arrivals()[self.next_arrival].at))
    }

    /// Wakes or seats the next user and returns its number; `None` if the arrival is dropped.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.wakes += 1;
        let wake = self.wake_times.peek().map_or(Time::MAX, |Reverse((at, _))| *at);
        if self.arrival_time().is_some_and(|at| at <= wake) {
            return self.arrive();
        }
        let Reverse((_, owner)) = self.wake_times.pop()?;
        // Users of closed stages get their seat when they first wake.
        let schedule = self.schedule;
        self.seats[owner as usize].get_or_insert_with(|| Seat::new(schedule.virtual_user(UserId(owner))));
        Some(owner)
    }

    fn arrive(&mut self) -> Option<u32> {
        let arrival = self.schedule.arrivals()[self.next_arrival];
        self.next_arrival += 1;
        let sessions = self.seats.len() - self.schedule.users().len() - self.free.len();
        if sessions >= self.max_sessions as usize {
            self.arrivals.dropped += 1;
            return None;
        }
        self.arrivals.begun += 1;
        let owner = self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            (self.seats.len() - 1) as u32
        });
        self.seats[owner as usize] = Some(Seat::new(self.schedule.virtual_user(arrival.id)));
        Some(owner)
    }

    /// Advances the user in seat `owner`; returns the request that it sends, if any.
    pub(crate) fn go_on(&mut self, owner: u32, reply: Option<StepReply<'_>>, now: Time) -> Option<Sending> {
        if now >= self.end {
            self.leave(owner);
            return None;
        }
        let seat = self.seats[owner as usize].as_mut()?;
        match seat.user.next(reply, Time::ZERO + now.since(self.epoch)) {
            Next::Wait(until) => {
                let at = in_system(self.epoch, until).max(now);
                if at < self.end {
                    self.wake_times.push(Reverse((at, owner)));
                }
                None
            }
            Next::Send(request) => {
                seat.request = request;
                Some(Sending { request, user: seat.user.id(), client_key: seat.client_key })
            }
            Next::Done => {
                self.leave(owner);
                None
            }
        }
    }

    fn leave(&mut self, owner: u32) {
        let was_there = self.seats[owner as usize].take().is_some();
        if was_there && owner as usize >= self.schedule.users().len() {
            self.free.push(owner);
        }
    }

    /// Writes the request that the user in seat `owner` has just sent.
    pub(crate) fn write(&self, owner: u32, request: &Request, out: &mut Rendered) {
        if let Some(seat) = &self.seats[owner as usize] {
            seat.user.render(request, out);
        }
    }

    /// Returns the sample of a finished request, and the reply for its user.
    pub(crate) fn ended(&self, ended: &Ended) -> (Sample, StepReply<'static>) {
        let seat = self.seats[ended.owner as usize].as_ref();
        let sender = seat.map_or_else(Sender::default, |seat| Sender {
            user: seat.user.id(),
            request: seat.request,
            expected: seat.user.expected(&seat.request),
        });
        let sample = sample(ended, self.epoch, &sender);
        (sample, StepReply { outcome: sample.outcome, seen: None })
    }
}

/// Converts a time within the phase to the system's time.
fn in_system(epoch: Time, at: Time) -> Time {
    epoch + at.since(Time::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use lb_core::workload::{
        ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, RateSegment, Spacing, Stage, UserClass,
        Workload,
    };
    use std::sync::Arc;

    const SECOND: Span = Span::from_secs(1);

    /// Makes a schedule of ten arrivals per second with one request each.
    fn schedule() -> Schedule {
        let journey: Journey = serde_json::from_str(
            r#"{ "name": "one", "actions": { "get": { "weight": 1, "steps": [{ "name": "get", "path": "/" }] } } }"#,
        )
        .expect("a journey");
        let class = UserClass { name: "client".to_owned(), ..UserClass::default() };
        let segments = vec![RateSegment { duration: SECOND, from: 10.0, to: 10.0 }];
        let process = ArrivalProcess::Rates { segments, spacing: Spacing::Even };
        let stage = Stage {
            name: "open".to_owned(),
            start: Span::ZERO,
            duration: SECOND * 100,
            ramp_up: Span::ZERO,
            users: 0,
            classes: vec![ClassMix { class: 0, share: 1.0, actions: [].into() }],
            user_variance: 0.0,
            think_time_variance: 0.0,
            action_randomness: 0.0,
            max_users: 0,
            background: false,
            arrivals: Some(Arrivals { process, start: ArrivalStart::Action }),
        };
        let workload = Workload::new(&journey, vec![class], vec![stage], &[].into(), 1).expect("a workload");
        Schedule::new(Arc::new(workload), Seed(1))
    }

    #[test]
    fn seats_follow_the_sessions_under_way_and_no_more_are_let_in_than_may_be() {
        let schedule = schedule();
        let mut population = Population::new(&schedule, Time::ZERO, SECOND * 50, 3);
        assert_eq!(population.arrivals.due, 500, "what arrives after the phase is not due");
        let begin = |population: &mut Population<'_>| {
            let now = population.next_time().expect("arrivals are due");
            let owner = population.pop()?;
            assert!(population.go_on(owner, None, now).is_some(), "its request goes out at once");
            Some(owner)
        };
        let first: Vec<Option<u32>> = (0..5).map(|_| begin(&mut population)).collect();
        assert_eq!(first, [Some(0), Some(1), Some(2), None, None], "the fourth is dropped");
        assert!(population.go_on(1, None, Time::ZERO + SECOND).is_none(), "one is done");
        assert_eq!([begin(&mut population), begin(&mut population)], [Some(1), None], "and makes room");
        assert!(population.go_on(0, None, Time::ZERO + SECOND).is_none(), "another is done");
        while let Some(now) = population.next_time() {
            let owner = begin(&mut population).expect("there is room for one more");
            assert!(population.go_on(owner, None, now + SECOND).is_none(), "which is done before the next");
        }
        assert_eq!(population.next_time(), None, "no arrival is left");
        assert_eq!(population.seats.len(), 3, "memory follows the sessions under way");
        let ArrivalCounts { due, begun, dropped } = population.arrivals;
        assert_eq!((due, dropped), (begun + dropped, 3), "each arrival is begun or dropped");
    }
}
