//! Reads k6's points, one sample of a metric per line: CSV (`--out csv=FILE`) and JSON lines (`--out json=FILE`). Times
//! are in milliseconds, and the time of a point is that of the end of its request.
//!
//! A request is a point of `http_req_duration`. It failed if its tag `expected_response` says so, by which
//! `http_req_failed` is made as well; points of k6 before 0.31 lack the tag, and then the status decides.

use super::{columns, endpoint_of, is_bad};
use crate::error::AnalyzeError;
use crate::sample::{Request, Samples, Stamp};
use crate::stats::{Check, Kind};
use crate::stream::Stream;
use crate::table::CUT_OFF;
use crate::test::Test;
use crate::units::moment;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// The most checks that are told apart.
const MOST_CHECKS: usize = 1_000;

/// Returns whether a line of JSON is a point, or the definition of a metric.
pub(super) fn is_point(line: &Value) -> bool {
    matches!(line.get("type").and_then(Value::as_str), Some("Metric" | "Point"))
        && line.get("metric").is_some()
}

/// Returns whether the text is k6's CSV.
pub(super) fn is_csv(text: &str) -> bool {
    let columns = columns(text.lines().next().unwrap_or_default());
    ["metric_name", "timestamp", "metric_value"].iter().all(|name| columns.contains(name))
}

/// A point, with the tags that are needed.
#[derive(Default)]
struct Point<'a> {
    metric: &'a str,
    at_ms: Option<f64>,
    value: f64,
    tags: Tags<'a>,
}

#[derive(Default, Deserialize)]
struct Tags<'a> {
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    expected_response: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    check: Cow<'a, str>,
}

/// A line of JSON.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    metric: Cow<'a, str>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    time: Option<jiff::Timestamp>,
    #[serde(default)]
    value: f64,
    #[serde(borrow, default)]
    tags: Option<Tags<'a>>,
}

/// Reads points as CSV.
pub(super) fn read_csv(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut stream = Stream::open(path, text, b',', None)?;
    let column = |name: &str| stream.column(name);
    let [metric, time, value] = ["metric_name", "timestamp", "metric_value"].map(column);
    let tags = ["method", "name", "url", "status", "expected_response", "error", "check"].map(column);
    let mut reading = Reading::new(path, "k6 points (CSV)");
    while stream.advance()? {
        let name = stream.text(metric);
        if !is_needed(name) {
            continue;
        }
        let [method, name, url, status, expected_response, error, check] =
            tags.map(|column| Cow::Borrowed(stream.text(column)));
        let tags = Tags { method, name, url, status, expected_response, error, check };
        let at_ms = Some(time_of(stream.text(time)).ok_or_else(|| {
            let time = stream.text(time);
            stream.broken(format!("`{time}` in the column `timestamp` is not a time"))
        })?);
        reading.add(&Point { metric: stream.text(metric), at_ms, value: stream.number(value)?, tags })?;
    }
    reading.test.notes.extend(stream.note());
    reading.finish()
}

/// Returns milliseconds since 1970. k6 writes seconds, unless it was told to write a smaller unit or RFC 3339, and the
/// number of digits tells which.
fn time_of(text: &str) -> Option<f64> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.abs() < 1e11 => Some(seconds * 1e3),
        Ok(milliseconds) if milliseconds.abs() < 1e14 => Some(milliseconds),
        Ok(microseconds) if microseconds.abs() < 1e17 => Some(microseconds / 1e3),
        Ok(nanoseconds) => Some(nanoseconds / 1e6).filter(|ms| ms.is_finite()),
        Err(_) => text.parse::<jiff::Timestamp>().ok().map(|time| time.as_microsecond() as f64 / 1e3),
    }
}

