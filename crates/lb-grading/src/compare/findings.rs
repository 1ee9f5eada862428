//! What tests show, in sentences: the slowest endpoint, the busiest one, writes against reads, errors.

use super::change::{Metric, joined, percent};
use crate::course::Interval;
use crate::stats::Endpoint;
use crate::test::Test;
use crate::units::{self, sum};

/// Methods that change something on the server; all others with a name read.
const WRITES: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];
/// The difference of the throughputs, in percent, from which latencies are of unlike loads.
const UNLIKE_LOAD: f64 = 20.0;
/// A response time of more than this many times the median of all intervals is a spike.
const SPIKE: f64 = 3.0;
/// The fewest intervals among which a spike can be told.
const FEWEST_INTERVALS: usize = 10;

/// Returns what one test shows.
pub(crate) fn of_test(test: &Test) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((endpoint, mean)) = slowest(test).filter(|_| test.endpoints.len() > 1) {
        found.push(format!("The slowest endpoint is {} with a mean of {}.", endpoint.label(), ms(mean)));
    }
    if let Some((endpoint, share)) = busiest(test).filter(|_| test.endpoints.len() > 1) {
        found
            .push(format!("The busiest endpoint is {} with {share:.1} % of the requests.", endpoint.label()));
    }
    if let Some((writes, reads)) = kinds(test) {
        found.push(format!("{}.", against(writes, reads)));
    }
    found.extend(spikes(test));
    found.extend(errors(test));
    found
}

/// Returns what two tests show beside one another.
pub(super) fn of_pair(baseline: &Test, improved: &Test) -> Vec<String> {
    let mut found = Vec::new();
    let (before, after) = (&baseline.summary, &improved.summary);
    let values: [Metric; 3] = [
        ("The mean response time", |stats| stats.avg_response_time),
        ("The 95th percentile", |stats| stats.p95),
        ("The 99th percentile", |stats| stats.p99),
    ];
    for (what, value) in values {
        if let (Some(old), Some(new)) = (value(before), value(after)) {
            found.push(format!("{what} {}.", moved(old, new, ms)));
        }
    }
    if let (Some(old), Some(new)) = (before.rps, after.rps) {
        found.push(format!("The throughput {}.", moved(old, new, |rate| format!("{rate:.2} requests/s"))));
        if percent(Some(old), Some(new)).is_some_and(|change| change.abs() >= UNLIKE_LOAD) {
            found.push(
                "The loads differ by a fifth or more, so the response times are not those of the same load."
                    .to_owned(),
            );
        }
    }
    found.extend(slowest_of_both(baseline, improved));
    found.extend(busiest_of_both(baseline, improved));
    found.extend(most_changed(baseline, improved));
    if let (Some((writes, reads)), Some((new_writes, new_reads))) = (kinds(baseline), kinds(improved)) {
        let (old, new) = (against(writes, reads), against(new_writes, new_reads));
        found.push(format!("Before, {}; after, {}.", lower(&old), lower(&new)));
    }
    found.extend(errors_of_both(baseline, improved));
    found
}

/// Says in how many intervals the response time was far above its median.
fn spikes(test: &Test) -> Option<String> {
    let value = |interval: &Interval| Some((interval.middle(), interval.mean_ms.or(interval.p95_ms)?));
    let course: Vec<(f64, f64)> = test.course.iter().filter_map(value).collect();
    if course.len() < FEWEST_INTERVALS {
        return None;
    }
    let mut values: Vec<f64> = course.iter().map(|(_, ms)| *ms).collect();
    values.sort_unstable_by(f64::total_cmp);
    let median = values[values.len() / 2];
    let above: Vec<(f64, f64)> = course.into_iter().filter(|(_, ms)| *ms > SPIKE * median).collect();
    let (at, most) = above.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1))?;
    Some(format!(
        "The response time spiked in {} of {} intervals, the most at {at:.0} s with {}, where the median is {}.",
        above.len(),
        values.len(),
        ms(most),
        ms(median)
    ))
}

fn slowest_of_both(baseline: &Test, improved: &Test) -> Option<String> {
    let ((old, old_mean), (new, new_mean)) = (slowest(baseline)?, slowest(improved)?);
    if baseline.endpoints.len() < 2 && improved.endpoints.len() < 2 {
        return None;
    }
    let (name, new_name) = (old.label(), new.label());
    Some(match name == new_name {
        true => {
            format!("The slowest endpoint is {name} in both; its mean {}.", moved(old_mean, new_mean, ms))
        }
        false => format!(
            "The slowest endpoint was {name} with a mean of {}; now it is {new_name} with {}.",
            ms(old_mean),
            ms(new_mean)
        ),
    })
}

