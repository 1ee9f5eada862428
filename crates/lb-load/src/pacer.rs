//! The open model's clock: calls a seat for each arrival at its time, whatever became of those before
//! it, and wakes sessions that think.
//!
//! Tokio's timer counts whole milliseconds: at 5,000 arrivals a second it would send them in bunches of
//! five. The pacer has an alarm of its own, one a worker ([`Alarm`]: a Linux timerfd that learns how
//! late it usually wakes, and spins for the microseconds by which it is too early; tokio's timer
//! elsewhere). What is due at once is begun at once, in order; nothing is ever put off. An arrival that
//! finds all seats taken is dropped and counted, because a queue within the generator would be load
//! that the target never saw (Schroeder, Wierman, Harchol-Balter, "Open Versus Closed", NSDI 2006).

use super::seat;
use super::worker::Worker;
use lb_clock::Alarm;
use lb_core::Time;
use lb_core::workload::Arrival;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// What a seat is called for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// To play this arrival.
    Begin(Arrival),
    /// To go on: it has waited long enough.
    Wake,
    /// To end: there are no more arrivals.
    Close,
}

/// Where a seat is called.
#[derive(Debug, Default)]
struct Bell {
    call: Cell<Option<Call>>,
    waker: RefCell<Option<Waker>>,
}

/// What the pacer and the seats of a worker share.
#[derive(Debug)]
pub(super) struct Pace {
    alarm: Alarm,
    /// What the alarm is set to.
    armed: Cell<Time>,
    /// Seats whose session waits, the earliest first.
    waits: RefCell<BinaryHeap<Reverse<(Time, usize)>>>,
    /// By seat.
    bells: RefCell<Vec<Bell>>,
    /// Seats without a session, that left last at the end.
    free: RefCell<Vec<usize>>,
    /// Whether there are no more arrivals.
    is_closed: Cell<bool>,
}

impl Pace {
    fn new(alarm: Alarm) -> Self {
        Self {
            alarm,
            armed: Cell::new(Time::MAX),
            waits: RefCell::default(),
            bells: RefCell::default(),
            free: RefCell::default(),
            is_closed: Cell::new(false),
        }
    }

    /// Waits until the seat is called.
    pub(super) async fn called(&self, seat: usize) -> Call {
        poll_fn(|cx| {
            let bells = self.bells.borrow();
            let bell = &bells[seat];
            if let Some(call) = bell.call.take() {
                return Poll::Ready(call);
            }
            let mut kept = bell.waker.borrow_mut();
            // A task keeps its waker, so this clones once a seat.
            if !kept.as_ref().is_some_and(|kept| kept.will_wake(cx.waker())) {
                *kept = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Lets a seat's session wait until `until`.
    pub(super) async fn wait(&self, seat: usize, until: Time) -> io::Result<()> {
        self.waits.borrow_mut().push(Reverse((until, seat)));
        if until < self.armed.get() {
            self.arm(until)?;
        }
        self.called(seat).await;
        Ok(())
    }

    /// The seat's session is over. False if the seat is of no more use.
    pub(super) fn leave(&self, seat: usize) -> bool {
        if self.is_closed.get() {
            return false;
        }
        self.free.borrow_mut().push(seat);
        true
    }

    fn call(&self, seat: usize, call: Call) {
        let bells = self.bells.borrow();
        bells[seat].call.set(Some(call));
        if let Some(waker) = &*bells[seat].waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn arm(&self, at: Time) -> io::Result<()> {
        self.armed.set(at);
        self.alarm.set(at)
    }

    /// The earliest wait that is over by `now`, and no longer than `limit`.
    fn wait_that_is_over(&self, now: Time) -> Option<usize> {
        let mut waits = self.waits.borrow_mut();
        let Reverse((until, seat)) = *waits.peek()?;
        if until > now {
            return None;
        }
        waits.pop();
        Some(seat)
    }

    /// Nothing begins any more: seats without a session end, the others follow.
    fn close(&self) {
        self.is_closed.set(true);
        for seat in self.free.take() {
            self.call(seat, Call::Close);
        }
    }
}

/// Begins the worker's arrivals, each at its time, on at most `seats` seats; every `step`th arrival of the
/// schedule, from number `first` on.
///
/// # Errors
/// When the system has no timer to give.
pub(super) async fn run(worker: Rc<Worker>, first: usize, step: usize, seats: usize) -> io::Result<()> {
    let pace = Rc::new(Pace::new(Alarm::new(worker.clock)?));
    let end = worker.end();
    let schedule = worker.spec.schedule.clone();
    let mut arrivals =
        schedule.arrivals().iter().skip(first).step_by(step).take_while(|next| next.at < end).peekable();
    loop {
        let now = worker.now();
        while let Some(seat) = pace.wait_that_is_over(now) {
            pace.call(seat, Call::Wake);
        }
        while let Some(arrival) = arrivals.next_if(|next| next.at <= now) {
            begin(&worker, &pace, seats, *arrival);
        }
        if now >= end {
            pace.close();
            return Ok(());
        }
        let next_wait = pace.waits.borrow().peek().map(|Reverse((until, _))| *until);
        let next_arrival = arrivals.peek().map(|next| next.at);
        pace.arm(next_wait.into_iter().chain(next_arrival).min().unwrap_or(end))?;
        pace.alarm.ring().await?;
    }
}

/// Calls a seat for an arrival: the one that was left last, or a new one while there may be more.
fn begin(worker: &Rc<Worker>, pace: &Rc<Pace>, seats: usize, arrival: Arrival) {
    let free = pace.free.borrow_mut().pop();
    if let Some(seat) = free {
        return pace.call(seat, Call::Begin(arrival));
    }
    let mut bells = pace.bells.borrow_mut();
    if bells.len() >= seats {
        tracing::trace!(user = arrival.id.0, seats, "all seats are taken: an arrival is dropped");
        worker.recorder.borrow_mut().arrivals().dropped += 1;
        return;
    }
    let number = bells.len();
    bells.push(Bell::default());
    let seat = seat::run(Rc::clone(worker), Rc::clone(pace), number, arrival);
    worker.tasks.borrow_mut().spawn_local(seat);
}
