//! A virtual user: a state machine with its own random stream.
//!
//! Sessions follow one another while the user's window lasts: opening actions, then the drawn actions,
//! each after a think time, then closing actions, then a think time. An arrival of an open stage
//! performs only one session, action or recorded request and leaves (`visit.rs`).

mod visit;
mod written;

use super::arrivals::Arrival;
use super::classes::{Stage, UserClass};
use super::draw::{between, derive, unit, whole_between};
use super::ids::{SessionKey, UserId};
use super::kept::Kept;
use super::label;
use super::look::Seen;
use super::plan::ActionPlan;
use super::request::{ActionIndex, Next, Request, StepIndex, StepReply};
use super::scheduled::Inner;
use super::tag;
use super::workload::Workload;
use crate::rng::hash_name;
use crate::time::{Span, Time};
use std::sync::Arc;

/// Pause of a user whose actions send no requests and have no think time, so that it neither blocks its
/// driver nor spins.
const BREATH: Span = Span::from_millis(1);

/// What the user does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Begin a session.
    Session,
    /// Begin the drawn action.
    Action,
    /// Send the next request of the action.
    Request,
    /// Take the reply to the last request.
    Reply,
}

/// The part of its session in which the user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Open,
    Middle,
    Close,
    /// A single action without a session.
    Only,
}

/// One virtual user.
///
/// It stores only positions and keys. The contents of a request are drawn from its key when it is
/// written, and values from replies are stored only if there are any.
#[derive(Clone, Debug)]
pub struct VirtualUser {
    schedule: Arc<Inner>,
    id: UserId,
    key: u64,
    /// The arrival of this user; `None` for users of closed stages.
    arrival: Option<Arrival>,
    stage: u16,
    class: u16,
    /// Number of the current window. An arrival has a single window, which does not end.
    window: u32,
    doing: Doing,
    /// The user does nothing before this time.
    wake: Time,
    /// Number of the next session.
    sessions: u32,
    session_key: u64,
    /// No action starts at or after this time.
    session_end: Time,
    part: Part,
    /// Actions begun in this part of the session, and number of actions in its middle.
    begun: u32,
    planned: u32,
    action: ActionIndex,
    action_key: u64,
    /// Position of the step in its action.
    step: u16,
    repetition: u32,
    repetitions: u32,
    /// Deliberate error of the last request.
    injected: Option<u8>,
    /// Whether the incorrect request was sent, so that the correct one follows.
    put_right: bool,
    kept: Kept,
}

impl VirtualUser {
    pub(super) fn new(schedule: Arc<Inner>, id: UserId) -> Self {
        let number = id.0 as usize;
        match schedule.users.get(number) {
            Some(plan) => {
                let (stage, class) = (plan.stage as u16, plan.class as u16);
                Self::begin(schedule, id, None, stage, class)
            }
            None => {
                let arrival = schedule.arrivals.get(number - schedule.users.len()).copied();
                let arrival = arrival.unwrap_or_else(|| panic!("user {number} is not in the schedule"));
                Self::of_arrival(schedule, arrival)
            }
        }
    }

    pub(super) fn of_arrival(schedule: Arc<Inner>, arrival: Arrival) -> Self {
        Self::begin(schedule, arrival.id, Some(arrival), arrival.stage, arrival.class)
    }

    fn begin(schedule: Arc<Inner>, id: UserId, arrival: Option<Arrival>, stage: u16, class: u16) -> Self {
        Self {
            key: schedule.seed.key(&[label::USER, u64::from(id.0)]),
            schedule,
            id,
            arrival,
            stage,
            class,
            window: 0,
            doing: Doing::Session,
            wake: Time::ZERO,
            sessions: 0,
            session_key: 0,
            session_end: Time::MAX,
            part: Part::Open,
            begun: 0,
            planned: 0,
            action: ActionIndex(0),
            action_key: 0,
            step: 0,
            repetition: 0,
            repetitions: 0,
            injected: None,
            put_right: false,
            kept: Kept::default(),
        }
    }

    /// Returns what the user does at `now`, given the reply to its last request (`None` at first and
    /// after waiting).
    ///
    /// A request whose reply is never passed in counts as failed.
    #[inline]
    pub fn next(&mut self, reply: Option<StepReply<'_>>, now: Time) -> Next {
        if self.doing == Doing::Reply {
            self.take_reply(reply, now);
        }
        // Every pass sends, waits, or continues with another action. The limit keeps a user whose
        // actions send nothing from blocking its driver.
        for _ in 0..64 {
            let Some((begin, end)) = self.window() else {
                return Next::Done;
            };
            if now >= end || self.wake >= end {
                self.leave();
                continue;
            }
            let wake = self.wake.max(begin);
            if now < wake {
                return Next::Wait(wake);
            }
            match self.doing {
                Doing::Session => self.begin_session(now),
                Doing::Action => self.begin_action(now),
                Doing::Request | Doing::Reply => match self.next_request() {
                    Some(request) => return Next::Send(request),
                    None => self.go_on(now),
                },
            }
        }
        self.wake = now + BREATH;
        Next::Wait(self.wake)
    }

