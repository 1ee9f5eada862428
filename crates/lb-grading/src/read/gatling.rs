//! Reads Gatling's results: `stats.json` and `global_stats.json` of a report, and a `simulation.log` that is text, as
//! Gatling wrote it until it became binary. Times are in milliseconds.
//!
//! The third and fourth percentile of a report are the 95th and 99th unless Gatling was configured otherwise, and the
//! first is the median.

use super::split_method;
use crate::error::AnalyzeError;
use crate::json::Json;
use crate::sample::{Request, Samples, Stamp};
use crate::stats::{Endpoint, Kind, Stats};
use crate::table::CUT_OFF;
use crate::test::Test;
use crate::units::{Unit, moment, number};
use serde_json::Value;
use std::path::Path;

/// The most levels of groups within groups.
const MOST_LEVELS: usize = 30;
/// The most endpoints that are read.
const MOST_ENDPOINTS: usize = 1_000;

/// Returns whether `json` is a report's data.
pub(super) fn is_stats(json: &Value) -> bool {
    let stats = json.get("stats").unwrap_or(json);
    stats.pointer("/numberOfRequests/total").is_some()
}

/// Reads a report's data.
pub(super) fn read_stats(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let advice = "give `js/stats.json` of Gatling's report";
    let root = Json { path, kind: "Gatling report", advice, value: json };
    let mut test = Test::new(path, Kind::Gatling, "Gatling stats.json");
    test.summary = stats(root.at(json.get("stats").unwrap_or(json)))?;
    contents(root, "", 0, &mut test)?;
    Ok(test)
}

fn contents(group: Json<'_>, within: &str, level: usize, test: &mut Test) -> Result<(), AnalyzeError> {
    for (_, entry) in group.entries("/contents") {
        let entry = group.at(entry);
        let name = entry.text("/name").unwrap_or_default();
        let full = format!("{within}{name}");
        if entry.text("/type") == Some("GROUP") {
            if level < MOST_LEVELS {
                contents(entry, &format!("{full} / "), level + 1, test)?;
            }
        } else if let Some(numbers) = entry.get("/stats")
            && test.endpoints.len() < MOST_ENDPOINTS
        {
            let (method, name) = split_method(&full);
            test.endpoints.push(Endpoint::new(method, name, stats(entry.at(numbers))?));
        }
    }
    Ok(())
}

fn stats(numbers: Json<'_>) -> Result<Stats, AnalyzeError> {
    let requests = numbers.count("/numberOfRequests/total")?;
    // Gatling writes 0 or `-` for all times if there were no requests.
    let time = |key: &str| {
        let time = numbers.time(&format!("/{key}/total"), Unit::Milliseconds);
        Ok::<_, AnalyzeError>(time?.filter(|_| requests != Some(0)))
    };
    Ok(Stats {
        total_requests: requests,
        total_failures: numbers.count("/numberOfRequests/ko")?,
        avg_response_time: time("meanResponseTime")?,
        min_response_time: time("minResponseTime")?,
        max_response_time: time("maxResponseTime")?,
        std_response_time: time("standardDeviation")?,
        p50: time("percentiles1")?,
        p95: time("percentiles3")?,
        p99: time("percentiles4")?,
        rps: numbers.number("/meanNumberOfRequestsPerSecond/total")?,
        ..Stats::default()
    })
}

/// Returns whether the text is a `simulation.log`.
pub(super) fn is_log(text: &str) -> bool {
    let first = super::first_line(text);
    first.starts_with("RUN\t")
        || text.lines().take(100).any(|line| line.starts_with("REQUEST\t") && request(line).is_some())
}

/// A request in a `simulation.log`: its group, its name, its begin and end, whether it succeeded, and the message.
struct Entry<'a> {
    group: &'a str,
    name: &'a str,
    times: [f64; 2],
    ok: bool,
    message: &'a str,
}

/// Reads the line of a request. The columns before the name and after the status changed over the versions, but the
/// name, the two times and the status always follow one another.
fn request(line: &str) -> Option<Entry<'_>> {
    let fields: Vec<&str> = line.split('\t').collect();
    let status = fields.iter().position(|field| matches!(*field, "OK" | "KO")).filter(|place| *place >= 4)?;
    let time = |place: usize| number(fields[place]).filter(|_| fields[place].len() >= 12);
    Some(Entry {
        group: fields[status - 4],
        name: fields[status - 3],
        times: [time(status - 2)?, time(status - 1)?],
        ok: fields[status] == "OK",
        message: fields.get(status + 1).map_or("", |message| message.trim()),
    })
}

/// Reads a `simulation.log`.
pub(super) fn read_log(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Gatling, "Gatling simulation.log");
    let mut samples = Samples::new(Stamp::Begin);
    let mut first = f64::INFINITY;
    for (place, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with("REQUEST\t")) {
        let Some(entry) = request(line) else {
            return Err(AnalyzeError::BrokenCsv {
                path: path.to_owned(),
                line: place as u64 + 1,
                problem: "the line of a request lacks its name, its two times or its status".to_owned(),
                advice: CUT_OFF,
            });
        };
        let [begin, end] = entry.times;
        first = first.min(begin);
        // Before the groups there was the number of the user.
        let is_group = !entry.group.is_empty() && number(entry.group).is_none();
        let full = if is_group { format!("{} / {}", entry.group, entry.name) } else { entry.name.to_owned() };
        let (method, name) = split_method(&full);
        let error = (!entry.ok).then_some(if entry.message.is_empty() { "KO" } else { entry.message });
        let latency_ms = (end - begin).max(0.0);
        samples.add(path, Request { method, name, at_ms: Some(begin), latency_ms, error })?;
    }
    if samples.is_empty() {
        return Err(AnalyzeError::OtherKind {
            path: path.to_owned(),
            found: "a `simulation.log` without a request".to_owned(),
            advice: "use the log of a finished test".to_owned(),
        });
    }
    test.timing.started_at = moment(first);
    samples.finish(&mut test, true, |_| true);
    Ok(test)
}
