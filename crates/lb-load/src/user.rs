//! A virtual user of the closed model in real time: a task that does what the user's state machine says.

use crate::client::Client;
use crate::shared::Worker;
use lb_core::workload::{Next, UserId};
use lb_core::{Outcome, Span, Time};
use std::pin::{Pin, pin};
use std::rc::Rc;
use tokio::time::Sleep;

/// How long a user whose window opens tries to connect before it goes on. Its first request then tries
/// again, and records the failure if the target does not answer.
const EARLY_PATIENCE: Span = Span::from_secs(1);

/// A user with its client.
struct User {
    worker: Rc<Worker>,
    client: Client,
    /// The end of the user's window; `None` between windows.
    window_end: Option<Time>,
}

/// Runs a user from its first window to the end of its last one.
pub(crate) async fn run(worker: Rc<Worker>, id: UserId) {
    let schedule = worker.plan.schedule.clone();
    let windows = &schedule.users()[id.0 as usize].windows;
    let end = worker.end();
    // The phase may be shorter than the schedule.
    let Some((first, _)) = windows.first().filter(|(first, _)| *first < end) else {
        return;
    };
    // One timer serves all waits of the user and costs nothing between them.
    let mut sleep = pin!(tokio::time::sleep_until(worker.instant(*first)));
    sleep.as_mut().await;
    worker.recorder.borrow_mut().late(worker.now().since(*first));

    // Made only now, so that a user who comes later takes no memory before.
    let client = Client::new(Rc::clone(&worker), id);
    let mut user = User { worker: Rc::clone(&worker), client, window_end: None };
    let mut behaviour = schedule.virtual_user(id);
    user.come(windows).await;

    let mut next = behaviour.next(None, worker.now());
    loop {
        next = match next {
            Next::Send(request) => {
                let mut exchange = user.client.send(&behaviour, &request, None).await;
                if exchange.outcome == Outcome::Refused {
                    let until = exchange.done + user.client.rest();
                    sleep.as_mut().reset(worker.instant(until));
                    sleep.as_mut().await;
                    exchange.done = worker.now();
                }
                if exchange.done >= end {
                    return;
                }
                behaviour.next(Some(user.client.reply(&exchange)), exchange.done)
            }
            Next::Wait(until) if until < end => {
                user.wait(until, windows, sleep.as_mut()).await;
                behaviour.next(None, worker.now())
            }
            Next::Wait(_) | Next::Done => return,
        };
    }
}

impl User {
    /// Waits until `until`. Between two windows the user is away, and its connection is closed.
    async fn wait(&mut self, until: Time, windows: &[(Time, Time)], mut sleep: Pin<&mut Sleep>) {
        if self.window_end.is_some_and(|end| end <= until) {
            self.leave();
        }
        sleep.as_mut().reset(self.worker.instant(until));
        sleep.await;
        self.worker.recorder.borrow_mut().late(self.worker.now().since(until));
        if self.window_end.is_none() {
            self.come(windows).await;
        }
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
