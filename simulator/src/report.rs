//! What a simulation knows besides the finished requests.

use lb_core::{Span, Time};

/// What a simulation knows besides the finished requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Events processed: six for a request without mishap, and those of users and faults.
    pub events: u64,
    /// When the last request was over, from the start of the phase.
    pub ended_at: Time,
    /// What became of the arrivals of open stages.
    pub arrivals: ArrivalCounts,
    /// One report for each backend, in the order in which the topology lists them.
    pub backends: Vec<BackendReport>,
}

/// What became of the arrivals of open stages: `due` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivalCounts {
    /// Arrivals that were due within the phase.
    pub due: u64,
    /// Arrivals that started their session or action.
    pub begun: u64,
    /// Arrivals that were dropped because the limit of sessions under way was reached.
    pub dropped: u64,
}

/// What one backend did.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendReport {
    /// Id of the backend in the topology.
    pub id: String,
    /// Requests that load balancers sent to it.
    pub requests: u64,
    /// Most requests in flight to it at once, over all load balancers.
    pub peak_in_flight: u32,
    /// Worker time spent, summed over its workers.
    pub busy: Span,
}
