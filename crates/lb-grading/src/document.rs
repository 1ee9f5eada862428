//! The analysis as JSON:
//! `{timestamp, analysis: {<endpoint>: {…}, summary: {…}}, bottlenecks, recommendations}`. Scripts gate on
//! `analysis.summary.p95`, in milliseconds, so it must stay stable.
//!
//! With several tests, `analysis.summary` holds their worst values, so that a limit that it meets is met by
//! every test: see [`Stats::worst_of`]. The other entries of `analysis` are then the tests; their endpoints
//! are under `tests`.

use crate::analyze::Analysis;
use crate::gate::Gate;
use crate::judge::{Advice, Bottleneck};
use crate::quick_grades::QuickGrades;
use crate::stats::{Check, FailureCount, Kind, OwnThreshold, Stats, Timing};
use crate::test::Test;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON, raised with every change that affects readers.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the totals in `analysis`.
const SUMMARY: &str = "summary";

/// An analysis as JSON.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisDocument {
    /// Version of this schema.
    pub schema_version: u32,
    /// When the analysis was made (RFC 3339).
    pub timestamp: String,
    /// Path that was analysed, as it was given.
    pub source: String,
    /// Totals by endpoint if there is one test, or by test if there are several, plus `summary`.
    pub analysis: BTreeMap<String, Stats>,
    /// Bottlenecks of all tests.
    pub bottlenecks: Vec<Bottleneck>,
    /// The recommended actions.
    pub recommendations: Vec<String>,
    /// Notes on the numbers.
    pub notes: Vec<String>,
    /// The thresholds that were given with `--threshold`, for each test.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// Analysis of each test.
    pub tests: Vec<TestDocument>,
}

/// Analysis of one test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TestDocument {
    /// Name of the test.
    pub name: String,
    /// File that the test was read from.
    pub file: String,
    /// Tool that the test comes from.
    pub kind: Kind,
    /// When the test ran.
    #[serde(flatten)]
    pub timing: Timing,
    /// Totals by endpoint, plus `summary`.
    pub analysis: BTreeMap<String, Stats>,
    /// Grades of the mean, the error rate and the number of requests, by wider limits.
    #[serde(default)]
    pub quick_grades: QuickGrades,
    /// Thresholds of the test's own, such as those in a k6 script, and whether they held.
    #[serde(default)]
    pub thresholds: Vec<OwnThreshold>,
    /// Checks of the test's own, and how often they passed.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Bottlenecks of the test.
    pub bottlenecks: Vec<Bottleneck>,
    /// The recommended actions.
    pub recommendations: Vec<String>,
    /// Failures by kind, the most frequent first.
    pub failures: Vec<FailureCount>,
    /// Names of the values of `summary` that the source does not report; they are null.
    pub missing: Vec<String>,
    /// Notes on the numbers.
    pub notes: Vec<String>,
}

impl Analysis {
    /// Returns the analysis as JSON, with the time `now` and the thresholds that it was held against.
    pub fn document(&self, now: jiff::Timestamp, gates: &[Gate]) -> AnalysisDocument {
        let (analysis, mut notes) = match self.tests.as_slice() {
            [test] => (by_endpoint(test), test.notes.clone()),
            tests => {
                let parts = tests.iter().map(|test| (vec![test.name.clone()], &test.summary));
                let worst = Stats::worst_of(tests.iter().map(|test| &test.summary));
                (keyed(parts.collect(), worst), vec![worst_note(tests.len())])
            }
        };
        notes.extend(self.notes.iter().cloned());
        AnalysisDocument {
            schema_version: SCHEMA_VERSION,
            timestamp: now.to_string(),
            source: self.source.clone(),
            analysis,
            bottlenecks: self.tests.iter().flat_map(|test| test.bottlenecks.clone()).collect(),
            recommendations: self.recommendations(),
            notes,
            gates: gates.to_vec(),
            tests: self.tests.iter().map(TestDocument::of).collect(),
        }
    }

