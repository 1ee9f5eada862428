//! One virtual user in real time: asks its state machine what to do, and does it.

use super::codec::{Expect, Reply};
use super::connection::{Broken, Connection};
use super::worker::Worker;
use lb_core::workload::{Next, Observer, Request, Sample, StepReply, UserId, VirtualUser};
use lb_core::{Outcome, Span, Time};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Sleep;

/// A user that cannot connect rests before it tries again, twice as long each time, so that a target
/// that is gone costs neither all CPU nor millions of refusals.
const FIRST_BACK_OFF: Duration = Duration::from_millis(10);
/// Longest rest: a target that comes back is noticed within a second.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);

/// How long a user whose window opens tries to connect before it goes on: its first request tries
/// again, and is the one that says so if the target does not answer.
const EARLY_PATIENCE: Span = Span::from_secs(1);

/// A user with its connection and buffers.
struct User {
    worker: Rc<Worker>,
    id: UserId,
    /// Its place among the worker's users.
    place: usize,
    connection: Option<Connection>,
    /// The request as it goes over the wire.
    request: Vec<u8>,
    /// The part of its headers that never changes.
    tail: Box<[u8]>,
    /// The last reply's body, where its step extracts values.
    body: Vec<u8>,
    refusals: u32,
    /// End of its window while it is there.
    window_end: Option<Time>,
}

/// What became of a request.
struct Exchange {
    sent: Time,
    done: Time,
    outcome: Outcome,
    reply: Reply,
    /// Whether the body is kept.
    has_body: bool,
}

