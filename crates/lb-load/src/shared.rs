//! What the tasks of one worker share, and what the workers of a phase share.

use crate::backends::{BackendNumbers, Unlisted};
use crate::deadlines::Deadlines;
use crate::hooks::Hooks;
use crate::http1::request::RequestWriter;
use crate::plan::LoadPlan;
use lb_clock::Clock;
use lb_core::Time;
use lb_core::workload::StepIndex;
use lb_record::Recorder;
use std::cell::{Cell, RefCell};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::task::JoinSet;

/// The size in bytes of the buffer that all connections of a worker read into. A reply of a few kilobytes
/// takes one read, and a read that does not fill the buffer shows the runtime that nothing is left.
const READ_BUFFER: usize = 64 * 1024;

/// What the workers of a phase share.
#[derive(Debug)]
pub(crate) struct Start {
    /// The clock of the phase, started by the first worker that is ready.
    clock: OnceLock<Clock>,
    /// The greatest number of sessions of open stages at once, over all workers.
    pub(crate) sessions: u32,
    pub(crate) unlisted: Arc<Unlisted>,
}

impl Start {
    pub(crate) fn new(sessions: u32) -> Self {
        Self { clock: OnceLock::new(), sessions, unlisted: Arc::default() }
    }

    /// The clock of the phase, which the first call starts.
    fn clock(&self) -> Clock {
        *self.clock.get_or_init(Clock::start)
    }
}

/// What the tasks of a worker share: its users, its pacer and its seats.
pub(crate) struct Worker {
    pub(crate) plan: LoadPlan,
    pub(crate) hooks: Hooks,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) requests: RefCell<RequestWriter>,
    pub(crate) backends: RefCell<BackendNumbers>,
    pub(crate) buffer: RefCell<Box<[u8]>>,
    pub(crate) deadlines: Deadlines,
    /// Without a load balancer, how many requests each pool was sent, at the position of its first backend.
    turns: Box<[Cell<usize>]>,
    /// Whether a step is a HEAD request, whose replies have no body, by step.
    is_head: Vec<bool>,
    /// The tasks of users, of the pacer and of seats.
    pub(crate) tasks: RefCell<JoinSet<io::Result<()>>>,
    pub(crate) clock: Clock,
}

impl Worker {
    /// Makes the shared state of a worker.
    pub(crate) fn new(plan: LoadPlan, hooks: Hooks, recorder: Recorder, start: &Start) -> Self {
        let steps = plan.workload().steps();
        Self {
            recorder: RefCell::new(recorder),
            requests: RefCell::new(RequestWriter::new(&plan)),
            is_head: steps.iter().map(|step| step.method == "HEAD").collect(),
            backends: RefCell::new(BackendNumbers::new(&plan.backends, Arc::clone(&start.unlisted))),
            buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
            deadlines: Deadlines::default(),
            turns: (0..plan.lanes()).map(|_| Cell::new(0)).collect(),
            tasks: RefCell::default(),
            clock: start.clock(),
            plan,
            hooks,
        }
    }

    /// Time since the start of the phase.
    #[inline]
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Converts a time of the phase to the runtime's clock.
    pub(crate) fn instant(&self, at: Time) -> tokio::time::Instant {
        tokio::time::Instant::now() + at.since(self.now()).into()
    }

    /// The end of the phase: no request begins at or after it.
    #[inline]
    pub(crate) fn end(&self) -> Time {
        Time::ZERO + self.plan.duration
    }

    /// The number of the connection for the next request of a step.
    #[inline]
    pub(crate) fn lane(&self, step: StepIndex) -> usize {
        let Some(direct) = &self.plan.direct else { return 0 };
        let backends = &direct.by_step[usize::from(step.0)];
        let turn = &self.turns[backends.start];
        turn.set(turn.get() + 1);
        backends.start + turn.get() % backends.len()
    }

    #[inline]
    pub(crate) fn is_head(&self, step: StepIndex) -> bool {
        self.is_head[usize::from(step.0)]
    }
}
