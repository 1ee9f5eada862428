//! The time series of a phase: its seconds, and the histograms of each second.

use crate::histogram::{self, Packer, same_counts, unpack};
use crate::packed_sum::{PackedSum, is_packed};
use crate::population::SECOND_NS;
use hdrhistogram::{Counter, Histogram};
use lb_core::{Span, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One second of the time series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondRecord {
    /// The number of the second, from 0 at the start of the phase.
    pub second: u32,
    /// Peak number of active users in this second, over the whole schedule: a shard also counts the users of
    /// the other shards.
    pub users: u32,
    /// The number of requests that finished in this second.
    pub requests: u64,
    /// The number of those requests that did not get the expected reply.
    pub errors: u64,
    /// The latencies of all requests of the second; `None` without requests.
    pub latency: Option<SecondLatency>,
    /// The number of replies of each backend, by backend number; as long as
    /// [`TrialRecord::backends`](crate::TrialRecord::backends).
    pub backends: Box<[u32]>,
}

/// The latencies of all requests that finished within one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondLatency {
    /// The exact sum.
    pub sum: Span,
    /// The exact mean.
    pub mean: Span,
    /// The median, within 0.1 %.
    pub p50: Span,
    /// The 95th percentile, within 0.1 %.
    pub p95: Span,
    /// The 99th percentile, within 0.1 %.
    pub p99: Span,
    /// The exact maximum.
    pub max: Span,
}

/// The latencies of one second and class, packed into a few hundred bytes. An unpacked histogram takes tens
/// of thousands, so packing lets three hours fit in memory.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Start of the second, as an offset from the start of the phase.
    pub start: Time,
    /// Length of the interval: one second, or less at the end of the phase.
    pub length: Span,
    /// The class of requests in the interval.
    pub class: IntervalClass,
    /// The histogram in HdrHistogram's V2 encoding, not compressed.
    packed: Box<[u8]>,
}

/// The class of requests in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalClass {
    /// Requests that got the expected reply.
    Ok,
    /// All other requests.
    Error,
}

impl IntervalClass {
    /// All classes, in the order in which intervals list them.
    pub const ALL: [Self; 2] = [Self::Ok, Self::Error];

    /// Returns the name in logs: `ok` or `error`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

impl SecondLatency {
    /// Computes the latencies of a second, given their exact sum and maximum in nanoseconds; `None` without
    /// requests.
    pub(crate) fn of<T: Counter>(histogram: &Histogram<T>, sum_ns: u64, max_ns: u64) -> Option<Self> {
        let mean = sum_ns.checked_div(histogram.len())?;
        let at = |fraction| histogram::quantile(histogram, max_ns, fraction);
        Some(Self {
            sum: Span::from_nanos(sum_ns),
            mean: Span::from_nanos(mean),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: Span::from_nanos(max_ns),
        })
    }
}

impl Interval {
    /// Packs the latencies of one class in one whole second.
    pub(crate) fn of_second<T: Counter>(
        second: u32,
        class: IntervalClass,
        histogram: &Histogram<T>,
        packer: &mut Packer,
    ) -> Self {
        Self {
            start: Time::from_nanos(u64::from(second) * SECOND_NS),
            length: Span::from_nanos(SECOND_NS),
            class,
            packed: packer.pack(histogram),
        }
    }

    /// Returns the histogram of latencies in microseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        unpack(&self.packed).expect("an interval was packed here, or checked when it was read")
    }

    /// Adds up intervals of the same second and class. `None` without any.
    pub(crate) fn sum_of(same: &[Self], sum: &mut PackedSum) -> Option<Self> {
        let (first, others) = same.split_first()?;
        if others.is_empty() {
            return Some(first.clone());
        }
        for interval in same {
            sum.add(&interval.packed).expect("an interval was packed here, or checked when it was read");
        }
        let length = same.iter().map(|interval| interval.length).max()?;
        Some(Self { start: first.start, length, class: first.class, packed: sum.take() })
    }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Self) -> bool {
        let place = |interval: &Self| (interval.start, interval.length, interval.class);
        place(self) == place(other)
            && (self.packed == other.packed || same_counts(&self.histogram(), &other.histogram()))
    }
}

/// The serialised form of an interval.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Interval")]
struct Written {
    start: Time,
    length: Span,
    class: IntervalClass,
    /// Histogram of latencies in microseconds, encoded in base64.
    histogram: String,
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { start, length, class, packed } = self;
        let histogram = histogram::to_text(packed);
        Written { start: *start, length: *length, class: *class, histogram }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { start, length, class, histogram } = Written::deserialize(deserializer)?;
        let packed = histogram::from_text(&histogram).filter(|packed| is_packed(packed));
        let packed = packed.ok_or_else(|| {
            de::Error::custom("`histogram` is not an HdrHistogram in V2 encoding, written in base64")
        })?;
        Ok(Self { start, length, class, packed })
    }
}
