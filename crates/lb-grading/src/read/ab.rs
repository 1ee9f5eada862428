//! Reads the text of ApacheBench (`ab`), its table of percentiles (`-e FILE`) and its list of requests (`-g FILE`).
//! Times are in milliseconds.
//!
//! `Failed requests` are those that got no reply, broke, or whose length differs from that of the first reply. Replies
//! with a status other than 2xx are counted apart, and may also differ in length, so the number of failures is the
//! larger one of what ab calls failed and of what surely failed.

use super::first_line;
use crate::error::AnalyzeError;
use crate::sample::{Request, Samples, Stamp};
use crate::stats::Kind;
use crate::table::CUT_OFF;
use crate::test::Test;
use crate::units::{count, number, sum};
use std::path::Path;

/// Returns whether the text is ab's.
pub(super) fn is_text(text: &str) -> bool {
    let has = |part: &str| text.lines().any(|line| line.starts_with(part));
    has("Complete requests:") && has("Time taken for tests:")
}

/// Reads ab's text.
pub(super) fn read_text(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Ab, "ab output");
    let (mut failed, mut refused, mut causes) = (0, 0, [0_u64; 4]);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["Concurrency", "Level:", users] => test.timing.peak_users = count(users),
            ["Time", "taken", "for", "tests:", seconds, "seconds"] => {
                test.timing.duration_s = number(seconds)
            }
            ["Complete", "requests:", requests] => test.summary.total_requests = count(requests),
            ["Failed", "requests:", requests] => failed = count(requests).unwrap_or(0),
            ["Non-2xx", "responses:", requests] => refused = count(requests).unwrap_or(0),
            ["(Connect:", connect, "Receive:", receive, "Length:", length, "Exceptions:", exceptions] => {
                let of = |text: &str| count(text.trim_end_matches([',', ')'])).unwrap_or(0);
                causes = [of(connect), of(receive), of(length), of(exceptions)];
            }
            ["Requests", "per", "second:", rate, ..] => test.summary.rps = number(rate),
            ["Total:", min, mean, deviation, median, max] => {
                test.summary.min_response_time = number(min);
                test.summary.avg_response_time = number(mean);
                test.summary.std_response_time = number(deviation);
                test.summary.p50 = number(median);
                test.summary.max_response_time = number(max);
            }
            ["95%", time] => test.summary.p95 = number(time),
            ["99%", time] => test.summary.p99 = number(time),
            _ => {}
        }
    }
    let [connect, receive, length, exceptions] = causes;
    test.fail("no connection", connect);
    test.fail("no complete reply", receive);
    test.fail("exception", exceptions);
    test.fail("length other than that of the first reply", length);
    test.fail("status other than 2xx", refused);
    if length > 0 {
        test.notes.push(format!(
            "{length} replies differ in length from the first one, which ab counts as failed; run it with `-l` if the \
             length may vary"
        ));
    }
    let failures = failed.max(sum([failed.saturating_sub(length), refused]));
    test.summary.total_failures = test.summary.total_requests.map(|requests| failures.min(requests));
    Ok(test)
}

/// Returns whether the text is ab's table of percentiles.
pub(super) fn is_percentiles(text: &str) -> bool {
    first_line(text).starts_with("Percentage served,")
}

/// Reads ab's table of percentiles, which says nothing else.
pub(super) fn read_percentiles(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Ab, "ab percentiles (-e)");
    for line in text.lines() {
        let Some((share, time)) = line.split_once(',') else { continue };
        let slot = match share.trim() {
            "0" => &mut test.summary.min_response_time,
            "50" => &mut test.summary.p50,
            "95" => &mut test.summary.p95,
            "99" => &mut test.summary.p99,
            "100" => &mut test.summary.max_response_time,
            _ => continue,
        };
        *slot = number(time);
    }
    test.notes.push(
        "a table of percentiles does not tell how many requests there were, nor how many failed".to_owned(),
    );
    Ok(test)
}

/// Returns whether the text is ab's list of requests for gnuplot.
pub(super) fn is_gnuplot(text: &str) -> bool {
    first_line(text).starts_with("starttime\tseconds\tctime\tdtime\tttime")
}

/// Reads ab's list of requests. Its times of day are whole seconds.
pub(super) fn read_gnuplot(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Ab, "ab requests (-g)");
    let mut samples = Samples::new(Stamp::Begin);
    for (place, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (Some(second), Some(latency)) =
            (fields.get(1).and_then(|text| number(text)), fields.get(4).and_then(|text| number(text)))
        else {
            return Err(AnalyzeError::BrokenCsv {
                path: path.to_owned(),
                line: place as u64 + 1,
                problem: "the second and the fifth value are not numbers of at least 0".to_owned(),
                advice: CUT_OFF,
            });
        };
        let request = Request { at_ms: Some(second * 1e3), latency_ms: latency, ..Request::default() };
        samples.add(path, request)?;
    }
    samples.finish(&mut test, false, |_| true);
    // Between whole seconds, a length is off by up to one, which is too much for a rate.
    (test.summary.rps, test.timing.duration_s) = (None, None);
    test.notes.push(
        "ab's list of requests does not tell which ones failed; its times are whole seconds".to_owned(),
    );
    Ok(test)
}
