//! JUnit XML for continuous integration: one suite per scenario.
//!
//! A broken threshold is a failure, an invalid trial without a valid repeat is an error, and an algorithm
//! that did not run is skipped. Verdicts of pairs are passing cases: which algorithm is better is a finding,
//! not a fault of the build.

use super::text::{count, effect, interval, p_value, trimmed, verdict};
use super::trial_faults::labels_without_result;
use lb_core::plain;
use lb_results::{PairComparison, ScenarioSummary, Summary, ThresholdResult, TrialSummary};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::fmt::Write;
use std::time::Duration;

/// Renders the report as JUnit XML.
pub fn render_junit(summary: &Summary) -> String {
    let mut report = Report::new("bench");
    for scenario in &summary.scenarios {
        report.add_test_suite(suite(summary, scenario));
    }
    report.set_time(report.test_suites.iter().filter_map(|suite| suite.time).sum());
    junit_text(&report)
}

/// Writes a report as Jenkins' schema (`junit-10.xsd`) wants it.
pub fn junit_text(report: &Report) -> String {
    let xml = report.to_string().expect("writing XML to memory does not fail");
    // The schema allows the number of skipped tests in a suite, but not their sum over all suites, which the crate writes
    // first.
    xml.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1)
}

fn suite(summary: &Summary, scenario: &ScenarioSummary) -> TestSuite {
    let mut suite = TestSuite::new(plain::line(&scenario.name));
    let started = scenario.trials.first().map_or(&summary.started_at, |trial| &trial.started_at);
    // The schema requires UTC without a zone, but the crate writes its timestamps with one.
    if let Some(timestamp) = utc_without_zone(started) {
        suite.extra.insert("timestamp".into(), timestamp.as_str().into());
    }
    suite.extra.insert("hostname".into(), summary.host.name.as_str().into());
    let seed = summary.seed.to_string();
    let properties = [
        ("run", summary.run_id.as_str()),
        ("engine", summary.engine.name()),
        ("load_balancer", &summary.load_balancer),
        ("seed", &seed),
        ("schedule_sha256", &summary.schedule_sha256),
        ("commit", &summary.commit),
        ("model", scenario.model.name()),
    ];
    suite.add_properties(properties);
    for algorithm in &scenario.algorithms {
        suite.add_test_case(trials(scenario, &algorithm.name, algorithm.measured_s));
    }
    for label in labels_without_result(scenario) {
        suite.add_test_case(trials(scenario, label, 0.0));
    }
    for result in summary.thresholds.iter().filter(|result| result.scenario == scenario.name) {
        suite.add_test_case(threshold(scenario, result));
    }
    for skipped in &scenario.skipped {
        let mut status = TestCaseStatus::skipped();
        status.set_message(skipped.reason.as_str());
        suite.add_test_case(case(scenario, &skipped.name, "trials", status));
    }
    for pair in scenario.comparison.iter().flat_map(|comparison| &comparison.pairs) {
        suite.add_test_case(compared(scenario, pair));
    }
    suite.set_time(suite.test_cases.iter().filter_map(|case| case.time).sum());
    suite
}

fn case(scenario: &ScenarioSummary, algorithm: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(plain::line(name), status);
    case.set_classname(format!("bench.{}.{algorithm}", plain::line(&scenario.name)));
    case.set_time(Duration::ZERO);
    case
}

/// Makes the case of the trials of one algorithm: an error when a block has no valid trial.
fn trials(scenario: &ScenarioSummary, label: &str, measured_s: f64) -> TestCase {
    let of_label: Vec<&TrialSummary> = scenario.trials.iter().filter(|trial| trial.label == label).collect();
    let made_good =
        |trial: &TrialSummary| of_label.iter().any(|other| other.block == trial.block && other.is_valid());
    let mut log = String::new();
    let mut broken = Vec::new();
    for trial in &of_label {
        let what = match (trial.is_valid(), made_good(trial)) {
            (true, _) if trial.is_accepted() => {
                format!("invalid, counted because of --accept-invalid: {}", trial.accepted.join("; "))
            }
            (true, _) => "valid".to_owned(),
            (false, true) => format!("invalid, repeated: {}", trial.problems.join("; ")),
            (false, false) => format!("invalid: {}", trial.problems.join("; ")),
        };
        let _ = writeln!(log, "block {}, attempt {}: {what}", trial.block + 1, trial.attempt + 1);
        if !trial.is_valid() && !made_good(trial) {
            broken.push(format!("block {}: {}", trial.block + 1, trial.problems.join("; ")));
        }
    }
    let mut status = TestCaseStatus::success();
    if !broken.is_empty() {
        status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("invalid trial");
        status.set_message(format!("{} without a valid trial", count(broken.len(), "block")));
        status.set_description(broken.join("\n"));
    }
    let mut case = case(scenario, label, "trials", status);
    case.set_time(Duration::try_from_secs_f64(measured_s).unwrap_or_default());
    case.set_system_out(log);
    case
}

fn threshold(scenario: &ScenarioSummary, result: &ThresholdResult) -> TestCase {
    let observed = match result.observed {
        Some(value) => format!("observed {}", trimmed(value, 4)),
        None => "nothing to measure".to_owned(),
    };
    let mut status = TestCaseStatus::success();
    if !result.ok {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("threshold");
        status.set_message(observed.as_str());
        status.set_description(format!("{} under {}: {observed}", result.threshold, result.algorithm));
    }
    let mut case = case(scenario, &result.algorithm, &result.threshold, status);
    case.set_system_out(observed);
    case
}

fn compared(scenario: &ScenarioSummary, pair: &PairComparison) -> TestCase {
    let mut log = format!("{}: {}\n", verdict(pair.verdict), pair.sentence);
    for metric in &pair.metrics {
        let _ = writeln!(
            log,
            "{}: {} ({}), adjusted p {}, {}",
            metric.metric.label(),
            effect(metric.metric, metric.effect),
            interval(metric.metric, metric.interval),
            p_value(metric.p_adjusted),
            verdict(metric.verdict),
        );
    }
    let name = format!("verdict against {}", pair.baseline);
    let mut case = case(scenario, &pair.candidate, &name, TestCaseStatus::success());
    case.set_system_out(log);
    case
}

fn utc_without_zone(rfc3339: &str) -> Option<String> {
    let timestamp: jiff::Timestamp = rfc3339.parse().ok()?;
    Some(timestamp.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}