    /// Returns the key of this user for policies with client affinity: that of the recorded client, if there is
    /// one, which is the same as in a load balancer that hashes the first address of `X-Forwarded-For`.
    pub fn client_key(&self) -> u64 {
        match self.recorded().and_then(|recorded| recorded.client) {
            Some(client) => hash_name(client.split(',').next().unwrap_or(client).trim().as_bytes()),
            None => self.key,
        }
    }

    /// Returns the key of the current session, which no other session of this user has.
    pub fn session(&self) -> SessionKey {
        SessionKey(self.session_key)
    }

    /// Returns the key of the current or last action, which no other action of this user has. It changes when the user
    /// begins another action, so a driver that compares it knows where one ends.
    #[inline]
    pub fn action_key(&self) -> u64 {
        self.action_key
    }

    /// Returns the user's number in its schedule.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// Returns the current or next window in which the user is active; `None` once it has left for
    /// good.
    fn window(&self) -> Option<(Time, Time)> {
        match self.arrival {
            None => self.schedule.users[self.id.0 as usize].windows.get(self.window as usize).copied(),
            Some(arrival) => (self.window == 0).then_some((arrival.at, Time::MAX)),
        }
    }

    fn workload(&self) -> &Workload {
        &self.schedule.workload
    }

    fn class(&self) -> &UserClass {
        &self.workload().classes[usize::from(self.class)]
    }

    fn stage(&self) -> &Stage {
        &self.workload().stages[usize::from(self.stage)]
    }

    fn action_plan(&self) -> &ActionPlan {
        &self.workload().compiled.actions[usize::from(self.action.0)]
    }

    fn step_index(&self) -> StepIndex {
        StepIndex(self.action_plan().first + self.step)
    }

    /// Ends the window: the current session is cut off, and the next window begins with a new one.
    fn leave(&mut self) {
        self.window += 1;
        self.doing = Doing::Session;
        self.wake = Time::ZERO;
    }

    fn begin_session(&mut self, now: Time) {
        if let Some(arrival) = self.arrival {
            return self.begin_visit(arrival);
        }
        self.session_key = derive(self.key, u64::from(self.sessions));
        self.sessions = self.sessions.wrapping_add(1);
        self.kept.forget();
        self.begin_planned_session(now);
    }

    /// Sets the length of the session and begins it.
    fn begin_planned_session(&mut self, now: Time) {
        let class = self.class();
        let planned = match self.workload().compiled.sequence.len() {
            0 => whole_between(derive(self.session_key, tag::ACTION_COUNT), class.actions_per_session),
            length => length as u32,
        };
        let session_end = class.session_duration_s.map_or(Time::MAX, |range| {
            now + Span::from_secs_f64(between(derive(self.session_key, tag::DURATION), range))
        });
        self.planned = planned;
        self.session_end = session_end;
        self.part = Part::Open;
        self.begun = 0;
        self.go_on(now);
    }

    /// Chooses what follows an action, or ends the session.
    fn go_on(&mut self, now: Time) {
        if self.part == Part::Only {
            return self.end_session(now);
        }
        let number = u64::from(self.begun);
        let compiled = &self.schedule.workload.compiled;
        if self.part == Part::Open {
            if let Some(action) = compiled.open.get(self.begun as usize) {
                return self.plan_action(*action, tag::OPEN + number, now);
            }
            self.part = Part::Middle;
            self.begun = 0;
        }
        if self.part == Part::Middle {
            if self.begun < self.planned && self.plan_middle(now) {
                return;
            }
            self.part = Part::Close;
            self.begun = 0;
        }
        let number = u64::from(self.begun);
        match self.schedule.workload.compiled.close.get(self.begun as usize) {
            Some(action) => self.plan_action(*action, tag::CLOSE + number, now),
            None => self.end_session(now),
        }
    }

