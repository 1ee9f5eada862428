//! Reads hey's text, in seconds, and that of oha, which looks alike but has a unit with each time.
//!
//! Both list replies by status and errors by text; a status of 400 or more is a failure.

use super::{columns, is_bad};
use crate::error::AnalyzeError;
use crate::stats::Kind;
use crate::test::Test;
use crate::units::{count, milliseconds, number, sum};
use std::path::Path;

/// oha's name for requests that were in flight when the test ran out of time.
const CUT_OFF: &str = "aborted due to deadline";

/// Returns whether the text is hey's list of requests (`-o csv`).
pub(super) fn is_csv(text: &str) -> bool {
    let columns = columns(text.lines().next().unwrap_or_default());
    columns.contains(&"response-time") && columns.contains(&"offset")
}

/// Returns whether the text is hey's or oha's summary.
pub(super) fn is_text(text: &str) -> bool {
    let has = |part: &str| text.lines().any(|line| line.trim_start().starts_with(part));
    has("Slowest:") && has("Fastest:") && has("Requests/sec:")
}

/// The part of the text that a line lies in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Summary,
    Percentiles,
    Statuses,
    Errors,
    Other,
}

/// Reads a summary.
pub(super) fn read_text(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let is_oha = text.lines().any(|line| line.trim_start().starts_with("Success rate:"));
    let mut test = match is_oha {
        true => Test::new(path, Kind::Oha, "oha summary (text)"),
        false => Test::new(path, Kind::Hey, "hey summary (text)"),
    };
    let mut part = Part::Summary;
    let mut replies = Vec::new();
    let (mut cut_off, mut refused) = (0, 0);
    for line in text.lines().map(str::trim) {
        if let Some(heading) = line.strip_suffix(':').filter(|_| !line.starts_with('[')) {
            part = part_of(heading);
            continue;
        }
        match part {
            Part::Summary => total(&mut test, line),
            Part::Percentiles => percentile(&mut test, line),
            Part::Statuses | Part::Errors => {
                let Some((first, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) else {
                    continue;
                };
                let rest = rest.trim();
                if part == Part::Errors {
                    let occurrences = count(first).unwrap_or(0);
                    match rest == CUT_OFF {
                        true => cut_off += occurrences.min(u64::MAX - cut_off),
                        false => test.fail(rest, occurrences),
                    }
                    continue;
                }
                let occurrences = rest.split_whitespace().next().and_then(count).unwrap_or(0);
                replies.push(occurrences);
                if count(first).is_some_and(is_bad) {
                    refused = sum([refused, occurrences]);
                    test.fail(format!("status {first}"), occurrences);
                }
            }
            Part::Other => {}
        }
    }
    let failures = sum(test.failures.iter().map(|failure| failure.occurrences));
    let requests = sum(replies.iter().copied().chain([failures.saturating_sub(refused)]));
    test.summary.total_requests = Some(requests);
    test.summary.total_failures = Some(failures.min(requests));
    if cut_off > 0 {
        test.notes.push(format!(
            "{cut_off} requests were in flight when the test ran out of time; they are left out, as oha does"
        ));
    }
    if replies.is_empty() {
        let summary = &mut test.summary;
        (summary.avg_response_time, summary.min_response_time, summary.max_response_time) =
            (None, None, None);
    }
    Ok(test)
}

fn part_of(heading: &str) -> Part {
    match heading {
        "Summary" => Part::Summary,
        "Latency distribution" | "Response time distribution" => Part::Percentiles,
        "Status code distribution" => Part::Statuses,
        "Error distribution" => Part::Errors,
        _ => Part::Other,
    }
}

/// Returns the time of a text such as `0.0123 secs`.
fn time(text: &str) -> Option<f64> {
    milliseconds(text)
}

fn total(test: &mut Test, line: &str) {
    let Some((name, value)) = line.split_once(':') else { return };
    let value = value.trim();
    let summary = &mut test.summary;
    match name {
        "Total" => test.timing.duration_s = time(value).map(|ms| ms / 1e3),
        "Slowest" => summary.max_response_time = time(value),
        "Fastest" => summary.min_response_time = time(value),
        "Average" => summary.avg_response_time = time(value),
        "Requests/sec" => summary.rps = number(value),
        _ => {}
    }
}

/// Reads a line such as `95% in 0.0050 secs`.
fn percentile(test: &mut Test, line: &str) {
    let Some((share, value)) = line.split_once(" in ") else { return };
    let slot = match number(share.trim_end_matches('%')) {
        Some(50.0) => &mut test.summary.p50,
        Some(95.0) => &mut test.summary.p95,
        Some(99.0) => &mut test.summary.p99,
        _ => return,
    };
    *slot = time(value);
}
