//! Single requests, as some tools list them: what they say in total, by endpoint and over time.
//!
//! Percentiles are exact: the smallest latency that at least this share of the requests did not exceed (the nearest
//! rank). The standard deviation is that of the population. Throughput is the number of requests by the time from
//! the first begin to the last end.

mod course;

use crate::course::Spread;
use crate::error::AnalyzeError;
use crate::stats::{Endpoint, FailureCount, Stats};
use crate::test::Test;
use course::courses;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The most requests of a file. Each takes 24 bytes of memory.
const MOST_REQUESTS: usize = 8_000_000;
/// The most endpoints that are told apart; requests of all further ones are counted as `other`.
const MOST_ENDPOINTS: usize = 1_000;
/// The name of the endpoint for requests beyond [`MOST_ENDPOINTS`].
const OTHER: &str = "other";
/// The most kinds of failure that are told apart.
const MOST_FAILURES: usize = 200;

/// One request as it is added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request<'a> {
    /// The HTTP method; empty if the source does not report it.
    pub(crate) method: &'a str,
    /// The name of the endpoint; empty if the source does not distinguish endpoints.
    pub(crate) name: &'a str,
    /// When the request began or ended, in milliseconds since any fixed time; `None` if that is unknown.
    pub(crate) at_ms: Option<f64>,
    /// The latency in milliseconds.
    pub(crate) latency_ms: f64,
    /// Why the request failed; `None` if it did not.
    pub(crate) error: Option<&'a str>,
}

/// What the time of a request stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// When the request began.
    Begin,
    /// When its reply was complete.
    End,
}

/// A request as it is kept.
#[derive(Clone, Copy)]
struct Sample {
    /// NaN if unknown.
    at_ms: f64,
    latency_ms: f64,
    endpoint: u32,
    failed: bool,
}

/// The requests of a test.
pub(crate) struct Samples {
    stamp: Stamp,
    samples: Vec<Sample>,
    endpoints: Vec<(String, String)>,
    numbers: HashMap<(String, String), u32>,
    failures: BTreeMap<(u32, String), u64>,
    extent: Option<[f64; 2]>,
}

impl Samples {
    pub(crate) fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            samples: Vec::new(),
            endpoints: Vec::new(),
            numbers: HashMap::new(),
            failures: BTreeMap::new(),
            extent: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Adds a request.
    ///
    /// # Errors
    /// There are more requests than can be kept; `path` is named.
    pub(crate) fn add(&mut self, path: &Path, request: Request<'_>) -> Result<(), AnalyzeError> {
        if self.samples.len() >= MOST_REQUESTS {
            return Err(AnalyzeError::OtherKind {
                path: path.to_owned(),
                found: format!("longer than {MOST_REQUESTS} requests, the most that are read"),
                advice: "split it, or give the summary of the test".to_owned(),
            });
        }
        let endpoint = self.endpoint(request.method, request.name);
        if let Some(error) = request.error {
            let key = (endpoint, error.chars().take(200).collect());
            match self.failures.len() < MOST_FAILURES || self.failures.contains_key(&key) {
                true => *self.failures.entry(key).or_default() += 1,
                false => *self.failures.entry((endpoint, "other failures".to_owned())).or_default() += 1,
            }
        }
        let at_ms = request.at_ms.filter(|at| at.is_finite());
        if let Some(at) = at_ms {
            let ends = match self.stamp {
                Stamp::Begin => [at, at + request.latency_ms],
                Stamp::End => [at - request.latency_ms, at],
            };
            self.reach(ends);
        }
        self.samples.push(Sample {
            at_ms: at_ms.unwrap_or(f64::NAN),
            latency_ms: request.latency_ms,
            endpoint,
            failed: request.error.is_some(),
        });
        Ok(())
    }

    /// Makes the test at least reach from the first to the second time, in milliseconds.
    pub(crate) fn reach(&mut self, [from, to]: [f64; 2]) {
        self.extent = Some(self.extent.map_or([from, to], |[low, high]| [low.min(from), high.max(to)]));
    }

    fn endpoint(&mut self, method: &str, name: &str) -> u32 {
        let key = (method.to_owned(), name.to_owned());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let key = if self.endpoints.len() < MOST_ENDPOINTS { key } else { (String::new(), OTHER.to_owned()) };
        // The folder of all others may exist already.
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.endpoints.len() as u32;
        self.endpoints.push(key.clone());
        self.numbers.insert(key, number);
        number
    }

