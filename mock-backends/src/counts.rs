//! Counters of each backend. They never decrease except in a reset.

use lb_core::backend::{Arrival, JobResult};
use lb_core::{Span, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// The counters of one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Requests that reached the backend while it was up, served or not; excludes health checks, held
    /// requests and the degradation API.
    pub(crate) requests: u64,
    /// Requests that were served in full with the application's reply.
    pub(crate) served: u64,
    /// Requests that were served in full, but answered with 500.
    pub(crate) failed: u64,
    /// Requests that were refused immediately with 503 because of a full queue or a fault.
    pub(crate) refused: u64,
    /// Requests that were never answered.
    pub(crate) hung: u64,
    /// Requests that broke because the backend went down or was reset.
    pub(crate) broken: u64,
    /// Requests that the client gave up.
    pub(crate) cancelled: u64,
    /// Requests that were held on demand or streamed, and connections that became WebSockets: all outside the workers.
    pub(crate) held: u64,
    /// Number of replies by status.
    pub(crate) by_status: BTreeMap<u16, u64>,
    /// Replies by kind of call. Only the metrics show them.
    #[serde(skip)]
    pub(crate) by_call: BTreeMap<CallKind, Tally>,
}

/// A kind of call. There are only a few kinds, whatever clients send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKind {
    pub(crate) method: &'static str,
    /// The path template, such as `/api/orders/{id}`.
    pub(crate) uri: &'static str,
    pub(crate) status: u16,
}

/// The number of replies, their total duration and the longest of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) sum: Span,
    pub(crate) longest: Longest,
}

/// The longest duration of late: of the current minute and the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Longest {
    minute: u64,
    now: Span,
    before: Span,
}

impl Longest {
    fn note(&mut self, took: Span, at: Time) {
        *self = self.as_of(at);
        self.now = self.now.max(took);
    }

    /// Moves on to the minute of `at`.
    fn as_of(self, at: Time) -> Self {
        let minute = at.as_nanos() / 60_000_000_000;
        match minute.saturating_sub(self.minute) {
            0 => self,
            1 => Self { minute, now: Span::ZERO, before: self.now },
            _ => Self { minute, ..Self::default() },
        }
    }

    /// Returns the longest duration of the one to two minutes before `at`.
    pub(crate) fn at(self, at: Time) -> Span {
        let Self { now, before, .. } = self.as_of(at);
        now.max(before)
    }
}

impl CallKind {
    /// Returns the kind of a call from its method, the template of its path, if it has one, and its status.
    pub(crate) fn new(method: &str, uri: Option<&'static str>, status: u16) -> Self {
        const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"];
        Self {
            method: METHODS.into_iter().find(|known| *known == method).unwrap_or("OTHER"),
            uri: uri.unwrap_or("UNKNOWN"),
            status,
        }
    }
}

impl Counts {
    /// Counts an arriving request.
    pub(crate) fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Accepted => self.requests += 1,
            Arrival::QueueFull | Arrival::FastFail => {
                self.requests += 1;
                self.refused += 1;
            }
            Arrival::Hangs => {
                self.requests += 1;
                self.hung += 1;
            }
            Arrival::Down => {}
        }
    }

    /// Counts the end of a request.
    pub(crate) fn ended(&mut self, result: JobResult) {
        match result {
            JobResult::Served => self.served += 1,
            JobResult::Failed => self.failed += 1,
            JobResult::Broken => self.broken += 1,
        }
    }

    /// Counts a reply at the time `at`; `took` is the time since the request arrived.
    pub(crate) fn replied(&mut self, call: CallKind, took: Span, at: Time) {
        *self.by_status.entry(call.status).or_default() += 1;
        let tally = self.by_call.entry(call).or_default();
        tally.count += 1;
        tally.sum += took;
        tally.longest.note(took, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_duration_is_forgotten_after_one_to_two_minutes() {
        let at = |seconds| Time::ZERO + Span::from_secs(seconds);
        let mut longest = Longest::default();
        longest.note(Span::from_millis(50), at(10));
        longest.note(Span::from_millis(20), at(59));
        assert_eq!(longest.at(at(59)), Span::from_millis(50));
        longest.note(Span::from_millis(30), at(60));
        assert_eq!(longest.at(at(119)), Span::from_millis(50), "the minute before counts");
        assert_eq!(longest.at(at(120)), Span::from_millis(30));
        assert_eq!(longest.at(at(180)), Span::ZERO);
    }
}
