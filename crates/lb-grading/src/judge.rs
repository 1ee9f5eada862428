//! Finds the bottlenecks of a test, and recommends what to do about them.

use crate::stats::{Endpoint, Stats};
use crate::units;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The error rate, in percent, above which requests are a bottleneck.
const BOTTLENECK_ERROR_RATE: f64 = 5.0;
/// The p95, in milliseconds, above which requests are a bottleneck.
const BOTTLENECK_P95_MS: f64 = 500.0;
/// A p99 of more than this many times the p95 is a long tail.
const TAIL_FACTOR: f64 = 2.0;
/// The error rate in percent, and the p95 in milliseconds, above which advice is given.
const ADVICE_ERROR_RATE: f64 = 1.0;
const ADVICE_P95_MS: f64 = 100.0;
/// The throughput, in requests per second, below which advice is given.
const ADVICE_RPS: f64 = 10.0;

/// Rule that a bottleneck breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BottleneckMetric {
    /// The error rate is too high.
    ErrorRate,
    /// The p95 is too high.
    P95,
    /// The p99 is far above the p95.
    Tail,
}

/// A kind of request that is too slow or fails too often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bottleneck {
    /// Name of the test.
    pub test: String,
    /// Kind of request; `summary` if the source does not distinguish kinds.
    pub endpoint: String,
    /// Rule that was broken.
    pub metric: BottleneckMetric,
    /// Measured value, in percent or milliseconds; for `tail`, the p99.
    pub value: f64,
    /// Limit that the value exceeds, in the same unit.
    pub limit: f64,
    /// Description of the bottleneck in words.
    pub message: String,
}

/// Finds the bottlenecks of the test named `test`: by kind of request, or in its totals if the source does
/// not distinguish kinds.
pub(crate) fn bottlenecks(test: &str, totals: &Stats, endpoints: &[Endpoint]) -> Vec<Bottleneck> {
    let whole = [("summary".to_owned(), totals)];
    let parts: Vec<(String, &Stats)> =
        endpoints.iter().map(|endpoint| (endpoint.label(), &endpoint.stats)).collect();
    let judged = if parts.is_empty() { &whole[..] } else { &parts[..] };
    judged.iter().flat_map(|(endpoint, stats)| broken_rules(test, endpoint, stats)).collect()
}

fn broken_rules(test: &str, endpoint: &str, stats: &Stats) -> Vec<Bottleneck> {
    let tail_limit = stats.p95.map(|p95| TAIL_FACTOR * p95);
    let rules = [
        (BottleneckMetric::ErrorRate, stats.error_rate, Some(BOTTLENECK_ERROR_RATE)),
        (BottleneckMetric::P95, stats.p95, Some(BOTTLENECK_P95_MS)),
        (BottleneckMetric::Tail, stats.p99, tail_limit),
    ];
    let broken = |(metric, value, limit): (BottleneckMetric, Option<f64>, Option<f64>)| {
        let (value, limit) = (value?, limit?);
        (value > limit).then(|| {
            let what = match metric {
                BottleneckMetric::ErrorRate => {
                    format!("{value:.2} % of requests failed (more than {limit} %)")
                }
                BottleneckMetric::P95 => format!("p95 is {} ms (more than {limit} ms)", units::ms(value)),
                BottleneckMetric::Tail => format!(
                    "p99 is {} ms, more than {TAIL_FACTOR} times the p95 of {} ms",
                    units::ms(value),
                    units::ms(limit / TAIL_FACTOR)
                ),
            };
            let message = format!("{endpoint}: {what}");
            Bottleneck { test: test.to_owned(), endpoint: endpoint.to_owned(), metric, value, limit, message }
        })
    };
    rules.into_iter().filter_map(broken).collect()
}

/// A recommendation, in order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    Empty,
    Own,
    Errors,
    Latency,
    Tail,
    Throughput,
    Good,
    Unknown,
}

