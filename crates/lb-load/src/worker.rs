//! One worker: a thread, its runtime, and what its users share. Nothing here leaves the thread.

use super::backends::{BackendNumbers, Unlisted};
use super::deadlines::Deadlines;
use super::limits::part;
use super::request::RequestWriter;
use super::user;
use super::{LoadSpec, cpu_wait, pacer};
use lb_clock::Clock;
use lb_core::workload::StepIndex;
use lb_core::{Span, Time};
use lb_record::Recorder;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// How often a worker looks for timeouts, seconds that are over, the end and the stop signal.
const TICK: Duration = Duration::from_millis(10);

/// How long users may take to notice the end of the drain before they are dropped.
const GRACE: Span = Span::from_millis(200);

/// All connections of a worker read into one buffer of this size: a reply of a few kilobytes comes
/// in one read, and one that is smaller than the buffer tells the runtime that nothing is left.
const READ_BUFFER: usize = 64 * 1024;

/// What all workers of a phase agree on.
#[derive(Debug)]
pub(super) struct Start {
    /// Begins at time zero; set by the first worker that is ready.
    clock: OnceLock<Clock>,
    /// Most sessions of open stages at once, over all workers.
    sessions: u32,
    pub(super) unlisted: Arc<Unlisted>,
}

impl Start {
    pub(super) fn new(sessions: u32) -> Self {
        Self { clock: OnceLock::new(), sessions, unlisted: Arc::default() }
    }
}

/// What the users of a worker share.
pub(super) struct Worker {
    pub(super) spec: LoadSpec,
    pub(super) recorder: RefCell<Recorder>,
    pub(super) requests: RefCell<RequestWriter>,
    pub(super) backends: RefCell<BackendNumbers>,
    pub(super) buffer: RefCell<Box<[u8]>>,
    pub(super) deadlines: Deadlines,
    /// Where there is no load balancer: by first backend of a pool, how many requests it was sent.
    turns: Box<[Cell<usize>]>,
    /// By step: whether its replies have no body whatever their headers say.
    is_head: Vec<bool>,
    /// Users, the pacer, seats.
    pub(super) tasks: RefCell<JoinSet<io::Result<()>>>,
    pub(super) clock: Clock,
}

/// How a worker's phase went.
pub(super) struct Ended {
    pub(super) recorder: Recorder,
    /// When it was stopped, if it was.
    pub(super) stopped: Option<Time>,
    /// Share of its time in which it wanted a CPU and had none.
    pub(super) cpu_wait_share: Option<f64>,
}

impl Worker {
    /// Time since the start of the phase.
    #[inline]
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// A point of the phase on the runtime's clock.
    pub(super) fn instant(&self, at: Time) -> tokio::time::Instant {
        tokio::time::Instant::now() + at.since(self.now()).into()
    }

    /// The end of the phase: no request begins at or after it.
    #[inline]
    pub(super) fn end(&self) -> Time {
        Time::ZERO + self.spec.duration
    }

    /// The connection for the next request of a step.
    #[inline]
    pub(super) fn lane(&self, step: StepIndex) -> usize {
        let Some(direct) = &self.spec.direct else { return 0 };
        let backends = &direct.by_step[usize::from(step.0)];
        let turn = &self.turns[backends.start];
        turn.set(turn.get() + 1);
        backends.start + turn.get() % backends.len()
    }

    #[inline]
    pub(super) fn is_head(&self, step: StepIndex) -> bool {
        self.is_head[usize::from(step.0)]
    }
}

/// Prepares a worker's users and runs the phase.
pub(super) fn run(spec: LoadSpec, number: usize, recorder: Recorder, start: &Start) -> io::Result<Ended> {
    pin(&spec.cores, number);
    let runtime =
        Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())?;
    let steps = spec.scenario.workload.steps();
    let worker = Rc::new(Worker {
        recorder: RefCell::new(recorder),
        requests: RefCell::new(RequestWriter::new(&spec)),
        is_head: steps.iter().map(|step| step.method == "HEAD").collect(),
        backends: RefCell::new(BackendNumbers::new(&spec.backends, Arc::clone(&start.unlisted))),
        buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
        deadlines: Deadlines::default(),
        turns: (0..spec.lanes()).map(|_| Cell::new(0)).collect(),
        tasks: RefCell::default(),
        clock: *start.clock.get_or_init(Clock::start),
        spec,
    });
    let (begun, waited) = (worker.now(), cpu_wait::of_this_thread());
    let stopped = runtime.block_on(async {
        spawn(&worker, number, start.sessions as usize);
        let stopped = watch(&worker).await;
        let mut tasks = worker.tasks.take();
        tasks.shutdown().await;
        stopped
    })?;
    let took = worker.now().since(begun).as_secs_f64();
    let waited = cpu_wait::of_this_thread().zip(waited).map(|(after, before)| after - before);
    // The tasks are gone, so this is the only handle.
    let Some(worker) = Rc::into_inner(worker) else { unreachable!("something outlived its task") };
    Ok(Ended {
        recorder: worker.recorder.into_inner(),
        stopped,
        cpu_wait_share: waited.map(|waited| waited.as_secs_f64() / took),
    })
}

/// Starts this worker's users, and the pacer of its arrivals.
fn spawn(worker: &Rc<Worker>, number: usize, sessions: usize) {
    let spec = &worker.spec;
    let workers = spec.workers.get();
    let mut tasks = worker.tasks.borrow_mut();
    for plan in spec.schedule.users().iter().skip(number).step_by(workers) {
        let user = user::run(Rc::clone(worker), plan.id);
        tasks.spawn_local(async move {
            user.await;
            Ok(())
        });
    }
    // A worker without a seat would drop its arrivals while others have seats free.
    let pacers = workers.min(sessions);
    if number < pacers {
        let seats = part(sessions, pacers, number);
        tasks.spawn_local(pacer::run(Rc::clone(worker), number, pacers, seats));
    }
}

/// Pins this worker to its core, where cores are named.
fn pin(cores: &[usize], number: usize) {
    if cores.is_empty() {
        return;
    }
    let core = cores[number % cores.len()];
    let mut set = CpuSet::new();
    set.set(core);
    if let Err(error) = sched_setaffinity(None, &set) {
        tracing::warn!(core, %error, "a worker could not be pinned to its core");
    }
}

/// Looks after the users until the phase is over; gives the time of a stop from outside.
async fn watch(worker: &Worker) -> io::Result<Option<Time>> {
    let spec = &worker.spec;
    let end = worker.end();
    let patience = end + spec.drain_timeout;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(left) = poll_fn(|cx| worker.tasks.borrow_mut().poll_join_next(cx)) => match left {
                Ok(result) => result?,
                // A user that panics is a defect of ours and must not look like a quiet user.
                Err(error) => if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                },
            },
            _ = tick.tick() => {
                let now = worker.now();
                worker.deadlines.sweep(now);
                worker.recorder.borrow_mut().advance(now);
                if spec.stop.load(Ordering::Relaxed) {
                    return Ok(Some(now));
                }
                if now >= patience {
                    worker.deadlines.expire_all();
                }
                if now >= end && worker.tasks.borrow().is_empty() || now >= patience + GRACE {
                    return Ok(None);
                }
            }
        }
    }
}
