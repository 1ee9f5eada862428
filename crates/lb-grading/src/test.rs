//! A load test, for results of every tool, with its grades and bottlenecks.

use crate::course::{Interval, Spread};
use crate::judge::{Advice, Bottleneck, advice, bottlenecks};
use crate::quick_grades::QuickGrades;
use crate::stats::{Check, Endpoint, FailureCount, Kind, OwnThreshold, Stats, Timing};
use crate::units;
use std::path::Path;

/// One load test, with its totals, grades and bottlenecks.
#[derive(Clone, Debug)]
pub struct Test {
    /// The name of the test.
    pub name: String,
    /// The file that the test was read from.
    pub file: String,
    /// The tool that the test comes from.
    pub kind: Kind,
    /// What the file is, such as `JMeter JTL (CSV)`.
    pub format: &'static str,
    /// When the test ran, and for how long.
    pub timing: Timing,
    /// Totals over all requests.
    pub summary: Stats,
    /// Grades of the mean, the error rate and the number of requests.
    pub quick: QuickGrades,
    /// All requests over time; empty if the source does not tell.
    pub course: Vec<Interval>,
    /// How all latencies scatter; `None` if the source does not tell.
    pub spread: Option<Spread>,
    /// Totals by kind of request; empty if the source does not distinguish kinds.
    pub endpoints: Vec<Endpoint>,
    /// Failures by kind, the most frequent first.
    pub failures: Vec<FailureCount>,
    /// Limits that the test itself set.
    pub thresholds: Vec<OwnThreshold>,
    /// Checks that the test itself made.
    pub checks: Vec<Check>,
    /// Names of the totals that the source does not report.
    pub missing: Vec<String>,
    /// Notes on the numbers, one sentence each.
    pub notes: Vec<String>,
    /// The bottlenecks of the test.
    pub bottlenecks: Vec<Bottleneck>,
    /// Recommendations, the most urgent first.
    pub(crate) advice: Vec<Advice>,
}

impl Test {
    /// Makes a test without any data, named after its file.
    pub(crate) fn new(path: &Path, kind: Kind, format: &'static str) -> Self {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self {
            name,
            file: path.display().to_string(),
            kind,
            format,
            timing: Timing::default(),
            summary: Stats::default(),
            quick: QuickGrades::default(),
            course: Vec::new(),
            spread: None,
            endpoints: Vec::new(),
            failures: Vec::new(),
            thresholds: Vec::new(),
            checks: Vec::new(),
            missing: Vec::new(),
            notes: Vec::new(),
            bottlenecks: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// Adds failures of one kind, unless there are none.
    pub(crate) fn fail(&mut self, error: impl Into<String>, occurrences: u64) {
        if occurrences > 0 {
            self.failures.push(FailureCount { endpoint: String::new(), error: error.into(), occurrences });
        }
    }

    /// Returns the recommendations as text.
    pub fn recommendations(&self) -> Vec<String> {
        self.advice.iter().map(|advice| advice.text().to_owned()).collect()
    }

    /// Returns the limits of the test's own that did not hold.
    pub fn crossed(&self) -> impl Iterator<Item = &OwnThreshold> {
        self.thresholds.iter().filter(|threshold| !threshold.ok)
    }

    /// Returns the checks of the test's own that did not always pass.
    pub fn failing_checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.fails > 0)
    }

    /// Grades the test, and finds its bottlenecks.
    pub(crate) fn grade(&mut self) {
        let p95 = self.summary.p95;
        if self.summary.grade() {
            self.notes.push(of_failures(&self.summary, p95));
            self.spread = None;
        }
        for endpoint in &mut self.endpoints {
            if endpoint.stats.grade() {
                endpoint.spread = None;
            }
        }
        self.quick = QuickGrades::of(&self.summary);
        self.failures.sort_by_key(|failure| std::cmp::Reverse(failure.occurrences));
        self.missing = self.summary.missing();
        self.bottlenecks = bottlenecks(&self.name, &self.summary, &self.endpoints);
        let own = self.crossed().next().is_some() || self.failing_checks().next().is_some();
        self.advice = advice(&self.summary, own);
    }
}

/// Says why the latencies of a test were left out.
fn of_failures(stats: &Stats, p95: Option<f64>) -> String {
    let rate = stats.error_rate.unwrap_or_default();
    let p95 = p95.map(|ms| format!(" (p95 {} ms)", units::ms(ms))).unwrap_or_default();
    format!(
        "{rate:.1} % of the requests failed, so the latencies{p95} are those of failures: they are left out, and \
         latency is not graded"
    )
}
