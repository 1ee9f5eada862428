//! Latency histograms: creating, adding, reading, packing and serialising them.
//!
//! A packed histogram is in HdrHistogram's V2 encoding (not compressed): counts are variable-length integers,
//! and a run of empty buckets is one integer. In JSON and other text these bytes are in base64, which begins
//! with `HISTE`. Every HdrHistogram library reads both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use hdrhistogram::{Counter, Histogram};
use lb_core::Span;

/// Number of significant decimal digits of every latency histogram.
pub(crate) const SIGNIFICANT_DIGITS: u8 = 3;

/// Creates an empty latency histogram. Its values are microseconds, and it grows as needed.
pub fn new_histogram<T: Counter>() -> Histogram<T> {
    Histogram::new(SIGNIFICANT_DIGITS).expect("3 significant digits are within HdrHistogram's 0..=5")
}

/// Records a latency. An auto-resizing histogram takes every value that fits in memory.
#[inline]
pub(crate) fn record_latency<T: Counter>(histogram: &mut Histogram<T>, latency: Span) {
    histogram.record(latency.as_micros()).expect("an auto-resizing histogram takes every latency");
}

/// Adds the counts of `from` to `into`.
pub(crate) fn add_histogram<T: Counter>(into: &mut Histogram<T>, from: &Histogram<T>) {
    into.add(from).expect("an auto-resizing histogram takes every other one");
}

/// Returns a quantile (0..=1) of `histogram`, at most `max_ns`, the greatest latency that was recorded.
pub(crate) fn quantile<T: Counter>(histogram: &Histogram<T>, max_ns: u64, quantile: f64) -> Span {
    Span::from_nanos(Span::from_micros(histogram.value_at_quantile(quantile)).as_nanos().min(max_ns))
}

/// Returns whether two histograms have the same counts, regardless of their capacity.
pub(crate) fn same_counts(one: &Histogram<u64>, other: &Histogram<u64>) -> bool {
    one.len() == other.len()
        && one
            .iter_recorded()
            .map(|value| (value.value_iterated_to(), value.count_at_value()))
            .eq(other.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value())))
}

/// Packs histograms, reusing one buffer.
pub(crate) struct Packer(V2Serializer);

impl Packer {
    /// Creates a packer.
    pub(crate) fn new() -> Self {
        Self(V2Serializer::new())
    }

    /// Encodes a histogram in the V2 encoding.
    pub(crate) fn pack<T: Counter>(&mut self, histogram: &Histogram<T>) -> Box<[u8]> {
        let mut packed = Vec::new();
        self.0.serialize(histogram, &mut packed).expect("writing a histogram to memory does not fail");
        packed.into_boxed_slice()
    }
}

/// Unpacks a histogram; `None` when the bytes are not in the V2 encoding. The histogram resizes itself again.
pub(crate) fn unpack(packed: &[u8]) -> Option<Histogram<u64>> {
    let fixed: Histogram<u64> = Deserializer::new().deserialize(&mut &*packed).ok()?;
    let mut histogram = new_histogram();
    histogram.add(&fixed).ok()?;
    Some(histogram)
}

/// Encodes packed bytes as base64.
pub(crate) fn to_text(packed: &[u8]) -> String {
    STANDARD.encode(packed)
}

/// Decodes base64 to packed bytes; `None` when the text is not base64.
pub(crate) fn from_text(text: &str) -> Option<Box<[u8]>> {
    STANDARD.decode(text).ok().map(Vec::into_boxed_slice)
}
