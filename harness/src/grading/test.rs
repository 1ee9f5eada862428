//! One test, for results of every tool: what was read of it, and what is judged from that.

use super::judge::{Advice, Bottleneck, advice, bottlenecks};
use super::stats::{Endpoint, FailureCount, Kind, Stats, Timing};

/// One load test: what was read of it, and what was found.
#[derive(Clone, Debug)]
pub struct Test {
    /// The name of the test.
    pub name: String,
    /// The file that it was read from.
    pub file: String,
    /// The tool that it comes from.
    pub kind: Kind,
    /// When the test ran, and for how long.
    pub timing: Timing,
    /// Totals over all requests.
    pub summary: Stats,
    /// Totals by kind of request; empty where the source does not tell them apart.
    pub endpoints: Vec<Endpoint>,
    /// Ways to fail, most frequent first.
    pub failures: Vec<FailureCount>,
    /// Names of the totals that the source does not report.
    pub missing: Vec<String>,
    /// Notes on the numbers, one sentence each.
    pub notes: Vec<String>,
    /// The values that stand out.
    pub bottlenecks: Vec<Bottleneck>,
    /// What to do.
    pub(super) advice: Vec<Advice>,
}

impl Test {
    /// Makes a test of which nothing is known yet.
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

    /// Returns what to do, one sentence each.
    pub fn recommendations(&self) -> Vec<String> {
        self.advice.iter().map(|advice| advice.text().to_owned()).collect()
    }

    /// Grades what was read, and finds what stands out.
    pub(super) fn grade(&mut self) {
        self.summary.grade();
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.stats.grade());
        self.failures.sort_by_key(|failure| std::cmp::Reverse(failure.occurrences));
        self.missing = self.summary.missing();
        self.bottlenecks = bottlenecks(&self.name, &self.summary, &self.endpoints);
        self.advice = advice(&self.summary);
    }
}
