//! Statistics of the requests of a test: totals, kinds of request, failures and times, for results of every
//! tool.

use super::grade::Grade;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Totals over a set of requests. Values that the source does not report are null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// Requests that ended.
    pub total_requests: Option<u64>,
    /// Requests that failed, as the tool counts failures.
    pub total_failures: Option<u64>,
    /// Failed requests in percent (0 to 100) of all.
    pub error_rate: Option<f64>,
    /// Grade of the error rate.
    pub error_grade: Option<Grade>,
    /// Mean latency in milliseconds.
    pub avg_response_time: Option<f64>,
    /// Smallest latency in milliseconds.
    pub min_response_time: Option<f64>,
    /// Largest latency in milliseconds.
    pub max_response_time: Option<f64>,
    /// Median latency in milliseconds.
    pub p50: Option<f64>,
    /// 95th percentile in milliseconds.
    pub p95: Option<f64>,
    /// 99th percentile in milliseconds.
    pub p99: Option<f64>,
    /// Requests that ended, per second.
    pub rps: Option<f64>,
    /// Grade of the 95th percentile.
    pub performance_grade: Option<Grade>,
}

impl Stats {
    /// Computes the error rate, if it is missing, and the grades.
    pub(super) fn grade(&mut self) {
        if let (None, Some(requests @ 1..), Some(failures)) =
            (self.error_rate, self.total_requests, self.total_failures)
        {
            self.error_rate = Some(100.0 * failures as f64 / requests as f64);
        }
        self.error_grade = self.error_rate.map(Grade::of_error_rate);
        self.performance_grade = self.p95.map(Grade::of_p95);
    }

    /// Returns the names of the totals that the source does not report, without the grades.
    pub(super) fn missing(&self) -> Vec<String> {
        let fields = [
            ("total_requests", self.total_requests.is_none()),
            ("total_failures", self.total_failures.is_none()),
            ("error_rate", self.error_rate.is_none()),
            ("avg_response_time", self.avg_response_time.is_none()),
            ("min_response_time", self.min_response_time.is_none()),
            ("max_response_time", self.max_response_time.is_none()),
            ("p50", self.p50.is_none()),
            ("p95", self.p95.is_none()),
            ("p99", self.p99.is_none()),
            ("rps", self.rps.is_none()),
        ];
        fields.iter().filter(|(_, missing)| *missing).map(|(name, _)| (*name).to_owned()).collect()
    }

    /// Combines several tests so that a limit that the result meets is met by each of them: counts are
    /// summed, and everything else is the worst value of any test, or null if a test lacks it. (Percentiles
    /// of several tests cannot be pooled.)
    pub(super) fn worst_of<'a>(tests: impl Iterator<Item = &'a Self> + Clone) -> Self {
        // Summing options gives `None` as soon as one value is unknown.
        let count = |of: fn(&Self) -> Option<u64>| tests.clone().map(of).sum::<Option<u64>>();
        let fold = |of: fn(&Self) -> Option<f64>, pick: fn(f64, f64) -> f64| {
            let values: Option<Vec<f64>> = tests.clone().map(of).collect();
            values.and_then(|values| values.into_iter().reduce(pick))
        };
        let mut worst = Self {
            total_requests: count(|test| test.total_requests),
            total_failures: count(|test| test.total_failures),
            error_rate: fold(|test| test.error_rate, f64::max),
            avg_response_time: fold(|test| test.avg_response_time, f64::max),
            min_response_time: fold(|test| test.min_response_time, f64::min),
            max_response_time: fold(|test| test.max_response_time, f64::max),
            p50: fold(|test| test.p50, f64::max),
            p95: fold(|test| test.p95, f64::max),
            p99: fold(|test| test.p99, f64::max),
            rps: fold(|test| test.rps, f64::min),
            ..Self::default()
        };
        worst.error_grade = worst.error_rate.map(Grade::of_error_rate);
        worst.performance_grade = worst.p95.map(Grade::of_p95);
        worst
    }
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// HTTP method; empty if the source does not report it.
    pub method: String,
    /// Name of the endpoint.
    pub name: String,
    /// Totals of its requests.
    pub stats: Stats,
}

impl Endpoint {
    /// Returns method and name, such as `GET /health`.
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.method, self.name).trim().to_owned()
    }
}

/// The tool that a test comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Locust's CSV files.
    Locust,
    /// k6's summary.
    K6,
    /// oha's JSON.
    Oha,
    /// Results of `bench`.
    Bench,
}

impl Kind {
    /// Returns the name of the tool's results in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locust => "Locust stats CSV",
            Self::K6 => "k6 summary",
            Self::Oha => "oha report",
            Self::Bench => "bench results",
        }
    }
}

/// When a test ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// When the test began (RFC 3339); null if the source does not report it.
    pub started_at: Option<String>,
    /// When the file was written (RFC 3339); null if that is unknown.
    pub written_at: Option<String>,
    /// Duration of the test in seconds; null if the source does not report it.
    pub duration_s: Option<f64>,
    /// Largest number of users at once; null if the source does not report it.
    pub peak_users: Option<u64>,
}

/// Requests that failed in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureCount {
    /// Kind of request; empty if the source does not report it.
    pub endpoint: String,
    /// Description of the failure.
    pub error: String,
    /// Number of requests that failed in this way.
    pub occurrences: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(requests: u64, failures: u64, p95: Option<f64>, rps: f64) -> Stats {
        let mut stats = Stats {
            total_requests: Some(requests),
            total_failures: Some(failures),
            p95,
            rps: Some(rps),
            ..Stats::default()
        };
        stats.grade();
        stats
    }

    #[test]
    fn a_limit_that_several_tests_keep_together_is_kept_by_each() {
        let tests = [stats(1000, 1, Some(300.0), 50.0), stats(100, 10, Some(40.0), 80.0)];
        let worst = Stats::worst_of(tests.iter());
        assert_eq!((worst.total_requests, worst.total_failures), (Some(1100), Some(11)), "counts are summed");
        assert_eq!(worst.p95, Some(300.0), "no percentile is invented: the worst one stands");
        assert_eq!(worst.error_rate, Some(10.0), "many good requests hide no failing test");
        assert_eq!(worst.rps, Some(50.0), "the least throughput is the worst");
        assert_eq!(worst.performance_grade, Some(Grade::Poor), "graded by its own p95");
    }

    #[test]
    fn the_worst_value_is_unknown_when_one_test_lacks_it() {
        let tests = [stats(10, 0, Some(3.0), 1.0), stats(10, 0, None, 1.0)];
        let worst = Stats::worst_of(tests.iter());
        assert_eq!(worst.p95, None, "the test without a p95 may be the worst");
        assert_eq!(worst.performance_grade, None, "an unknown value has no grade");
    }

    #[test]
    fn no_requests_give_no_error_rate() {
        let empty = stats(0, 0, None, 0.0);
        assert_eq!(empty.error_rate, None, "without requests there is no error rate");
        assert!(empty.missing().contains(&"error_rate".to_owned()), "and it is named");
    }
}