/// Reads points as JSON lines.
pub(super) fn read_json(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut reading = Reading::new(path, "k6 points (JSON)");
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
    while let Some((number, line)) = lines.next() {
        let line: Line<'_> = match serde_json::from_str(line) {
            Ok(line) => line,
            Err(_) if lines.peek().is_none() && number > 0 => {
                reading.test.notes.push("the last line is cut off and left out".to_owned());
                break;
            }
            Err(error) => {
                return Err(AnalyzeError::BrokenCsv {
                    path: path.to_owned(),
                    line: number as u64 + 1,
                    problem: error.to_string(),
                    advice: CUT_OFF,
                });
            }
        };
        if line.r#type == "Point" && is_needed(&line.metric) {
            let at_ms = line.data.time.map(|time| time.as_microsecond() as f64 / 1e3);
            let tags = line.data.tags.unwrap_or_default();
            reading.add(&Point { metric: &line.metric, at_ms, value: line.data.value, tags })?;
        }
    }
    reading.finish()
}

fn is_needed(metric: &str) -> bool {
    matches!(metric, "http_req_duration" | "checks" | "vus" | "vus_max" | "http_reqs")
}

/// Points as they are read.
struct Reading<'a> {
    path: &'a Path,
    test: Test,
    samples: Samples,
    first: f64,
    users: f64,
    checks: BTreeMap<String, [u64; 2]>,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, format: &'static str) -> Self {
        Self {
            path,
            test: Test::new(path, Kind::K6, format),
            samples: Samples::new(Stamp::End),
            first: f64::INFINITY,
            users: 0.0,
            checks: BTreeMap::new(),
        }
    }

    fn add(&mut self, point: &Point<'_>) -> Result<(), AnalyzeError> {
        if let Some(at) = point.at_ms {
            self.first = self.first.min(at);
            self.samples.reach([at, at]);
        }
        match point.metric {
            "vus" | "vus_max" => self.users = self.users.max(point.value),
            "checks" => self.check(point),
            "http_req_duration" => self.request(point)?,
            _ => {}
        }
        Ok(())
    }

    fn check(&mut self, point: &Point<'_>) {
        let name: String = point.tags.check.chars().take(200).collect();
        if self.checks.len() < MOST_CHECKS || self.checks.contains_key(&name) {
            let fails = usize::from(point.value == 0.0);
            self.checks.entry(name).or_default()[fails] += 1;
        }
    }

    fn request(&mut self, point: &Point<'_>) -> Result<(), AnalyzeError> {
        let tags = &point.tags;
        let failed = match tags.expected_response.as_ref() {
            "true" => false,
            "false" => true,
            _ => tags.status.parse().is_ok_and(is_bad),
        };
        let of_status = format!("status {}", tags.status);
        let error = match (failed, tags.error.as_ref()) {
            (false, _) => None,
            (true, "") => Some(of_status.as_str()),
            (true, error) => Some(error),
        };
        // k6 names a request by its URL, unless the script gives it a name.
        let name = if tags.name.is_empty() { endpoint_of(&tags.url) } else { endpoint_of(&tags.name) };
        let latency_ms = point.value;
        if !(latency_ms.is_finite() && latency_ms >= 0.0) {
            return Err(AnalyzeError::OtherKind {
                path: self.path.to_owned(),
                found: format!("a list of points with a duration of {latency_ms} ms"),
                advice: "remove the line".to_owned(),
            });
        }
        self.samples
            .add(self.path, Request { method: &tags.method, name, at_ms: point.at_ms, latency_ms, error })
    }

    fn finish(self) -> Result<Test, AnalyzeError> {
        if self.samples.is_empty() {
            return Err(AnalyzeError::OtherKind {
                path: self.path.to_owned(),
                found: "a list of k6's points without one of `http_req_duration`".to_owned(),
                advice: "give the points of a test that sends HTTP requests".to_owned(),
            });
        }
        let mut test = self.test;
        test.timing.started_at = moment(self.first);
        test.timing.peak_users = (self.users > 0.0).then_some(self.users as u64);
        self.samples.finish(&mut test, true, |_| true);
        let check = |(name, [passes, fails]): (String, [u64; 2])| Check { name, passes, fails };
        test.checks = self.checks.into_iter().map(check).collect();
        Ok(test)
    }
}
