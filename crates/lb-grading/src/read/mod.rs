//! Recognises what a file holds by its content, not by its name: one reader for each tool.

mod ab;
mod artillery;
mod autocannon;
mod bench;
mod bombardier;
mod fortio;
mod gatling;
mod hey;
mod jmeter;
mod k6;
mod k6_points;
mod locust;
mod locust_json;
mod nighthawk;
mod oha;
mod request_csv;
mod vegeta;
mod vegeta_results;
mod wrk;

use crate::error::AnalyzeError;
use crate::files::{self, other, written_at};
use crate::test::Test;
use serde_json::Value;
use std::path::Path;

pub(crate) use bench::is_bench;

/// Maximum number of file names or JSON keys that a message lists.
const LISTED: usize = 8;
/// The most values in a JSON file: those of a run of `bench` with hundreds of algorithms.
const MOST_VALUES: usize = 1_000_000;
/// Maximum number of characters of the first line that a message shows.
const SHOWN: usize = 60;

/// A reader of JSON: whether it knows the document, and what it reads from it.
type OfJson = (fn(&Value) -> bool, fn(&Path, &Value) -> Result<Test, AnalyzeError>);
/// A reader of text.
type OfText = (fn(&str) -> bool, fn(&Path, &str) -> Result<Test, AnalyzeError>);

/// Readers of a JSON document. The first one that knows a document reads it.
const JSON: [OfJson; 10] = [
    (oha::is_oha, oha::read),
    (vegeta::is_report, vegeta::read_report),
    (bombardier::is_json, bombardier::read_json),
    (autocannon::is_autocannon, autocannon::read),
    (fortio::is_fortio, fortio::read),
    (nighthawk::is_nighthawk, nighthawk::read),
    (artillery::is_artillery, artillery::read),
    (gatling::is_stats, gatling::read_stats),
    (locust_json::is_locust, locust_json::read),
    // The last one, since it asks for the least.
    (k6::is_k6, k6::read),
];

/// Readers of JSON with a value on each line, by the value on the first.
const JSON_LINES: [OfJsonLines; 2] =
    [(k6_points::is_point, k6_points::read_json), (vegeta_results::is_result, vegeta_results::read_json)];

/// A reader of JSON lines: whether it knows the first line, and what it reads from all.
type OfJsonLines = (fn(&Value) -> bool, fn(&Path, &str) -> Result<Test, AnalyzeError>);

/// Readers of other text.
const TEXT: [OfText; 16] = [
    (locust::is_stats, locust::read),
    (k6_points::is_csv, k6_points::read_csv),
    (jmeter::is_csv, jmeter::read_csv),
    (jmeter::is_xml, jmeter::read_xml),
    (hey::is_csv, request_csv::read_hey),
    (oha::is_csv, request_csv::read_oha),
    (wrk::is_wrk, wrk::read),
    (hey::is_text, hey::read_text),
    (bombardier::is_text, bombardier::read_text),
    (ab::is_text, ab::read_text),
    (ab::is_percentiles, ab::read_percentiles),
    (ab::is_gnuplot, ab::read_gnuplot),
    (vegeta::is_text, vegeta::read_text),
    (vegeta::is_histogram, vegeta::read_histogram),
    (vegeta_results::is_csv, vegeta_results::read_csv),
    (gatling::is_log, gatling::read_log),
];

/// Reads the tests in a file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<Test>, AnalyzeError> {
    read_bytes(path, &files::read(path)?)
}

/// Reads the tests in the content of a file.
pub(crate) fn read_bytes(path: &Path, bytes: &[u8]) -> Result<Vec<Test>, AnalyzeError> {
    let (text, note) = files::decode(path, bytes)?;
    let mut tests = read_text(path, &text)?;
    for test in &mut tests {
        test.notes.extend(note.map(str::to_owned));
        if test.timing.started_at.is_none() {
            test.timing.written_at = written_at(path);
        }
    }
    Ok(tests)
}

fn read_text(path: &Path, text: &str) -> Result<Vec<Test>, AnalyzeError> {
    if text.trim().is_empty() {
        return Err(other(path, "an empty file"));
    }
    if text.trim_start().starts_with(['{', '[']) {
        return read_json(path, text.trim_start());
    }
    if let Some((_, read)) = TEXT.iter().find(|(knows, _)| knows(text)) {
        return read(path, text).map(|test| vec![test]);
    }
    Err(unknown_text(path, text))
}

