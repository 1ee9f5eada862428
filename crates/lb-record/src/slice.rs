//! The counts of one worker within one second, swapped out at the end of the second.

use crate::histogram::{add_histogram, new_histogram, record_latency};
use crate::population::SECOND_NS;
use crate::sendings::TENTH_NS;
use hdrhistogram::Histogram;
use lb_core::{Span, Time};

/// The number of tenths of a second in a slice.
pub(crate) const TENTHS: usize = (SECOND_NS / TENTH_NS) as usize;

/// The requests of one worker that finished within one second. Slices are reused: emptying one keeps its
/// memory.
#[derive(Debug)]
pub(crate) struct Slice {
    /// The number of the worker to which the slice is returned.
    pub(crate) worker: usize,
    /// The number of the second within the phase, from 0.
    pub(crate) second: u32,
    /// The exact sum of all latencies.
    pub(crate) sum_ns: u64,
    /// The exact greatest latency.
    pub(crate) max_ns: u64,
    /// Latencies of requests that got the expected reply.
    // 32-bit counters take half the memory, and no second has 4 billion requests.
    pub(crate) ok: Histogram<u32>,
    /// Latencies of the other requests.
    pub(crate) error: Histogram<u32>,
    /// The number of replies of each backend.
    pub(crate) backends: Vec<u32>,
    /// Count and summed latency (ns) of successes, by tenth of the second.
    pub(crate) tenths: [(u32, u64); TENTHS],
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
            tenths: Default::default(),
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, done: Time, latency: Span, success: bool, backend: Option<u16>) {
        self.sum_ns = self.sum_ns.saturating_add(latency.as_nanos());
        self.max_ns = self.max_ns.max(latency.as_nanos());
        if success {
            record_latency(&mut self.ok, latency);
            let (count, sum_ns) = &mut self.tenths[self.tenth(done)];
            *count += 1;
            *sum_ns = sum_ns.saturating_add(latency.as_nanos());
        } else {
            record_latency(&mut self.error, latency);
        }
        if let Some(backend) = backend.map(usize::from) {
            if backend >= self.backends.len() {
                self.backends.resize(backend + 1, 0);
            }
            self.backends[backend] += 1;
        }
    }

    /// Returns the tenth of the slice's second in which `done` lies, from 0 to 9.
    #[inline]
    fn tenth(&self, done: Time) -> usize {
        let begin = Time::from_nanos(u64::from(self.second) * SECOND_NS);
        ((done.since(begin).as_nanos() / TENTH_NS) as usize).min(TENTHS - 1)
    }

    /// Adds the requests of another worker in the same second.
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
        for (mine, theirs) in self.tenths.iter_mut().zip(other.tenths) {
            mine.0 += theirs.0;
            mine.1 = mine.1.saturating_add(theirs.1);
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
        self.tenths = Default::default();
    }
}
