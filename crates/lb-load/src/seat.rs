//! A seat: a task of the open model that plays one arrival after another.
//!
//! A session that ends leaves its seat, with connection and buffers, to the next arrival. So an arrival
//! costs neither a task nor, as a rule, a connection. The seat that became free last is the one whose data is
//! most likely in the caches and whose connection is most likely still open.

use crate::client::Client;
use crate::pace::{Call, Pace};
use crate::shared::Worker;
use lb_core::Outcome;
use lb_core::workload::{Arrival, Next};
use lb_record::Progress;
use std::io;
use std::rc::Rc;

/// Plays `first`, then every arrival that the seat is called for, until there are no more.
pub(crate) async fn run(worker: Rc<Worker>, pace: Rc<Pace>, number: usize, first: Arrival) -> io::Result<()> {
    let mut client = Client::new(Rc::clone(&worker), first.id);
    let mut arrival = first;
    loop {
        play(&worker, &pace, number, &mut client, arrival).await?;
        if !pace.leave(number) {
            return Ok(());
        }
        match pace.called(number).await {
            Call::Begin(next) => arrival = next,
            Call::Wake | Call::Close => return Ok(()),
        }
        client.serve(arrival.id);
    }
}

/// Plays one arrival until it or the phase ends.
async fn play(
    worker: &Worker,
    pace: &Pace,
    number: usize,
    client: &mut Client,
    arrival: Arrival,
) -> io::Result<()> {
    let end = worker.end();
    if worker.now() >= end {
        return Ok(());
    }
    worker.recorder.borrow_mut().arrivals().begun += 1;
    let _presence = Presence::of(worker.hooks.progress.as_deref());
    let mut behaviour = worker.plan.schedule.visitor(arrival);
    // A session follows its plan, not the clock: a request is intended for when it is due, even if the
    // generator is late.
    let mut due = arrival.at;
    let mut is_paced = true;
    let mut next = behaviour.next(None, due);
    loop {
        next = match next {
            Next::Send(request) => {
                let exchange = client.send(&behaviour, &request, Some(due)).await;
                if is_paced {
                    worker.recorder.borrow_mut().late(exchange.ready.since(due));
                }
                due = exchange.done;
                is_paced = false;
                if due >= end {
                    return Ok(());
                }
                let next = behaviour.next(Some(client.reply(&exchange)), due);
                if exchange.outcome == Outcome::Refused && matches!(next, Next::Send(_)) {
                    due += client.rest();
                    if due >= end {
                        return Ok(());
                    }
                    pace.wait(number, due).await?;
                }
                next
            }
            Next::Wait(until) if until < end => {
                pace.wait(number, until).await?;
                due = until;
                is_paced = true;
                behaviour.next(None, due)
            }
            Next::Wait(_) | Next::Done => return Ok(()),
        };
    }
}

/// Counts a session as an active user until dropped.
struct Presence<'a>(Option<&'a Progress>);

impl<'a> Presence<'a> {
    fn of(progress: Option<&'a Progress>) -> Self {
        progress.inspect(|progress| progress.user_came());
        Self(progress)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.inspect(|progress| progress.user_left());
    }
}
