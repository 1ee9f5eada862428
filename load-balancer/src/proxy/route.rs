//! A data thread's own copy of a route, which holds everything that the thread writes with each request.
//!
//! Counters and the reference counts of header values change with every request. If threads shared them, a
//! cache line would move between cores each time, even between load balancers with private views.

use crate::load_reports::ReportCounts;
use crate::metrics::{MemberMetrics, ServiceMetrics};
use crate::state::Route;
use http::HeaderValue;
use std::sync::Arc;

/// The route of one service.
pub(super) struct ThreadRoute {
    /// The part that all threads share and none writes to.
    pub(super) shared: Arc<Route>,
    pub(super) metrics: Arc<ServiceMetrics>,
    /// The members, in the order of the shared ones.
    pub(super) members: Box<[ThreadMember]>,
}

/// A backend in its role for the service.
pub(super) struct ThreadMember {
    /// The value of `X-Backend` in its replies.
    pub(super) header: HeaderValue,
    pub(super) metrics: Arc<MemberMetrics>,
    pub(super) reports: Arc<ReportCounts>,
}

impl ThreadRoute {
    /// Creates the copy of data thread `thread`.
    pub(super) fn new(shared: Arc<Route>, thread: usize) -> Self {
        let copy = |header: &HeaderValue| {
            HeaderValue::from_bytes(header.as_bytes()).expect("it was the value of a header")
        };
        let members = shared
            .members
            .iter()
            .map(|member| ThreadMember {
                header: copy(&member.backend.header),
                metrics: member.metrics.of(thread),
                reports: member.backend.reports.counts.of(thread),
            })
            .collect();
        Self { metrics: shared.metrics.of(thread), members, shared }
    }
}
