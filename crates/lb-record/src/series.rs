//! The time series of a phase: its seconds, and the histograms of each second.

use crate::histogram::{self, Packer, add_histogram, same_counts, unpack};
use crate::population::SECOND_NS;
use hdrhistogram::{Counter, Histogram};
use lb_core::{Span, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One second of the time series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondRecord {
    /// Offset from the start of the phase.
    pub second: u32,
    /// Most users active at once within it, by the whole schedule: a shard of a phase counts those of
    /// the others too.
    pub users: u32,
    /// Requests that were done in it.
    pub requests: u64,
    /// Those of them that did not get what was expected.
    pub errors: u64,
    /// Latency of all of them; `None` without requests.
    pub latency: Option<SecondLatency>,
    /// Replies of each backend, by number; as long as [`TrialRecord::backends`].
    pub backends: Box<[u32]>,
}

/// Latency within one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondLatency {
    /// All latencies added up, exactly.
    pub sum: Span,
    /// Exact mean.
    pub mean: Span,
    /// Median.
    pub p50: Span,
    /// 95th percentile.
    pub p95: Span,
    /// 99th percentile.
    pub p99: Span,
    /// Exact maximum.
    pub max: Span,
}

/// The latencies of one second and class, packed: a few hundred bytes where a live histogram takes
/// tens of thousands, so that three hours stay in memory.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Offset from the start of the phase.
    pub start: Time,
    /// Length; shorter than a second where the phase ends.
    pub length: Span,
    /// Which requests.
    pub class: IntervalClass,
    /// HdrHistogram's V2 encoding, not compressed.
    packed: Box<[u8]>,
}

/// Which requests an interval covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalClass {
    /// Those that got what was expected of them.
    Ok,
    /// The others.
    Error,
}

impl IntervalClass {
    /// All classes, in the order in which intervals list them.
    pub const ALL: [Self; 2] = [Self::Ok, Self::Error];

    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

impl SecondLatency {
    /// Reads the latencies of a second, whose exact sum and maximum are given in nanoseconds; `None`
    /// without requests.
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
    /// The interval of one class in one whole second.
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

    /// The latencies in microseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        unpack(&self.packed).expect("an interval holds what was packed, or checked when it was read")
    }

    /// Adds the requests of another interval of the same second and class.
    pub(crate) fn absorb(&mut self, other: &Self, packer: &mut Packer) {
        let mut sum = self.histogram();
        add_histogram(&mut sum, &other.histogram());
        self.packed = packer.pack(&sum);
        self.length = self.length.max(other.length);
    }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Self) -> bool {
        let place = |interval: &Self| (interval.start, interval.length, interval.class);
        place(self) == place(other)
            && (self.packed == other.packed || same_counts(&self.histogram(), &other.histogram()))
    }
}

/// An interval as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Interval")]
struct Written {
    start: Time,
    length: Span,
    class: IntervalClass,
    /// In microseconds, in base64.
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
        let packed = histogram::from_text(&histogram).filter(|packed| unpack(packed).is_some());
        let packed = packed.ok_or_else(|| {
            de::Error::custom("`histogram` is not an HdrHistogram in V2 encoding, written in base64")
        })?;
        Ok(Self { start, length, class, packed })
    }
}
