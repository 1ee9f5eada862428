//! Reads Vegeta's results, one request per line: JSON (`vegeta encode`) and CSV (`vegeta encode --to csv`, without a
//! header). Latencies are in nanoseconds, times are those of the begin.

use super::{endpoint_of, first_line, is_bad};
use crate::error::AnalyzeError;
use crate::sample::{Request, Samples, Stamp};
use crate::stats::Kind;
use crate::table::CUT_OFF;
use crate::test::Test;
use crate::units::{Unit, moment};
use csv::{ReaderBuilder, StringRecord};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// The columns of the CSV, from the first: time, status, latency, bytes out, bytes in, error, body, attack, number,
/// method, URL, headers. Older versions lack the last ones.
const COLUMNS: [usize; 2] = [6, 12];

/// One result, without what is not needed.
#[derive(Deserialize)]
struct Line {
    code: u64,
    timestamp: jiff::Timestamp,
    latency: u64,
    #[serde(default)]
    error: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    url: String,
}

/// Returns whether a line of JSON is a result.
pub(super) fn is_result(line: &Value) -> bool {
    ["code", "timestamp", "latency", "bytes_in"].iter().all(|key| line.get(key).is_some())
}

/// Reads results as JSON lines.
pub(super) fn read_json(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut reading = Reading::new(path, "Vegeta results (JSON)");
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line =
            serde_json::from_str(line).map_err(|error| broken(path, number as u64 + 1, error.to_string()))?;
        let at_ms = Unit::Nanoseconds.ms(line.timestamp.as_nanosecond() as f64);
        reading.add(line.code, at_ms, line.latency, &line.error, (&line.method, &line.url))?;
    }
    Ok(reading.finish())
}

/// Returns whether the text is Vegeta's CSV: a time in nanoseconds, a status and a latency begin each line.
pub(super) fn is_csv(text: &str) -> bool {
    let columns: Vec<&str> = first_line(text).split(',').collect();
    let digits =
        |column: usize| columns.get(column).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
    columns.len() >= COLUMNS[0]
        && digits(0).is_some_and(|time| (18..=19).contains(&time.len()))
        && digits(1).is_some_and(|status| (1..=3).contains(&status.len()))
        && digits(2).is_some_and(|latency| !latency.is_empty())
}

/// Reads results as CSV.
pub(super) fn read_csv(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut reading = Reading::new(path, "Vegeta results (CSV)");
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        let fault = |problem: String| broken(path, line, problem);
        if !reader.read_record(&mut record).map_err(|error| fault(error.to_string()))? {
            break;
        }
        let column = |place: usize| record.get(place).unwrap_or_default();
        let whole = |place: usize, what: &str| {
            let value = column(place);
            value.parse::<u64>().map_err(|_| {
                fault(format!("column {}, the {what}, is `{value}`, not a whole number", place + 1))
            })
        };
        if record.len() < COLUMNS[0] {
            return Err(fault(format!("the line has {} values, not {}", record.len(), COLUMNS[1])));
        }
        let at_ms = Unit::Nanoseconds.ms(whole(0, "time")? as f64);
        let (status, latency) = (whole(1, "status")?, whole(2, "latency")?);
        reading.add(status, at_ms, latency, column(5), (column(9), column(10)))?;
    }
    Ok(reading.finish())
}

/// Results as they are read.
struct Reading<'a> {
    path: &'a Path,
    samples: Samples,
    first: f64,
    format: &'static str,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, format: &'static str) -> Self {
        Self { path, samples: Samples::new(Stamp::Begin), first: f64::INFINITY, format }
    }

    fn add(
        &mut self,
        status: u64,
        at_ms: f64,
        latency: u64,
        error: &str,
        (method, url): (&str, &str),
    ) -> Result<(), AnalyzeError> {
        self.first = self.first.min(at_ms);
        let of_status = format!("status {status}");
        let failed = is_bad(status) || !error.is_empty();
        let error = match (failed, error) {
            (false, _) => None,
            (true, "") if status == 0 => Some("no reply"),
            (true, "") => Some(of_status.as_str()),
            (true, error) => Some(error),
        };
        let latency_ms = Unit::Nanoseconds.ms(latency as f64);
        let name = endpoint_of(url);
        self.samples.add(self.path, Request { method, name, at_ms: Some(at_ms), latency_ms, error })
    }

    fn finish(self) -> Test {
        let mut test = Test::new(self.path, Kind::Vegeta, self.format);
        test.timing.started_at = moment(self.first);
        self.samples.finish(&mut test, true, |_| true);
        test
    }
}

fn broken(path: &Path, line: u64, problem: String) -> AnalyzeError {
    AnalyzeError::BrokenCsv { path: path.to_owned(), line, problem, advice: CUT_OFF }
}
