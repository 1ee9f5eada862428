//! Executes the capacity model of every backend in real time.
//!
//! One alarm serves all backends: it is set to the earliest event of any model. When it fires, and before
//! each arrival, the models are advanced to the current time. A model computes with exact times, so a late
//! alarm delays only the reply, by microseconds, and not the following work.

use crate::counts::Counts;
use crate::degradation::Degradation;
use crate::slots::Slots;
use crate::unit::{FaultsNow, Load, NewJob, Snapshot, Unit};
use lb_clock::{Alarm, Clock};
use lb_core::Time;
use lb_core::backend::{Arrival, Finished, JobId, JobResult};
use lb_core::fault::Fault;
use lb_core::policy::LoadReport;
use lb_core::topology::BackendSpec;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::sync::watch;

/// All backends of the process.
#[derive(Debug)]
pub(crate) struct Engine {
    clock: Clock,
    alarm: Alarm,
    /// Services that faults can name, in the order of their numbers in the models.
    services: RefCell<Vec<String>>,
    /// The faults of the timeline that runs; empty while none does.
    timeline: RefCell<Vec<Fault>>,
    /// The faults that were put in by hand, each with the time from which on.
    by_hand: RefCell<Vec<(Time, Fault)>>,
    /// Whether backends report their load.
    reports_load: bool,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    units: Vec<Unit>,
    /// The next event of each unit.
    next: Vec<Time>,
    slots: Slots,
    /// Buffer that every advance reuses.
    finished: Vec<Finished>,
    /// Time that the alarm is set to.
    armed: Time,
}

/// Outcome of the arrival of a request.
pub(crate) enum Admission {
    /// It will be served; the ticket resolves at its end.
    Queued(Ticket),
    /// It will never be answered; dropping the ticket ends it.
    Hangs(Ticket),
    /// It is refused immediately with 503.
    Refused,
    /// The backend is down.
    Down,
}

impl Engine {
    /// Creates all backends, idle and healthy. Must be called within a tokio runtime.
    pub(crate) fn new(specs: Vec<BackendSpec>, services: Vec<String>) -> io::Result<Self> {
        let clock = Clock::start();
        let next = vec![Time::MAX; specs.len()];
        let units = specs.into_iter().map(Unit::new).collect();
        let (slots, finished) = (Slots::default(), Vec::new());
        let state = RefCell::new(State { units, next, slots, finished, armed: Time::MAX });
        let (timeline, by_hand) = (RefCell::default(), RefCell::default());
        let services = RefCell::new(services);
        Ok(Self { clock, alarm: Alarm::new(clock)?, services, timeline, by_hand, reports_load: false, state })
    }

    /// Has all backends report their load.
    pub(crate) fn report_load(&mut self) {
        self.reports_load = true;
        self.state.borrow_mut().units.iter_mut().for_each(Unit::report_load);
    }

    /// Returns whether backends report their load.
    pub(crate) fn reports_load(&self) -> bool {
        self.reports_load
    }

    /// Returns the load report of a backend; `None` if backends write none.
    pub(crate) fn load_report(&self, unit: usize) -> Option<LoadReport> {
        if !self.reports_load {
            return None;
        }
        self.with(unit, |state, now| state.units[unit].load_report(now))
    }

    /// Returns whether a backend makes no progress.
    pub(crate) fn is_frozen(&self, unit: usize) -> bool {
        self.with(unit, |state, _| state.units[unit].is_frozen())
    }

    /// Advances the models at each of their events, forever.
    pub(crate) async fn drive(&self) -> io::Result<()> {
        loop {
            self.alarm.ring().await?;
            let now = self.clock.now();
            let state = &mut *self.state.borrow_mut();
            state.armed = Time::MAX;
            for unit in 0..state.units.len() {
                if state.next[unit] <= now {
                    state.advance(unit, now);
                }
            }
            self.arm(state);
        }
    }

    /// Sets the alarm to the earliest event if that is before the current alarm.
    fn arm(&self, state: &mut State) {
        let earliest = state.next.iter().copied().min().unwrap_or(Time::MAX);
        if earliest < state.armed {
            state.armed = earliest;
            if let Err(error) = self.alarm.set(earliest) {
                tracing::error!(%error, "failed to set the alarm");
            }
        }
    }

    /// Applies `act` to one backend at the current time and schedules its next event.
    fn with<T>(&self, unit: usize, act: impl FnOnce(&mut State, Time) -> T) -> T {
        let now = self.clock.now();
        let state = &mut *self.state.borrow_mut();
        state.advance(unit, now);
        let result = act(state, now);
        state.advance(unit, now);
        self.arm(state);
        result
    }

    fn count_units(&self) -> usize {
        self.state.borrow().units.len()
    }

    /// Handles the arrival of a request.
    pub(crate) fn arrive(self: &Rc<Self>, unit: usize, request: NewJob) -> Admission {
        let (arrival, id) = self.with(unit, |state, now| {
            let id = state.slots.take(unit, request.key);
            if self.reports_load {
                state.slots.note_found(id, state.units[unit].held(), now);
            }
            (state.units[unit].arrive(id, request, now), id)
        });
        let ticket = Ticket { engine: Rc::clone(self), unit, id };
        match arrival {
            Arrival::Accepted => Admission::Queued(ticket),
            Arrival::Hangs => Admission::Hangs(ticket),
            Arrival::QueueFull | Arrival::FastFail => ticket.discard(Admission::Refused),
            Arrival::Down => ticket.discard(Admission::Down),
        }
    }

