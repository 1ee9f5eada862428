//! A load test, for results of every tool, with its grades and bottlenecks.

use super::judge::{Advice, Bottleneck, advice, bottlenecks};
use super::stats::{Endpoint, FailureCount, Kind, Stats, Timing};

/// One load test, with its totals, grades and bottlenecks.
#[derive(Clone, Debug)]
pub struct Test {
    /// The name of the test.
    pub name: String,
    /// The file that the test was read from.
    pub file: String,
    /// The tool that the test comes from.
    pub kind: Kind,
    /// When the test ran, and for how long.
    pub timing: Timing,
    /// Totals over all requests.
    pub summary: Stats,
    /// Totals by kind of request; empty if the source does not distinguish kinds.
    pub endpoints: Vec<Endpoint>,
    /// Failures by kind, the most frequent first.
    pub failures: Vec<FailureCount>,
    /// Names of the totals that the source does not report.
    pub missing: Vec<String>,
    /// Notes on the numbers, one sentence each.
    pub notes: Vec<String>,
    /// The bottlenecks of the test.
    pub bottlenecks: Vec<Bottleneck>,
    /// Recommendations, the most urgent first.
    pub(super) advice: Vec<Advice>,
}

impl Test {
    /// Makes a test without any data.
    pub(super) fn new(name: String, file: String, kind: Kind) -> Self {
        Self {
            name,
            file,
            kind,
            timing: Timing::default(),
            summary: Stats::default(),
            endpoints: Vec::new(),
            failures: Vec::new(),
            missing: Vec::new(),
            notes: Vec::new(),
            bottlenecks: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// Returns the recommendations as text.
    pub fn recommendations(&self) -> Vec<String> {
        self.advice.iter().map(|advice| advice.text().to_owned()).collect()
    }

    /// Grades the test, and finds its bottlenecks.
    pub(super) fn grade(&mut self) {
        self.summary.grade();
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.stats.grade());
        self.failures.sort_by_key(|failure| std::cmp::Reverse(failure.occurrences));
        self.missing = self.summary.missing();
        self.bottlenecks = bottlenecks(&self.name, &self.summary, &self.endpoints);
        self.advice = advice(&self.summary);
    }
}
