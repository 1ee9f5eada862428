//! A request within a backend: how it comes, and how it goes.

use crate::time::{Span, Time};

/// A request within a backend; the driver chooses the number, a new one for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// A request that arrives at a backend.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Number of the request, chosen by the driver.
    pub id: JobId,
    /// Service time at speed 1, without faults.
    pub demand: Span,
    /// Number of its service, as given to [`crate::fault::FaultTimeline::new`]; any number beyond
    /// those for a request of no known service.
    pub service: usize,
    /// Key of its own random stream (error or not, hang or not): the same for every algorithm.
    pub key: u64,
}

/// What an arriving request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// In service or in the queue; [`super::BackendModel::advance`] will report its end.
    Accepted,
    /// The queue is full: 503 at once.
    QueueFull,
    /// Fails at once with 503 (a fast-fail fault).
    FastFail,
    /// Never answered: it hangs outside the workers until the client gives up.
    Hangs,
    /// The backend is down: connection refused.
    Down,
}

/// How a request left a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// The request was served in full and succeeds.
    Served,
    /// The request was served in full and then fails with 500.
    Failed,
    /// The backend went down with the request in it: the connection breaks.
    Broken,
}

/// A request that left a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Number of the request, as the driver chose it.
    pub id: JobId,
    /// When its service began; the same as `at` when it never did (a break in the queue).
    pub started: Time,
    /// When it left, exactly (a driver may learn of it later).
    pub at: Time,
    /// How the request left.
    pub result: JobResult,
}
