//! Reads k6's summary in its three formats: `--summary-export` (a metric's values are next to its
//! thresholds), the data of `handleSummary` (the values are under `values`), and the machine-readable summary
//! 1.0.0 (metrics are a list under `results`). Times are in milliseconds.
//!
//! Kinds of request are k6's sub-metrics, such as `http_req_duration{name:login}`; k6 writes those that a
//! threshold names. Failures are computed from the rate of `http_req_failed`: its `passes` are the samples
//! that are *true*, which are the failed requests, and the rate cannot be misread.
//!
//! Thresholds are `{"ok": true}` where they held, but in the exported format they are `true` where they were
//! *crossed*.

use crate::error::AnalyzeError;
use crate::stats::{Check, Endpoint, Kind, OwnThreshold, Stats};
use crate::test::Test;
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
    let mut test = Test::new(path, Kind::K6, "k6 summary");
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
            test.endpoints.push(Endpoint::new("", tag, stats));
        }
    }
    test.thresholds = thresholds(json);
    test.checks = checks(json, &metrics);
    if test.summary.p99.is_none() && test.summary.total_requests != Some(0) {
        test.notes
            .push("k6 writes p99 with `--summary-trend-stats \"avg,min,med,max,p(95),p(99)\"`".to_owned());
    }
    Ok(test)
}

/// Returns the thresholds of all metrics and of the run, with whether they held.
fn thresholds(json: &Value) -> Vec<OwnThreshold> {
    let mut found = Vec::new();
    let mut add = |metric: &str, condition: &str, ok: bool| {
        found.push(OwnThreshold { metric: metric.to_owned(), condition: condition.to_owned(), ok });
    };
    let held = |value: &Value| match value {
        Value::Bool(crossed) => Some(!crossed),
        value => value.get("ok").or_else(|| value.get("passed")).and_then(Value::as_bool),
    };
    let mut of_metric = |name: &str, metric: &Value| match metric.get("thresholds") {
        Some(Value::Object(conditions)) => {
            for (condition, value) in conditions {
                if let Some(ok) = held(value) {
                    add(name, condition, ok);
                }
            }
        }
        Some(Value::Array(conditions)) => {
            for value in conditions {
                let condition =
                    ["source", "expression", "name"].iter().find_map(|key| value.get(key)?.as_str());
                if let Some((condition, ok)) = condition.zip(held(value)) {
                    add(name, condition, ok);
                }
            }
        }
        _ => {}
    };
    if let Some(metrics) = json.get("metrics").and_then(Value::as_object) {
        metrics.iter().for_each(|(name, metric)| of_metric(name, metric));
    }
    for metric in json.pointer("/results/metrics").and_then(Value::as_array).into_iter().flatten() {
        of_metric(metric.get("name").and_then(Value::as_str).unwrap_or_default(), metric);
    }
    found
}

/// Returns the checks of all groups; of a summary that does not list them, their sum.
fn checks(json: &Value, metrics: &Map<String, Value>) -> Vec<Check> {
    let mut found = Vec::new();
    if let Some(root) = json.get("root_group") {
        of_group(root, "", &mut found);
    }
    let listed = json.pointer("/results/checks/results").and_then(Value::as_array);
    found.extend(listed.into_iter().flatten().filter_map(|check| of_check(None, "", check)));
    if found.is_empty()
        && let Some(checks) = metrics.get("checks")
    {
        // Unlike those of `http_req_failed`, the `passes` of checks passed.
        found.extend(of_check(Some("checks"), "", checks));
    }
    found
}

/// Collects the checks of a group and of the groups in it. Both are lists, or objects by name.
fn of_group(group: &Value, path: &str, found: &mut Vec<Check>) {
    let items = |key: &str| -> Vec<(Option<&str>, &Value)> {
        match group.get(key) {
            Some(Value::Array(items)) => items.iter().map(|item| (None, item)).collect(),
            Some(Value::Object(items)) => {
                items.iter().map(|(name, item)| (Some(name.as_str()), item)).collect()
            }
            _ => Vec::new(),
        }
    };
    found.extend(items("checks").into_iter().filter_map(|(name, check)| of_check(name, path, check)));
    for (name, inner) in items("groups") {
        let name = name.or_else(|| inner.get("name").and_then(Value::as_str)).unwrap_or_default();
        of_group(inner, &format!("{path}{name} / "), found);
    }
}

fn of_check(name: Option<&str>, path: &str, check: &Value) -> Option<Check> {
    let name = check.get("name").and_then(Value::as_str).or(name)?;
    let count = |key: &str| check.get(key).and_then(Value::as_u64);
    Some(Check { name: format!("{path}{name}"), passes: count("passes")?, fails: count("fails")? })
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
