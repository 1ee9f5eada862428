//! What each backend counts. All counts only grow until a reset.

use lb_core::backend::{Arrival, JobResult};
use serde::Serialize;
use std::collections::BTreeMap;

/// The counters of one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Requests that reached the backend while it was up, served or not; without health
    /// checks, held requests and the degradation API.
    pub(crate) requests: u64,
    /// Served in full with the application's reply.
    pub(crate) served: u64,
    /// Served in full, then 500.
    pub(crate) failed: u64,
    /// Refused at once with 503: queue full or a fault.
    pub(crate) refused: u64,
    /// Never answered.
    pub(crate) hung: u64,
    /// Broken because the backend went down or was reset.
    pub(crate) broken: u64,
    /// Given up by the client.
    pub(crate) cancelled: u64,
    /// Held on request, outside of the workers.
    pub(crate) held: u64,
    /// Replies by status.
    pub(crate) by_status: BTreeMap<u16, u64>,
}

impl Counts {
    /// Counts what an arriving request met.
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

    /// Counts how a request left.
    pub(crate) fn ended(&mut self, result: JobResult) {
        match result {
            JobResult::Served => self.served += 1,
            JobResult::Failed => self.failed += 1,
            JobResult::Broken => self.broken += 1,
        }
    }

    /// Counts a reply.
    pub(crate) fn replied(&mut self, status: u16) {
        *self.by_status.entry(status).or_default() += 1;
    }
}