impl Advice {
    pub(crate) const ALL: [Self; 8] = [
        Self::Empty,
        Self::Own,
        Self::Errors,
        Self::Latency,
        Self::Tail,
        Self::Throughput,
        Self::Good,
        Self::Unknown,
    ];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Empty => {
                "No request ended: check the address, whether the service is up, and the log of the load generator."
            }
            Self::Own => {
                "Limits of the test's own: thresholds were crossed or checks failed. Meet them, or correct them where \
                 they no longer say what is needed; whatever else is graded here, the test failed by its own standard."
            }
            Self::Errors => {
                "Errors: read the logs of the service for the failing requests, check the requests against the \
                 schemas that it expects, retry requests that are safe to repeat with exponential backoff, and put a \
                 circuit breaker in front of dependencies that keep failing."
            }
            Self::Latency => {
                "Latency: profile the slowest endpoints, cache repeated results, check batch sizes, preallocate \
                 buffers, and move slow work off the request path (asynchronous work)."
            }
            Self::Tail => {
                "Tail: a few requests take far longer than the rest. Look for cold starts and garbage collection, let \
                 the service warm up before it counts, set timeouts, and watch the tail as closely as the mean."
            }
            Self::Throughput => {
                "Throughput: if more load was offered than this, add workers or instances behind a load balancer and \
                 handle requests asynchronously; if not, offer more load before drawing conclusions."
            }
            Self::Good => "Nothing stands out: errors, latency, tail and throughput are within the limits.",
            Self::Unknown => "Nothing stands out in the known values; missing values were not judged.",
        }
    }
}

/// Returns the advice for a test with these totals; `own` is whether a limit or a check of its own failed.
pub(crate) fn advice(summary: &Stats, own: bool) -> Vec<Advice> {
    if summary.total_requests == Some(0) {
        return vec![Advice::Empty];
    }
    let over = |value: Option<f64>, limit: f64| value.is_some_and(|value| value > limit);
    let tail = summary.p95.is_some_and(|p95| over(summary.p99, TAIL_FACTOR * p95));
    let triggers = [
        (Advice::Own, own),
        (Advice::Errors, over(summary.error_rate, ADVICE_ERROR_RATE)),
        (Advice::Latency, over(summary.p95, ADVICE_P95_MS)),
        (Advice::Tail, tail),
        (Advice::Throughput, summary.rps.is_some_and(|rps| rps < ADVICE_RPS)),
    ];
    let given: Vec<Advice> =
        triggers.into_iter().filter(|(_, triggered)| *triggered).map(|(advice, _)| advice).collect();
    if !given.is_empty() {
        return given;
    }
    let judged = [summary.error_rate, summary.p95, summary.p99, summary.rps];
    vec![if judged.iter().all(Option::is_some) { Advice::Good } else { Advice::Unknown }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(error_rate: f64, p95: f64, p99: f64, rps: f64) -> Stats {
        Stats {
            total_requests: Some(1000),
            error_rate: Some(error_rate),
            p95: Some(p95),
            p99: Some(p99),
            rps: Some(rps),
            ..Stats::default()
        }
    }

    #[test]
    fn a_bottleneck_is_above_its_limit_not_at_it() {
        use BottleneckMetric::{ErrorRate, P95, Tail};
        let table: [(Stats, &[BottleneckMetric]); 5] = [
            (stats(5.0, 500.0, 1000.0, 50.0), &[]),
            (stats(5.1, 10.0, 20.0, 50.0), &[ErrorRate]),
            (stats(0.0, 501.0, 600.0, 50.0), &[P95]),
            (stats(0.0, 10.0, 20.1, 50.0), &[Tail]),
            (stats(50.0, 900.0, 2000.0, 50.0), &[ErrorRate, P95, Tail]),
        ];
        for (stats, expected) in table {
            let found: Vec<BottleneckMetric> =
                broken_rules("test", "GET /", &stats).iter().map(|found| found.metric).collect();
            assert_eq!(found, expected, "{stats:?}");
        }
    }

    #[test]
    fn advice_begins_below_good_and_says_when_nothing_stands_out() {
        let table: [(Stats, &[Advice]); 7] = [
            (stats(1.0, 100.0, 200.0, 10.0), &[Advice::Good]),
            (stats(1.1, 100.0, 200.0, 10.0), &[Advice::Errors]),
            (stats(0.0, 100.1, 200.0, 10.0), &[Advice::Latency]),
            (stats(0.0, 10.0, 21.0, 10.0), &[Advice::Tail]),
            (stats(0.0, 10.0, 20.0, 9.9), &[Advice::Throughput]),
            (Stats { p99: None, ..stats(0.0, 10.0, 0.0, 50.0) }, &[Advice::Unknown]),
            (Stats { total_requests: Some(0), rps: Some(0.0), ..Stats::default() }, &[Advice::Empty]),
        ];
        for (stats, expected) in table {
            assert_eq!(advice(&stats, false), expected, "{stats:?}");
        }
        let own = advice(&stats(0.0, 10.0, 20.0, 50.0), true);
        assert_eq!(own, [Advice::Own], "a limit of the test's own is never passed over");
    }
}
