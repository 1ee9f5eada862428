//! Reads Artillery's JSON (`artillery run -o FILE`), of version 2 and of version 1. Times are in milliseconds.
//!
//! Failures are replies with a status of 400 or more, and errors, which are requests without a reply. With the plugin
//! `metrics-by-endpoint`, endpoints are those that it reports.

use super::{is_bad, split_method};
use crate::course::Interval;
use crate::error::AnalyzeError;
use crate::json::{Json, key};
use crate::stats::{Endpoint, Kind, Stats};
use crate::test::Test;
use crate::units::{Unit, moment, sum};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// How the counters and summaries of the plugin for endpoints begin.
const BY_ENDPOINT: &str = "plugins.metrics-by-endpoint.";
/// The most endpoints that are read.
const MOST_ENDPOINTS: usize = 1_000;

/// Returns whether `json` is Artillery's.
pub(super) fn is_artillery(json: &Value) -> bool {
    json.pointer("/aggregate/counters").is_some() || json.pointer("/aggregate/requestsCompleted").is_some()
}

/// Reads Artillery's JSON.
pub(super) fn read(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let advice = "write it again with `artillery run -o FILE`";
    let json = Json { path, kind: "Artillery report", advice, value: json };
    let Some(aggregate) = json.get("/aggregate") else { return Err(json.fault("`aggregate` is missing")) };
    let aggregate = json.at(aggregate);
    let mut test = Test::new(path, Kind::Artillery, "Artillery report (JSON)");
    if aggregate.get("/counters").is_some() {
        version_2(aggregate, &mut test)?
    } else {
        version_1(aggregate, &mut test)?
    }
    course(json, &mut test)?;
    Ok(test)
}

/// The counts of replies by status, and of errors.
#[derive(Default)]
struct Counts {
    replies: Vec<u64>,
    bad: Vec<u64>,
    errors: Vec<u64>,
}

impl Counts {
    fn code(&mut self, test: &mut Test, status: &str, count: u64) {
        self.replies.push(count);
        if status.parse().is_ok_and(is_bad) {
            self.bad.push(count);
            test.fail(format!("status {status}"), count);
        }
    }

    fn error(&mut self, test: &mut Test, error: &str, count: u64) {
        self.errors.push(count);
        test.fail(error, count);
    }

    fn failures(&self) -> u64 {
        sum(self.bad.iter().chain(&self.errors).copied())
    }

    fn total(&self) -> u64 {
        sum(self.replies.iter().chain(&self.errors).copied())
    }
}

fn version_2(aggregate: Json<'_>, test: &mut Test) -> Result<(), AnalyzeError> {
    let mut counts = Counts::default();
    for (name, value) in aggregate.entries("/counters") {
        let count = value.as_u64().unwrap_or(0);
        if let Some(status) = name.strip_prefix("http.codes.") {
            counts.code(test, status, count);
        } else if let Some(error) = name.strip_prefix("errors.") {
            counts.error(test, error, count);
        }
    }
    let requests = aggregate.count("/counters/http.requests")?.unwrap_or(counts.total());
    let latency = |key: &str| time(aggregate, "/summaries/http.response_time", key);
    test.summary = Stats {
        total_requests: Some(requests),
        total_failures: Some(counts.failures().min(requests)),
        rps: aggregate.number("/rates/http.request_rate")?,
        ..times(latency)?
    };
    let moments = |first: &str, second: &str| {
        Ok::<_, AnalyzeError>(aggregate.number(first)?.or(aggregate.number(second)?))
    };
    let begin = moments("/firstCounterAt", "/firstMetricAt")?;
    let end = moments("/lastCounterAt", "/lastMetricAt")?;
    test.timing.started_at = begin.and_then(moment);
    test.timing.duration_s =
        begin.zip(end).map(|(begin, end)| (end - begin) / 1e3).filter(|seconds| *seconds > 0.0);
    endpoints(aggregate, test)
}

