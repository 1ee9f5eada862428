//! One second of one worker: what is swapped out at each second boundary.

use super::cell::{add_histogram, new_histogram, record_latency};
use hdrhistogram::Histogram;
use lb_core::Span;

/// Requests of one worker that were done within one second. Recycled: emptying keeps the memory.
#[derive(Debug)]
pub(crate) struct Slice {
    /// Which worker counted, to give the slice back to.
    pub(crate) worker: usize,
    /// Which second of the phase.
    pub(crate) second: u32,
    /// Exact sum of latencies.
    pub(crate) sum_ns: u64,
    /// Exact greatest latency.
    pub(crate) max_ns: u64,
    /// Latencies of requests that got what was expected of them.
    // 32-bit counters: half of the memory, and no second has 4 billion requests.
    pub(crate) ok: Histogram<u32>,
    /// Latencies of the others.
    pub(crate) error: Histogram<u32>,
    /// Replies of each backend.
    pub(crate) backends: Vec<u32>,
}

impl Slice {
    pub(crate) fn new(worker: usize, backends: usize) -> Self {
        Self {
            worker,
            second: 0,
            sum_ns: 0,
            max_ns: 0,
            ok: new_histogram(),
            error: new_histogram(),
            backends: vec![0; backends],
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, latency: Span, success: bool, backend: Option<u16>) {
        self.sum_ns = self.sum_ns.saturating_add(latency.as_nanos());
        self.max_ns = self.max_ns.max(latency.as_nanos());
        record_latency(if success { &mut self.ok } else { &mut self.error }, latency);
        if let Some(backend) = backend.map(usize::from) {
            if backend >= self.backends.len() {
                self.backends.resize(backend + 1, 0);
            }
            self.backends[backend] += 1;
        }
    }

    /// Adds what another worker counted in the same second.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        add_histogram(&mut self.ok, &other.ok);
        add_histogram(&mut self.error, &other.error);
        if self.backends.len() < other.backends.len() {
            self.backends.resize(other.backends.len(), 0);
        }
        for (mine, theirs) in self.backends.iter_mut().zip(&other.backends) {
            *mine += theirs;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.sum_ns = 0;
        self.max_ns = 0;
        for histogram in [&mut self.ok, &mut self.error] {
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
        self.backends.fill(0);
    }
}