/// Runs a user from its first window to the end of its last one.
pub(super) async fn run(worker: Rc<Worker>, place: usize, id: UserId) {
    let schedule = worker.spec.schedule.clone();
    let windows = &schedule.users()[id.0 as usize].windows;
    let end = Time::ZERO + worker.spec.duration;
    // The phase may be shorter than the schedule.
    let Some((first, _)) = windows.first().filter(|(first, _)| *first < end) else {
        return;
    };
    // One timer for all of the user's waiting; it costs nothing while it is not waited for.
    let mut sleep = pin!(tokio::time::sleep_until(worker.instant(*first)));
    sleep.as_mut().await;
    worker.recorder.borrow_mut().late(worker.now().since(*first));

    let tail = worker.requests.borrow().tail(id);
    let mut user = User {
        worker: Rc::clone(&worker),
        id,
        place,
        connection: None,
        request: Vec::new(),
        tail,
        body: Vec::new(),
        refusals: 0,
        window_end: None,
    };
    // Made only now: a user that comes later needs no memory yet.
    let mut behaviour = schedule.virtual_user(id);
    user.come(windows).await;

    let mut next = behaviour.next(None, worker.now());
    loop {
        next = match next {
            Next::Send(request) => {
                let exchange = user.send(&behaviour, &request, sleep.as_mut()).await;
                if exchange.done >= end {
                    return;
                }
                let body = exchange.has_body.then_some(user.body.as_slice());
                let reply = StepReply { outcome: exchange.outcome, body };
                behaviour.next(Some(reply), exchange.done)
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
    /// Sends a request and records what becomes of it.
    #[inline]
    async fn send(
        &mut self,
        behaviour: &VirtualUser,
        request: &Request,
        mut sleep: Pin<&mut Sleep>,
    ) -> Exchange {
        let worker = Rc::clone(&self.worker);
        worker.requests.borrow_mut().write(behaviour, request, &self.tail, &mut self.request);
        let mut exchange = self.exchange(behaviour, request).await;
        worker.recorder.borrow_mut().sample(&Sample {
            user: self.id,
            action: request.action,
            step: request.step,
            intended: exchange.sent,
            sent: exchange.sent,
            done: exchange.done,
            outcome: exchange.outcome,
            status: exchange.reply.status,
            backend: exchange.reply.backend,
            bytes: exchange.reply.bytes,
        });
        if exchange.outcome == Outcome::Refused {
            let rest = (FIRST_BACK_OFF * 2_u32.saturating_pow(self.refusals)).min(LONGEST_BACK_OFF);
            self.refusals += 1;
            let until = exchange.done + Span::from(rest);
            sleep.as_mut().reset(worker.instant(until));
            sleep.await;
            exchange.done = worker.now();
        }
        exchange
    }

    /// Writes the request and reads the reply, on the connection there is or on a new one.
    #[inline]
    async fn exchange(&mut self, behaviour: &VirtualUser, request: &Request) -> Exchange {
        let worker = &*self.worker;
        if self.connection.as_ref().is_none_or(Connection::is_stale) {
            let begin = worker.now();
            let patience = worker.spec.scenario.request_timeout;
            self.connection = open(worker, self.place, begin + patience).await;
            if self.connection.is_none() {
                return failed(begin, worker.now(), Outcome::Refused);
            }
            self.refusals = 0;
        }
        let Some(connection) = &mut self.connection else { unreachable!("it was just opened") };

        let is_head = worker.is_head(request.step);
        let has_body = worker.spec.scenario.workload.extracts(request.step);
        self.body.clear();
        let (bytes, body, place) = (&self.request, &mut self.body, self.place);
        let sent = worker.now();
        worker.deadlines.arm(place, sent + worker.spec.scenario.request_timeout);
        let result = poll_fn(|cx| {
            let mut backends = worker.backends.borrow_mut();
            let keep = has_body.then_some(&mut *body);
            let mut expect = Expect { is_head, keep, backends: &mut backends };
            let mut buffer = worker.buffer.borrow_mut();
            match connection.poll_exchange(cx, bytes, &mut expect, &mut buffer) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending if worker.deadlines.is_expired(place, cx.waker()) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        let done = worker.now();
        worker.deadlines.disarm(place);
        let reply = match result {
            Some(Ok(reply)) => reply,
            Some(Err(Broken)) => {
                self.connection = None;
                return failed(sent, done, Outcome::Reset);
            }
            None => {
                self.connection = None;
                return failed(sent, done, Outcome::Timeout);
            }
        };
        if !reply.keep_alive {
            self.connection = None;
        }
        let expected = behaviour.expected(request);
        let injected = request.injected.is_some();
        let outcome = Outcome::of_status(reply.status, expected, injected, reply.backend.is_some());
        Exchange { sent, done, outcome, reply, has_body }
    }

    /// Waits; between two windows the user is gone, and so is its connection.
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

    /// A window opens, and the user's connection with it. If that fails, the first request says so.
    async fn come(&mut self, windows: &[(Time, Time)]) {
        let now = self.worker.now();
        self.window_end = windows.iter().map(|(_, end)| *end).find(|end| now < *end);
        if self.window_end.is_none() {
            return;
        }
        if let Some(progress) = &self.worker.spec.progress {
            progress.user_came();
        }
        self.connection = open(&self.worker, self.place, now + EARLY_PATIENCE).await;
    }

    fn leave(&mut self) {
        self.connection = None;
        if self.window_end.take().is_some()
            && let Some(progress) = &self.worker.spec.progress
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

/// Opens a connection; `None` if the target refuses, or does not answer before `deadline`.
async fn open(worker: &Worker, place: usize, deadline: Time) -> Option<Connection> {
    let mut opening = pin!(Connection::open(&worker.spec.target));
    worker.deadlines.arm(place, deadline);
    let connection = poll_fn(|cx| match opening.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.ok()),
        Poll::Pending if worker.deadlines.is_expired(place, cx.waker()) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    worker.deadlines.disarm(place);
    connection
}

/// A request without a reply.
fn failed(sent: Time, done: Time, outcome: Outcome) -> Exchange {
    Exchange { sent, done, outcome, reply: Reply::default(), has_body: false }
}
