//! One cell of a record: how many requests, their bytes, and how long they took.
//!
//! The histogram answers quantiles; the sum, least and greatest latency are kept exactly beside it,
//! because a mean computed from buckets is off by up to half a bucket and a maximum read from them
//! can lie above every latency that was ever seen.

use hdrhistogram::Histogram;
use lb_core::Span;

/// Significant decimal digits of every latency histogram.
pub(crate) const SIGNIFICANT_DIGITS: u8 = 3;

/// Requests of one kind: count, bytes, latencies.
#[derive(Clone, Debug)]
pub struct Cell {
    count: u64,
    bytes: u64,
    // 2^64 ns are 584 years of summed latency.
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
    histogram: Histogram<u64>,
}

impl Default for Cell {
    fn default() -> Self {
        Self { count: 0, bytes: 0, sum_ns: 0, min_ns: u64::MAX, max_ns: 0, histogram: new_histogram() }
    }
}

/// An empty latency histogram: microseconds, growing with what it meets.
pub fn new_histogram<T: hdrhistogram::Counter>() -> Histogram<T> {
    Histogram::new(SIGNIFICANT_DIGITS).expect("3 significant digits are within HdrHistogram's 0..=5")
}

/// Records a latency. A histogram that resizes itself takes every value that fits in memory.
#[inline]
pub(crate) fn record_latency<T: hdrhistogram::Counter>(histogram: &mut Histogram<T>, latency: Span) {
    histogram.record(latency.as_micros()).expect("an auto-resizing histogram takes every latency");
}

/// Adds the counts of `from` to `into`.
pub(crate) fn add_histogram<T: hdrhistogram::Counter>(into: &mut Histogram<T>, from: &Histogram<T>) {
    into.add(from).expect("an auto-resizing histogram takes every other one");
}

/// A quantile of `histogram`, never above the greatest latency that was seen.
pub(crate) fn quantile<T: hdrhistogram::Counter>(
    histogram: &Histogram<T>,
    max_ns: u64,
    quantile: f64,
) -> Span {
    Span::from_nanos(Span::from_micros(histogram.value_at_quantile(quantile)).as_nanos().min(max_ns))
}

impl Cell {
    /// Adds one request.
    #[inline]
    pub fn record(&mut self, latency: Span, bytes: u64) {
        let nanos = latency.as_nanos();
        self.count += 1;
        self.bytes += bytes;
        self.sum_ns = self.sum_ns.saturating_add(nanos);
        self.min_ns = self.min_ns.min(nanos);
        self.max_ns = self.max_ns.max(nanos);
        record_latency(&mut self.histogram, latency);
    }

    /// Adds all of `other`, as if its requests had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        add_histogram(&mut self.histogram, &other.histogram);
    }

    /// Requests.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of their reply bodies.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All latencies added up, exactly.
    pub fn sum(&self) -> Span {
        Span::from_nanos(self.sum_ns)
    }

    /// The exact mean; `None` without requests.
    pub fn mean(&self) -> Option<Span> {
        self.sum_ns.checked_div(self.count).map(Span::from_nanos)
    }

    /// The exact least latency; `None` without requests.
    pub fn min(&self) -> Option<Span> {
        (self.count > 0).then_some(Span::from_nanos(self.min_ns))
    }

    /// The exact greatest latency; `None` without requests.
    pub fn max(&self) -> Option<Span> {
        (self.count > 0).then_some(Span::from_nanos(self.max_ns))
    }

    /// The latency that the fraction `quantile` (0..=1) of requests did not exceed, within 0.1 % and
    /// never above [`Self::max`]; `None` without requests.
    pub fn quantile(&self, quantile: f64) -> Option<Span> {
        (self.count > 0).then(|| self::quantile(&self.histogram, self.max_ns, quantile))
    }

    /// The latencies in microseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }
}
