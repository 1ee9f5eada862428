//! A phase of load from its start to its record: threads, limits, and putting results together.

use crate::error::LoadError;
use crate::limits::make_room;
use crate::shared::Start;
use crate::spec::LoadSpec;
use crate::worker::{self, Ended};
use lb_core::Time;
use lb_record::{Population, Recording, RecordingSpec, TrialRecord};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

/// Runs one phase of load and gives back what was recorded. Blocks until it is over.
///
/// # Errors
/// When the system does not give the threads or open files that it takes. What happens to requests
/// is in the record.
///
/// # Panics
/// When a worker does: that is a defect, and a record without its requests would be wrong.
pub fn run(spec: LoadSpec) -> Result<TrialRecord, LoadError> {
    let arrivals = spec.schedule.arrivals();
    // Never more sessions at once than there are in all.
    let sessions = spec.scenario.max_in_flight.min(u32::try_from(arrivals.len()).unwrap_or(u32::MAX));
    let lanes = spec.lanes() as u32;
    let sessions = make_room(spec.schedule.peak_users() * lanes, sessions * lanes)? / lanes;
    let (recording, recorders) = Recording::start(recording_spec(&spec), spec.workers.get());
    let start = Arc::new(Start::new(sessions));
    let mut threads = Vec::new();
    for (number, recorder) in recorders.into_iter().enumerate() {
        let (worker_spec, start) = (spec.clone(), Arc::clone(&start));
        let thread = Builder::new().name(format!("{}-{number}", spec.phase)).spawn(move || {
            let stop = Arc::clone(&worker_spec.stop);
            // Without this worker the phase is worth nothing.
            worker::run(worker_spec, number, recorder, &start)
                .inspect_err(|_| stop.store(true, Ordering::Relaxed))
        });
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                spec.stop.store(true, Ordering::Relaxed);
                let _ = join(threads);
                return Err(error.into());
            }
        }
    }
    let ended = join(threads)?;
    let stopped = ended.iter().filter_map(|ended| ended.stopped).max();
    let wall = stopped.map_or(spec.duration, |at| at.since(Time::ZERO).min(spec.duration));
    // Of no use when one of them does not tell.
    let waits: Option<Vec<f64>> = ended.iter().map(|ended| ended.cpu_wait_share).collect();
    let recorders = ended.into_iter().map(|ended| ended.recorder).collect();
    let mut record = recording.finish(recorders, wall);
    record.unlisted_backends = start.unlisted.names();
    record.interrupted = stopped.is_some();
    record.cpu_wait_share = waits.and_then(|waits| waits.into_iter().max_by(f64::total_cmp));
    record.arrivals.due = arrivals.partition_point(|next| next.at < Time::ZERO + wall) as u64;
    Ok(record)
}

fn recording_spec(spec: &LoadSpec) -> RecordingSpec {
    RecordingSpec {
        steps: spec.scenario.workload.steps().len(),
        backends: spec.backends.len(),
        population: Population::of(spec.schedule.users()),
        open: !spec.schedule.arrivals().is_empty(),
        keep_actions: spec.keep_actions,
        requests: spec.requests.clone(),
        progress: spec.progress.clone(),
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
