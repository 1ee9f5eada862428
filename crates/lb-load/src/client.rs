//! The client through which users of both models send: its connections, its buffers, and the steps from a
//! request to a recorded sample. Where its connections come from and go to is in [`provision`].

mod provision;

use crate::cookies::Jar;
use crate::failed::Failed;
use crate::http1::request::path_of;
use crate::link::Link;
use crate::redirect::{is_redirect, method_after, resolve};
use crate::reply::{Expect, Notes, Reply};
use crate::shared::Worker;
use crate::tls::Connector;
use lb_core::connections::ConnectionPolicy;
use lb_core::outcome::Origin;
use lb_core::workload::{Observer, Request, Sample, Seen, StepIndex, StepReply, UserId, VirtualUser};
use lb_core::{BackendFrom, Outcome, Span, Time};
use provision::Provision;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// How long a user that cannot connect waits before its second attempt. The wait doubles each time, so that
/// an unreachable target costs neither all CPU time nor millions of refused connections.
const FIRST_BACK_OFF: Span = Span::from_millis(10);
/// The longest wait between attempts: a target that recovers is noticed within a second.
const LONGEST_BACK_OFF: Span = Span::from_secs(1);

/// Connections and their buffers, used by one user at a time.
pub(crate) struct Client {
    worker: Rc<Worker>,
    id: UserId,
    /// The position of this client among the worker's deadlines.
    place: usize,
    /// Opens TLS, and keeps the sessions of this client; `None` for a plain target.
    tls: Option<Connector>,
    /// Whether the connection of a request stays here for the next one.
    keeps: bool,
    /// One connection, or one for each backend without a load balancer. `None` while there is none, and between
    /// requests if it is shared.
    connections: Box<[Option<Link>]>,
    /// The bytes of the current request.
    request: Vec<u8>,
    /// The headers that are the same for all requests of the user.
    tail: Vec<u8>,
    /// The body of the last reply, if its step looks at it.
    body: Vec<u8>,
    /// The headers of the last reply that its step looks at.
    notes: Notes,
    /// The cookies of the user's session.
    jar: Jar,
    refusals: u32,
}

/// A finished request: its times, its outcome and its reply.
pub(crate) struct Exchange {
    /// When the client began the request; the time from then until `sent` is spent connecting, or waiting for a
    /// connection.
    pub(crate) ready: Time,
    sent: Time,
    pub(crate) done: Time,
    pub(crate) outcome: Outcome,
    reply: Reply,
}

impl Client {
    /// Creates a client for user `id`, without a connection.
    pub(crate) fn new(worker: Rc<Worker>, id: UserId) -> Self {
        let place = worker.deadlines.add();
        let tls = worker.tls.as_ref();
        let mut client = Self {
            keeps: worker.plan.connections == ConnectionPolicy::PerUser,
            connections: (0..worker.plan.lanes()).map(|_| None).collect(),
            tls: if worker.shares_connections() { tls.cloned() } else { tls.map(Connector::for_client) },
            worker,
            id,
            place,
            request: Vec::new(),
            tail: Vec::new(),
            body: Vec::new(),
            notes: Notes::default(),
            jar: Jar::default(),
            refusals: 0,
        };
        client.serve(id);
        client
    }

    /// Switches to user `id`, keeping the connections.
    pub(crate) fn serve(&mut self, id: UserId) {
        self.id = id;
        self.worker.requests.borrow().tail(id, &mut self.tail);
    }

    /// Opens as many of the connections as it can before `deadline`, if the client keeps them.
    pub(crate) async fn connect(&mut self, deadline: Time) {
        if !self.keeps {
            return;
        }
        for lane in 0..self.connections.len() {
            self.connections[lane] = self.open(lane, deadline).await.ok();
        }
    }

    /// Closes the connections.
    pub(crate) fn disconnect(&mut self) {
        self.connections.fill_with(|| None);
    }

