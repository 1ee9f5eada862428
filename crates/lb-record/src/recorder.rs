//! The recorder of one worker thread, which receives every finished request.
//!
//! It is on the hot path: per request a few additions and three histogram increments (four in the open
//! model, and one more while the phase is watched), no lock, no formatting, and an allocation only when a step,
//! outcome or backend is seen for the first time. At the end of a second the current slice is swapped for an
//! empty one that the collector has returned.

use crate::cell::Cell;
use crate::connections::ConnectionTimes;
use crate::failures::Failures;
use crate::observed::{Observed, ValueNumber};
use crate::pieces::{Piece, PieceSink};
use crate::population::SECOND_NS;
use crate::requests::RequestLog;
use crate::sendings::Sendings;
use crate::slice::Slice;
use crate::spec::RecordingSpec;
use crate::trial::{ArrivalCounts, BackendRecord, NamedAlgorithm, StepRecord, TrialRecord, UserRecord};
use crate::watched::Watched;
use lb_core::workload::{Observer, Sample, StepIndex, UserId};
use lb_core::{Outcome, Span, Time};
use std::sync::mpsc::{Receiver, SyncSender};

/// Records the requests of one worker thread. Created by [`crate::Recording::start`].
#[derive(Debug)]
pub struct Recorder {
    steps: Vec<StepRecord>,
    backends: Vec<BackendRecord>,
    listed_backends: usize,
    users: Vec<UserRecord>,
    /// (user, step) in the order of `done`; `None` unless the spec asks for it.
    actions: Option<Vec<(UserId, StepIndex)>>,
    lateness: Cell,
    /// Log of every single request; `None` unless the spec asks for it.
    requests: Option<RequestLog>,
    /// Service times; `None` if the schedule has no arrivals.
    service: Option<Cell>,
    /// Requests by the time at which they were sent; `None` for a recording in pieces, in which they would grow.
    sendings: Option<Sendings>,
    /// Takes what was recorded at the end of each second; `None` keeps it until the end.
    pieces: Option<PieceSink>,
    /// What is handed over each second while the phase is watched; `None` if it is not.
    watched: Option<Box<Watched>>,
    arrivals: ArrivalCounts,
    connections: ConnectionTimes,
    named: NamedAlgorithm,
    failures: Failures,
    /// Replies by the value of a header; `None` unless the spec asks for it.
    observed: Option<Observed>,
    /// What the failed check of the next sample found.
    why: Option<String>,
    last_done: Time,
    slice: Box<Slice>,
    /// End of the slice's second; most requests need only one comparison with it.
    slice_end: Time,
    full: SyncSender<Box<Slice>>,
    spare: Receiver<Box<Slice>>,
}

impl Recorder {
    pub(crate) fn new(
        worker: usize,
        spec: &RecordingSpec,
        full: SyncSender<Box<Slice>>,
        spare: Receiver<Box<Slice>>,
    ) -> Self {
        Self {
            steps: vec![StepRecord::default(); spec.steps],
            backends: vec![BackendRecord::default(); spec.backends],
            listed_backends: spec.backends,
            users: vec![UserRecord::default(); spec.population.users()],
            actions: spec.keep_actions.then(Vec::new),
            lateness: Cell::default(),
            requests: spec.requests.clone().map(RequestLog::new),
            service: spec.open.then(Cell::default),
            sendings: spec.pieces.is_none().then(|| Sendings::new(spec.backends)),
            pieces: spec.pieces.clone(),
            watched: spec.watch.clone().map(|sink| Box::new(Watched::new(sink, spec.steps, spec.backends))),
            arrivals: ArrivalCounts::default(),
            connections: ConnectionTimes::default(),
            named: NamedAlgorithm::default(),
            failures: Failures::default(),
            observed: spec.observe.clone().map(Observed::new),
            why: None,
            last_done: Time::ZERO,
            slice: Box::new(Slice::new(worker, spec.backends)),
            slice_end: Time::from_nanos(SECOND_NS),
            full,
            spare,
        }
    }

    /// Hands over the seconds that end by `now`; every request up to `now` must have been recorded. A driver
    /// calls it regularly, so that a display does not wait for the next request.
    #[inline]
    pub fn advance(&mut self, now: Time) {
        while now >= self.slice_end {
            self.hand_over();
        }
    }

    /// Records the lateness of the load generator itself: how long after its due time an arrival, or a user
    /// that had been waiting, actually started.
    #[inline]
    pub fn late(&mut self, by: Span) {
        self.lateness.record(by, 0);
    }

    /// Returns the arrival counts, for the driver to update.
    #[inline]
    pub fn arrivals(&mut self) -> &mut ArrivalCounts {
        &mut self.arrivals
    }

    /// Returns the times of opening connections, for the driver to update.
    #[inline]
    pub fn connections(&mut self) -> &mut ConnectionTimes {
        &mut self.connections
    }

    /// Counts a reply that named an algorithm; `right` says whether it was the intended one.
    #[inline]
    pub fn named(&mut self, right: bool) {
        match right {
            true => self.named.right += 1,
            false => self.named.wrong += 1,
        }
    }

    /// Explains the next sample, whose check failed.
    pub fn explain(&mut self, why: String) {
        self.why = Some(why);
    }

    /// Records the value of the observed header in the reply to a request, which is also recorded as a sample. Without
    /// an observed header, nothing is recorded.
    #[inline]
    pub fn observe(&mut self, sample: &Sample, value: ValueNumber) {
        if let Some(observed) = &mut self.observed {
            observed.record(sample, value);
        }
    }