/// Reads what the plugin for endpoints adds.
fn endpoints(aggregate: Json<'_>, test: &mut Test) -> Result<(), AnalyzeError> {
    let mut counts: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (name, value) in aggregate.entries("/counters") {
        let Some(rest) = name.strip_prefix(BY_ENDPOINT) else { continue };
        let count = value.as_u64().unwrap_or(0);
        if let Some((endpoint, status)) = rest.rsplit_once(".codes.") {
            let cell = counts.entry(endpoint).or_default();
            cell[0] = cell[0].saturating_add(count);
            if status.parse().is_ok_and(is_bad) {
                cell[1] = cell[1].saturating_add(count);
            }
        } else if let Some((endpoint, _)) = rest.split_once(".errors.") {
            let cell = counts.entry(endpoint).or_default();
            *cell = cell.map(|old| old.saturating_add(count));
        }
    }
    for (endpoint, [requests, failures]) in counts.into_iter().take(MOST_ENDPOINTS) {
        let summary = format!("/summaries/{}", key(&format!("{BY_ENDPOINT}response_time.{endpoint}")));
        let stats = times(|key| time(aggregate, &summary, key))?;
        let stats = Stats { total_requests: Some(requests), total_failures: Some(failures), ..stats };
        let (method, name) = split_method(endpoint);
        test.endpoints.push(Endpoint::new(method, name, stats));
    }
    Ok(())
}

fn version_1(aggregate: Json<'_>, test: &mut Test) -> Result<(), AnalyzeError> {
    let mut counts = Counts::default();
    for (status, value) in aggregate.entries("/codes") {
        counts.code(test, status, value.as_u64().unwrap_or(0));
    }
    for (error, value) in aggregate.entries("/errors") {
        counts.error(test, error, value.as_u64().unwrap_or(0));
    }
    test.summary = Stats {
        total_requests: Some(counts.total()),
        total_failures: Some(counts.failures()),
        rps: aggregate.number("/rps/mean")?,
        ..times(|key| time(aggregate, "/latency", key))?
    };
    test.timing.started_at = aggregate.text("/timestamp").map(str::to_owned);
    Ok(())
}

fn time(json: Json<'_>, summary: &str, key: &str) -> Result<Option<f64>, AnalyzeError> {
    json.time(&format!("{summary}/{key}"), Unit::Milliseconds)
}

fn times(time: impl Fn(&str) -> Result<Option<f64>, AnalyzeError>) -> Result<Stats, AnalyzeError> {
    Ok(Stats {
        avg_response_time: time("mean")?,
        min_response_time: time("min")?,
        max_response_time: time("max")?,
        p50: match time("p50")? {
            None => time("median")?,
            some => some,
        },
        p95: time("p95")?,
        p99: time("p99")?,
        ..Stats::default()
    })
}

/// Reads the course from the reports in between, each of which covers ten seconds or what its times say.
fn course(json: Json<'_>, test: &mut Test) -> Result<(), AnalyzeError> {
    /// The length of a report in between, in milliseconds.
    const PERIOD: f64 = 10_000.0;
    let mut first = None;
    for part in json.items("/intermediate").map(|part| json.at(part)) {
        let Some(begin) = part.number("/period")? else { continue };
        let first = *first.get_or_insert(begin);
        let mut counts = Counts::default();
        // The failures are those of the aggregate already.
        let mut ignored = Test::new(json.path, Kind::Artillery, test.format);
        for (name, value) in part.entries("/counters") {
            let count = value.as_u64().unwrap_or(0);
            if let Some(status) = name.strip_prefix("http.codes.") {
                counts.code(&mut ignored, status, count);
            } else if let Some(error) = name.strip_prefix("errors.") {
                counts.error(&mut ignored, error, count);
            }
        }
        let per_second = |count: u64| count as f64 / (PERIOD / 1e3);
        test.course.push(Interval {
            at_s: ((begin - first) / 1e3).max(0.0),
            length_s: PERIOD / 1e3,
            rps: per_second(counts.total()),
            failures_rps: per_second(counts.failures()),
            mean_ms: time(part, "/summaries/http.response_time", "mean")?,
            p95_ms: time(part, "/summaries/http.response_time", "p95")?,
        });
    }
    Ok(())
}
