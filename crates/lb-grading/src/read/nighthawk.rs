//! Reads Nighthawk's JSON (`--output-format json`). Durations are texts such as `0.0021s`, counts are texts too, and
//! keys are in either case style of protocol buffers.

use crate::error::AnalyzeError;
use crate::json::Json;
use crate::stats::{Kind, Stats};
use crate::test::Test;
use crate::units::{milliseconds, sum};
use serde_json::Value;
use std::path::Path;

/// The statistic of whole requests.
const LATENCY: &str = "benchmark_http_client.request_to_response";

/// Counters of requests that ended: their names, what they mean, and whether they are failures. Requests that found
/// no room in the pool of connections were never sent and are only noted.
const ENDED: [(&str, &str, bool); 8] = [
    ("benchmark.http_1xx", "status 1xx", false),
    ("benchmark.http_2xx", "status 2xx", false),
    ("benchmark.http_3xx", "status 3xx", false),
    ("benchmark.http_4xx", "status 4xx", true),
    ("benchmark.http_5xx", "status 5xx", true),
    ("benchmark.http_xxx", "status beyond 5xx", true),
    ("benchmark.stream_resets", "reset", true),
    ("benchmark.pool_connection_failure", "no connection", true),
];
const OVERFLOW: &str = "benchmark.pool_overflow";

/// Returns whether `json` is Nighthawk's.
pub(super) fn is_nighthawk(json: &Value) -> bool {
    let first = json.pointer("/results/0");
    first.is_some_and(|first| first.get("statistics").is_some() && first.get("counters").is_some())
}

/// Reads Nighthawk's JSON.
pub(super) fn read(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let advice = "write it again with `nighthawk_client --output-format json`";
    let json = Json { path, kind: "Nighthawk result", advice, value: json };
    let mut test = Test::new(path, Kind::Nighthawk, "Nighthawk result (JSON)");
    let named = |list: &str, json: Json<'_>, key: &str, name: &str| {
        json.items(list).find(|item| item.get(key).and_then(Value::as_str) == Some(name)).cloned()
    };
    // The results of all workers together are called `global`; with one worker there may be no other.
    let global = named("/results", json, "name", "global").or_else(|| json.items("/results").next().cloned());
    let global = global.unwrap_or_default();
    let global = json.at(&global);
    let counter = |name: &str| match named("/counters", global, "name", name) {
        Some(counter) => json.at(&counter).count("/value").map(|count| count.unwrap_or(0)),
        None => Ok(0),
    };
    let mut ended = Vec::new();
    for (name, error, failed) in ENDED {
        let requests = counter(name)?;
        ended.push(requests);
        if failed {
            test.fail(error, requests);
        }
    }
    let overflow = counter(OVERFLOW)?;
    if overflow > 0 {
        test.notes.push(format!(
            "{overflow} requests found no room in the pool of connections and were never sent; they are left out"
        ));
    }
    let total = sum(ended);
    let latency = named("/statistics", global, "id", LATENCY).unwrap_or_default();
    let latency = json.at(&latency);
    let seconds = duration(global, "execution").map(|ms| ms / 1e3);
    test.summary = Stats {
        total_requests: Some(total),
        total_failures: Some(sum(test.failures.iter().map(|failure| failure.occurrences))),
        avg_response_time: time(latency, "/mean"),
        min_response_time: time(latency, "/min"),
        max_response_time: time(latency, "/max"),
        std_response_time: time(latency, "/pstdev"),
        p50: percentile(latency, 0.5),
        p95: percentile(latency, 0.95),
        p99: percentile(latency, 0.99),
        rps: seconds.filter(|seconds| *seconds > 0.0).map(|seconds| total as f64 / seconds),
        ..Stats::default()
    };
    test.timing.duration_s = seconds;
    let start = global.text("/execution_start").or_else(|| global.text("/executionStart"));
    test.timing.started_at = start.or_else(|| json.text("/timestamp")).map(str::to_owned);
    Ok(test)
}

fn duration(json: Json<'_>, name: &str) -> Option<f64> {
    let text = json.text(&format!("/{name}_duration")).or_else(|| json.text(&format!("/{name}Duration")));
    text.and_then(milliseconds)
}

fn time(json: Json<'_>, pointer: &str) -> Option<f64> {
    json.text(pointer).and_then(milliseconds)
}

/// Returns the first percentile of the list that is at least the wanted one: the list goes in steps of the histogram,
/// and the true value is at most this one.
fn percentile(latency: Json<'_>, wanted: f64) -> Option<f64> {
    let reaches = |entry: &&Value| {
        entry.get("percentile").and_then(Value::as_f64).is_some_and(|percentile| percentile >= wanted - 1e-9)
    };
    latency
        .items("/percentiles")
        .find(reaches)
        .and_then(|entry| entry.get("duration")?.as_str())
        .and_then(milliseconds)
}
