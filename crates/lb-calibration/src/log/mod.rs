//! Access logs as data for a fit: which request a load balancer sent to which backend, when, and for how long.
//!
//! [`Gatherer`] takes the entries of a log one by one. What a fit needs is the backend of each attempt and its
//! times, which most logs only hold if their format is extended; [`LogError`] says how.

mod error;
mod exchanges;
mod gather;
mod maker;
mod pools;
mod read;
mod resolution;
mod routes;

pub use error::LogError;
pub use gather::Gatherer;
pub use maker::Maker;
pub use read::ReadLogError;

use crate::Resolution;
use lb_core::{Span, Time};
use lb_traces::read::Traces;

/// The requests that a load balancer sent to one pool, as its access log has them.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLog {
    /// Every attempt at a backend, as one episode.
    pub traces: Traces,
    /// The backends as the log names them, in the order of the traces, whose own ids are also allowed in
    /// configurations of load balancers.
    pub names: Vec<String>,
    /// The requests, in order of time.
    pub requests: Vec<LoggedRequest>,
    /// The load balancer that wrote the log, and whose rules are predicted.
    pub maker: Maker,
    /// The weight of HAProxy's servers in its configuration, from 1 to 256, on which the shares of its random draws
    /// depend. The log does not tell it, so it is that of the template of `bench` if groups are named as there, and
    /// otherwise HAProxy's usual one.
    pub server_weight: u32,
    /// How exact the times in the log are.
    pub resolution: Resolution,
    /// When the first request began, as Unix time in nanoseconds.
    pub began: i128,
    /// How many entries the log has, and why some of them are left out.
    pub counts: Counts,
    /// What the log does not tell, or only roughly, one sentence each.
    pub notes: Vec<String>,
}

/// One request, whatever the number of attempts that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// When the load balancer sent it to a backend for the first time, from the beginning of the log.
    pub at: Time,
    /// Position of its route in [`Traces::routes`].
    pub route: u16,
    /// Position in [`AccessLog::names`] of the backend that got it first.
    pub backend: u16,
    /// Identifies the client.
    pub client: u64,
    /// Time from `at` to the end of the last attempt; `None` if the log does not tell.
    pub latency: Option<Span>,
    /// Whether it was served: any status below 500.
    pub served: bool,
}

/// How many entries a log has, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// All entries.
    pub entries: usize,
    /// Entries without a time.
    pub without_time: usize,
    /// Requests that reached no backend: files, caches, redirections, refusals.
    pub without_backend: usize,
    /// Requests that went to other pools.
    pub of_other_pools: usize,
    /// Requests that went to backends with hardly any requests, which are left out.
    pub of_rare_backends: usize,
    /// Requests that were tried at more than one backend, or more than once.
    pub retried: usize,
}

impl AccessLog {
    /// Returns the time from the first request to the last.
    pub fn length(&self) -> Span {
        self.requests.last().map_or(Span::ZERO, |last| last.at.since(Time::ZERO))
    }

    /// Returns the log up to a point in time.
    pub(crate) fn until(&self, end: Time) -> Traces {
        let mut traces = self.traces.clone();
        for episode in &mut traces.episodes {
            let kept = episode.exchanges.partition_point(|exchange| exchange.sent < end);
            episode.exchanges.truncate(kept);
        }
        traces
    }
}
