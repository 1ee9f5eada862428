//! Reads bombardier's results: JSON (`-o json`, microseconds) and text. Replies with a status of 400 or more and
//! requests without a reply (`others`) are failures.

use crate::error::AnalyzeError;
use crate::json::Json;
use crate::stats::{Kind, Stats};
use crate::test::Test;
use crate::units::{Unit, count, milliseconds, number, sum};
use serde_json::Value;
use std::path::Path;

/// Classes of replies with their keys, and whether they are failures.
const CLASSES: [(&str, &str, bool); 6] = [
    ("req1xx", "1xx", false),
    ("req2xx", "2xx", false),
    ("req3xx", "3xx", false),
    ("req4xx", "4xx", true),
    ("req5xx", "5xx", true),
    ("others", "others", true),
];

/// Returns whether `json` is bombardier's.
pub(super) fn is_json(json: &Value) -> bool {
    json.pointer("/result/req2xx").is_some() && json.pointer("/result/timeTakenSeconds").is_some()
}

/// Reads bombardier's JSON.
pub(super) fn read_json(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let advice = "write it again with `bombardier -l -o json -p result`";
    let json = Json { path, kind: "bombardier result", advice, value: json };
    let mut test = Test::new(path, Kind::Bombardier, "bombardier result (JSON)");
    let mut counts = Vec::new();
    for (key, name, failed) in CLASSES {
        let requests = json.count(&format!("/result/{key}"))?.unwrap_or(0);
        counts.push(requests);
        if failed {
            test.fail(named(name), requests);
        }
    }
    let time = |key: &str| json.time(&format!("/result/latency/{key}"), Unit::Microseconds);
    let seconds = json.number("/result/timeTakenSeconds")?;
    test.summary = Stats {
        avg_response_time: time("mean")?,
        std_response_time: time("stddev")?,
        max_response_time: time("max")?,
        p50: time("percentiles/50")?,
        p95: time("percentiles/95")?,
        p99: time("percentiles/99")?,
        ..Stats::default()
    };
    finish(&mut test, &counts, seconds);
    test.timing.peak_users = json.count("/spec/numberOfConnections")?;
    errors(&mut test, json.items("/result/errors").filter_map(|error| error.get("description")?.as_str()));
    Ok(test)
}

fn named(class: &str) -> String {
    if class == "others" { "no reply".to_owned() } else { format!("status {class}") }
}

fn finish(test: &mut Test, counts: &[u64], seconds: Option<f64>) {
    let total = sum(counts.iter().copied());
    test.summary.total_requests = Some(total);
    test.summary.total_failures = Some(sum(test.failures.iter().map(|failure| failure.occurrences)));
    test.summary.rps = seconds.filter(|seconds| *seconds > 0.0).map(|seconds| total as f64 / seconds);
    test.timing.duration_s = seconds;
    if test.summary.p95.is_none() {
        test.notes.push("bombardier prints percentiles with `-l`".to_owned());
    }
}

fn errors<'a>(test: &mut Test, errors: impl Iterator<Item = &'a str>) {
    let shown: Vec<String> = errors.take(5).map(|error| error.chars().take(120).collect()).collect();
    if !shown.is_empty() {
        test.notes.push(format!("requests without a reply: {}", shown.join("; ")));
    }
}

/// Returns whether the text is bombardier's.
pub(super) fn is_text(text: &str) -> bool {
    let has = |start: &str| text.lines().any(|line| line.trim_start().starts_with(start));
    has("HTTP codes:") && has("Reqs/sec") && has("Latency")
}

/// Reads bombardier's text.
pub(super) fn read_text(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Bombardier, "bombardier result (text)");
    let mut classes: Vec<(String, u64)> = Vec::new();
    let mut rate = None;
    let mut seconds = None;
    let mut found_errors = Vec::new();
    let mut in_errors = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["Bombarding", rest @ ..] => {
                seconds =
                    rest.windows(2).find(|pair| pair[0] == "for").and_then(|pair| milliseconds(pair[1]));
                let users = rest.windows(2).find(|pair| pair[0] == "using").map(|pair| pair[1]);
                test.timing.peak_users = users.and_then(count);
            }
            ["Reqs/sec", mean, ..] => rate = number(mean),
            ["Latency", mean, deviation, max] => {
                test.summary.avg_response_time = milliseconds(mean);
                test.summary.std_response_time = milliseconds(deviation);
                test.summary.max_response_time = milliseconds(max);
            }
            ["50%", time] => test.summary.p50 = milliseconds(time),
            ["95%", time] => test.summary.p95 = milliseconds(time),
            ["99%", time] => test.summary.p99 = milliseconds(time),
            ["Errors:"] => in_errors = true,
            ["Throughput:", ..] => in_errors = false,
            [first, "-", ..] if CLASSES.iter().any(|(_, name, _)| name == first) => {
                for pair in line.split(',') {
                    if let Some((class, requests)) = pair.split_once('-') {
                        classes.push((class.trim().to_owned(), count(requests).unwrap_or(0)));
                    }
                }
            }
            [_, ..] if in_errors => found_errors.push(line.trim()),
            _ => {}
        }
    }
    let mut counts = Vec::new();
    for (class, requests) in classes {
        counts.push(requests);
        if CLASSES.iter().any(|(_, name, failed)| *failed && *name == class) {
            test.fail(named(&class), requests);
        }
    }
    errors(&mut test, found_errors.into_iter());
    // The time is what was asked for, and missing if a number of requests was.
    finish(&mut test, &counts, seconds.map(|ms| ms / 1e3));
    test.summary.rps = rate;
    Ok(test)
}
