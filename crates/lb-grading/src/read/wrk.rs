//! Reads the text of wrk and wrk2. Times have a unit each (`870.00us`, `1.20ms`, `2.00s`).
//!
//! wrk prints percentiles with `--latency`, and of them no p95; wrk2 prints the whole spectrum, in milliseconds, and
//! its values there are exact. Connections that were refused or broke come on top of the number of requests; replies
//! that took too long, or have a status other than 2xx or 3xx, are part of it.

use crate::error::AnalyzeError;
use crate::stats::Kind;
use crate::test::Test;
use crate::units::{count, milliseconds, number, sum};
use std::path::Path;

/// Returns whether the text is wrk's.
pub(super) fn is_wrk(text: &str) -> bool {
    let has = |part: &str| text.lines().any(|line| line.trim_start().starts_with(part));
    has("Requests/sec:") && (has("Thread Stats") || has("Running "))
}

/// Reads wrk's text.
pub(super) fn read(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Wrk, "wrk output");
    let mut requests = None;
    let mut refused = 0;
    let mut socket = [0_u64; 3];
    let mut late = 0;
    let mut spectra = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [_, "threads", "and", users, "connections"] => test.timing.peak_users = count(users),
            ["Latency", "Distribution", ..] => spectra += 1,
            ["Latency", mean, deviation, max, _] => {
                test.summary.avg_response_time = milliseconds(mean);
                test.summary.std_response_time = milliseconds(deviation);
                test.summary.max_response_time = milliseconds(max);
            }
            // wrk2 may add a second distribution, of latencies that leave out the wait before sending.
            [share, time] if share.ends_with('%') && spectra == 1 => {
                let slot = match number(share.trim_end_matches('%')) {
                    Some(50.0) => &mut test.summary.p50,
                    Some(95.0) => &mut test.summary.p95,
                    Some(99.0) => &mut test.summary.p99,
                    _ => continue,
                };
                *slot = milliseconds(time);
            }
            [value, share, _, _] if spectra == 1 => spectrum(&mut test, value, share),
            ["#[Mean", "=", mean, "StdDeviation", "=", deviation] if spectra == 1 => {
                test.summary.avg_response_time = number(mean.trim_end_matches(','));
                test.summary.std_response_time = number(deviation.trim_end_matches(']'));
            }
            [total, "requests", "in", time, ..] => {
                requests = count(total);
                test.timing.duration_s = milliseconds(time.trim_end_matches(',')).map(|ms| ms / 1e3);
            }
            ["Socket", "errors:", rest @ ..] => {
                let of = |name: &str| {
                    let pair = rest.windows(2).find(|pair| pair[0] == name);
                    pair.and_then(|pair| count(pair[1].trim_end_matches(','))).unwrap_or(0)
                };
                socket = [of("connect"), of("read"), of("write")];
                late = of("timeout");
            }
            ["Non-2xx", "or", "3xx", "responses:", number] => refused = count(number).unwrap_or(0),
            ["Requests/sec:", rate] => test.summary.rps = number(rate),
            _ => {}
        }
    }
    for (error, occurrences) in ["connect error", "read error", "write error"].into_iter().zip(socket) {
        test.fail(error, occurrences);
    }
    test.fail("timeout", late);
    test.fail("status other than 2xx or 3xx", refused);
    test.summary.total_requests = requests.map(|requests| sum(socket.into_iter().chain([requests])));
    let failures = sum(socket.into_iter().chain([late, refused]));
    test.summary.total_failures = test.summary.total_requests.map(|requests| failures.min(requests));
    if requests == Some(0) {
        // wrk prints 0 for all times if there were no replies.
        let summary = &mut test.summary;
        (summary.avg_response_time, summary.std_response_time, summary.max_response_time) =
            (None, None, None);
        (summary.p50, summary.p95, summary.p99) = (None, None, None);
    } else if test.summary.p95.is_none() {
        test.notes
            .push("wrk prints no p95, and other percentiles only with `--latency`; wrk2 has all".to_owned());
    }
    Ok(test)
}

/// Reads a line of wrk2's spectrum: a latency in milliseconds, the share of the requests that it was not exceeded by,
/// and two counts.
fn spectrum(test: &mut Test, value: &str, share: &str) {
    let (Some(value), Some(share)) = (number(value), number(share)) else { return };
    let summary = &mut test.summary;
    // The exact median and p99 were printed above it, with less digits.
    if share == 0.0 {
        summary.min_response_time = Some(value);
    }
    if share >= 0.95 && summary.p95.is_none() {
        summary.p95 = Some(value);
    }
}
