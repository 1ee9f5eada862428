//! Writes metrics in Prometheus' text exposition format 0.0.4.

use crate::families::{Family, Kind, Point, Value};
use std::fmt::Write;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the families that have values.
pub fn render_exposition(families: &[Family]) -> String {
    let mut out = String::with_capacity(8192);
    for family in families.iter().filter(|family| !family.points.is_empty()) {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let name = family.name;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
        for point in &family.points {
            write_point(&mut out, name, point);
        }
    }
    out
}

fn write_point(out: &mut String, name: &str, point: &Point) {
    let mut line = |suffix: &str, bucket: Option<&str>, value: &str| {
        let mut labels: Vec<String> =
            point.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        labels.extend(bucket.map(|bound| format!("le=\"{bound}\"")));
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(out, "{name}{suffix}{labels} {value}");
    };
    match &point.value {
        Value::Count(count) => line("", None, &count.to_string()),
        Value::Number(number) => line("", None, &number.to_string()),
        Value::Histogram { bounds, counts, sum } => {
            let mut below = 0;
            for (bound, count) in bounds.iter().zip(counts) {
                below += count;
                line("_bucket", Some(&bound.to_string()), &below.to_string());
            }
            let all: u64 = counts.iter().sum();
            line("_bucket", Some("+Inf"), &all.to_string());
            line("_sum", None, &sum.to_string());
            line("_count", None, &all.to_string());
        }
    }
}

/// Escapes backslash, quote and line feed in a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