    /// Returns each recommendation once, followed by the tests that it applies to if there are several tests.
    fn recommendations(&self) -> Vec<String> {
        let given = |advice: &Advice| {
            let tests: Vec<&str> = self
                .tests
                .iter()
                .filter(|test| test.advice.contains(advice))
                .map(|test| test.name.as_str())
                .collect();
            match (tests.len(), self.tests.len()) {
                (0, _) => None,
                (_, 1) => Some(advice.text().to_owned()),
                _ => Some(format!("{} ({})", advice.text(), tests.join(", "))),
            }
        };
        Advice::ALL.iter().filter_map(given).collect()
    }
}

fn worst_note(tests: usize) -> String {
    let plural = if tests == 1 { "" } else { "s" };
    format!(
        "`analysis.summary` covers {tests} test{plural}: requests and failures are summed, the minimum is \
        the smallest, and \
         everything else is the worst value of any test (percentiles of several tests cannot be pooled), null where a \
         test lacks it. A limit that its error rate, mean, percentiles or rps meet is met by every test."
    )
}

impl TestDocument {
    pub(crate) fn of(test: &Test) -> Self {
        Self {
            name: test.name.clone(),
            file: test.file.clone(),
            kind: test.kind,
            timing: test.timing.clone(),
            analysis: by_endpoint(test),
            quick_grades: test.quick,
            thresholds: test.thresholds.clone(),
            checks: test.checks.clone(),
            bottlenecks: test.bottlenecks.clone(),
            recommendations: test.recommendations(),
            failures: test.failures.clone(),
            missing: test.missing.clone(),
            notes: test.notes.clone(),
        }
    }
}

/// Returns endpoints by name, or by method and name if two share a name.
fn by_endpoint(test: &Test) -> BTreeMap<String, Stats> {
    let parts = test
        .endpoints
        .iter()
        .map(|endpoint| (vec![endpoint.name.clone(), endpoint.label()], &endpoint.stats))
        .collect();
    keyed(parts, test.summary.clone())
}

/// Keys each part by the first of its names that neither another part nor the summary has. If there is none,
/// adds a number to its last name.
fn keyed(parts: Vec<(Vec<String>, &Stats)>, summary: Stats) -> BTreeMap<String, Stats> {
    let mut map = BTreeMap::from([(SUMMARY.to_owned(), summary)]);
    for (at, (names, stats)) in parts.iter().enumerate() {
        let others: Vec<&String> = parts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .flat_map(|(_, (names, _))| names)
            .collect();
        let free =
            |name: &&String| name.as_str() != SUMMARY && !others.contains(name) && !map.contains_key(*name);
        let key = names.iter().find(free).cloned().unwrap_or_else(|| {
            let name = names.last().map_or("", String::as_str);
            let mut numbers = 1..;
            let numbered = numbers.find_map(|number| {
                let key = format!("{name} ({number})");
                (!map.contains_key(&key)).then_some(key)
            });
            numbered.unwrap_or_default()
        });
        map.insert(key, (*stats).clone());
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_that_share_a_name_are_told_apart_and_never_replace_the_summary() {
        let stats = |requests| Stats { total_requests: Some(requests), ..Stats::default() };
        let all = [stats(1), stats(2), stats(3), stats(4)];
        let names = [
            ["/users", "GET /users"],
            ["/users", "POST /users"],
            ["summary", "GET summary"],
            ["/x", "GET /x"],
        ];
        let parts = names.iter().zip(&all).map(|(names, stats)| (names.map(str::to_owned).to_vec(), stats));
        let map = keyed(parts.collect(), stats(10));
        let requests = |key: &str| map.get(key).and_then(|stats| stats.total_requests);
        for (key, expected) in
            [("GET /users", 1), ("POST /users", 2), ("GET summary", 3), ("/x", 4), ("summary", 10)]
        {
            assert_eq!(requests(key), Some(expected), "`{key}` in {:?}", map.keys());
        }
    }

    #[test]
    fn tests_of_the_same_name_are_numbered() {
        let stats = Stats::default();
        let parts = vec![(vec!["a".to_owned()], &stats), (vec!["a".to_owned()], &stats)];
        let keys: Vec<String> = keyed(parts, Stats::default()).into_keys().collect();
        assert_eq!(keys, ["a (1)", "a (2)", "summary"], "none is lost");
    }
}
