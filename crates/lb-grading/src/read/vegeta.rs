//! Reads Vegeta's reports: JSON (`vegeta report -type=json`, nanoseconds), text and histogram. Success is Vegeta's: a
//! reply with a status from 200 to 399.

use super::is_bad;
use crate::error::AnalyzeError;
use crate::json::Json;
use crate::stats::{Kind, Stats};
use crate::test::Test;
use crate::units::{Unit, count, milliseconds, number, sum};
use serde_json::Value;
use std::path::Path;

/// Returns whether `json` is a report.
pub(super) fn is_report(json: &Value) -> bool {
    json.pointer("/latencies/mean").is_some() && json.get("status_codes").is_some()
}

/// Reads a report in JSON.
pub(super) fn read_report(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let advice = "write it again with `vegeta report -type=json`";
    let json = Json { path, kind: "Vegeta report", advice, value: json };
    let mut test = Test::new(path, Kind::Vegeta, "Vegeta report (JSON)");
    let requests = json.needed("/requests")? as u64;
    let success = json.number("/success")?;
    if let Some(success) = success.filter(|success| *success > 1.0) {
        return Err(json.fault(format!("`success` is {success}, which is not a fraction between 0 and 1")));
    }
    let time = |pointer| json.time(pointer, Unit::Nanoseconds);
    test.summary = Stats {
        total_requests: Some(requests),
        total_failures: success.map(|success| failed(requests, success)),
        rps: json.number("/rate")?,
        ..Stats::default()
    };
    // Vegeta writes 0 for all times if there were no requests.
    if requests > 0 {
        test.summary = Stats {
            avg_response_time: time("/latencies/mean")?,
            min_response_time: time("/latencies/min")?,
            max_response_time: time("/latencies/max")?,
            p50: time("/latencies/50th")?,
            p95: time("/latencies/95th")?,
            p99: time("/latencies/99th")?,
            ..test.summary
        };
    }
    for (status, occurrences) in json.entries("/status_codes") {
        add_status(&mut test, status, occurrences.as_u64().unwrap_or(0));
    }
    let errors: Vec<&str> = json.items("/errors").filter_map(Value::as_str).collect();
    note_errors(&mut test, &errors);
    test.timing.duration_s = json.time("/duration", Unit::Nanoseconds)?.map(|ms| ms / 1e3);
    test.timing.started_at = json.text("/earliest").map(str::to_owned);
    Ok(test)
}

fn failed(requests: u64, success: f64) -> u64 {
    (requests as f64 * (1.0 - success)).round() as u64
}

fn add_status(test: &mut Test, status: &str, occurrences: u64) {
    if status.parse().is_ok_and(is_bad) {
        let error = if status == "0" { "no reply".to_owned() } else { format!("status {status}") };
        test.fail(error, occurrences);
    }
}

/// Notes the texts of errors, which Vegeta does not count.
fn note_errors(test: &mut Test, errors: &[&str]) {
    const SHOWN: usize = 5;
    if !errors.is_empty() {
        let shown: Vec<String> =
            errors.iter().take(SHOWN).map(|error| error.chars().take(120).collect()).collect();
        let more = errors.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        test.notes.push(format!("Vegeta lists the errors {}{more}, without their numbers", shown.join("; ")));
    }
}

/// Returns whether the text is a report as text.
pub(super) fn is_text(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("Requests ") && line.contains("[total"))
        && text.lines().any(|line| line.starts_with("Latencies "))
}

/// Reads a report as text. The names in brackets say what the values after them are; they changed over the versions.
pub(super) fn read_text(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Vegeta, "Vegeta report (text)");
    let mut lines = text.lines();
    let mut success = None;
    while let Some(line) = lines.next() {
        let Some((label, values)) = line.split_once(']') else {
            if line.starts_with("Error Set:") {
                let errors: Vec<&str> =
                    lines.by_ref().map(str::trim).filter(|line| !line.is_empty()).collect();
                note_errors(&mut test, &errors);
            }
            continue;
        };
        let (label, names) = label.split_once('[').unwrap_or((label, ""));
        let values: Vec<&str> = values.split(',').map(str::trim).collect();
        let value = |name: &str| {
            let place = names.split(',').position(|known| known.trim() == name)?;
            values.get(place).copied()
        };
        let time = |name: &str| value(name).and_then(milliseconds);
        match label.trim() {
            "Requests" => {
                test.summary.total_requests = value("total").and_then(count);
                test.summary.rps = value("rate").and_then(number);
            }
            "Duration" => test.timing.duration_s = time("attack").map(|ms| ms / 1e3),
            "Latencies" => {
                test.summary.avg_response_time = time("mean");
                test.summary.min_response_time = time("min");
                test.summary.max_response_time = time("max");
                test.summary.p50 = time("50");
                test.summary.p95 = time("95");
                test.summary.p99 = time("99");
            }
            "Success" => {
                success = value("ratio").and_then(|ratio| number(ratio.trim_end_matches('%')));
            }
            "Status Codes" => {
                for pair in values.iter().flat_map(|value| value.split_whitespace()) {
                    if let Some((status, occurrences)) = pair.split_once(':') {
                        add_status(&mut test, status, count(occurrences).unwrap_or(0));
                    }
                }
            }
            _ => {}
        }
    }
    let counted = sum(test.failures.iter().map(|failure| failure.occurrences));
    test.summary.total_failures = match (test.summary.total_requests, success) {
        // The counts by status are exact, and the ratio is rounded.
        (Some(_), _) if counted > 0 => Some(counted),
        (Some(requests), Some(percent)) => Some(failed(requests, (percent / 100.0).min(1.0))),
        _ => None,
    };
    if test.summary.total_requests == Some(0) {
        let Stats { total_requests, total_failures, rps, .. } = test.summary;
        test.summary = Stats { total_requests, total_failures, rps, ..Stats::default() };
    }
    Ok(test)
}

/// Returns whether the text is a histogram (`vegeta report -type='hist[…]'`).
pub(super) fn is_histogram(text: &str) -> bool {
    let first = super::first_line(text);
    first.starts_with("Bucket") && first.ends_with("Histogram")
}

/// Reads a histogram, which says only how many requests there were.
pub(super) fn read_histogram(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Vegeta, "Vegeta histogram");
    let counts: Vec<u64> = text
        .lines()
        .filter_map(|line| line.split_once(']')?.1.split_whitespace().next().and_then(count))
        .collect();
    test.summary.total_requests = Some(sum(counts));
    test.notes.push(
        "a histogram tells how many requests lie between two times, so no latency is exact; `vegeta report \
         -type=json` has the percentiles and the failures"
            .to_owned(),
    );
    Ok(test)
}
