//! The options of a recording: its size, and where it sends individual requests and progress.

use crate::pieces::PieceSink;
use crate::population::Population;
use crate::progress::Progress;
use crate::requests::RequestSink;
use crate::watched::WatchSink;
use lb_core::Observation;
use std::sync::Arc;

/// The options of a recording: its size, and where it sends individual requests and progress.
#[derive(Clone, Debug, Default)]
pub struct RecordingSpec {
    /// Number of steps of the workload.
    pub steps: usize,
    /// Number of backends that the topology lists; others are added when a reply first names them.
    pub backends: usize,
    /// The number of active users in each second.
    pub population: Population,
    /// Whether the schedule has arrivals, so that the latency and the service time of a request differ.
    pub open: bool,
    /// Whether to keep every user's sequence of steps (8 bytes per request).
    pub keep_actions: bool,
    /// The header by whose values replies are told apart; `None` does not tell them apart.
    pub observe: Option<Observation>,
    /// Where each request is sent for storage; `None` keeps no individual requests.
    pub requests: Option<RequestSink>,
    /// Receives what each worker recorded, second by second, which is then kept nowhere else; `None` keeps everything
    /// until the end.
    pub pieces: Option<PieceSink>,
    /// Receives counts and latencies by step and backend after each second, beside what is recorded anyway; `None` if
    /// the phase is not watched.
    pub watch: Option<WatchSink>,
    /// Receives progress after each second; `None` publishes nothing.
    pub progress: Option<Arc<Progress>>,
}
