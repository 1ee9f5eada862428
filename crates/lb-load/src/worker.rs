//! A worker: a thread with its own runtime, on which its users run. Nothing here leaves the thread.

use crate::crowd::Crowd;
use crate::hooks::Hooks;
use crate::limits::part;
use crate::pace::Pace;
use crate::plan::LoadPlan;
use crate::shared::{Start, Worker};
use crate::{cpu_wait, look_up, pacer, user};
use lb_clock::Alarm;
use lb_core::{Span, Time};
use lb_record::Recorder;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::MissedTickBehavior;

/// How often a worker checks for timeouts, requests in flight, complete seconds, the end of the phase and the stop flag.
const TICK: Duration = Duration::from_millis(10);

/// How long users have to notice the end of the drain before they are dropped.
const GRACE: Span = Span::from_millis(200);

/// The results that a worker returns when its phase is over.
pub(crate) struct Ended {
    pub(crate) recorder: Recorder,
    /// When the phase was stopped from outside; `None` if it ran to its end.
    pub(crate) stopped: Option<Time>,
    /// The share of its time (0..=1) that the thread waited for a CPU; `None` if the system does not report
    /// it.
    pub(crate) cpu_wait_share: Option<f64>,
}

/// Prepares a worker's users and runs the phase.
pub(crate) fn run(
    plan: LoadPlan,
    hooks: Hooks,
    number: usize,
    recorder: Recorder,
    start: &Start,
) -> io::Result<Ended> {
    pin(&plan.cores, number);
    let runtime =
        Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())?;
    let worker = Rc::new(Worker::new(plan, hooks, number, recorder, start));
    let (begun, waited) = (worker.now(), cpu_wait::of_this_thread());
    let stopped = runtime.block_on(async {
        let crowd = spawn(&worker, number, start.sessions as usize)?;
        // One worker looks up the name for all.
        let looking = (number == 0 && look_up::can_change(&worker.plan))
            .then(|| tokio::task::spawn_local(look_up::look_up_again(Rc::clone(&worker))));
        let stopped = watch(&worker, crowd).await;
        if let Some(looking) = looking {
            looking.abort();
            let _ = looking.await;
        }
        let mut tasks = worker.tasks.take();
        tasks.shutdown().await;
        stopped
    })?;
    let took = worker.now().since(begun).as_secs_f64();
    let waited = cpu_wait::of_this_thread().zip(waited).map(|(after, before)| after - before);
    // A look-up that hangs in the system does not hold up the end of the phase.
    runtime.shutdown_background();
    // All tasks have ended, so this is the only handle left.
    let Some(worker) = Rc::into_inner(worker) else { unreachable!("something outlived its task") };
    let mut recorder = worker.recorder.into_inner();
    for (backend, attempts) in worker.backends.into_inner().repeated() {
        recorder.repeated(backend, attempts);
    }
    Ok(Ended { recorder, stopped, cpu_wait_share: waited.map(|waited| waited.as_secs_f64() / took) })
}

/// Starts the tasks of this worker's users and of what wakes them, and the pacer of its arrivals. Returns the users if
/// their number is changed from outside; they have no tasks yet.
///
/// # Errors
/// When the system provides no timer.
fn spawn(worker: &Rc<Worker>, number: usize, sessions: usize) -> io::Result<Option<Crowd>> {
    let plan = &worker.plan;
    let workers = plan.workers.get();
    let mut tasks = worker.tasks.borrow_mut();
    let (first, step) = plan.shard.deal(number, workers);
    let mut users = plan.schedule.users().iter().skip(first).step_by(step).peekable();
    let mut crowd = None;
    if users.peek().is_some() {
        let pace = Rc::new(Pace::new(Alarm::new(worker.clock)?));
        if let Some(headcount) = &worker.hooks.headcount {
            let most = plan.schedule.users().len();
            crowd = Some(Crowd::new(headcount, Rc::clone(&pace), (first, step), most));
        } else {
            for (seat, user) in users.enumerate() {
                pace.add_seat(usize::MAX);
                tasks.spawn_local(user::run(Rc::clone(worker), Rc::clone(&pace), seat, user.id));
            }
        }
        tasks.spawn_local(pacer::wake(Rc::clone(worker), pace));
    }
    // A worker without a seat would drop its arrivals while others have seats free.
    let pacers = workers.min(sessions);
    if number < pacers {
        let seats = part(sessions, pacers, number);
        let (first, step) = plan.shard.deal(number, pacers);
        tasks.spawn_local(pacer::run(Rc::clone(worker), first, step, seats));
    }
    Ok(crowd)
}

/// Pins this worker to its core; without `cores`, the system places it.
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

/// Watches the users until the phase is over. Returns when the phase was stopped from outside; `None` if it
/// ran to its end.
async fn watch(worker: &Rc<Worker>, mut crowd: Option<Crowd>) -> io::Result<Option<Time>> {
    let end = worker.end();
    let patience = end + worker.plan.drain_timeout;
    let mut in_flight = 0;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(left) = poll_fn(|cx| worker.tasks.borrow_mut().poll_join_next(cx)) => match left {
                Ok(result) => result?,
                // A panic in a user is a defect and must not look like a user who sends nothing.
                Err(error) => if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                },
            },
            _ = tick.tick() => {
                let now = worker.now();
                let before = std::mem::replace(&mut in_flight, worker.deadlines.sweep(now));
                if let Some(progress) = &worker.hooks.progress {
                    progress.in_flight_changed(before, in_flight);
                }
                worker.recorder.borrow_mut().advance(now);
                if let Some(crowd) = &mut crowd {
                    crowd.adjust(worker, now);
                }
                if worker.hooks.stop.load(Ordering::Relaxed) {
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
