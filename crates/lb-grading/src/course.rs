//! What a test shows beyond totals: its requests over time, and how their latencies scatter.

/// One interval of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Offset of its begin from that of the test, in seconds.
    pub at_s: f64,
    /// Its length in seconds.
    pub length_s: f64,
    /// Requests per second.
    pub rps: f64,
    /// Failed requests per second.
    pub failures_rps: f64,
    /// Mean latency in milliseconds; `None` if there was no request, or the source does not report it.
    pub mean_ms: Option<f64>,
    /// 95th percentile in milliseconds; `None` as above.
    pub p95_ms: Option<f64>,
}

impl Interval {
    /// Returns the middle of the interval, in seconds from the begin of the test.
    pub(crate) fn middle(&self) -> f64 {
        self.at_s + self.length_s / 2.0
    }

    /// Returns the failed requests in percent; `None` if there was no request.
    pub(crate) fn error_rate(&self) -> Option<f64> {
        (self.rps > 0.0).then(|| 100.0 * self.failures_rps / self.rps)
    }
}

/// The five numbers of a box plot, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The lower whisker: the smallest latency, or the smallest that the source reports.
    pub low: f64,
    /// The lower and upper quartiles; `None` if the source reports only percentiles from the median upwards.
    pub quartiles: Option<[f64; 2]>,
    /// The median.
    pub median: f64,
    /// The upper whisker: the 95th percentile.
    pub high: f64,
}
