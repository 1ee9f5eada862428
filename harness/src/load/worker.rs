//! One worker: a thread, its runtime, and what its users share. Nothing here leaves the thread.

use super::LoadSpec;
use super::backends::{BackendNumbers, Unlisted};
use super::deadlines::Deadlines;
use super::request::RequestWriter;
use super::user;
use crate::record::Recorder;
use lb_core::workload::{StepIndex, UserId};
use lb_core::{Span, Time};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
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
#[derive(Debug, Default)]
pub(super) struct Start {
    /// Time zero, set by the first worker that is ready.
    epoch: OnceLock<Instant>,
    pub(super) unlisted: Arc<Unlisted>,
}

/// What the users of a worker share.
pub(super) struct Worker {
    pub(super) spec: LoadSpec,
    pub(super) recorder: RefCell<Recorder>,
    pub(super) requests: RefCell<RequestWriter>,
    pub(super) backends: RefCell<BackendNumbers>,
    pub(super) buffer: RefCell<Box<[u8]>>,
    pub(super) deadlines: Deadlines,
    /// By step: whether its replies have no body whatever their headers say.
    is_head: Vec<bool>,
    epoch: Instant,
}

/// How a worker's phase went.
pub(super) struct Ended {
    pub(super) recorder: Recorder,
    /// When it was stopped, if it was.
    pub(super) stopped: Option<Time>,
}

impl Worker {
    /// Time since the start of the phase.
    #[inline]
    pub(super) fn now(&self) -> Time {
        Time::ZERO + Span::from(self.epoch.elapsed())
    }

    /// A point of the phase on the runtime's clock.
    pub(super) fn instant(&self, at: Time) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.epoch + Duration::from_nanos(at.as_nanos()))
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
    let workers = spec.workers.get();
    let mine: Vec<UserId> =
        spec.schedule.users().iter().map(|plan| plan.id).skip(number).step_by(workers).collect();
    let steps = spec.scenario.workload.steps();
    let worker = Rc::new(Worker {
        recorder: RefCell::new(recorder),
        requests: RefCell::new(RequestWriter::new(&spec)),
        is_head: steps.iter().map(|step| step.method == "HEAD").collect(),
        backends: RefCell::new(BackendNumbers::new(&spec.backends, Arc::clone(&start.unlisted))),
        buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
        deadlines: Deadlines::new(mine.len()),
        epoch: *start.epoch.get_or_init(Instant::now),
        spec,
    });
    let stopped = runtime.block_on(async {
        let mut users = JoinSet::new();
        for (place, id) in mine.into_iter().enumerate() {
            users.spawn_local(user::run(Rc::clone(&worker), place, id));
        }
        let stopped = watch(&worker, &mut users).await;
        users.shutdown().await;
        stopped
    });
    // The users are gone, so this is the only handle.
    let Some(worker) = Rc::into_inner(worker) else { unreachable!("a user outlived its task") };
    Ok(Ended { recorder: worker.recorder.into_inner(), stopped })
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
async fn watch(worker: &Worker, users: &mut JoinSet<()>) -> Option<Time> {
    let spec = &worker.spec;
    let end = Time::ZERO + spec.duration;
    let patience = end + spec.drain_timeout;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(left) = users.join_next() => {
                // A user that panics is a defect of ours and must not look like a quiet user.
                if let Err(error) = left && let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
            _ = tick.tick() => {
                let now = worker.now();
                worker.deadlines.sweep(now);
                worker.recorder.borrow_mut().advance(now);
                if spec.stop.load(Ordering::Relaxed) {
                    return Some(now);
                }
                if now >= patience {
                    worker.deadlines.expire_all();
                }
                if now >= end && users.is_empty() || now >= patience + GRACE {
                    return None;
                }
            }
        }
    }
}
