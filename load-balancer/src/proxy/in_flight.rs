//! One request on its way: counted in flight when picked, released exactly once, on every path.
//!
//! The value *is* the count. If it is dropped before it was told how the request ended (with the future of a
//! client that hung up, a task that is torn down, a panic), the request is released as cancelled, so no early
//! return and no error path can leak.

use crate::metrics::ErrorType;
use crate::proxy::route::{ThreadMember, ThreadRoute};
use crate::proxy::thread::Thread;
use crate::state::{Backend, Member, Route, ViewLabel};
use http::HeaderValue;
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::{Span, Time};
use std::rc::Rc;
use std::sync::Arc;

/// A request that is in flight on a backend.
pub(super) struct InFlight {
    thread: Rc<Thread>,
    route: Rc<ThreadRoute>,
    index: BackendIndex,
    label: Arc<ViewLabel>,
    sent: Time,
    /// Whether the benchmark counts it.
    booked: bool,
    over: bool,
}

impl InFlight {
    /// Picks a backend of `route` and counts the request there.
    pub(super) fn pick(
        thread: &Rc<Thread>,
        route: &Rc<ThreadRoute>,
        request: &RequestInfo,
        booked: bool,
    ) -> Option<Self> {
        let sent = thread.state.now();
        let picked = route.shared.pool.pick(thread.view, request, sent)?;
        let route = match route.members.get(picked.index.get()) {
            Some(_) => Rc::clone(route),
            // Added after this thread looked at the table: the newest one has it.
            None => thread.route(&route.shared.service).expect("a route is replaced, never removed"),
        };
        Some(Self {
            thread: Rc::clone(thread),
            route,
            index: picked.index,
            label: picked.label,
            sent,
            booked,
            over: false,
        })
    }

    /// The backend that serves it, in its role for the service.
    pub(super) fn member(&self) -> &Member {
        &self.route.shared.members[self.index.get()]
    }

    fn own_member(&self) -> &ThreadMember {
        &self.route.members[self.index.get()]
    }

    /// The backend that serves it.
    pub(super) fn backend(&self) -> &Arc<Backend> {
        &self.member().backend
    }

    /// `X-Backend` of its reply.
    pub(super) fn backend_header(&self) -> &HeaderValue {
        &self.own_member().header
    }

    /// Its service.
    pub(super) fn route(&self) -> &Route {
        &self.route.shared
    }

    /// `X-LB-Algorithm` of its reply: the algorithm that picked.
    pub(super) fn algorithm_header(&self) -> &HeaderValue {
        &self.label.header
    }

    /// When it was picked.
    pub(super) fn sent(&self) -> Time {
        self.sent
    }

    /// The request ended; `status` is what the client was told.
    pub(super) fn end(mut self, kind: ReplyKind, status: u16) {
        let now = self.thread.state.now();
        let latency = now.since(self.sent);
        self.over = true;
        let reply = Reply { kind, latency };
        self.route().pool.with(self.thread.view, |balancer| balancer.reply(self.index, &reply, now));
        let metrics = &self.route.metrics;
        metrics.requests.record(status, latency);
        metrics.duration.record(latency);
        let member = self.own_member();
        member.metrics.replies.record(status, latency);
        if let Some(error) = error_type(kind) {
            metrics.error(error, status, latency);
            member.metrics.error();
        }
        if self.booked {
            self.label.label.stats.record(self.thread.number, latency, !reply.is_success());
        }
    }
}

impl InFlight {
    /// The backend took no connection: its error, but the request lives on.
    pub(super) fn unsent(mut self) {
        let now = self.thread.state.now();
        let reply = Reply { kind: ReplyKind::ConnectionError, latency: now.since(self.sent) };
        self.over = true;
        self.route().pool.with(self.thread.view, |balancer| balancer.reply(self.index, &reply, now));
        self.own_member().metrics.error();
    }
}

fn error_type(kind: ReplyKind) -> Option<ErrorType> {
    match kind {
        ReplyKind::Success => None,
        ReplyKind::ServerError => Some(ErrorType::Backend),
        ReplyKind::Timeout => Some(ErrorType::Timeout),
        ReplyKind::ConnectionError => Some(ErrorType::Connection),
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.over {
            self.route().pool.with(self.thread.view, |balancer| balancer.cancel(self.index, self.sent));
        }
    }
}

/// Books a request that no backend got, as the client was told.
pub(super) fn not_sent(thread: &Thread, route: &ThreadRoute, booked: bool, cause: ErrorType, status: u16) {
    route.metrics.requests.record(status, Span::ZERO);
    route.metrics.error(cause, status, Span::ZERO);
    if booked {
        let label = route.shared.pool.label(thread.view);
        label.label.stats.record(thread.number, Span::ZERO, true);
    }
}
