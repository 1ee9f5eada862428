//! Writes metrics as OpenTelemetry's OTLP over HTTP sends them: an `ExportMetricsServiceRequest` in Protobuf.
//!
//! Protobuf is the encoding that every collector must accept; JSON is optional, and decoders of it lose 64-bit integers
//! and histograms, which they expect in different forms. The messages are those of `opentelemetry/proto/metrics/v1`
//! (OpenTelemetry Protocol Specification 1.5); the numbers in [`export_request`] and below are those of their fields. Only
//! writing is needed, so a writer of a few lines takes the place of a library. All sums and histograms are cumulative
//! since the load began.

use crate::families::{Family, Kind, Point, Value};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;

/// What sends the metrics.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// The version of the program.
    pub version: &'a str,
    /// The name of the run, which distinguishes it from others.
    pub instance: &'a str,
}

/// The times of an export, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When the load began.
    pub start: u64,
    /// When the metrics were read.
    pub now: u64,
}

/// Writes the families that have values as the body of a request to `/v1/metrics`, of the media type
/// `application/x-protobuf`.
pub fn export_request(families: &[Family], resource: Resource<'_>, times: Times) -> Vec<u8> {
    let mut request = Message::default();
    // ResourceMetrics: the resource, and the metrics of one scope.
    request.message(1, |metrics| {
        metrics.message(1, |described| {
            described.attribute(1, "service.name", "lbbench");
            described.attribute(1, "service.version", resource.version);
            described.attribute(1, "service.instance.id", resource.instance);
        });
        metrics.message(2, |of_scope| {
            of_scope.message(1, |scope| {
                scope.text(1, "lbbench");
                scope.text(2, resource.version);
            });
            for family in families.iter().filter(|family| !family.points.is_empty()) {
                of_scope.message(2, |metric| write_metric(metric, family, times));
            }
        });
    });
    request.0
}

/// Writes a `Metric`.
fn write_metric(metric: &mut Message, family: &Family, times: Times) {
    metric.text(1, family.dotted);
    metric.text(2, family.help);
    metric.text(3, family.unit);
    let field = match family.kind {
        Kind::Gauge => 5,
        Kind::Counter => 7,
        Kind::Histogram => 9,
    };
    metric.message(field, |data| {
        for point in &family.points {
            data.message(1, |written| write_point(written, point, times));
        }
        if family.kind != Kind::Gauge {
            data.whole(2, CUMULATIVE);
        }
        if family.kind == Kind::Counter {
            // It is monotonic.
            data.whole(3, 1);
        }
    });
}

/// Writes a `NumberDataPoint` or a `HistogramDataPoint`.
fn write_point(written: &mut Message, point: &Point, times: Times) {
    written.fixed(2, times.start);
    written.fixed(3, times.now);
    let attributes = match &point.value {
        Value::Number(number) => {
            written.double(4, *number);
            7
        }
        Value::Count(count) => {
            written.fixed(6, *count);
            7
        }
        Value::Histogram { bounds, counts, sum } => {
            written.fixed(4, counts.iter().sum());
            written.double(5, *sum);
            written.bytes(6, &counts.iter().flat_map(|count| count.to_le_bytes()).collect::<Vec<u8>>());
            written.bytes(7, &bounds.iter().flat_map(|bound| bound.to_le_bytes()).collect::<Vec<u8>>());
            9
        }
    };
    for (name, value) in &point.labels {
        written.attribute(attributes, name, value);
    }
}

/// A Protobuf message that is being written (Protocol Buffers documentation, "Encoding").
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    /// The wire types: a whole number in as many bytes as it needs, eight bytes, and bytes with their length.
    const VARINT: u64 = 0;
    const FIXED: u64 = 1;
    const BYTES: u64 = 2;

    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn whole(&mut self, field: u64, number: u64) {
        self.key(field, Self::VARINT);
        self.varint(number);
    }

    fn fixed(&mut self, field: u64, number: u64) {
        self.key(field, Self::FIXED);
        self.0.extend(number.to_le_bytes());
    }

    fn double(&mut self, field: u64, number: f64) {
        self.fixed(field, number.to_bits());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, Self::BYTES);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// Writes a `KeyValue` with a string.
    fn attribute(&mut self, field: u64, name: &str, value: &str) {
        self.message(field, |pair| {
            pair.text(1, name);
            pair.message(2, |any| any.text(1, value));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_are_written_as_the_encoding_says() {
        let mut message = Message::default();
        message.whole(1, 150);
        assert_eq!(message.0, [0x08, 0x96, 0x01], "the example of the documentation");
        let mut message = Message::default();
        message.text(2, "testing");
        assert_eq!(message.0, [&[0x12, 0x07][..], b"testing"].concat());
        let mut message = Message::default();
        message.message(3, |inner| inner.whole(1, 150));
        assert_eq!(message.0, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.double(4, 1.5);
        assert_eq!(message.0, [0x21, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    }

    #[test]
    fn a_sum_is_written_byte_by_byte() {
        let family = Family {
            name: "n_total",
            dotted: "n",
            unit: "1",
            help: "h",
            kind: Kind::Counter,
            points: vec![Point { labels: vec![("k", "v".to_owned())], value: Value::Count(513) }],
        };
        let mut metric = Message::default();
        write_metric(&mut metric, &family, Times { start: 1, now: 2 });
        let point = [
            &[0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x19, 2, 0, 0, 0, 0, 0, 0, 0][..],
            &[0x31, 1, 2, 0, 0, 0, 0, 0, 0],
            &[0x3a, 8, 0x0a, 1, b'k', 0x12, 3, 0x0a, 1, b'v'],
        ]
        .concat();
        let sum = [&[0x0a, point.len() as u8][..], &point, &[0x10, 2, 0x18, 1]].concat();
        let expected = [&b"\x0a\x01n\x12\x01h\x1a\x011"[..], &[0x3a, sum.len() as u8], &sum].concat();
        assert_eq!(metric.0, expected);
    }
}
