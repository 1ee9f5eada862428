//! One request on its way: counted in flight when picked, released exactly once, on every path.
//!
//! The value *is* the count. Whoever drops it without having said how the request ended (the future
//! of a client that hung up, a task that is torn down, a panic) releases it as cancelled, so no
//! early return and no error path can leak.

use crate::metrics::ErrorType;
use crate::state::{Backend, Label, Member, Route, State};
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::{Span, Time};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A request that is in flight on a backend.
pub(crate) struct InFlight {
    state: Arc<State>,
    route: Arc<Route>,
    /// The view of its pool that picked.
    view: usize,
    index: BackendIndex,
    label: Arc<Label>,
    sent: Time,
    /// Whether the benchmark counts it.
    booked: bool,
    over: bool,
}

impl InFlight {
    /// Picks a backend of `route` and counts the request there.
    pub(crate) fn pick(
        state: &Arc<State>,
        route: &Arc<Route>,
        view: usize,
        request: &RequestInfo,
        booked: bool,
    ) -> Option<Self> {
        let sent = state.now();
        let picked = route.pool.pick(view, request, sent)?;
        let route = match route.members.get(picked.index.get()) {
            Some(_) => Arc::clone(route),
            // Added after this thread looked at the table: the newest one has it.
            None => Arc::clone(&state.table().routes[&route.service]),
        };
        Some(Self {
            state: Arc::clone(state),
            route,
            view,
            index: picked.index,
            label: picked.label,
            sent,
            booked,
            over: false,
        })
    }

    /// The backend that serves it, in its role for the service.
    pub(crate) fn member(&self) -> &Member {
        &self.route.members[self.index.get()]
    }

    /// The backend that serves it.
    pub(crate) fn backend(&self) -> &Arc<Backend> {
        &self.member().backend
    }

    /// Its service.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// The algorithm that picked.
    pub(crate) fn label(&self) -> &Label {
        &self.label
    }

    /// When it was picked.
    pub(crate) fn sent(&self) -> Time {
        self.sent
    }

    /// The request ended; `status` is what the client was told.
    pub(crate) fn end(mut self, kind: ReplyKind, status: u16) {
        let now = self.state.now();
        let latency = now.since(self.sent);
        self.over = true;
        let reply = Reply { kind, latency };
        self.route.pool.with(self.view, |balancer| balancer.reply(self.index, &reply, now));
        let metrics = &self.route.metrics;
        metrics.requests.record(status, latency);
        metrics.duration.record(latency);
        let member = self.member();
        member.metrics.replies.record(status, latency);
        if let Some(error) = error_type(kind) {
            metrics.error(error, status, latency);
            member.metrics.errors.fetch_add(1, Relaxed);
        }
        if self.booked {
            self.label.stats.record(latency, !reply.is_success());
        }
    }
}

impl InFlight {
    /// The backend took no connection: its error, but the request lives on.
    pub(crate) fn unsent(mut self) {
        let now = self.state.now();
        let reply = Reply { kind: ReplyKind::ConnectionError, latency: now.since(self.sent) };
        self.over = true;
        self.route.pool.with(self.view, |balancer| balancer.reply(self.index, &reply, now));
        self.member().metrics.errors.fetch_add(1, Relaxed);
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
            self.route.pool.with(self.view, |balancer| balancer.cancel(self.index, self.sent));
        }
    }
}

/// Books a request that no backend got, as the client was told.
pub(crate) fn not_sent(state: &State, route: &Route, booked: bool, cause: ErrorType, status: u16) {
    route.metrics.requests.record(status, Span::ZERO);
    route.metrics.error(cause, status, Span::ZERO);
    if booked {
        state.current().stats.record(Span::ZERO, true);
    }
}
