//! The pacer of the open model calls a seat for each arrival at its time, independently of earlier arrivals,
//! and wakes sessions that think. Users of the closed model that think are woken in the same way.
//!
//! Tokio's timer counts whole milliseconds: at 5,000 arrivals a second it would send them in bunches of five.
//! The pacer of each worker therefore has its own alarm ([`Alarm`]: a Linux timerfd that learns how late it
//! usually wakes and spins for the last few microseconds; tokio's timer elsewhere). Arrivals that are due
//! together begin together, in order, and none is delayed. An arrival that finds all seats taken is dropped
//! and counted, because a queue within the generator would be load that the target does not see (Schroeder,
//! Wierman, Harchol-Balter, "Open Versus Closed", NSDI 2006).

use crate::pace::{Call, Pace};
use crate::seat;
use crate::shared::Worker;
use lb_clock::Alarm;
use lb_core::workload::Arrival;
use std::io;
use std::rc::Rc;

/// Begins the worker's arrivals, each at its time, on at most `seats` seats: every `step`th arrival of the
/// schedule, from position `first` on.
///
/// # Errors
/// When the system provides no timer.
pub(crate) async fn run(worker: Rc<Worker>, first: usize, step: usize, seats: usize) -> io::Result<()> {
    let pace = Rc::new(Pace::new(Alarm::new(worker.clock)?));
    let end = worker.end();
    let schedule = worker.plan.schedule.clone();
    let mut arrivals =
        schedule.stream().skip(first).step_by(step).take_while(|next| next.at < end).peekable();
    loop {
        let now = worker.now();
        while let Some(seat) = pace.wait_that_is_over(now) {
            pace.call(seat, Call::Wake);
        }
        while let Some(arrival) = arrivals.next_if(|next| next.at <= now) {
            begin(&worker, &pace, seats, arrival);
        }
        if now >= end {
            pace.close();
            return Ok(());
        }
        let next_wait = pace.next_wait();
        let next_arrival = arrivals.peek().map(|next| next.at);
        pace.arm(next_wait.into_iter().chain(next_arrival).min().unwrap_or(end))?;
        pace.ring().await?;
    }
}

/// Wakes the users of the closed model, each at its time, until the phase is over.
///
/// # Errors
/// When the system's timer fails.
pub(crate) async fn wake(worker: Rc<Worker>, pace: Rc<Pace>) -> io::Result<()> {
    let end = worker.end();
    loop {
        let now = worker.now();
        while let Some(user) = pace.wait_that_is_over(now) {
            pace.call(user, Call::Wake);
        }
        if now >= end {
            return Ok(());
        }
        pace.arm(pace.next_wait().map_or(end, |next| next.min(end)))?;
        pace.ring().await?;
    }
}

/// Calls a seat for an arrival: the one that became free last, or a new one up to the limit.
fn begin(worker: &Rc<Worker>, pace: &Rc<Pace>, seats: usize, arrival: Arrival) {
    if let Some(seat) = pace.free_seat() {
        return pace.call(seat, Call::Begin(arrival));
    }
    let Some(number) = pace.add_seat(seats) else {
        tracing::trace!(user = arrival.id.0, seats, "all seats are taken: an arrival is dropped");
        worker.recorder.borrow_mut().arrivals().dropped += 1;
        return;
    };
    let seat = seat::run(Rc::clone(worker), Rc::clone(pace), number, arrival);
    worker.tasks.borrow_mut().spawn_local(seat);
}
