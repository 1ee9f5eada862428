//! A phase of load from its start to its record: limits, threads and the record of all workers.

use crate::error::LoadError;
use crate::hooks::Hooks;
use crate::limits::make_room;
use crate::plan::LoadPlan;
use crate::shared::Start;
use crate::worker::{self, Ended};
use lb_core::Time;
use lb_record::{Population, Recording, RecordingSpec, TrialRecord};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

/// Runs one phase of load and returns its record. Blocks until the phase is over.
///
/// # Errors
/// When the system does not provide the threads, timers or open files that the phase needs, or TLS cannot be
/// spoken as the plan asks. What happens to requests is in the record.
///
/// # Panics
/// When a worker panics, which is a defect: a record without its requests would be wrong.
pub fn run(plan: LoadPlan, hooks: Hooks) -> Result<TrialRecord, LoadError> {
    let plan = plan.with_workers_that_can_connect();
    let arrivals = plan.schedule.arrivals();
    let all = match plan.schedule.is_endless() && plan.schedule.is_open() {
        true => u32::MAX,
        // There are never more sessions at once than arrivals.
        false => u32::try_from(plan.shard.count(arrivals.len())).unwrap_or(u32::MAX),
    };
    let lanes = plan.lanes() as u32;
    let wanted = plan.sessions().min(all);
    let sessions = match plan.pool() {
        Some(pool) => {
            make_room(u32::try_from(pool.get()).unwrap_or(u32::MAX).saturating_mul(lanes), 0)?;
            wanted
        }
        None => make_room(peak_users(&plan) * lanes, wanted * lanes)? / lanes,
    };
    let start = Arc::new(Start::new(&plan, sessions, &hooks)?);
    let (recording, recorders) = Recording::start(recording_spec(&plan, &hooks), plan.workers.get());
    let mut threads = Vec::new();
    for (number, recorder) in recorders.into_iter().enumerate() {
        let (worker_plan, worker_hooks, start) = (plan.clone(), hooks.clone(), Arc::clone(&start));
        let thread = Builder::new().name(format!("{}-{number}", plan.phase)).spawn(move || {
            let stop = Arc::clone(&worker_hooks.stop);
            // Without this worker the phase is invalid, so the others need not continue.
            worker::run(worker_plan, worker_hooks, number, recorder, &start)
                .inspect_err(|_| stop.store(true, Ordering::Relaxed))
        });
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                hooks.stop.store(true, Ordering::Relaxed);
                let _ = join(threads);
                return Err(error.into());
            }
        }
    }
    let ended = join(threads)?;
    let stopped = ended.iter().filter_map(|ended| ended.stopped).max();
    let wall = stopped.map_or(plan.duration, |at| at.since(Time::ZERO).min(plan.duration));
    // The share is unknown if any worker does not report it.
    let waits: Option<Vec<f64>> = ended.iter().map(|ended| ended.cpu_wait_share).collect();
    let recorders = ended.into_iter().map(|ended| ended.recorder).collect();
    let mut record = recording.finish(recorders, wall);
    record.unlisted_backends = start.unlisted.names();
    if let Some(observed) = &mut record.observed {
        observed.values = start.seen_values.names();
    }
    record.interrupted = stopped.is_some();
    record.cpu_wait_share = waits.and_then(|waits| waits.into_iter().max_by(f64::total_cmp));
    record.arrivals.due = match plan.schedule.is_endless() {
        true => record.arrivals.begun + record.arrivals.dropped,
        false => {
            let due = arrivals.partition_point(|next| next.at < Time::ZERO + wall);
            plan.shard.count(due) as u64
        }
    };
    Ok(record)
}

/// Returns the peak number of this generator's users of closed stages.
fn peak_users(plan: &LoadPlan) -> u32 {
    let (first, step) = plan.shard.deal(0, 1);
    Population::of(plan.schedule.users().iter().skip(first).step_by(step)).peak()
}

fn recording_spec(plan: &LoadPlan, hooks: &Hooks) -> RecordingSpec {
    RecordingSpec {
        steps: plan.workload().steps().len(),
        backends: plan.backends.len(),
        // Counted over the whole schedule, so that all shards of a phase agree.
        population: Population::of(plan.schedule.users()),
        // The wait for a connection of a pool is part of the latency, but not of the service time.
        open: plan.schedule.is_open() || plan.pool().is_some(),
        keep_actions: plan.keep_actions,
        observe: plan.observe.clone(),
        requests: hooks.requests.clone(),
        pieces: hooks.pieces.clone(),
        watch: hooks.watch.clone(),
        progress: hooks.progress.clone(),
    }
}

/// Waits for all workers, then reports the first that failed.
fn join(threads: Vec<JoinHandle<io::Result<Ended>>>) -> Result<Vec<Ended>, LoadError> {
    let results: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
    let mut ended = Vec::new();
    for result in results {
        ended.push(result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    Ok(ended)
}
