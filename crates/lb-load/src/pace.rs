//! How the pacer and the seats of a worker call each other.

use lb_clock::Alarm;
use lb_core::Time;
use lb_core::workload::Arrival;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, Waker};

/// The reason why a seat is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// Play this arrival.
    Begin(Arrival),
    /// Go on: the wait is over.
    Wake,
    /// End: there are no more arrivals.
    Close,
}

/// Holds a call until its seat takes it.
#[derive(Debug, Default)]
struct Bell {
    call: Cell<Option<Call>>,
    waker: RefCell<Option<Waker>>,
}

/// What the pacer and the seats of a worker share.
#[derive(Debug)]
pub(crate) struct Pace {
    alarm: Alarm,
    /// The time that the alarm is set to; [`Time::MAX`] before it is first set.
    armed: Cell<Time>,
    /// The seats whose sessions wait, by the end of the wait, the earliest first.
    waits: RefCell<BinaryHeap<Reverse<(Time, usize)>>>,
    /// The bell of each seat, by seat number.
    bells: RefCell<Vec<Bell>>,
    /// The seats without a session, in the order in which they became free.
    free: RefCell<Vec<usize>>,
    /// Whether all arrivals have begun.
    is_closed: Cell<bool>,
}

impl Pace {
    pub(crate) fn new(alarm: Alarm) -> Self {
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
    pub(crate) async fn called(&self, seat: usize) -> Call {
        poll_fn(|cx| {
            let bells = self.bells.borrow();
            let bell = &bells[seat];
            if let Some(call) = bell.call.take() {
                return Poll::Ready(call);
            }
            let mut kept = bell.waker.borrow_mut();
            // A task keeps its waker, so this clones once per seat.
            if !kept.as_ref().is_some_and(|kept| kept.will_wake(cx.waker())) {
                *kept = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Lets a seat's session wait until `until`.
    pub(crate) async fn wait(&self, seat: usize, until: Time) -> io::Result<()> {
        self.waits.borrow_mut().push(Reverse((until, seat)));
        if until < self.armed.get() {
            self.arm(until)?;
        }
        self.called(seat).await;
        Ok(())
    }

    /// Frees a seat whose session is over. Returns false when there are no more arrivals and the seat can
    /// end.
    pub(crate) fn leave(&self, seat: usize) -> bool {
        if self.is_closed.get() {
            return false;
        }
        self.free.borrow_mut().push(seat);
        true
    }

    pub(crate) fn call(&self, seat: usize, call: Call) {
        let bells = self.bells.borrow();
        bells[seat].call.set(Some(call));
        if let Some(waker) = &*bells[seat].waker.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn arm(&self, at: Time) -> io::Result<()> {
        self.armed.set(at);
        self.alarm.set(at)
    }

    /// Takes the seat whose wait ends first, if it ends by `now`.
    pub(crate) fn wait_that_is_over(&self, now: Time) -> Option<usize> {
        let mut waits = self.waits.borrow_mut();
        let Reverse((until, seat)) = *waits.peek()?;
        if until > now {
            return None;
        }
        waits.pop();
        Some(seat)
    }

    /// Returns when the earliest wait is over; `None` when no session waits.
    pub(crate) fn next_wait(&self) -> Option<Time> {
        self.waits.borrow().peek().map(|Reverse((until, _))| *until)
    }

    /// Takes the seat that was left last; `None` when none is free.
    pub(crate) fn free_seat(&self) -> Option<usize> {
        self.free.borrow_mut().pop()
    }

    /// Adds a seat while there are fewer than `most`, and returns its number.
    pub(crate) fn add_seat(&self, most: usize) -> Option<usize> {
        let mut bells = self.bells.borrow_mut();
        let number = bells.len();
        (number < most).then(|| {
            bells.push(Bell::default());
            number
        })
    }

    /// Waits until the time that the alarm was set to.
    pub(crate) async fn ring(&self) -> io::Result<()> {
        self.alarm.ring().await
    }

    /// Ends the seats: those without a session now, the others after their session.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        for seat in self.free.take() {
            self.call(seat, Call::Close);
        }
    }
}
