//! Reads autocannon's JSON (`--json`). Times are in milliseconds, of which autocannon keeps whole ones. Its errors,
//! which include timeouts, are requests without a reply and come on top of the number of requests.

use crate::error::AnalyzeError;
use crate::json::Json;
use crate::stats::{Kind, Stats};
use crate::test::Test;
use crate::units::{Unit, sum};
use serde_json::Value;
use std::path::Path;

/// Returns whether `json` is autocannon's.
pub(super) fn is_autocannon(json: &Value) -> bool {
    json.get("non2xx").is_some() && json.pointer("/requests/total").is_some() && json.get("latency").is_some()
}

/// Reads autocannon's JSON.
pub(super) fn read(path: &Path, json: &Value) -> Result<Test, AnalyzeError> {
    let json = Json {
        path,
        kind: "autocannon result",
        advice: "write it again with `autocannon --json`",
        value: json,
    };
    let mut test = Test::new(path, Kind::Autocannon, "autocannon result (JSON)");
    let replies = json.needed("/requests/total")? as u64;
    let errors = json.count("/errors")?.unwrap_or(0);
    let timeouts = json.count("/timeouts")?.unwrap_or(0).min(errors);
    let refused = json.count("/non2xx")?.unwrap_or(0);
    let mismatched = json.count("/mismatches")?.unwrap_or(0);
    test.fail("timeout", timeouts);
    test.fail("connection error", errors - timeouts);
    test.fail("status other than 2xx", refused);
    test.fail("unexpected body", mismatched);
    // autocannon writes 0 for all times if there was no reply.
    let time = |key: &str| {
        Ok::<_, AnalyzeError>(
            json.time(&format!("/latency/{key}"), Unit::Milliseconds)?.filter(|_| replies > 0),
        )
    };
    let median = time("p50")?;
    test.summary = Stats {
        total_requests: Some(sum([replies, errors])),
        total_failures: Some(sum([errors, refused, mismatched]).min(sum([replies, errors]))),
        avg_response_time: match time("average")? {
            None => time("mean")?,
            some => some,
        },
        // The least time above 0, although most may be 0: then it is not the minimum.
        min_response_time: time("min")?.filter(|min| median.is_none_or(|median| *min <= median)),
        max_response_time: time("max")?,
        std_response_time: time("stddev")?,
        p50: median,
        p95: time("p95")?,
        p99: time("p99")?,
        rps: json.number("/requests/average")?,
        ..Stats::default()
    };
    test.timing.started_at = json.text("/start").map(str::to_owned);
    test.timing.duration_s = json.number("/duration")?;
    test.timing.peak_users = json.count("/connections")?;
    if test.summary.p95.is_none() && replies > 0 {
        let near = time("p97_5")?.map(|ms| format!(" (its p97.5 is {ms:.0} ms)")).unwrap_or_default();
        test.notes.push(format!("autocannon reports no p95{near}"));
    }
    Ok(test)
}
