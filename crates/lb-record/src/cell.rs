//! One cell of a record: the number of requests, their bytes, and their latencies.
//!
//! Quantiles come from the histogram. The sum, minimum and maximum of latency are kept exactly beside it,
//! because a mean computed from buckets is off by up to half a bucket, and a maximum read from them can
//! exceed every latency that was recorded.

use crate::histogram::{self, Packer, add_histogram, new_histogram, record_latency, same_counts};
use hdrhistogram::Histogram;
use lb_core::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The number of requests of one kind, the size of their replies, and their latencies.
#[derive(Clone, Debug)]
pub struct Cell {
    count: u64,
    bytes: u64,
    // 2^64 ns are 584 years: enough for the sum of all latencies.
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

impl Cell {
    /// Adds one request and the size of its reply body in bytes.
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

    /// Returns the number of requests.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the total size of the reply bodies in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the exact sum of the latencies.
    pub fn sum(&self) -> Span {
        Span::from_nanos(self.sum_ns)
    }

    /// Returns the exact mean latency; `None` without requests.
    pub fn mean(&self) -> Option<Span> {
        self.sum_ns.checked_div(self.count).map(Span::from_nanos)
    }

    /// Returns the exact minimum latency; `None` without requests.
    pub fn min(&self) -> Option<Span> {
        (self.count > 0).then_some(Span::from_nanos(self.min_ns))
    }

    /// Returns the exact maximum latency; `None` without requests.
    pub fn max(&self) -> Option<Span> {
        (self.count > 0).then_some(Span::from_nanos(self.max_ns))
    }

    /// Returns the latency that the fraction `quantile` (0..=1) of requests did not exceed, within 0.1 % and
    /// never above [`Self::max`]; `None` without requests.
    pub fn quantile(&self, quantile: f64) -> Option<Span> {
        (self.count > 0).then(|| histogram::quantile(&self.histogram, self.max_ns, quantile))
    }

    /// Returns the histogram of latencies in microseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// Returns everything but the histogram.
    pub(crate) fn figures(&self) -> [u64; 5] {
        [self.count, self.bytes, self.sum_ns, self.min_ns, self.max_ns]
    }

    /// Makes a cell of its [`Self::figures`] and its histogram.
    pub(crate) fn from_figures(figures: [u64; 5], histogram: Histogram<u64>) -> Self {
        let [count, bytes, sum_ns, min_ns, max_ns] = figures;
        Self { count, bytes, sum_ns, min_ns, max_ns, histogram }
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.figures() == other.figures() && same_counts(&self.histogram, &other.histogram)
    }
}

/// The serialised form of a cell.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Cell")]
struct Written {
    count: u64,
    bytes: u64,
    sum_ns: u64,
    /// Absent in a cell without requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_ns: Option<u64>,
    /// Absent in a cell without requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_ns: Option<u64>,
    /// Histogram of latencies in microseconds, encoded in base64.
    histogram: String,
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            count: self.count,
            bytes: self.bytes,
            sum_ns: self.sum_ns,
            min_ns: self.min().map(Span::as_nanos),
            max_ns: self.max().map(Span::as_nanos),
            histogram: histogram::to_text(&Packer::new().pack(&self.histogram)),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let packed = histogram::from_text(&written.histogram);
        let histogram = packed.and_then(|packed| histogram::unpack(&packed)).ok_or_else(|| {
            de::Error::custom("`histogram` is not an HdrHistogram in V2 encoding, written in base64")
        })?;
        let extremes = [written.min_ns, written.max_ns].map(|extreme| extreme.is_some());
        if histogram.len() != written.count || extremes != [written.count > 0; 2] {
            return Err(de::Error::custom(format!(
                "`count` is {}, but `histogram` counts {} requests",
                written.count,
                histogram.len()
            )));
        }
        Ok(Self {
            count: written.count,
            bytes: written.bytes,
            sum_ns: written.sum_ns,
            min_ns: written.min_ns.unwrap_or(u64::MAX),
            max_ns: written.max_ns.unwrap_or(0),
            histogram,
        })
    }
}
