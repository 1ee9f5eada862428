//! Reads results of `bench` itself: each algorithm in each scenario is a test.

use super::error::{ACCEPTED, AnalyzeError};
use super::stats::{Endpoint, FailureCount, Kind, Stats, Timing};
use super::test::Test;
use lb_core::Outcome;
use lb_results::{ActionSummary, AlgorithmSummary, Latency, ScenarioSummary, Summary, parse_summary};
use std::path::Path;

/// Reads the `summary.json` of a results folder.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Test>, AnalyzeError> {
    let summary = parse_summary(path, text.as_bytes())?;
    let file = path.display().to_string();
    let mut tests = Vec::new();
    for scenario in &summary.scenarios {
        for algorithm in &scenario.algorithms {
            tests.push(test_of(&summary, scenario, algorithm, &file));
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

fn test_of(summary: &Summary, scenario: &ScenarioSummary, algorithm: &AlgorithmSummary, file: &str) -> Test {
    let name = format!("{} / {}", scenario.name, algorithm.name);
    let mut test = Test::new(name, file.to_owned(), Kind::Bench);
    test.timing = Timing {
        started_at: Some(summary.started_at.clone()),
        written_at: None,
        duration_s: Some(algorithm.measured_s),
        peak_users: Some(u64::from(scenario.peak_users)),
    };
    for outcome in Outcome::ALL.into_iter().filter(|outcome| !outcome.is_success()) {
        let error = outcome.name().to_owned();
        match algorithm.outcomes.get(&error) {
            None | Some(0) => {}
            Some(&occurrences) => {
                test.failures.push(FailureCount { endpoint: String::new(), error, occurrences });
            }
        }
    }
    let requests = algorithm.total_requests;
    test.summary = Stats {
        total_requests: Some(requests),
        total_failures: Some(test.failures.iter().map(|failure| failure.occurrences).sum()),
        rps: Some(algorithm.throughput_rps),
        ..stats_of(algorithm.latency_ms.as_ref())
    };
    test.endpoints = algorithm.actions.iter().map(|action| endpoint(action, algorithm.measured_s)).collect();
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
    Endpoint { method: action.method.clone(), name: action.name.clone(), stats }
}

fn stats_of(latency: Option<&Latency>) -> Stats {
    let of = |pick: fn(&Latency) -> f64| latency.map(pick);
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
