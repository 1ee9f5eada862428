//! JUnit XML of a night: one suite, with a case for each algorithm that was compared, for the series and for the A/A check.
//!
//! A confirmed regression is a failure. What could not be judged is skipped, which no tool takes for success.

use crate::document::{Night, NightFinding};
use lb_analysis::runs::{FolderComparison, ScenarioComparison};
use lb_core::plain;
use lb_report::parts::junit_text;
use lb_results::{PairComparison, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// Renders the night as JUnit XML. `comparison` is that of tonight's run with the baseline.
pub fn render_night_junit(night: &Night, comparison: Option<&FolderComparison>) -> String {
    let mut suite = TestSuite::new("bench nightly");
    suite.extra.insert("hostname".into(), plain::line(&night.run.host).into());
    let baseline = night.baseline.as_ref().map_or("", |run| run.run_id.as_str());
    let properties = [
        ("run", night.run.run_id.as_str()),
        ("subject", &night.run.subject),
        ("baseline", baseline),
        ("config", &night.run.config),
        ("history", &night.history),
    ];
    suite.add_properties(properties);
    for scenario in comparison.iter().flat_map(|comparison| &comparison.scenarios) {
        for pair in &scenario.comparison.pairs {
            suite.add_test_case(compared(night, scenario, pair));
        }
    }
    if comparison.is_none() {
        let mut status = TestCaseStatus::skipped();
        status.set_message(night.reasons.join("; "));
        suite.add_test_case(case("comparison", "with the last good run", status));
    }
    suite.add_test_case(series(night));
    if let Some(aa) = &night.aa {
        let mut one = case("aa", "A/A check", TestCaseStatus::success());
        one.set_system_out(format!("{} of {}", aa.run_id, aa.started_at));
        suite.add_test_case(one);
    }
    suite.set_time(Duration::ZERO);
    let mut report = Report::new("bench nightly");
    report.add_test_suite(suite);
    report.set_time(Duration::ZERO);
    plain::lines(&junit_text(&report)).into_owned()
}

fn case(place: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(plain::line(name), status);
    case.set_classname(format!("bench.nightly.{}", plain::line(place)));
    case.set_time(Duration::ZERO);
    case
}

/// Makes the case of an algorithm that was compared with itself.
fn compared(night: &Night, scenario: &ScenarioComparison, pair: &PairComparison) -> TestCase {
    let algorithm = pair.candidate.strip_suffix(" (new)").unwrap_or(&pair.candidate);
    let here = |finding: &&NightFinding| finding.scenario == scenario.name && finding.algorithm == algorithm;
    let findings: Vec<&NightFinding> = night.findings.iter().filter(here).collect();
    let is_judged = pair.metrics.iter().any(|judged| judged.verdict != Verdict::NotEnoughData);
    let status = match failure(&findings) {
        Some(status) => status,
        None if is_judged => TestCaseStatus::success(),
        None => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("not enough data");
            status
        }
    };
    let mut case = case(&format!("{}.{algorithm}", scenario.name), "no worse than the last good run", status);
    let sentences = findings.iter().map(|finding| finding.sentence.as_str());
    case.set_system_out(
        std::iter::once(pair.sentence.as_str()).chain(sentences).collect::<Vec<_>>().join("\n"),
    );
    case
}

/// Makes the case of the series, which tells what no comparison told.
fn series(night: &Night) -> TestCase {
    let compared = |finding: &&NightFinding| finding.source == crate::FindingSource::Series;
    let findings: Vec<&NightFinding> = night.findings.iter().filter(compared).collect();
    let status = match (failure(&findings), &night.series) {
        (Some(status), _) => status,
        (None, Some(series)) if series.telling > 0 => TestCaseStatus::success(),
        _ => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("too few runs for a change of a series to be told");
            status
        }
    };
    case("series", "no change for the worse", status)
}

/// Returns a failure if one of the findings counts.
fn failure(findings: &[&NightFinding]) -> Option<TestCaseStatus> {
    let counted: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.confirmation.counts())
        .map(|finding| finding.sentence.as_str())
        .collect();
    let first = counted.first()?;
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("regression");
    status.set_message(plain::line(first));
    status.set_description(counted.join("\n"));
    Some(status)
}