    /// Returns the number of a service. Unknown services share a number that only faults of all services
    /// affect.
    pub(crate) fn service(&self, name: &str) -> usize {
        let services = self.services.borrow();
        services.iter().position(|service| service == name).unwrap_or(services.len())
    }

    /// Returns a receiver for the incarnation of the backend, which tells whether it is up.
    pub(crate) fn incarnation(&self, unit: usize) -> watch::Receiver<u64> {
        self.state.borrow().units[unit].incarnation()
    }

    /// Takes a backend down (connections break) or up.
    pub(crate) fn set_up(&self, unit: usize, up: bool) {
        self.with(unit, |state, now| state.units[unit].set_up(up, now, &mut state.finished));
    }

    /// Starts the fault timeline at the current time. Faults that were put in by hand stay.
    pub(crate) fn start_faults(&self, faults: &[Fault]) {
        faults.clone_into(&mut self.timeline.borrow_mut());
        self.apply_faults(true);
    }

    /// Ends all faults of the timeline.
    pub(crate) fn stop_faults(&self) {
        self.start_faults(&[]);
    }

    /// Adds a fault by hand, beside those of the timeline: its offset counts from now.
    pub(crate) fn put_in(&self, fault: Fault) {
        self.by_hand.borrow_mut().push((self.clock.now(), fault));
        self.apply_faults(false);
    }

    /// Ends the faults that were put in by hand.
    pub(crate) fn clear_faults(&self) {
        self.by_hand.borrow_mut().clear();
        self.apply_faults(false);
    }

    /// Has the models follow the faults of the timeline and those that were put in by hand. `begins` says whether the
    /// timeline begins now; otherwise it goes on.
    fn apply_faults(&self, begins: bool) {
        let (timeline, by_hand) = (self.timeline.borrow(), self.by_hand.borrow());
        let services = &mut *self.services.borrow_mut();
        let all = timeline.iter().chain(by_hand.iter().map(|(_, fault)| fault));
        for name in all.flat_map(|fault| &fault.services) {
            if !services.contains(name) {
                services.push(name.clone());
            }
        }
        for unit in 0..self.count_units() {
            self.with(unit, |state, now| {
                let State { units, finished, .. } = state;
                let began = if begins { now } else { units[unit].faults_began() };
                let faults = FaultsNow { timeline: &timeline, by_hand: &by_hand, services, began };
                units[unit].follow(&faults, now, finished);
            });
        }
    }

    /// Resets all backends to the initial state: idle, up, healthy, counters at zero. Requests that are still
    /// in a backend break.
    pub(crate) fn reset(&self) {
        self.timeline.borrow_mut().clear();
        self.by_hand.borrow_mut().clear();
        for unit in 0..self.count_units() {
            self.with(unit, |state, _| {
                state.slots.end_all(unit, JobResult::Broken);
                state.units[unit].reset();
            });
        }
    }

    /// Reads or changes the degradation of a backend.
    pub(crate) fn degradation<T>(&self, unit: usize, act: impl FnOnce(&mut Degradation, Time) -> T) -> T {
        self.with(unit, |state, now| act(state.units[unit].degradation(), now))
    }

    /// Updates counters for events that the engine does not see.
    pub(crate) fn count(&self, unit: usize, act: impl FnOnce(&mut Counts)) {
        act(self.state.borrow_mut().units[unit].counts());
    }

    /// Returns the current time on the clock of the models.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Returns how much of a backend is in use now.
    pub(crate) fn load(&self, unit: usize) -> Load {
        self.with(unit, |state, now| state.units[unit].load(now))
    }

    /// Returns the current state of a backend.
    pub(crate) fn snapshot(&self, unit: usize) -> Snapshot {
        self.with(unit, |state, _| state.units[unit].snapshot())
    }
}

impl State {
    /// Advances one backend to `now` and stores its next event.
    fn advance(&mut self, unit: usize, now: Time) {
        self.units[unit].advance(now, &mut self.slots, &mut self.finished);
        self.next[unit] = self.units[unit].next_event(now);
    }
}

/// A request in a backend, which resolves at its end. Dropping it earlier means that the client disconnected.
pub(crate) struct Ticket {
    engine: Rc<Engine>,
    unit: usize,
    id: JobId,
}

impl Ticket {
    /// Releases the slot without cancelling, for a request that the backend did not accept.
    fn discard(self, admission: Admission) -> Admission {
        self.engine.state.borrow_mut().slots.end(self.id, JobResult::Broken);
        admission
    }
}

impl Future for Ticket {
    type Output = JobResult;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<JobResult> {
        self.engine.state.borrow_mut().slots.poll(self.id, context)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let ended = self.engine.state.borrow_mut().slots.release(self.id);
        if !ended {
            self.engine.with(self.unit, |state, now| state.units[self.unit].cancel(self.id, now));
        }
    }
}
