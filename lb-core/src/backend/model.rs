//! A backend with `c` workers, a bounded queue, a speed and a fault timeline.
//!
//! All requests in service advance at one common rate (`speed` under first come, first served;
//! `speed x min(1, c/n)` under processor sharing), so the model keeps one *work clock* that advances
//! at that rate, and a request that starts at clock `w` with demand `d` ends when the clock shows
//! `w + d`. A change of speed in mid-service bends the clock and touches no request. (Processor
//! sharing by a virtual clock: Kleinrock, Queueing Systems II, 1976, section 4.4.)

use crate::fault::FaultTimeline;
use crate::time::{Span, Time};
use crate::topology::BackendSpec;

/// A request within a backend; the driver chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// A request that arrives at a backend.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Who it is.
    pub id: JobId,
    /// Service time at speed 1, without faults.
    pub demand: Span,
    /// Number of its service, as given to [`FaultTimeline::new`].
    pub service: usize,
    /// Key of its own random stream (error or not, hang or not): the same for every algorithm.
    pub key: u64,
}

/// What an arriving request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// In service or in the queue; [`BackendModel::advance`] will report its end.
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
    /// Served.
    Served,
    /// Served in full, then 500.
    Failed,
    /// The backend went down with the request in it: the connection breaks.
    Broken,
}

/// A request that left a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Who it was.
    pub id: JobId,
    /// When its service began.
    pub started: Time,
    /// When it left, exactly (a driver may learn of it later).
    pub at: Time,
    /// How.
    pub result: JobResult,
}

/// One backend.
#[derive(Debug)]
pub struct BackendModel {
    // private: filled in by the implementation
}

impl BackendModel {
    /// An idle backend.
    pub fn new(_spec: &BackendSpec, _faults: FaultTimeline) -> Self {
        todo!()
    }

    /// A request arrives. All events up to `now` must have been taken with [`Self::advance`] before.
    pub fn arrive(&mut self, _job: Job, _now: Time) -> Arrival {
        todo!()
    }

    /// The client of a request went away. A waiting or hanging request leaves; one in service keeps
    /// its worker to the end (a real server rarely notices), and its end is not reported.
    pub fn cancel(&mut self, _job: JobId, _now: Time) {
        todo!()
    }

    /// When something happens next if nothing arrives: an end of service, a fault that begins or
    /// ends. None when the backend is idle and no fault lies ahead.
    pub fn next_event(&self) -> Option<Time> {
        todo!()
    }

    /// Lets time pass to `now`, through all changes in their order, and appends the requests that
    /// left to `finished`.
    pub fn advance(&mut self, _now: Time, _finished: &mut Vec<Finished>) {
        todo!()
    }

    /// An outside hand on the speed (the degradation API): multiplies with the timeline's.
    pub fn set_speed_factor(&mut self, _factor: f64, _now: Time) {
        todo!()
    }

    /// Takes the backend down or up from outside; going down breaks every request in it.
    pub fn set_up(&mut self, _up: bool, _now: Time, _finished: &mut Vec<Finished>) {
        todo!()
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        todo!()
    }

    /// Requests in service and in the queue.
    pub fn in_system(&self) -> usize {
        todo!()
    }

    /// The mean speed that the model has run at so far is not kept; this is the speed now.
    pub fn speed(&self) -> f64 {
        todo!()
    }
}

