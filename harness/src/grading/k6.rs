//! Reads k6's summary in its three formats: `--summary-export` (a metric's values are next to its
//! thresholds), the data of `handleSummary` (the values are under `values`), and the machine-readable summary
//! 1.0.0 (metrics are a list under `results`). Times are in milliseconds.
//!
//! Kinds of request are k6's sub-metrics, such as `http_req_duration{name:login}`; k6 writes those that a
//! threshold names. Failures are computed from the rate of `http_req_failed`: its `passes` are the samples
//! that are *true*, which are the failed requests, and the rate cannot be misread.

use super::error::AnalyzeError;
use super::stats::{Endpoint, Kind, Stats};
use super::test::Test;
use serde_json::{Map, Value};
use std::path::Path;

/// Returns whether `json` is a k6 summary.
pub(super) fn is_k6(json: &Value) -> bool {
    metrics(json).is_some_and(|metrics| {
        ["http_reqs", "http_req_duration", "iterations", "vus"].iter().any(|name| metrics.contains_key(*name))
    }) || json.get("root_group").is_some()
}

/// Returns the values of all metrics, by name.
fn metrics(json: &Value) -> Option<Map<String, Value>> {
    let values = |metric: &Value| metric.get("values").unwrap_or(metric).clone();
    match (json.get("metrics"), json.pointer("/results/metrics")) {
        (Some(Value::Object(metrics)), _) => {
            Some(metrics.iter().map(|(name, metric)| (name.clone(), values(metric))).collect())
        }
        (_, Some(Value::Array(metrics))) => Some(
            metrics
                .iter()
                .filter_map(|metric| Some((metric.get("name")?.as_str()?.to_owned(), values(metric))))
                .collect(),
        ),
        _ => None,
    }
}

/// Reads a k6 summary.
pub(super) fn read(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let broken = |problem: String| AnalyzeError::BrokenJson {
        path: path.to_owned(),
        kind: "k6 summary",
        problem,
        advice: "give the summary of a test that sends HTTP requests",
    };
    let metrics = metrics(json).unwrap_or_default();
    if !metrics.contains_key("http_req_duration") {
        return Err(broken("there is no metric `http_req_duration`".to_owned()));
    }
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut test = Test::new(name, path.display().to_string(), Kind::K6);
    let state = json.pointer("/state/testRunDurationMs").and_then(Value::as_f64).map(|ms| ms / 1e3);
    test.timing.duration_s = state.or_else(|| json.pointer("/config/duration").and_then(Value::as_f64));
    test.timing.peak_users = metrics
        .get("vus_max")
        .and_then(|vus| vus.get("max").or_else(|| vus.get("value")))
        .and_then(Value::as_f64)
        .map(|vus| vus as u64);
    test.summary = stats(&metrics, "", test.timing.duration_s).map_err(broken)?;
    for metric in metrics.keys() {
        let tag = metric.strip_prefix("http_req_duration").and_then(|rest| {
            rest.strip_prefix('{')?.strip_suffix('}').filter(|tag| !tag.starts_with("expected_response:"))
        });
        if let Some(tag) = tag {
            let stats = stats(&metrics, &format!("{{{tag}}}"), test.timing.duration_s).map_err(broken)?;
            test.endpoints.push(Endpoint { method: String::new(), name: tag.to_owned(), stats });
        }
    }
    if test.summary.p99.is_none() && test.summary.total_requests != Some(0) {
        test.notes
            .push("k6 writes p99 with `--summary-trend-stats \"avg,min,med,max,p(95),p(99)\"`".to_owned());
    }
    Ok(test)
}

/// Returns the totals of all requests, or of those of a sub-metric.
fn stats(metrics: &Map<String, Value>, tag: &str, seconds: Option<f64>) -> Result<Stats, String> {
    let number = |metric: &str, keys: &[&str]| -> Result<Option<f64>, String> {
        let metric = format!("{metric}{tag}");
        let Some((key, value)) = metrics
            .get(&metric)
            .and_then(|values| keys.iter().find_map(|key| Some((*key, values.get(key)?))))
        else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(number) if number >= 0.0 => Ok(Some(number)),
            _ if value.is_null() => Ok(None),
            _ => Err(format!("metric `{metric}`, `{key}`: {value} is not a number of at least 0")),
        }
    };
    let trend = |keys: &[&str]| number("http_req_duration", keys);
    let requests = match number("http_reqs", &["count"])? {
        None => trend(&["count"])?,
        some => some,
    };
    let failed = number("http_req_failed", &["rate", "value"])?;
    if let Some(rate) = failed.filter(|rate| *rate > 1.0) {
        return Err(format!("metric `http_req_failed{tag}`: {rate} is not a fraction between 0 and 1"));
    }
    // k6 writes 0 for all times if there were no requests.
    let some = |value: Option<f64>| value.filter(|_| requests != Some(0.0));
    Ok(Stats {
        total_requests: requests.map(|count| count as u64),
        total_failures: failed.zip(requests).map(|(rate, count)| (rate * count).round() as u64),
        error_rate: some(failed).map(|rate| 100.0 * rate),
        avg_response_time: some(trend(&["avg"])?),
        min_response_time: some(trend(&["min"])?),
        max_response_time: some(trend(&["max"])?),
        p50: some(trend(&["med", "p(50)"])?),
        p95: some(trend(&["p(95)"])?),
        p99: some(trend(&["p(99)"])?),
        rps: match number("http_reqs", &["rate"])? {
            None => requests.zip(seconds.filter(|s| *s > 0.0)).map(|(count, seconds)| count / seconds),
            some => some,
        },
        ..Stats::default()
    })
}
