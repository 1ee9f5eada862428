//! A request in flight: counted when a backend is picked, and released exactly once, on every path.
//!
//! The value *is* the count. If it is dropped before its end was recorded (with the future of a client that
//! disconnected, a cancelled task, a panic), the request is released as cancelled, so neither an early return
//! nor an error path can leak it.

use crate::config::LoadReports;
use crate::load_reports::Fault;
use crate::metrics::ErrorType;
use crate::proxy::fields::{Fields, Kind};
use crate::proxy::route::{ThreadMember, ThreadRoute};
use crate::proxy::thread::Thread;
use crate::proxy::upstream::Upstream;
use crate::state::{Backend, Member, Route, ViewLabel};
use http::HeaderValue;
use lb_core::policy::{BackendIndex, LoadReport, Reply, ReplyKind, RequestInfo};
use lb_core::reports::orca::{self, OrcaError};
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
    /// Whether the benchmark counts the request.
    booked: bool,
    /// What the reply says about the load of the backend.
    report: Option<LoadReport>,
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
            // The backend was added after this thread read the table; the newest table has it.
            None => thread.route(&route.shared.service).expect("a route is replaced, never removed"),
        };
        Some(Self {
            thread: Rc::clone(thread),
            route,
            index: picked.index,
            label: picked.label,
            sent,
            booked,
            report: None,
            over: false,
        })
    }

    /// Reads what the fields of the reply say about the load of the backend, and lets these fields end here if so
    /// configured.
    pub(super) fn hear(&mut self, fields: &mut Fields, config: &LoadReports) {
        if !config.orca {
            return;
        }
        let text = fields.values(Kind::LoadReport).next().map(orca::parse);
        let is_binary = || fields.has(Kind::BinaryLoadReport).then_some(Err(OrcaError::Binary));
        match text.or_else(is_binary) {
            Some(Ok(parsed)) => {
                self.own_member().reports.left_out(parsed.ignored);
                self.report = Some(LoadReport { max_age: config.max_age, ..parsed.report });
            }
            Some(Err(error)) => {
                let backend = self.backend();
                backend.reports.fault(&backend.id, &self.own_member().reports, Fault::Field(error));
            }
            None => {}
        }
        if config.strip {
            fields.end_here(Kind::LoadReport);
            fields.end_here(Kind::BinaryLoadReport);
        }
    }

    /// Returns the backend that serves the request, in its role for the service.
    pub(super) fn member(&self) -> &Member {
        &self.route.shared.members[self.index.get()]
    }

    fn own_member(&self) -> &ThreadMember {
        &self.route.members[self.index.get()]
    }

    /// Returns the backend that serves the request.
    pub(super) fn backend(&self) -> &Arc<Backend> {
        &self.member().backend
    }

    /// Returns the value of `X-Backend` for the reply.
    pub(super) fn backend_header(&self) -> &HeaderValue {
        &self.own_member().header
    }

    /// Returns the route of the request's service.
    pub(super) fn route(&self) -> &Route {
        &self.route.shared
    }

    /// Returns the value of `X-LB-Algorithm` for the reply: the algorithm that picked the backend.
    pub(super) fn algorithm_header(&self) -> &HeaderValue {
        &self.label.header
    }

    /// Returns the time at which the backend was picked.
    pub(super) fn sent(&self) -> Time {
        self.sent
    }

    /// Ends a request whose whole reply came over `upstream`, which is kept for the next one.
    pub(super) fn over(self, thread: &Thread, upstream: Box<Upstream>, status: u16) {
        let slot = self.backend().slot;
        let kind = if status >= 500 { ReplyKind::ServerError } else { ReplyKind::Success };
        self.end(kind, status);
        thread.keep(slot, upstream);
    }

    /// Ends the request; `status` is the one that the client received.
    pub(super) fn end(self, kind: ReplyKind, status: u16) {
        let now = self.thread.state.now();
        let latency = now.since(self.sent);
        self.end_with(kind, status, latency, now);
    }

    /// Notes that the request has become a tunnel. Returns the time until then.
    pub(super) fn tunnelled(&self) -> Span {
        self.route.metrics.tunnel_opened();
        self.thread.state.now().since(self.sent)
    }

    /// Ends a tunnel. Its latency is the time until it was `opened`: how long two sides talk says nothing about how fast
    /// the backend is.
    pub(super) fn end_tunnel(self, kind: ReplyKind, opened: Span) {
        let now = self.thread.state.now();
        self.route.metrics.tunnel_closed(now.since(self.sent));
        self.end_with(kind, 101, opened, now);
    }

    fn end_with(mut self, kind: ReplyKind, status: u16, latency: Span, now: Time) {
        self.over = true;
        let reply = Reply { kind, latency };
        self.route().pool.with(self.thread.view, |balancer| {
            balancer.reply(self.index, &reply, now);
            if let Some(report) = &self.report {
                balancer.report(self.index, report, now);
            }
        });
        if self.report.is_some() {
            self.own_member().reports.used(false, now);
        }
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
    /// Records that the backend refused the connection: an error of the backend, but not the end of the
    /// request.
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

/// Books a request that no backend received, with the status that the client received.
pub(super) fn not_sent(thread: &Thread, route: &ThreadRoute, booked: bool, cause: ErrorType, status: u16) {
    route.metrics.requests.record(status, Span::ZERO);
    route.metrics.error(cause, status, Span::ZERO);
    if booked {
        let label = route.shared.pool.label(thread.view);
        label.label.stats.record(thread.number, Span::ZERO, true);
    }
}
