//! A virtual user of the closed model in real time: a task that follows the user's state machine.

use crate::client::Client;
use crate::pace::Pace;
use crate::shared::Worker;
use lb_core::workload::{Next, UserId};
use lb_core::{Outcome, Span, Time};
use std::io;
use std::rc::Rc;

/// How long a user tries to connect when its window opens. After that, its first request tries again, and
/// records the failure if the target does not answer.
const EARLY_PATIENCE: Span = Span::from_secs(1);

/// A user with its client.
struct User {
    worker: Rc<Worker>,
    client: Client,
    /// Wakes the user at the seat `number`.
    pace: Rc<Pace>,
    number: usize,
    /// The end of the user's window; `None` between windows.
    window_end: Option<Time>,
}

/// Runs a user from its first window to the end of its last one. `pace` wakes it at the seat `number`.
///
/// # Errors
/// When the system's timer fails.
pub(crate) async fn run(worker: Rc<Worker>, pace: Rc<Pace>, number: usize, id: UserId) -> io::Result<()> {
    let schedule = worker.plan.schedule.clone();
    let windows = &schedule.users()[id.0 as usize].windows;
    let end = worker.end();
    // The phase may be shorter than the schedule.
    let Some((first, _)) = windows.first().filter(|(first, _)| *first < end) else {
        return Ok(());
    };
    pace.wait(number, *first).await?;
    worker.recorder.borrow_mut().late(worker.now().since(*first));

    // Created only now, so that a user takes no memory before its first window.
    let client = Client::new(Rc::clone(&worker), id);
    let mut user = User { worker: Rc::clone(&worker), client, pace, number, window_end: None };
    let mut behaviour = schedule.virtual_user(id);
    user.come(windows).await;

    let mut next = behaviour.next(None, worker.now());
    loop {
        next = match next {
            Next::Send(request) => {
                let mut exchange = user.client.send(&behaviour, &request, None).await;
                if exchange.outcome == Outcome::Refused {
                    let until = exchange.done + user.client.rest();
                    if until >= end {
                        return Ok(());
                    }
                    user.pace.wait(number, until).await?;
                    exchange.done = worker.now();
                }
                if exchange.done >= end {
                    return Ok(());
                }
                behaviour.next(Some(user.client.reply(&exchange)), exchange.done)
            }
            Next::Wait(until) if until < end => {
                user.wait(until, windows).await?;
                behaviour.next(None, worker.now())
            }
            Next::Wait(_) | Next::Done => return Ok(()),
        };
    }
}

impl User {
    /// Waits until `until`. Between two windows the user is away, and its connection is closed.
    async fn wait(&mut self, until: Time, windows: &[(Time, Time)]) -> io::Result<()> {
        if self.window_end.is_some_and(|end| end <= until) {
            self.leave();
        }
        self.pace.wait(self.number, until).await?;
        self.worker.recorder.borrow_mut().late(self.worker.now().since(until));
        if self.window_end.is_none() {
            self.come(windows).await;
        }
        Ok(())
    }

    /// Opens the user's connection when a window opens. If that fails, the first request records it.
    async fn come(&mut self, windows: &[(Time, Time)]) {
        let now = self.worker.now();
        self.window_end = windows.iter().map(|(_, end)| *end).find(|end| now < *end);
        if self.window_end.is_none() {
            return;
        }
        if let Some(progress) = &self.worker.hooks.progress {
            progress.user_came();
        }
        self.client.connect(now + EARLY_PATIENCE).await;
    }

    fn leave(&mut self) {
        self.client.disconnect();
        if self.window_end.take().is_some()
            && let Some(progress) = &self.worker.hooks.progress
        {
            progress.user_left();
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.leave();
    }
}