    /// Returns the part of a finished request that the user's state machine reads.
    #[inline]
    pub(crate) fn reply(&self, exchange: &Exchange) -> StepReply<'_> {
        StepReply { outcome: exchange.outcome, seen: Some(self.seen(exchange)) }
    }

    /// Returns the parts of the last reply that its step looks at.
    #[inline]
    fn seen(&self, exchange: &Exchange) -> Seen<'_> {
        let Notes { cookies, headers, .. } = &self.notes;
        Seen { body: &self.body, bytes: exchange.reply.bytes, headers, cookies }
    }

    /// Returns how long to wait after another refusal.
    pub(crate) fn rest(&mut self) -> Span {
        let rest = FIRST_BACK_OFF * 2_u64.saturating_pow(self.refusals);
        self.refusals = self.refusals.saturating_add(1);
        rest.min(LONGEST_BACK_OFF)
    }

    /// Sends a request, follows its redirects if the step does so, and records their outcomes. `intended` is
    /// `None` in the closed model, where a request is intended for the time at which it is sent.
    #[inline]
    pub(crate) async fn send(
        &mut self,
        behaviour: &VirtualUser,
        request: &Request,
        intended: Option<Time>,
    ) -> Exchange {
        let worker = Rc::clone(&self.worker);
        let workload = worker.plan.workload();
        if workload.keeps_cookies() {
            self.jar.enter(behaviour.session());
        }
        worker.requests.borrow_mut().write(behaviour, request, &self.tail, &self.jar, &mut self.request);
        let mut exchange = self.exchange(behaviour, request, request.step).await;
        let Some((row, most)) = workload.redirects(request.step) else {
            self.record(request, request.step, intended, &exchange);
            return exchange;
        };
        let ready = exchange.ready;
        let (mut step, mut intended) = (request.step, intended);
        let mut method = workload.steps()[usize::from(request.step.0)].method.as_str();
        for _ in 0..most {
            let Some(path) = self.redirection(&exchange) else { break };
            // The redirect did what it is for; what it leads to is judged.
            exchange.outcome = Outcome::Ok;
            self.record(request, step, intended, &exchange);
            let repeats = matches!(exchange.reply.status, 307 | 308);
            method = method_after(exchange.reply.status, method);
            let line = (method, path.as_str(), repeats);
            {
                let mut requests = worker.requests.borrow_mut();
                requests.write_redirected(behaviour, request, line, &self.tail, &self.jar, &mut self.request);
            }
            (step, intended) = (row, None);
            exchange = self.exchange(behaviour, request, row).await;
        }
        self.record(request, step, intended, &exchange);
        Exchange { ready, ..exchange }
    }

    /// Returns the path to which the last reply redirects; `None` if it does not, or leads to another site.
    fn redirection(&self, exchange: &Exchange) -> Option<String> {
        let location = self.notes.location.as_ref().filter(|_| is_redirect(exchange.reply.status))?;
        let target = &self.worker.plan.target;
        let scheme = if target.is_secure() { "https" } else { "http" };
        let from = format!("{scheme}://{}{}", target.host, path_of(&self.request));
        resolve(location, &from)
    }

    /// Records the outcome of a request in the row of `step`. The wait for a shared connection is part of the latency.
    #[inline]
    fn record(&self, request: &Request, step: StepIndex, intended: Option<Time>, exchange: &Exchange) {
        let begun = if self.worker.shares_connections() { exchange.ready } else { exchange.sent };
        let mut recorder = self.worker.recorder.borrow_mut();
        let sample = Sample {
            user: self.id,
            action: request.action,
            step,
            intended: intended.unwrap_or(begun),
            sent: exchange.sent,
            done: exchange.done,
            outcome: exchange.outcome,
            status: exchange.reply.status,
            backend: exchange.reply.backend,
            bytes: exchange.reply.bytes,
        };
        recorder.sample(&sample);
        // Without a status there was no reply, and so no header.
        if self.worker.observed.is_some() && exchange.reply.status > 0 {
            recorder.observe(&sample, exchange.reply.observed);
        }
        if let Some(slow) = &self.worker.hooks.slow {
            slow.offer(&sample, request.key);
        }
        if let Some(right) = exchange.reply.names_algorithm {
            recorder.named(right);
        }
    }

    /// Writes the request and reads the reply, on the open connection or on another one. `step` is the row of the
    /// request: its own, or that of its redirects.
    #[inline]
    async fn exchange(&mut self, behaviour: &VirtualUser, request: &Request, step: StepIndex) -> Exchange {
        let lane = self.worker.lane(step);
        let is_open = self.keeps && self.connections[lane].as_mut().is_some_and(|open| !open.is_stale());
        let mut provision = if is_open { Provision::Kept } else { Provision::Any };
        let (mut ready, mut sent, mut repeats) = (None, None, 0);
        let (mut reply, done) = loop {
            if provision != Provision::Kept {
                let begin = self.worker.now();
                let ready = *ready.get_or_insert(begin);
                if let Err(outcome) = self.provide(lane, begin, provision).await {
                    return failed(ready, sent.unwrap_or(begin), self.worker.now(), outcome);
                }
            }
            let now = self.worker.now();
            let (ready, sent) = (*ready.get_or_insert(now), *sent.get_or_insert(now));
            let result = self.attempt(lane, request, step, sent).await;
            let done = self.worker.now();
            self.worker.deadlines.disarm(self.place);
            provision = match result {
                Some(Ok(reply)) => break (reply, done),
                Some(Err(failed)) => match self.repeat(lane, failed, repeats) {
                    Some(provision) => provision,
                    None => return self.give_up(lane, (ready, sent, done), Outcome::Reset),
                },
                None => return self.give_up(lane, (ready, sent, done), Outcome::Timeout),
            };
            repeats += 1;
        };
        if !matches!(self.worker.plan.backend_from, BackendFrom::Header(_)) {
            reply.backend = self.named_backend();
        }
        let ready = ready.unwrap_or(done);
        self.release(lane, &reply);
        self.judge(
            behaviour,
            request,
            step,
            Exchange { ready, sent: sent.unwrap_or(done), done, outcome: Outcome::Ok, reply },
        )
    }

    /// Ends a request that failed at these times: when it was ready, when it was sent and now.
    #[cold]
    fn give_up(
        &mut self,
        lane: usize,
        (ready, sent, done): (Time, Time, Time),
        outcome: Outcome,
    ) -> Exchange {
        self.lose(lane);
        failed(ready, sent, done, outcome)
    }

    /// Writes the request and reads the reply, once. `None` if there is no reply in time; the deadline counts from
    /// `sent`.
    #[inline]
    async fn attempt(
        &mut self,
        lane: usize,
        request: &Request,
        step: StepIndex,
        sent: Time,
    ) -> Option<Result<Reply, Failed>> {
        let worker = &*self.worker;
        let Some(connection) = &mut self.connections[lane] else { return Some(Err(Failed::Broken)) };
        let workload = worker.plan.workload();
        let is_head = worker.is_head(request.step);
        let backend_from = &worker.plan.backend_from;
        let has_body = workload.needs_body(step) || backend_from.needs_body();
        let wanted = workload.headers(step);
        let names = worker.plan.algorithm_names.as_ref();
        let algorithm = names.map(|names| names.each_ref().map(String::as_bytes));
        self.body.clear();
        self.notes.begin(wanted.len());
        let (bytes, body, notes, place) = (&self.request, &mut self.body, &mut self.notes, self.place);
        worker.deadlines.arm(place, sent + worker.plan.request_timeout);
        poll_fn(|cx| {
            let mut backends = worker.backends.borrow_mut();
            let mut observed = worker.observed.as_ref().map(|observed| observed.borrow_mut());
            let body = has_body.then_some(&mut *body);
            let backend_header = backend_from.header().as_bytes();
            let (notes, backends) = (&mut *notes, &mut backends);
            let observed = observed.as_deref_mut();
            let mut expect =
                Expect { is_head, body, notes, wanted, backend_header, backends, algorithm, observed };
            match connection.poll_exchange(cx, bytes, &mut expect, (&worker.buffer, &worker.translator)) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending if worker.deadlines.is_expired(place, cx.waker()) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Decides about the outcome of a request that was answered, and keeps the cookies of the reply.
    #[inline]
    fn judge(
        &mut self,
        behaviour: &VirtualUser,
        request: &Request,
        step: StepIndex,
        mut exchange: Exchange,
    ) -> Exchange {
        let worker = &*self.worker;
        let workload = worker.plan.workload();
        let reply = &exchange.reply;
        let expected = behaviour.expected(request);
        let injected = request.injected.is_some();
        let origin = Origin::new(reply.backend.is_some(), worker.plan.names_backends);
        exchange.outcome = Outcome::of_status(reply.status, expected, injected, origin);
        if !self.notes.cookies.is_empty() && workload.keeps_cookies() {
            let path = path_of(&self.request);
            for header in &self.notes.cookies {
                self.jar.take(header, &worker.site, path);
            }
        }
        if exchange.outcome == Outcome::Ok
            && workload.checks(step, reply.status)
            && let Err(failure) = behaviour.check(step, &self.seen(&exchange))
        {
            tracing::debug!(step = step.0, failure, "a check failed");
            worker.recorder.borrow_mut().explain(failure);
            exchange.outcome = Outcome::CheckFailed;
        }
        exchange
    }

    /// Returns the number of the backend that the last reply names in a cookie or in its body; `None` if it names
    /// none.
    fn named_backend(&self) -> Option<u16> {
        let from = &self.worker.plan.backend_from;
        let cookies = self.notes.cookies.iter().map(Vec::as_slice);
        let name = from.find(cookies, &self.body).or_else(|| match from {
            // A sticky cookie is set once, and sent with the request of every later reply.
            BackendFrom::Cookie(name) => self.jar.value(name, path_of(&self.request)).map(str::to_owned),
            _ => None,
        })?;
        self.worker.backends.borrow_mut().number(name.as_bytes())
    }
}

/// Returns a request that failed without a reply.
fn failed(ready: Time, sent: Time, done: Time, outcome: Outcome) -> Exchange {
    Exchange { ready, sent, done, outcome, reply: Reply::default() }
}
