//! Results of a simulation besides the finished requests.

use lb_core::{Span, Time};

/// Results of a simulation besides the finished requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Number of events processed: six for an ordinary request, plus those of users and faults.
    pub events: u64,
    /// When the last request ended, relative to the start of the phase.
    pub ended_at: Time,
    /// Counts of the arrivals of open stages.
    pub arrivals: ArrivalCounts,
    /// One report for each backend, in the order of the topology.
    pub backends: Vec<BackendReport>,
}

/// Counts of the arrivals of open stages; `due` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivalCounts {
    /// Arrivals that were due within the phase.
    pub due: u64,
    /// Arrivals that started their session or action.
    pub begun: u64,
    /// Arrivals that were dropped because too many sessions were in flight.
    pub dropped: u64,
}

/// Results of one backend.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendReport {
    /// Id of the backend in the topology.
    pub id: String,
    /// Number of requests that load balancers sent to the backend.
    pub requests: u64,
    /// Highest number of requests in flight to the backend at once, over all load balancers.
    pub peak_in_flight: u32,
    /// Worker time spent, summed over the backend's workers.
    pub busy: Span,
}
