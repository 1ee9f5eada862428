//! Reads Fortio's JSON (`-json FILE`). Times are in seconds, but the length of the test is in nanoseconds.

use super::is_bad;
use crate::error::AnalyzeError;
use crate::json::Json;
use crate::stats::{Kind, Stats};
use crate::test::Test;
use crate::units::{Unit, sum};
use serde_json::Value;
use std::path::Path;

/// Returns whether `json` is Fortio's.
pub(super) fn is_fortio(json: &Value) -> bool {
    json.get("DurationHistogram").is_some() && json.get("ActualDuration").is_some()
}

/// Reads Fortio's JSON.
pub(super) fn read(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let advice = "write it again with `fortio load -json FILE`";
    let json = Json { path, kind: "Fortio result", advice, value: json };
    let mut test = Test::new(path, Kind::Fortio, "Fortio result (JSON)");
    let requests = json.needed("/DurationHistogram/Count")? as u64;
    let mut codes = Vec::new();
    for (code, occurrences) in json.entries("/RetCodes") {
        let occurrences = occurrences.as_u64().unwrap_or(0);
        codes.push(occurrences);
        // Other protocols than HTTP have words for success, and -1 stands for a broken connection.
        let bad = match code.parse::<u64>() {
            Ok(status) => is_bad(status),
            Err(_) => !matches!(code, "OK" | "SERVING"),
        };
        if bad {
            let error = if code == "-1" { "no reply".to_owned() } else { format!("status {code}") };
            test.fail(error, occurrences);
        }
    }
    let failures = sum(test.failures.iter().map(|failure| failure.occurrences));
    // Fortio writes 0 for all times if there were no requests.
    let time = |key: &str| {
        let time = json.time(&format!("/DurationHistogram/{key}"), Unit::Seconds);
        Ok::<_, AnalyzeError>(time?.filter(|_| requests > 0))
    };
    let percentile = |wanted: f64| {
        let entry = json
            .items("/DurationHistogram/Percentiles")
            .find(|entry| entry.get("Percentile").and_then(Value::as_f64) == Some(wanted));
        entry.map_or(Ok(None), |entry| json.at(entry).time("/Value", Unit::Seconds))
    };
    test.summary = Stats {
        total_requests: Some(requests),
        total_failures: (!codes.is_empty()).then_some(failures.min(requests)),
        avg_response_time: time("Avg")?,
        min_response_time: time("Min")?,
        max_response_time: time("Max")?,
        std_response_time: time("StdDev")?,
        p50: percentile(50.0)?,
        p95: percentile(95.0)?,
        p99: percentile(99.0)?,
        rps: json.number("/ActualQPS")?,
        ..Stats::default()
    };
    test.timing.started_at = json.text("/StartTime").map(str::to_owned);
    test.timing.duration_s = json.time("/ActualDuration", Unit::Nanoseconds)?.map(|ms| ms / 1e3);
    test.timing.peak_users = json.count("/NumThreads")?;
    if test.summary.p95.is_none() && requests > 0 {
        test.notes.push("Fortio computes p95 with `-p 50,95,99`".to_owned());
    }
    Ok(test)
}