/// Says what kind of text it is that no reader knows.
fn unknown_text(path: &Path, text: &str) -> AnalyzeError {
    let first = text.lines().next().unwrap_or_default();
    let columns = columns(first);
    let has = |name: &str| columns.contains(&name);
    let sibling = |what: &str| AnalyzeError::OtherKind {
        path: path.to_owned(),
        found: format!("Locust's {what}"),
        advice: "give the `_stats.csv` next to it; this file is then found by its prefix".to_owned(),
    };
    if has("Timestamp") && has("User Count") {
        sibling("history")
    } else if has("Occurrences") {
        sibling("list of failures")
    } else if has("Traceback") {
        sibling("list of exceptions")
    } else if has("Name") && has("50%") {
        sibling("distribution")
    } else {
        let shown: String = first.chars().take(SHOWN).collect();
        other(path, format!("not a file that can be graded (it begins with `{}`)", shown.trim()))
    }
}

/// Returns whether a file belongs to the stats file of a Locust test in the same folder.
pub(crate) fn is_companion(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..4096).unwrap_or(bytes));
    let columns = columns(head.lines().next().unwrap_or_default());
    let has = |name: &str| columns.contains(&name);
    (has("Timestamp") && has("User Count"))
        || has("Occurrences")
        || has("Traceback")
        || (has("Name") && has("50%") && has("# requests") && !has("Median response time"))
}

/// Returns the columns of a header, without quotation marks.
fn columns(header: &str) -> Vec<&str> {
    header.trim_start_matches('\u{feff}').split(',').map(|column| column.trim().trim_matches('"')).collect()
}

/// Returns the first line that is not blank.
fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

fn read_json(path: &Path, text: &str) -> Result<Vec<Test>, AnalyzeError> {
    let first = first_line(text);
    if lb_io::check_json(first.as_bytes(), MOST_VALUES).is_ok()
        && let Ok(line) = serde_json::from_str::<Value>(first)
        && let Some((_, read)) = JSON_LINES.iter().find(|(knows, _)| knows(&line))
    {
        return read(path, text).map(|test| vec![test]);
    }
    lb_io::check_json(text.as_bytes(), MOST_VALUES)
        .map_err(|problem| other(path, format!("a JSON file that {problem}")))?;
    let json: Value =
        serde_json::from_str(text).map_err(|error| other(path, format!("not JSON ({error})")))?;
    if is_bench(&json) {
        return bench::read(path, text);
    }
    match JSON.iter().find(|(knows, _)| knows(&json)) {
        Some((_, read)) => read(path, &json).map(|test| vec![test]),
        None => Err(other(path, unknown_json(&json))),
    }
}

fn unknown_json(json: &Value) -> String {
    match json {
        Value::Object(object) if object.contains_key("analysis") && object.contains_key("bottlenecks") => {
            "already an analysis".to_owned()
        }
        Value::Object(object) if object.is_empty() => "an empty JSON object".to_owned(),
        Value::Object(object) => format!("a JSON object with {}", list(object.keys().cloned())),
        Value::Array(_) => "a JSON list".to_owned(),
        _ => "a JSON value".to_owned(),
    }
}

/// Formats names as a list, such as `a`, `b`, `c` and 4 more.
pub(crate) fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Returns whether a status means that a request failed: there was no reply, or its status is 400 or more.
const fn is_bad(status: u64) -> bool {
    status < 100 || status >= 400
}

/// Splits an HTTP method off the name of a request, as in `GET /cart`; the method is empty if there is none.
fn split_method(name: &str) -> (&str, &str) {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    match name.split_once(' ') {
        Some((method, rest)) if METHODS.contains(&method) => (method, rest.trim()),
        _ => ("", name),
    }
}

/// Returns the path of a URL, without its query, by which requests are told apart.
fn endpoint_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = match (url.len() == rest.len(), rest.find('/')) {
        (true, _) => rest,
        (false, Some(at)) => &rest[at..],
        (false, None) => "/",
    };
    path.split(['?', '#']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_named_by_path_and_method() {
        let table = [
            ("http://a.example/x/y?z=1", "/x/y"),
            ("http://a.example", "/"),
            ("/x?y", "/x"),
            ("login", "login"),
        ];
        for (url, path) in table {
            assert_eq!(endpoint_of(url), path, "{url}");
        }
        assert_eq!(split_method("POST /cart"), ("POST", "/cart"));
        assert_eq!(split_method("GETTING started"), ("", "GETTING started"));
    }
}
