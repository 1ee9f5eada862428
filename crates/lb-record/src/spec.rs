//! What a recording has room for, and where it sends what it does not keep.

use crate::population::Population;
use crate::progress::Progress;
use crate::requests::RequestSink;
use std::sync::Arc;

/// What a recording has room for.
#[derive(Clone, Debug, Default)]
pub struct RecordingSpec {
    /// Number of steps of the workload.
    pub steps: usize,
    /// Number of backends that the topology lists; others are added when a reply first names them.
    pub backends: usize,
    /// How many users are active in each second.
    pub population: Population,
    /// Whether the schedule has arrivals: then the latency and the service time of a request differ.
    pub open: bool,
    /// Whether to keep every user's sequence of steps (8 bytes per request).
    pub keep_actions: bool,
    /// Where every single request goes; `None` keeps no single requests.
    pub requests: Option<RequestSink>,
    /// Where progress is published after each second; `None` publishes nothing.
    pub progress: Option<Arc<Progress>>,
}
