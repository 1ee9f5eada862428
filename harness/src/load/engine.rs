//! A phase of load from its start to its record: threads, limits, and putting results together.

use super::worker::{self, Ended, Start};
use super::{LoadError, LoadSpec};
use crate::record::{Population, Recording, RecordingSpec, TrialRecord};
use lb_core::Time;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

/// Files that a process has open besides its users' connections.
const OTHER_FILES: u64 = 128;

/// Runs one phase of load and gives back what was recorded. Blocks until it is over.
///
/// # Errors
/// When the system does not give the threads or open files that it takes. What happens to requests
/// is in the record.
///
/// # Panics
/// When a worker does: that is a defect, and a record without its requests would be wrong.
pub fn run(spec: LoadSpec) -> Result<TrialRecord, LoadError> {
    raise_file_limit(spec.schedule.peak_users())?;
    let (recording, recorders) = Recording::start(recording_spec(&spec), spec.workers.get());
    let start = Arc::new(Start::default());
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
    let recorders = ended.into_iter().map(|ended| ended.recorder).collect();
    let mut record = recording.finish(recorders, wall);
    record.unlisted_backends = start.unlisted.names();
    record.interrupted = stopped.is_some();
    Ok(record)
}

fn recording_spec(spec: &LoadSpec) -> RecordingSpec {
    RecordingSpec {
        steps: spec.scenario.workload.steps().len(),
        backends: spec.backends.len(),
        population: Population::of(spec.schedule.users()),
        open: !spec.schedule.arrivals().is_empty(),
        keep_actions: spec.keep_actions,
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

/// Makes room for one connection a user: the usual soft limit of 1,024 open files is for programs
/// that still use `select`, and the hard one is ours to take.
fn raise_file_limit(users: u32) -> Result<(), LoadError> {
    let needed = u64::from(users) + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let too_few = |limit| LoadError::OpenFiles { users, limit, needed };
    if let Some(maximum) = maximum.filter(|maximum| *maximum < needed) {
        return Err(too_few(maximum));
    }
    let raised = Rlimit { current: maximum.or(Some(needed)), maximum };
    setrlimit(Resource::Nofile, raised).map_err(|_| too_few(current.unwrap_or(0)))
}