    /// Takes the next action of the sequence, or draws one, and draws the think time before it; returns false if
    /// the session has lasted too long.
    fn plan_middle(&mut self, now: Time) -> bool {
        let number = tag::MIDDLE + u64::from(self.begun);
        let key = derive(self.session_key, number);
        let (stage, class) = (usize::from(self.stage), usize::from(self.class));
        let next = self.workload().compiled.sequence.get(self.begun as usize).copied();
        let action = match (next, &self.workload().choices[stage][class]) {
            (Some(action), _) => action,
            (None, Some(choice)) => choice.pick(derive(key, tag::CHOICE), self.stage().action_randomness),
            (None, None) => return false,
        };
        let own = self.workload().compiled.actions[usize::from(action.0)].think_time_s;
        let range = own.unwrap_or(self.class().think_time_s);
        let start = now + self.think(key, tag::THINK, tag::THINK_FACTOR, range);
        if start >= self.session_end {
            return false;
        }
        self.plan_action(action, number, start);
        true
    }

    fn plan_action(&mut self, action: ActionIndex, number: u64, start: Time) {
        self.begun += 1;
        self.action = action;
        self.action_key = derive(self.session_key, number);
        self.doing = Doing::Action;
        self.wake = start;
    }

    fn think(&self, key: u64, tag: u64, factor_tag: u64, range: [f64; 2]) -> Span {
        let seconds = between(derive(key, tag), range);
        let variance = self.stage().think_time_variance;
        let factor = between(derive(key, factor_tag), [1.0 - variance, 1.0 + variance]);
        Span::from_secs_f64(seconds * factor)
    }

    fn begin_action(&mut self, now: Time) {
        let abandonment = self.class().abandonment;
        if self.action_plan().can_be_abandoned && unit(derive(self.action_key, tag::ABANDON)) < abandonment {
            return self.go_on(now);
        }
        self.doing = Doing::Request;
        self.begin_step(0);
    }

    fn begin_step(&mut self, step: u16) {
        self.step = step;
        self.repetition = 0;
        self.put_right = false;
        if step < self.action_plan().steps {
            let habits = &self.workload().habits[usize::from(self.class)];
            let index = usize::from(self.step_index().0);
            let key = derive(self.action_key, tag::STEP + u64::from(step));
            let is_sent = unit(derive(key, tag::PROBABILITY)) < habits.probability[index];
            let repeat = habits.repeat[index];
            self.repetitions = if is_sent { whole_between(derive(key, tag::REPEAT), repeat) } else { 0 };
        }
    }

    /// Returns the next request of the action; `None` at its end.
    fn next_request(&mut self) -> Option<Request> {
        while self.repetition >= self.repetitions {
            if self.step + 1 >= self.action_plan().steps {
                return None;
            }
            self.begin_step(self.step + 1);
        }
        let step = self.step_index();
        let key = self.repetition_key(self.step);
        let (key, injected) = if self.put_right {
            (derive(key, tag::PUT_RIGHT), None)
        } else {
            (key, self.draw_error(step, key))
        };
        self.injected = injected;
        self.doing = Doing::Reply;
        Some(Request { step, action: self.action, key, injected })
    }

    fn draw_error(&self, step: StepIndex, key: u64) -> Option<u8> {
        let chances = &self.workload().plan(step).chances;
        if chances.is_empty() {
            return None;
        }
        let point = unit(derive(key, tag::INJECT));
        chances.iter().find(|(sum, _)| point < *sum).map(|(_, error)| *error)
    }

    /// Returns the key of the current repetition of a step of the current action.
    fn repetition_key(&self, step: u16) -> u64 {
        let key = derive(self.action_key, tag::STEP + u64::from(step));
        derive(key, tag::REPETITION + u64::from(self.repetition))
    }

    fn take_reply(&mut self, reply: Option<StepReply<'_>>, now: Time) {
        self.doing = Doing::Request;
        let plan = self.workload().plan(self.step_index());
        let (required, is_put_right) = (plan.required, plan.is_put_right());
        if self.injected.is_some() && is_put_right {
            self.put_right = true;
            return;
        }
        let succeeded = reply.is_some_and(|reply| {
            reply.outcome.is_success()
                && (self.injected.is_some() || reply.seen.is_none_or(|seen| self.keep(&seen)))
        });
        self.put_right = false;
        self.repetition += 1;
        if required && !succeeded {
            self.end_session(now);
        }
    }

    /// Keeps the values of a reply that the step extracts; returns false if one is missing.
    fn keep(&mut self, seen: &Seen<'_>) -> bool {
        let wanted = &self.schedule.workload.plan(self.step_index()).looks.extract;
        self.kept.keep(wanted, seen)
    }

    fn end_session(&mut self, now: Time) {
        if self.arrival.is_some() {
            return self.leave();
        }
        let range = self.class().think_time_s;
        self.wake = now + self.think(self.session_key, tag::PAUSE, tag::PAUSE_FACTOR, range);
        self.doing = Doing::Session;
    }
}
