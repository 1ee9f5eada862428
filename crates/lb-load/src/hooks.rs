//! Handles that connect a phase to this process: progress, individual requests and the stop flag.

use crate::backends::Unlisted;
use crate::headcount::Headcount;
use crate::start::StartAt;
use lb_record::{PieceSink, Progress, RequestSink, SlowSink, WatchSink};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Handles that connect a running phase to the process that runs it. By default, no progress is shown, no
/// individual requests are kept, and the phase never stops early.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Receives complete seconds and the number of active users; `None` shows no progress.
    pub progress: Option<Arc<Progress>>,
    /// Receives every request; `None` keeps no individual requests.
    pub requests: Option<RequestSink>,
    /// Receives slow requests; `None` looks for none.
    pub slow: Option<SlowSink>,
    /// Receives what each worker recorded, second by second, in place of the record at the end, as a phase without
    /// end needs; `None` keeps everything for that record.
    pub pieces: Option<PieceSink>,
    /// Receives counts and latencies by step and backend, second by second; `None` if the phase is not watched.
    pub watch: Option<WatchSink>,
    /// How many users of closed stages are there; `None` plays the schedule as it is. With it, the schedule must be one
    /// of [`Schedule::with_room`](lb_core::workload::Schedule::with_room).
    pub headcount: Option<Arc<Headcount>>,
    /// When the phase begins, for generators that begin together; `None` begins at once.
    pub start: Option<Arc<StartAt>>,
    /// The backends that replies name although the plan does not list them, while the phase runs.
    pub unlisted: Arc<Unlisted>,
    /// Setting this to true ends the phase at once: completed requests are kept, and those in flight are left
    /// out, being neither successes nor failures.
    pub stop: Arc<AtomicBool>,
}
