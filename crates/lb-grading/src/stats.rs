//! Statistics of the requests of a test: totals, kinds of request, failures and times, for results of every
//! tool.

use crate::course::{Interval, Spread};
use crate::grade::Grade;
use crate::units::sum;
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
    /// Standard deviation of the latency in milliseconds.
    #[serde(default)]
    pub std_response_time: Option<f64>,
    /// Median latency in milliseconds.
    pub p50: Option<f64>,
    /// 95th percentile in milliseconds.
    pub p95: Option<f64>,
    /// 99th percentile in milliseconds.
    pub p99: Option<f64>,
    /// Requests that ended, per second.
    pub rps: Option<f64>,
    /// Grade of the 95th percentile; null where nearly every request failed.
    pub performance_grade: Option<Grade>,
}

/// The error rate in percent from which latencies are those of failures: a refused connection is fast. Nine of ten
/// requests failed, and hardly one of the others can be slow enough to show in a percentile.
pub(crate) const NEARLY_ALL: f64 = 90.0;

impl Stats {
    /// Computes the error rate, if it is missing, and the grades. Leaves out latencies where nearly every request
    /// failed, and returns whether it did.
    pub(crate) fn grade(&mut self) -> bool {
        if let (None, Some(requests @ 1..), Some(failures)) =
            (self.error_rate, self.total_requests, self.total_failures)
        {
            self.error_rate = Some(100.0 * failures as f64 / requests as f64);
        }
        let failing = self.error_rate.is_some_and(|rate| rate >= NEARLY_ALL);
        let latencies = [
            &mut self.avg_response_time,
            &mut self.min_response_time,
            &mut self.max_response_time,
            &mut self.std_response_time,
            &mut self.p50,
            &mut self.p95,
            &mut self.p99,
        ];
        let mut dropped = false;
        for latency in latencies.into_iter().filter(|latency| failing && latency.is_some()) {
            *latency = None;
            dropped = true;
        }
        self.error_grade = self.error_rate.map(Grade::of_error_rate);
        self.performance_grade = self.p95.map(Grade::of_p95);
        dropped
    }

    /// Returns the names of the totals that the source does not report, without the grades and the standard deviation,
    /// which nothing is judged by.
    pub(crate) fn missing(&self) -> Vec<String> {
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
    pub(crate) fn worst_of<'a>(tests: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let count = |of: fn(&Self) -> Option<u64>| {
            let counts: Option<Vec<u64>> = tests.clone().map(of).collect();
            counts.map(sum)
        };
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
            std_response_time: fold(|test| test.std_response_time, f64::max),
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
    /// Its requests over time; empty if the source does not tell.
    pub course: Vec<Interval>,
    /// How its latencies scatter; `None` if the source does not tell.
    pub spread: Option<Spread>,
}

impl Endpoint {
    /// Makes an endpoint of which only totals are known.
    pub(crate) fn new(method: &str, name: &str, stats: Stats) -> Self {
        Self { method: method.to_owned(), name: name.to_owned(), stats, course: Vec::new(), spread: None }
    }

    /// Returns method and name, such as `GET /health`.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.method, self.name).trim().to_owned()
    }
}

/// The tool that a test comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Apache's `ab`.
    Ab,
    /// Artillery.
    Artillery,
    /// autocannon.
    Autocannon,
    /// Results of `bench`.
    Bench,
    /// bombardier.
    Bombardier,
    /// Fortio.
    Fortio,
    /// Gatling.
    Gatling,
    /// hey.
    Hey,
    /// Apache JMeter.
    Jmeter,
    /// k6.
    K6,
    /// Locust.
    Locust,
    /// Nighthawk.
    Nighthawk,
    /// oha.
    Oha,
    /// Vegeta.
    Vegeta,
    /// wrk or wrk2.
    Wrk,
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

/// A limit that the test itself set, such as a threshold of k6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnThreshold {
    /// The metric that is limited, such as `http_req_duration`.
    pub metric: String,
    /// The condition, such as `p(95)<200`.
    pub condition: String,
    /// Whether the condition held.
    pub ok: bool,
}

/// A check that the test itself made on replies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The name of the check, behind the groups that it lies in.
    pub name: String,
    /// How often it passed.
    pub passes: u64,
    /// How often it failed.
    pub fails: u64,
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
        let _ = stats.grade();
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
    fn latency_is_left_out_where_nearly_every_request_failed() {
        for (failures, known) in [(89, true), (90, false), (100, false)] {
            let stats = stats(100, failures, Some(2.0), 50.0);
            assert_eq!(stats.p95.is_some(), known, "{failures} of 100 failed");
            assert_eq!(stats.performance_grade.is_some(), known, "an unknown value has no grade");
            assert_eq!(stats.error_grade, Some(Grade::Poor));
        }
    }

    #[test]
    fn no_requests_give_no_error_rate() {
        let empty = stats(0, 0, None, 0.0);
        assert_eq!(empty.error_rate, None, "without requests there is no error rate");
        assert!(empty.missing().contains(&"error_rate".to_owned()), "and it is named");
    }
}
