//! Reads results of `bench` itself: each algorithm in each scenario is a test.

use crate::course::Interval;
use crate::error::{ACCEPTED, AnalyzeError};
use crate::stats::{Endpoint, Kind, Stats, Timing};
use crate::test::Test;
use crate::units::sum;
use lb_core::Outcome;
use lb_results::{
    ActionSummary, AlgorithmSummary, Latency, ScenarioSummary, SeriesPoint, Summary, parse_summary,
};
use serde_json::Value;
use std::path::Path;

/// Returns whether `json` is the summary of a run of `bench`.
pub(crate) fn is_bench(json: &Value) -> bool {
    json.get("schema_version").is_some() && json.get("scenarios").is_some()
}

/// Reads the `summary.json` of a results folder.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Test>, AnalyzeError> {
    let summary = parse_summary(path, text.as_bytes())?;
    let mut tests = Vec::new();
    for scenario in &summary.scenarios {
        for algorithm in &scenario.algorithms {
            tests.push(test_of(&summary, scenario, algorithm, path));
        }
    }
    if tests.is_empty() {
        return Err(AnalyzeError::OtherKind {
            path: path.to_owned(),
            found: "a run without results for any algorithm".to_owned(),
            advice: format!("its report says why; run it again, or {ACCEPTED}"),
        });
    }
    Ok(tests)
}

fn test_of(summary: &Summary, scenario: &ScenarioSummary, algorithm: &AlgorithmSummary, path: &Path) -> Test {
    let mut test = Test::new(path, Kind::Bench, "bench results");
    test.name = format!("{} / {}", scenario.name, algorithm.name);
    test.timing = Timing {
        started_at: Some(summary.started_at.clone()),
        written_at: None,
        duration_s: Some(algorithm.measured_s),
        peak_users: Some(u64::from(scenario.peak_users)),
    };
    for outcome in Outcome::ALL.into_iter().filter(|outcome| !outcome.is_success()) {
        let error = outcome.name().to_owned();
        let occurrences = algorithm.outcomes.get(&error).copied().unwrap_or(0);
        test.fail(error, occurrences);
    }
    let requests = algorithm.total_requests;
    test.summary = Stats {
        total_requests: Some(requests),
        total_failures: Some(sum(test.failures.iter().map(|failure| failure.occurrences))),
        rps: known(algorithm.throughput_rps),
        ..stats_of(algorithm.latency_ms.as_ref())
    };
    test.endpoints = algorithm.actions.iter().map(|action| endpoint(action, algorithm.measured_s)).collect();
    test.course = algorithm.series.iter().map(interval).collect();
    test.notes.push("latency covers only requests with the expected outcome".to_owned());
    if summary.interrupted {
        test.notes.push("the run was interrupted; only its complete trials are included".to_owned());
    }
    test
}

fn endpoint(action: &ActionSummary, seconds: f64) -> Endpoint {
    let stats = Stats {
        total_requests: Some(action.requests),
        total_failures: Some(action.errors),
        rps: (seconds > 0.0).then(|| action.requests as f64 / seconds),
        ..stats_of(action.latency_ms.as_ref())
    };
    Endpoint::new(&action.method, &action.name, stats)
}

fn interval(point: &SeriesPoint) -> Interval {
    Interval {
        at_s: point.at_s,
        length_s: point.length_s,
        rps: point.throughput_rps,
        failures_rps: point.errors_rps,
        mean_ms: point.mean_ms.and_then(known),
        p95_ms: point.p95_ms.and_then(known),
    }
}

fn stats_of(latency: Option<&Latency>) -> Stats {
    let of = |pick: fn(&Latency) -> f64| latency.map(pick).and_then(known);
    Stats {
        avg_response_time: of(|latency| latency.mean),
        min_response_time: of(|latency| latency.min),
        max_response_time: of(|latency| latency.max),
        p50: of(|latency| latency.p50),
        p95: of(|latency| latency.p95),
        p99: of(|latency| latency.p99),
        ..Stats::default()
    }
}

/// Returns a time or a rate that can be one; a file that was changed by hand may say that it is negative.
fn known(value: f64) -> Option<f64> {
    (value.is_finite() && value >= 0.0).then_some(value)
}
