//! Reads Locust's JSON (`--json`): a list of endpoints, each with the whole histogram of its response times. Times are
//! in milliseconds.
//!
//! Locust rounds response times to two digits before it counts them; percentiles are those of the rounded times, by
//! the nearest rank, and the minimum, the mean and the maximum are exact. The totals come from the histograms added
//! up, since percentiles of endpoints cannot be.

use crate::course::{Interval, Spread};
use crate::error::AnalyzeError;
use crate::json::Json;
use crate::stats::{Endpoint, Kind, Stats};
use crate::test::Test;
use crate::units::{Unit, moment, number, sum};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Returns whether `json` is what Locust prints with `--json`.
pub(super) fn is_locust(json: &Value) -> bool {
    json.as_array().is_some_and(|list| list.first().is_some_and(|first| first.get("num_requests").is_some()))
}

/// Requests by their time in milliseconds, in order of time.
type Histogram = Vec<(f64, u64)>;

/// What is added up over endpoints.
#[derive(Default)]
struct Totals {
    histogram: Histogram,
    requests: Vec<u64>,
    failures: Vec<u64>,
    time_ms: f64,
    timed: u64,
    fastest: Option<f64>,
    slowest: Option<f64>,
    begin: Option<f64>,
    end: Option<f64>,
    seconds: BTreeMap<u64, [u64; 2]>,
}

/// Reads Locust's JSON.
pub(super) fn read(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let json = Json { path, kind: "Locust JSON", advice: "write it again with `locust --json`", value: json };
    let mut test = Test::new(path, Kind::Locust, "Locust JSON");
    let mut all = Totals::default();
    for entry in json.items("").map(|value| json.at(value)) {
        let mut one = Totals::default();
        one.add(entry)?;
        all.add(entry)?;
        let seconds = one.length();
        let endpoint = Endpoint::new(
            entry.text("/method").unwrap_or_default(),
            entry.text("/name").unwrap_or_default(),
            one.stats(seconds),
        );
        test.endpoints.push(Endpoint { spread: one.spread(), course: one.course(), ..endpoint });
    }
    all.histogram.sort_by(|a, b| a.0.total_cmp(&b.0));
    let seconds = all.length();
    // Every endpoint was there from the begin to the end of the test.
    for endpoint in &mut test.endpoints {
        endpoint.stats.rps = rate(endpoint.stats.total_requests, seconds);
    }
    test.summary = all.stats(seconds);
    test.spread = all.spread();
    test.course = all.course();
    test.timing.duration_s = seconds;
    test.timing.started_at = all.begin.and_then(|begin| moment(Unit::Seconds.ms(begin)));
    Ok(test)
}

fn rate(requests: Option<u64>, seconds: Option<f64>) -> Option<f64> {
    let seconds = seconds.filter(|seconds| *seconds > 0.0)?;
    Some(requests? as f64 / seconds)
}

impl Totals {
    fn add(&mut self, entry: Json<'_>) -> Result<(), AnalyzeError> {
        let requests = entry.needed("/num_requests")? as u64;
        let failures = entry.count("/num_failures")?.unwrap_or(0);
        if failures > requests {
            return Err(
                entry.fault(format!("`num_failures` is {failures}, more than the {requests} requests"))
            );
        }
        self.requests.push(requests);
        self.failures.push(failures);
        let pick = |old: Option<f64>, new: Option<f64>, pick: fn(f64, f64) -> f64| match (old, new) {
            (Some(old), Some(new)) => Some(pick(old, new)),
            (old, new) => old.or(new),
        };
        if requests > 0 {
            self.time_ms += entry.number("/total_response_time")?.unwrap_or(f64::NAN);
            self.timed += requests.saturating_sub(entry.count("/num_none_requests")?.unwrap_or(0));
            self.fastest = pick(self.fastest, entry.number("/min_response_time")?, f64::min);
            self.slowest = pick(self.slowest, entry.number("/max_response_time")?, f64::max);
            self.end = pick(self.end, entry.number("/last_request_timestamp")?, f64::max);
        }
        self.begin = pick(self.begin, entry.number("/start_time")?, f64::min);
        for (ms, count) in entry.entries("/response_times") {
            let (Some(ms), Some(count)) = (number(ms), count.as_u64()) else {
                return Err(entry.fault(format!(
                    "`response_times` has the entry `{ms}: {count}`, which is not a time and a count"
                )));
            };
            self.histogram.push((ms, count));
        }
        self.histogram.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (column, key) in ["/num_reqs_per_sec", "/num_fail_per_sec"].into_iter().enumerate() {
            for (second, count) in entry.entries(key) {
                if let (Ok(second), Some(count)) = (second.parse::<u64>(), count.as_u64()) {
                    let cell = &mut self.seconds.entry(second).or_default()[column];
                    *cell = cell.saturating_add(count);
                }
            }
        }
        Ok(())
    }

    /// Returns the seconds from the begin of the test to the last request.
    fn length(&self) -> Option<f64> {
        self.begin.zip(self.end).map(|(begin, end)| end - begin).filter(|seconds| *seconds >= 0.0)
    }

    fn quantile(&self, share: f64) -> Option<f64> {
        let total = sum(self.histogram.iter().map(|(_, count)| *count));
        let rank = ((share * total as f64).ceil() as u64).max(1);
        let mut seen = 0_u64;
        self.histogram.iter().find_map(|(ms, count)| {
            seen = seen.saturating_add(*count);
            (seen >= rank).then_some(*ms)
        })
    }

    fn spread(&self) -> Option<Spread> {
        Some(Spread {
            low: self.fastest?.min(self.quantile(0.25)?),
            quartiles: self.quantile(0.25).zip(self.quantile(0.75)).map(<[f64; 2]>::from),
            median: self.quantile(0.5)?,
            high: self.quantile(0.95)?,
        })
    }

    fn stats(&self, seconds: Option<f64>) -> Stats {
        let requests = sum(self.requests.iter().copied());
        let mean = self.time_ms / self.timed as f64;
        Stats {
            total_requests: Some(requests),
            total_failures: Some(sum(self.failures.iter().copied())),
            avg_response_time: mean.is_finite().then_some(mean),
            min_response_time: self.fastest,
            max_response_time: self.slowest,
            p50: self.quantile(0.5),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            rps: rate(Some(requests), seconds),
            ..Stats::default()
        }
    }

    fn course(&self) -> Vec<Interval> {
        let Some(first) = self.seconds.keys().next().copied() else { return Vec::new() };
        let interval = |(second, [requests, failures]): (&u64, &[u64; 2])| Interval {
            at_s: (second - first) as f64,
            length_s: 1.0,
            rps: *requests as f64,
            failures_rps: *failures as f64,
            ..Interval::default()
        };
        self.seconds.iter().map(interval).collect()
    }
}