    /// Counts attempts at a backend that failed and that the load balancer repeated.
    pub fn repeated(&mut self, backend: u16, attempts: u64) {
        grown(&mut self.backends, usize::from(backend)).retries += attempts;
    }

    /// Hands over the last second and the last batch of requests, both incomplete.
    pub(crate) fn close(&mut self) {
        self.hand_over();
        if let Some(requests) = &mut self.requests {
            requests.send();
        }
    }

    /// Returns all counts except the time series, which went to the collector.
    pub(crate) fn into_record(mut self) -> TrialRecord {
        let mut sent = Vec::new();
        if let Some(sendings) = &self.sendings {
            sendings.add_to(&mut sent, self.backends.len());
        }
        let counts = self.take_counts();
        let actions = self.actions.map(|log| {
            let mut sequences = vec![Vec::new(); self.users.len()];
            for (user, step) in log {
                grown(&mut sequences, user.0 as usize).push(step);
            }
            sequences
        });
        TrialRecord { users: self.users, actions, sent, observed: self.observed, ..counts }
    }

    /// Takes all counts that can be added up, and starts them again from nothing.
    fn take_counts(&mut self) -> TrialRecord {
        let steps = vec![StepRecord::default(); self.steps.len()];
        let backends = vec![BackendRecord::default(); self.backends.len()];
        TrialRecord {
            steps: std::mem::replace(&mut self.steps, steps),
            backends: std::mem::replace(&mut self.backends, backends),
            listed_backends: self.listed_backends,
            lateness: std::mem::take(&mut self.lateness),
            service: self.service.as_mut().map(std::mem::take).unwrap_or_default(),
            arrivals: std::mem::take(&mut self.arrivals),
            connections: std::mem::take(&mut self.connections),
            failures: std::mem::take(&mut self.failures).into_records(),
            named: std::mem::take(&mut self.named),
            last_done: self.last_done,
            ..TrialRecord::default()
        }
    }

    #[cold]
    fn hand_over(&mut self) {
        let fresh = self
            .spare
            .try_recv()
            .unwrap_or_else(|_| Box::new(Slice::new(self.slice.worker, self.slice.backends.len())));
        let full = std::mem::replace(&mut self.slice, fresh);
        self.slice.second = full.second + 1;
        if let Some(watched) = &mut self.watched {
            watched.hand_over(full.worker, full.second);
        }
        if let Some(pieces) = self.pieces.clone() {
            let mut record = self.take_counts();
            // Nobody knows how many arrivals were due of a load without end, unless they were late or dropped.
            record.arrivals.due = record.arrivals.begun + record.arrivals.dropped;
            pieces.send(Piece { worker: full.worker, second: full.second, record });
        }
        self.slice_end += Span::from_nanos(SECOND_NS);
        // The collector outlives all recorders; if it had panicked, `finish` would report that.
        let _ = self.full.send(full);
    }
}

impl Observer for Recorder {
    #[inline]
    fn sample(&mut self, sample: &Sample) {
        self.advance(sample.done);
        let latency = sample.done.since(sample.intended);
        let success = sample.outcome.is_success();
        self.last_done = self.last_done.max(sample.done);
        self.slice.record(sample.done, latency, success, sample.backend);
        grown(&mut self.steps, usize::from(sample.step.0)).record(sample.outcome, latency, sample.bytes);
        if let Some(watched) = &mut self.watched {
            let why = self.why.as_deref().filter(|_| sample.outcome == Outcome::CheckFailed);
            watched.record(sample, latency, success, why);
        }
        if !success {
            let why = self.why.take().filter(|_| sample.outcome == Outcome::CheckFailed);
            self.failures.sample(sample, why);
        }
        if let Some(backend) = sample.backend {
            let backend = usize::from(backend);
            grown(&mut self.backends, backend).record(sample.outcome, latency, sample.bytes);
            if let Some(sendings) = &mut self.sendings {
                sendings.record(sample.sent, backend);
            }
        }
        if success && let Some(service) = &mut self.service {
            service.record(sample.done.since(sample.sent), sample.bytes);
        }
        // Arrivals are numbered after all users and are not listed: millions of them would fill the memory.
        if let Some(user) = self.users.get_mut(sample.user.0 as usize) {
            user.record(success, sample.backend);
        }
        if let Some(actions) = &mut self.actions {
            actions.push((sample.user, sample.step));
        }
        if let Some(requests) = &mut self.requests {
            requests.push(sample);
        }
    }
}

/// Returns the element at `index`, growing the list if needed, for instance for a backend that the topology
/// does not list.
#[inline]
fn grown<T: Default + Clone>(list: &mut Vec<T>, index: usize) -> &mut T {
    if index >= list.len() {
        list.resize(index + 1, T::default());
    }
    &mut list[index]
}

impl StepRecord {
    #[inline]
    fn record(&mut self, outcome: Outcome, latency: Span, bytes: u64) {
        self.outcomes[outcome.index()].get_or_insert_default().record(latency, bytes);
    }
}

impl BackendRecord {
    #[inline]
    fn record(&mut self, outcome: Outcome, latency: Span, bytes: u64) {
        self.errors += u64::from(!outcome.is_success());
        self.latency.record(latency, bytes);
    }
}

impl UserRecord {
    #[inline]
    fn record(&mut self, success: bool, backend: Option<u16>) {
        self.requests += 1;
        self.errors += u32::from(!success);
        if backend.is_some() {
            self.named += 1;
            self.moves += u32::from(self.last_backend.is_some() && self.last_backend != backend);
            self.last_backend = backend;
        }
    }
}
