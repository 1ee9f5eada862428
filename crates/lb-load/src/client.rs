//! The client with which users of both models send: its connections and buffers, and the way from a request
//! to a recorded sample.

use crate::http1::codec::{Expect, Reply};
use crate::http1::connection::{Broken, Connection};
use crate::shared::Worker;
use lb_core::workload::{Observer, Request, Sample, StepReply, UserId, VirtualUser};
use lb_core::{Outcome, Span, Time};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// How long a user that cannot connect rests before its second attempt. The rest doubles each time, so that a
/// target that is gone costs neither all CPU time nor millions of refusals.
const FIRST_BACK_OFF: Span = Span::from_millis(10);
/// The longest rest: a target that comes back is noticed within a second.
const LONGEST_BACK_OFF: Span = Span::from_secs(1);

/// Connections and their buffers, which one user at a time sends with.
pub(crate) struct Client {
    worker: Rc<Worker>,
    id: UserId,
    /// The place of this client among the worker's deadlines.
    place: usize,
    /// One connection, or one for each backend where there is no load balancer.
    connections: Box<[Option<Connection>]>,
    /// The bytes of the current request.
    request: Vec<u8>,
    /// The headers that are the same for all requests of the user.
    tail: Vec<u8>,
    /// The body of the last reply, if its step extracts values.
    body: Vec<u8>,
    refusals: u32,
}

/// A finished request: its times, its outcome and its reply.
pub(crate) struct Exchange {
    /// When the client began with it; the time from then until `sent` is for making a connection.
    pub(crate) ready: Time,
    sent: Time,
    pub(crate) done: Time,
    pub(crate) outcome: Outcome,
    reply: Reply,
    /// Whether the body of the reply was kept.
    has_body: bool,
}

impl Client {
    /// A client for user `id`, without a connection.
    pub(crate) fn new(worker: Rc<Worker>, id: UserId) -> Self {
        let place = worker.deadlines.add();
        let mut client = Self {
            connections: (0..worker.plan.lanes()).map(|_| None).collect(),
            worker,
            id,
            place,
            request: Vec::new(),
            tail: Vec::new(),
            body: Vec::new(),
            refusals: 0,
        };
        client.serve(id);
        client
    }

    /// Sends for user `id` from now on, on the same connections.
    pub(crate) fn serve(&mut self, id: UserId) {
        self.id = id;
        self.worker.requests.borrow().tail(id, &mut self.tail);
    }

    /// Opens the connections, as far as that succeeds before `deadline`.
    pub(crate) async fn connect(&mut self, deadline: Time) {
        for lane in 0..self.connections.len() {
            self.connections[lane] = open(&self.worker, self.place, lane, deadline).await;
        }
    }

    /// Closes the connections.
    pub(crate) fn disconnect(&mut self) {
        self.connections.fill_with(|| None);
    }

    /// The part of a finished request that the user's state machine reads.
    #[inline]
    pub(crate) fn reply(&self, exchange: &Exchange) -> StepReply<'_> {
        StepReply { outcome: exchange.outcome, body: exchange.has_body.then_some(self.body.as_slice()) }
    }

    /// How long to rest after another refusal.
    pub(crate) fn rest(&mut self) -> Span {
        let rest = FIRST_BACK_OFF * 2_u64.saturating_pow(self.refusals);
        self.refusals = self.refusals.saturating_add(1);
        rest.min(LONGEST_BACK_OFF)
    }

    /// Sends a request and records what becomes of it. `intended` is `None` in the closed model, where a
    /// request is intended for the time at which it is sent.
    #[inline]
    pub(crate) async fn send(
        &mut self,
        behaviour: &VirtualUser,
        request: &Request,
        intended: Option<Time>,
    ) -> Exchange {
        let worker = Rc::clone(&self.worker);
        worker.requests.borrow_mut().write(behaviour, request, &self.tail, &mut self.request);
        let exchange = self.exchange(behaviour, request).await;
        let mut recorder = worker.recorder.borrow_mut();
        recorder.sample(&Sample {
            user: self.id,
            action: request.action,
            step: request.step,
            intended: intended.unwrap_or(exchange.sent),
            sent: exchange.sent,
            done: exchange.done,
            outcome: exchange.outcome,
            status: exchange.reply.status,
            backend: exchange.reply.backend,
            bytes: exchange.reply.bytes,
        });
        if let Some(right) = exchange.reply.names_algorithm {
            recorder.named(right);
        }
        exchange
    }

    /// Writes the request and reads the reply, on the open connection or on a new one.
    #[inline]
    async fn exchange(&mut self, behaviour: &VirtualUser, request: &Request) -> Exchange {
        let worker = &*self.worker;
        let lane = worker.lane(request.step);
        let mut ready = None;
        if self.connections[lane].as_ref().is_none_or(Connection::is_stale) {
            let begin = worker.now();
            ready = Some(begin);
            let patience = worker.plan.request_timeout;
            self.connections[lane] = open(worker, self.place, lane, begin + patience).await;
            if self.connections[lane].is_none() {
                return failed(begin, begin, worker.now(), Outcome::Refused);
            }
            self.refusals = 0;
        }
        let Some(connection) = &mut self.connections[lane] else { unreachable!("it was just opened") };

        let is_head = worker.is_head(request.step);
        let has_body = worker.plan.workload().extracts(request.step);
        let names = worker.plan.algorithm_names.as_ref();
        let algorithm = names.map(|names| names.each_ref().map(String::as_bytes));
        self.body.clear();
        let (bytes, body, place) = (&self.request, &mut self.body, self.place);
        let sent = worker.now();
        let ready = ready.unwrap_or(sent);
        worker.deadlines.arm(place, sent + worker.plan.request_timeout);
        let result = poll_fn(|cx| {
            let mut backends = worker.backends.borrow_mut();
            let keep = has_body.then_some(&mut *body);
            let mut expect = Expect { is_head, keep, backends: &mut backends, algorithm };
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
                self.connections[lane] = None;
                return failed(ready, sent, done, Outcome::Reset);
            }
            None => {
                self.connections[lane] = None;
                return failed(ready, sent, done, Outcome::Timeout);
            }
        };
        if !reply.keep_alive {
            self.connections[lane] = None;
        }
        let expected = behaviour.expected(request);
        let injected = request.injected.is_some();
        let outcome = Outcome::of_status(reply.status, expected, injected, reply.backend.is_some());
        Exchange { ready, sent, done, outcome, reply, has_body }
    }
}

/// Opens a connection; `None` if the target refuses, or does not answer before `deadline`.
async fn open(worker: &Worker, place: usize, lane: usize, deadline: Time) -> Option<Connection> {
    let mut opening = pin!(Connection::open(worker.plan.addresses(lane)));
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

/// A request that failed without a reply.
fn failed(ready: Time, sent: Time, done: Time, outcome: Outcome) -> Exchange {
    Exchange { ready, sent, done, outcome, reply: Reply::default(), has_body: false }
}