    /// Writes totals, endpoints, failures and the course into `test`. `knows_failures` is whether the source tells
    /// failed requests from others. `counts` says for an endpoint whether its requests are part of the totals.
    pub(crate) fn finish(self, test: &mut Test, knows_failures: bool, counts: impl Fn(&str) -> bool) {
        let seconds = self.extent.map(|[from, to]| (to - from) / 1e3).filter(|seconds| seconds.is_finite());
        test.timing.duration_s = seconds;
        let rates = Rates { seconds: seconds.filter(|seconds| *seconds > 0.0), knows_failures };
        let counted: Vec<bool> = self.endpoints.iter().map(|(_, name)| counts(name)).collect();
        let mut all = Vec::with_capacity(self.samples.len());
        let mut by_endpoint: Vec<Vec<f64>> = vec![Vec::new(); self.endpoints.len()];
        let mut failed = vec![0_u64; self.endpoints.len()];
        for sample in &self.samples {
            let number = sample.endpoint as usize;
            by_endpoint[number].push(sample.latency_ms);
            failed[number] += u64::from(sample.failed);
            if counted[number] {
                all.push(sample.latency_ms);
            }
        }
        let all_failed =
            failed.iter().zip(&counted).filter(|(_, counted)| **counted).map(|(failed, _)| *failed);
        test.summary = rates.stats(&mut all, all_failed.sum());
        test.spread = spread(&all);
        let [whole, parts] = courses(&self.samples, &counted, self.endpoints.len(), self.extent);
        test.course = whole.into_iter().next().unwrap_or_default();
        let named = self.endpoints.iter().any(|(method, name)| !(method.is_empty() && name.is_empty()));
        let mut endpoints = Vec::new();
        for (number, course) in parts.into_iter().enumerate().take(if named { usize::MAX } else { 0 }) {
            let (method, name) = self.endpoints[number].clone();
            let stats = rates.stats(&mut by_endpoint[number], failed[number]);
            let spread = spread(&by_endpoint[number]);
            endpoints.push(Endpoint { method, name, stats, course, spread });
        }
        endpoints.sort_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
        test.endpoints = endpoints;
        for ((number, error), occurrences) in self.failures {
            let (method, name) = &self.endpoints[number as usize];
            let endpoint = format!("{method} {name}").trim().to_owned();
            test.failures.push(FailureCount { endpoint, error, occurrences });
        }
    }
}

/// What the statistics of all parts of a test share.
struct Rates {
    /// Length of the test; `None` if it is unknown or 0.
    seconds: Option<f64>,
    knows_failures: bool,
}

impl Rates {
    /// Computes the statistics of latencies, which it sorts.
    fn stats(&self, latencies: &mut [f64], failed: u64) -> Stats {
        latencies.sort_unstable_by(f64::total_cmp);
        let count = latencies.len() as f64;
        let sum: f64 = latencies.iter().sum();
        let mean = (count > 0.0).then(|| sum / count);
        let deviation = mean.map(|mean| {
            let squares: f64 = latencies.iter().map(|ms| (ms - mean).powi(2)).sum();
            (squares / count).sqrt()
        });
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        Stats {
            total_requests: Some(latencies.len() as u64),
            total_failures: self.knows_failures.then_some(failed),
            avg_response_time: finite(mean),
            min_response_time: latencies.first().copied(),
            max_response_time: latencies.last().copied(),
            std_response_time: finite(deviation),
            p50: quantile(latencies, 0.5),
            p95: quantile(latencies, 0.95),
            p99: quantile(latencies, 0.99),
            rps: self.seconds.map(|seconds| count / seconds),
            ..Stats::default()
        }
    }
}

/// Returns the smallest value that at least `share` of the sorted values do not exceed; `None` if there are none.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Returns how sorted latencies scatter; `None` if there are none.
fn spread(sorted: &[f64]) -> Option<Spread> {
    let at = |share| quantile(sorted, share);
    Some(Spread {
        low: *sorted.first()?,
        quartiles: at(0.25).zip(at(0.75)).map(<[f64; 2]>::from),
        median: at(0.5)?,
        high: at(0.95)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        let found = [0.0, 0.5, 0.95, 0.99, 1.0].map(|share| quantile(&hundred, share));
        assert_eq!(found, [1.0, 50.0, 95.0, 99.0, 100.0].map(Some));
        assert_eq!(quantile(&[10.0, 20.0], 0.95), Some(20.0), "of two requests the slower one is the p95");
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn endpoints_beyond_the_limit_are_counted_together() {
        let path = Path::new("x");
        let mut samples = Samples::new(Stamp::Begin);
        let add = |samples: &mut Samples, name: &str| {
            samples
                .add(path, Request { name, latency_ms: 1.0, ..Request::default() })
                .expect("there is room");
        };
        for number in 0..MOST_ENDPOINTS + 50 {
            add(&mut samples, &format!("/{number}"));
        }
        add(&mut samples, "/0");
        let mut test = Test::new(path, crate::Kind::Hey, "hey CSV");
        samples.finish(&mut test, false, |_| true);
        assert_eq!(test.endpoints.len(), MOST_ENDPOINTS + 1);
        let requests = |name: &str| {
            let found = test.endpoints.iter().find(|endpoint| endpoint.name == name).expect("the endpoint");
            found.stats.total_requests
        };
        assert_eq!((requests(OTHER), requests("/0")), (Some(50), Some(2)));
        assert_eq!(test.summary.total_failures, None, "the source does not tell failures");
    }

    #[test]
    fn throughput_is_over_the_time_from_the_first_begin_to_the_last_end() {
        for (stamp, at) in [(Stamp::Begin, [0.0, 1900.0]), (Stamp::End, [100.0, 2000.0])] {
            let mut samples = Samples::new(stamp);
            for at in at {
                let request = Request { at_ms: Some(at), latency_ms: 100.0, ..Request::default() };
                samples.add(Path::new("x"), request).expect("there is room");
            }
            let mut test = Test::new(Path::new("x"), crate::Kind::Hey, "hey CSV");
            samples.finish(&mut test, true, |_| true);
            assert_eq!((test.timing.duration_s, test.summary.rps), (Some(2.0), Some(1.0)), "{stamp:?}");
            assert_eq!(test.summary.std_response_time, Some(0.0));
        }
    }
}
