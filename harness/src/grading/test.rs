//! One test, for results of every tool: what was read of it, and what is judged from that.

use super::judge::{Advice, Bottleneck, advice, bottlenecks};
use super::stats::{Endpoint, FailureCount, Kind, Stats, Timing};

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Where it comes from.
    pub kind: Kind,
    /// When it ran.
    pub timing: Timing,
    /// Totals over all requests.
    pub summary: Stats,
    /// By kind of request.
    pub endpoints: Vec<Endpoint>,
    /// Ways to fail, most frequent first.
    pub failures: Vec<FailureCount>,
    /// Names of the totals that the source does not say.
    pub missing: Vec<String>,
    /// What to know of the numbers.
    pub notes: Vec<String>,
    /// What stands out.
    pub bottlenecks: Vec<Bottleneck>,
    /// What to do.
    pub(super) advice: Vec<Advice>,
}

impl Test {
    /// A test of which nothing is known yet.
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

    /// What to do, in words.
    pub fn recommendations(&self) -> Vec<String> {
        self.advice.iter().map(|advice| advice.text().to_owned()).collect()
    }

    /// Judges what was read.
    pub(super) fn grade(&mut self) {
        self.summary.grade();
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.stats.grade());
        self.failures.sort_by_key(|failure| std::cmp::Reverse(failure.occurrences));
        self.missing = self.summary.missing();
        self.bottlenecks = bottlenecks(&self.name, &self.summary, &self.endpoints);
        self.advice = advice(&self.summary);
    }
}