fn busiest_of_both(baseline: &Test, improved: &Test) -> Option<String> {
    let ((old, share), (new, _)) = (busiest(baseline)?, busiest(improved)?);
    if baseline.endpoints.len() < 2 && improved.endpoints.len() < 2 {
        return None;
    }
    let shares = |endpoint: &Endpoint| {
        let of = |test| share_of(test, endpoint).map_or("none".to_owned(), |share| format!("{share:.1} %"));
        format!("{} of the requests before, {} after", of(baseline), of(improved))
    };
    Some(match old.label() == new.label() {
        true => format!("The busiest endpoint is {} in both: {}.", old.label(), shares(old)),
        false => format!(
            "The busiest endpoint was {} with {share:.1} % of the requests; now it is {}: {}.",
            old.label(),
            new.label(),
            shares(new)
        ),
    })
}

/// Names the endpoint whose mean changed the most, in percent.
fn most_changed(baseline: &Test, improved: &Test) -> Option<String> {
    let pairs = joined(baseline, improved);
    if pairs.len() < 2 {
        return None;
    }
    let changed = pairs.into_iter().filter_map(|(label, before, after)| {
        let (old, new) = (before?.stats.avg_response_time?, after?.stats.avg_response_time?);
        Some((label, old, new, percent(Some(old), Some(new))?))
    });
    let (label, old, new, _) = changed.max_by(|one, other| one.3.abs().total_cmp(&other.3.abs()))?;
    Some(format!("The mean of {label} changed the most: it {}.", moved(old, new, ms)))
}

fn errors_of_both(baseline: &Test, improved: &Test) -> Option<String> {
    let (old, new) = (baseline.summary.error_rate?, improved.summary.error_rate?);
    if old == 0.0 && new == 0.0 {
        return Some("No request failed in either test.".to_owned());
    }
    let words = format!("The error rate went from {old:.2} % to {new:.2} %");
    Some(match most_failing(improved).filter(|_| improved.endpoints.len() > 1) {
        Some((endpoint, failures)) => {
            format!("{words}; most failures after are those of {} ({failures}).", endpoint.label())
        }
        None => format!("{words}."),
    })
}

fn errors(test: &Test) -> Option<String> {
    let rate = test.summary.error_rate?;
    if rate == 0.0 {
        return Some("No request failed.".to_owned());
    }
    let most = most_failing(test).filter(|_| test.endpoints.len() > 1);
    Some(match most {
        Some((endpoint, failures)) => {
            format!("{rate:.2} % of the requests failed, most of them at {} ({failures}).", endpoint.label())
        }
        None => format!("{rate:.2} % of the requests failed."),
    })
}

fn slowest(test: &Test) -> Option<(&Endpoint, f64)> {
    let means =
        test.endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.stats.avg_response_time?)));
    means.max_by(|one, other| one.1.total_cmp(&other.1))
}

fn busiest(test: &Test) -> Option<(&Endpoint, f64)> {
    let counts =
        test.endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.stats.total_requests?)));
    // Of equally busy ones, the first stands.
    let (endpoint, _) = counts.rev().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0)?;
    Some((endpoint, share_of(test, endpoint)?))
}

/// Returns the share of the requests of a test that an endpoint with this method and name has, in percent.
fn share_of(test: &Test, endpoint: &Endpoint) -> Option<f64> {
    let same = |other: &&Endpoint| other.method == endpoint.method && other.name == endpoint.name;
    let requests = test.endpoints.iter().find(same)?.stats.total_requests?;
    let all = sum(test.endpoints.iter().filter_map(|endpoint| endpoint.stats.total_requests));
    (all > 0).then(|| 100.0 * requests as f64 / all as f64)
}

fn most_failing(test: &Test) -> Option<(&Endpoint, u64)> {
    let counts =
        test.endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.stats.total_failures?)));
    counts.rev().max_by_key(|(_, failures)| *failures).filter(|(_, failures)| *failures > 0)
}

/// Returns the mean latencies of writes and of reads, weighted by requests; `None` if there are not both.
fn kinds(test: &Test) -> Option<(f64, f64)> {
    let mean = |writes: bool| {
        let parts = test.endpoints.iter().filter(|endpoint| {
            !endpoint.method.is_empty() && WRITES.contains(&endpoint.method.as_str()) == writes
        });
        let (mut time, mut requests) = (0.0, 0.0);
        for endpoint in parts {
            let (Some(mean), Some(count)) = (endpoint.stats.avg_response_time, endpoint.stats.total_requests)
            else {
                continue;
            };
            time += mean * count as f64;
            requests += count as f64;
        }
        (requests > 0.0).then(|| time / requests)
    };
    Some((mean(true)?, mean(false)?))
}

fn against(writes: f64, reads: f64) -> String {
    let words = format!("Writes take {} on average and reads {}", ms(writes), ms(reads));
    let (slow, fast) = (writes.max(reads), writes.min(reads));
    let factor = slow / fast;
    if !factor.is_finite() || factor < 1.05 {
        return format!("{words}, about the same");
    }
    let slower = if writes > reads { "writes" } else { "reads" };
    format!("{words}, so {slower} are {factor:.1} times as slow")
}

