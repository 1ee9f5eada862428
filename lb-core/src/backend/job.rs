//! A request within a backend, from arrival to departure.

use crate::time::{Span, Time};

/// Number of a request within a backend. The driver chooses a new one for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// A request that arrives at a backend.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Number of the request, chosen by the driver.
    pub id: JobId,
    /// Service time at speed 1, without faults.
    pub demand: Span,
    /// Number of its service, as passed to [`crate::fault::FaultTimeline::new`]; a number beyond those
    /// means that the service is unknown.
    pub service: usize,
    /// Key of the request's random stream (error or not, hang or not), the same for every algorithm.
    pub key: u64,
}

/// What happens to an arriving request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Accepted into service or the queue; [`super::BackendModel::advance`] will report its end.
    Accepted,
    /// The queue is full: 503 at once.
    QueueFull,
    /// Fails at once with 503 (a fast-fail fault).
    FastFail,
    /// Never answered: it hangs without occupying a worker until the client gives up.
    Hangs,
    /// The backend is down: connection refused.
    Down,
}

/// How a request left a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// The request was served in full and succeeded.
    Served,
    /// The request was served in full and then failed with 500.
    Failed,
    /// The backend went down before the request ended, and the connection broke.
    Broken,
}

/// A request that left a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Number of the request, as the driver chose it.
    pub id: JobId,
    /// When its service began; equal to `at` if the connection broke while the request was queued.
    pub started: Time,
    /// Exact time at which it left; a driver may learn of it later.
    pub at: Time,
    /// How the request ended.
    pub result: JobResult,
}
