//! A virtual user of the closed model in real time: a task that follows the user's state machine.
//!
//! Where the number of users is changed from outside (`crowd`), a user that should not be there leaves after the action
//! under way, or at once if it thinks, and goes on where it left off when it comes back.

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
    id: UserId,
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
    // Where the number of users is changed from outside, a task begins when its user comes.
    if worker.hooks.headcount.is_none() {
        pace.wait(number, *first).await?;
        worker.recorder.borrow_mut().late(worker.now().since(*first));
    }

    // Created only now, so that a user takes no memory before its first window.
    let client = Client::new(Rc::clone(&worker), id);
    let mut user = User { worker: Rc::clone(&worker), id, client, pace, number, window_end: None };
    let mut behaviour = schedule.virtual_user(id);
    user.come(windows).await;

    let mut next = behaviour.next(None, worker.now());
    loop {
        next = match next {
            Next::Send(request) => {
                let action = behaviour.action_key();
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
                let next = behaviour.next(Some(user.client.reply(&exchange)), exchange.done);
                let is_at_an_end = || behaviour.action_key() != action;
                if worker.sends_away(id) && matches!(next, Next::Send(_)) && is_at_an_end() {
                    user.stay_away(windows).await;
                }
                next
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
    /// Waits until `until`, and longer if the user is sent away meanwhile. Between two windows the user is away, and its
    /// connection is closed.
    async fn wait(&mut self, until: Time, windows: &[(Time, Time)]) -> io::Result<()> {
        if self.window_end.is_some_and(|end| end <= until) {
            self.leave();
        }
        if self.worker.hooks.headcount.is_some() {
            return self.wait_or_stay_away(until, windows).await;
        }
        self.pace.wait(self.number, until).await?;
        self.worker.recorder.borrow_mut().late(self.worker.now().since(until));
        if self.window_end.is_none() {
            self.come(windows).await;
        }
        Ok(())
    }

    /// Waits until `until`, and stays away while the user is sent away. A user that came back is not late.
    async fn wait_or_stay_away(&mut self, until: Time, windows: &[(Time, Time)]) -> io::Result<()> {
        let mut was_away = false;
        loop {
            if self.worker.sends_away(self.id) {
                was_away = true;
                self.stay_away(windows).await;
            }
            let now = self.worker.now();
            if now >= until {
                if !was_away {
                    self.worker.recorder.borrow_mut().late(now.since(until));
                }
                return Ok(());
            }
            self.pace.wait(self.number, until).await?;
        }
    }

    /// Leaves, and comes back once the user is not sent away any more.
    async fn stay_away(&mut self, windows: &[(Time, Time)]) {
        self.leave();
        while self.worker.sends_away(self.id) {
            self.pace.called(self.number).await;
        }
        self.come(windows).await;
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