/// Says how a value moved, such as `fell from 36.3 ms to 30.1 ms (-17.1 %)`.
fn moved(old: f64, new: f64, show: impl Fn(f64) -> String) -> String {
    let verb = match new.total_cmp(&old) {
        std::cmp::Ordering::Less => "fell",
        std::cmp::Ordering::Equal => return format!("stayed at {}", show(old)),
        std::cmp::Ordering::Greater => "rose",
    };
    let change = percent(Some(old), Some(new)).map(|change| format!(" ({change:+.1} %)")).unwrap_or_default();
    format!("{verb} from {} to {}{change}", show(old), show(new))
}

fn ms(value: f64) -> String {
    format!("{} ms", units::ms(value))
}

/// Returns a sentence with a small first letter.
fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Kind, Stats};
    use std::path::Path;

    fn test(parts: &[(&str, &str, u64, u64, f64)]) -> Test {
        let mut test = Test::new(Path::new("t"), Kind::K6, "");
        for (method, name, requests, failures, mean) in parts {
            let stats = Stats {
                total_requests: Some(*requests),
                total_failures: Some(*failures),
                avg_response_time: Some(*mean),
                ..Stats::default()
            };
            test.endpoints.push(Endpoint::new(method, name, stats));
        }
        let failures = sum(parts.iter().map(|part| part.3));
        let requests = sum(parts.iter().map(|part| part.2));
        test.summary = Stats {
            total_requests: Some(requests),
            total_failures: Some(failures),
            error_rate: Some(100.0 * failures as f64 / requests as f64),
            avg_response_time: Some(50.0),
            rps: Some(10.0),
            ..Stats::default()
        };
        test
    }

    #[test]
    fn one_test_says_what_is_slow_what_is_busy_and_what_fails() {
        let clean = test(&[("GET", "/item", 60, 0, 40.0), ("POST", "/user", 40, 0, 92.0)]);
        assert_eq!(
            of_test(&clean),
            [
                "The slowest endpoint is POST /user with a mean of 92.0 ms.",
                "The busiest endpoint is GET /item with 60.0 % of the requests.",
                "Writes take 92.0 ms on average and reads 40.0 ms, so writes are 2.3 times as slow.",
                "No request failed.",
            ]
        );
        let failing = test(&[("GET", "/item", 50, 0, 40.0), ("GET", "/user", 50, 5, 41.0)]);
        assert_eq!(of_test(&failing)[2], "5.00 % of the requests failed, most of them at GET /user (5).");
        assert_eq!(
            of_test(&test(&[("", "", 10, 0, 5.0)])),
            ["No request failed."],
            "there is nothing to tell apart"
        );
    }

    #[test]
    fn a_spike_is_far_above_the_median_of_the_intervals() {
        let mut spiky = test(&[("", "", 10, 0, 5.0)]);
        let interval = |(second, ms): (usize, f64)| Interval {
            at_s: second as f64,
            length_s: 1.0,
            mean_ms: Some(ms),
            ..Interval::default()
        };
        let times = [10.0, 10.0, 31.0, 10.0, 12.0, 10.0, 9.0, 95.0, 30.0, 10.0];
        spiky.course = times.into_iter().enumerate().map(interval).collect();
        let expected = "The response time spiked in 2 of 10 intervals, the most at 8 s with 95.0 ms, where the median is \
                        10.0 ms.";
        assert_eq!(of_test(&spiky)[0], expected);
        spiky.course.pop();
        assert_eq!(of_test(&spiky), ["No request failed."], "too few intervals");
    }

    #[test]
    fn two_tests_say_what_moved() {
        let before = test(&[("GET", "/item", 60, 0, 40.0), ("POST", "/user", 40, 0, 92.0)]);
        let mut after = test(&[("GET", "/item", 70, 0, 40.0), ("POST", "/user", 30, 0, 69.0)]);
        after.summary.avg_response_time = Some(40.0);
        after.summary.rps = Some(13.0);
        assert_eq!(
            of_pair(&before, &after),
            [
                "The mean response time fell from 50.0 ms to 40.0 ms (-20.0 %).",
                "The throughput rose from 10.00 requests/s to 13.00 requests/s (+30.0 %).",
                "The loads differ by a fifth or more, so the response times are not those of the same load.",
                "The slowest endpoint is POST /user in both; its mean fell from 92.0 ms to 69.0 ms (-25.0 %).",
                "The busiest endpoint is GET /item in both: 60.0 % of the requests before, 70.0 % after.",
                "The mean of POST /user changed the most: it fell from 92.0 ms to 69.0 ms (-25.0 %).",
                "Before, writes take 92.0 ms on average and reads 40.0 ms, so writes are 2.3 times as slow; after, writes \
             take 69.0 ms on average and reads 40.0 ms, so writes are 1.7 times as slow.",
                "No request failed in either test.",
            ]
        );
    }
}
