//! One window of a load without end: the requests that ended in it, as figures and with the histogram of their
//! latencies.

use lb_core::Span;
use lb_record::{Cell, PackedCell, TrialRecord};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The requests that ended within one window, as figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WindowFigures {
    /// The beginning of the window, in seconds since the load began.
    pub start_s: f64,
    /// The length of the window in seconds. The last window of a load may be shorter than the others.
    pub length_s: f64,
    /// Number of requests that ended in the window.
    pub requests: u64,
    /// Number of those requests that did not get the expected reply.
    pub errors: u64,
    /// The share of those requests, from 0 to 1; 0 without requests.
    pub error_rate: f64,
    /// Requests per second.
    pub requests_per_s: f64,
    /// Mean latency of successful requests in milliseconds; null without any, as are the other latencies.
    pub mean_ms: Option<f64>,
    /// Median latency in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: Option<f64>,
    /// Greatest latency in milliseconds.
    pub max_ms: Option<f64>,
    /// Size of all reply bodies in bytes.
    pub bytes: u64,
    /// Number of arrivals that were dropped because too many sessions were in flight; 0 in the closed model.
    pub dropped: u64,
    /// Number of replies of each backend, in the order of the list of backends.
    pub backends: Vec<u64>,
}

/// A window with the latencies of its successful requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The figures.
    #[serde(flatten)]
    pub figures: WindowFigures,
    /// The latencies of successful requests, from which any quantile of several windows can be computed.
    pub latency: PackedCell,
}

/// Counts that become a window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    requests: u64,
    errors: u64,
    bytes: u64,
    dropped: u64,
    backends: Vec<u64>,
    latency: Cell,
}

impl Tally {
    /// Adds what was recorded in a part of the window.
    pub(crate) fn add(&mut self, record: &TrialRecord) {
        let total = record.total();
        self.requests += total.count();
        self.errors += record.errors();
        self.bytes += total.bytes();
        self.dropped += record.arrivals.dropped;
        self.latency.merge(&record.successes());
        let replies: Vec<u64> = record.backends.iter().map(|backend| backend.requests()).collect();
        add_lists(&mut self.backends, &replies);
    }

    /// Adds a whole window.
    pub(crate) fn merge(&mut self, window: &Window) {
        let WindowFigures { requests, errors, bytes, dropped, backends, .. } = &window.figures;
        self.requests += requests;
        self.errors += errors;
        self.bytes += bytes;
        self.dropped += dropped;
        self.latency.merge(&window.latency.unpack());
        add_lists(&mut self.backends, backends);
    }

    /// Makes the window that begins at `start_s` and is `length_s` seconds long.
    pub(crate) fn close(self, start_s: f64, length_s: f64) -> Window {
        let Self { requests, errors, bytes, dropped, backends, latency } = self;
        let millis = |span: Option<Span>| span.map(Span::as_millis_f64);
        let figures = WindowFigures {
            start_s,
            length_s,
            requests,
            errors,
            error_rate: if requests > 0 { errors as f64 / requests as f64 } else { 0.0 },
            requests_per_s: if length_s > 0.0 { requests as f64 / length_s } else { 0.0 },
            mean_ms: millis(latency.mean()),
            p50_ms: millis(latency.quantile(0.5)),
            p95_ms: millis(latency.quantile(0.95)),
            p99_ms: millis(latency.quantile(0.99)),
            max_ms: millis(latency.max()),
            bytes,
            dropped,
            backends,
        };
        Window { figures, latency: PackedCell::of(&latency) }
    }

    /// Returns whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests == 0 && self.dropped == 0
    }
}

impl WindowFigures {
    /// Returns the end of the window, in seconds since the load began.
    pub fn end_s(&self) -> f64 {
        self.start_s + self.length_s
    }
}

/// Adds `theirs` to `mine` element by element; the sum is as long as the longer of the two.
fn add_lists(mine: &mut Vec<u64>, theirs: &[u64]) {
    if mine.len() < theirs.len() {
        mine.resize(theirs.len(), 0);
    }
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine += theirs;
    }
}
