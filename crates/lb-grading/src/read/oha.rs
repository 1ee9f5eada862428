//! Reads oha's JSON (`--output-format json`), and converts its times from seconds to milliseconds.
//!
//! oha counts every reply as a success, regardless of its status. Here a status of 400 or more is a failure,
//! as for Locust and k6. Requests that oha itself cut off at the end of a timed test are not failures of
//! the service and are left out, as in oha's own success rate.

use super::columns;
use crate::error::AnalyzeError;
use crate::stats::{Kind, Stats};
use crate::test::Test;
use crate::units::{Unit, sum};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// oha's name for requests that were in flight when the test ran out of time.
const CUT_OFF: &str = "aborted due to deadline";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    summary: Summary,
    latency_percentiles: Percentiles,
    status_code_distribution: BTreeMap<u16, u64>,
    #[serde(default)]
    error_distribution: BTreeMap<String, u64>,
}

/// Times in seconds; null if no request succeeded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    total: Option<f64>,
    slowest: Option<f64>,
    fastest: Option<f64>,
    average: Option<f64>,
    requests_per_sec: Option<f64>,
}

#[derive(Deserialize)]
struct Percentiles {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

/// Returns whether `json` is an oha report.
pub(super) fn is_oha(json: &Value) -> bool {
    json.get("latencyPercentiles").is_some()
        || json.pointer("/summary/requestsPerSec").is_some() && json.get("statusCodeDistribution").is_some()
}

/// Returns whether the text is oha's list of requests (`--output-format csv`).
pub(super) fn is_csv(text: &str) -> bool {
    let columns = columns(text.lines().next().unwrap_or_default());
    columns.contains(&"request-start") && columns.contains(&"request-duration")
}

/// Reads an oha report.
pub(super) fn read(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let report: Report =
        serde_path_to_error::deserialize(json).map_err(|error| AnalyzeError::BrokenJson {
            path: path.to_owned(),
            kind: "oha report",
            problem: error.to_string(),
            advice: "write it again with `oha --output-format json`",
        })?;
    let mut test = Test::new(path, Kind::Oha, "oha report");
    let Report { summary, latency_percentiles: percentiles, mut error_distribution, .. } = report;
    let cut_off = error_distribution.remove(CUT_OFF).unwrap_or(0);
    if cut_off > 0 {
        test.notes.push(format!(
            "{cut_off} requests were in flight when the test ran out of time; they are left out, as oha does"
        ));
    }
    let bad = |status: u16| status >= 400;
    let replies = &report.status_code_distribution;
    let no_reply = sum(error_distribution.values().copied());
    let refused = sum(replies.iter().filter(|(status, _)| bad(**status)).map(|(_, count)| *count));
    if refused > 0 {
        test.notes.push(format!(
            "{refused} replies with a status of 400 or more count as failures; oha counts them as successes, and \
             their latency is part of the percentiles"
        ));
    }
    for (status, count) in replies.iter().filter(|(status, _)| bad(**status)) {
        test.fail(format!("status {status}"), *count);
    }
    for (error, count) in error_distribution {
        test.fail(error, count);
    }
    let known = |value: Option<f64>| value.filter(|value| value.is_finite() && *value >= 0.0);
    let ms = |seconds: Option<f64>| known(seconds).map(|seconds| Unit::Seconds.ms(seconds));
    test.summary = Stats {
        total_requests: Some(sum(replies.values().copied().chain([no_reply]))),
        total_failures: Some(sum([refused, no_reply])),
        avg_response_time: ms(summary.average),
        min_response_time: ms(summary.fastest),
        max_response_time: ms(summary.slowest),
        p50: ms(percentiles.p50),
        p95: ms(percentiles.p95),
        p99: ms(percentiles.p99),
        rps: known(summary.requests_per_sec),
        ..Stats::default()
    };
    test.timing.duration_s = known(summary.total);
    Ok(test)
}
