//! Reads JMeter's JTL files: CSV with or without a header, and XML. Times are in milliseconds, and the time of a sample
//! is that of its begin.
//!
//! A transaction controller adds a sample of its own for the samples in it. Such a sample is an endpoint, but it is not
//! part of the totals, which would count the same requests twice.

use super::{columns, first_line, split_method};
use crate::error::AnalyzeError;
use crate::files::other;
use crate::sample::{Request, Samples, Stamp};
use crate::stats::Kind;
use crate::stream::Stream;
use crate::test::Test;
use crate::units::{moment, number};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// The columns of a file without a header, as JMeter writes them unless it is told otherwise. Files of JMeter before
/// 3.0 end earlier, those before 2.13 lack the message of failures.
const COLUMNS: [&str; 17] = [
    "timeStamp",
    "elapsed",
    "label",
    "responseCode",
    "responseMessage",
    "threadName",
    "dataType",
    "success",
    "failureMessage",
    "bytes",
    "sentBytes",
    "grpThreads",
    "allThreads",
    "URL",
    "Latency",
    "IdleTime",
    "Connect",
];
/// The place of the column `success` in a file without a header.
const SUCCESS: usize = 7;
/// The characters between values that JMeter can be told to write.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How the message of a transaction controller's sample begins.
const TRANSACTION: &str = "Number of samples in transaction";

/// Returns whether the text is a JTL file as CSV.
pub(super) fn is_csv(text: &str) -> bool {
    delimiter(text).is_some()
}

/// Returns the character between values, and whether there is a header.
fn delimiter(text: &str) -> Option<(u8, bool)> {
    let first = first_line(text);
    DELIMITERS.into_iter().find_map(|delimiter| {
        let commas = first.replace(char::from(delimiter), ",");
        let columns = columns(&commas);
        let digits = |place: usize| columns.get(place).is_some_and(|value| number(value).is_some());
        if columns.contains(&"timeStamp") && columns.contains(&"elapsed") {
            Some((delimiter, true))
        } else if digits(0)
            && digits(1)
            && columns.iter().skip(SUCCESS - 1).any(|value| matches!(*value, "true" | "false"))
            && columns[0].len() == 13
        {
            Some((delimiter, false))
        } else {
            None
        }
    })
}

/// Reads a JTL file as CSV.
pub(super) fn read_csv(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let (delimiter, has_header) = delimiter(text).unwrap_or((b',', true));
    let known = (!has_header).then_some(&COLUMNS[..]);
    let mut stream = Stream::open(path, text, delimiter, known)?;
    let names = ["timeStamp", "elapsed", "label", "responseCode", "responseMessage", "success", "allThreads"];
    let [time, elapsed, label, code, message, success, users] = names.map(|name| stream.column(name));
    let mut reading = Reading::new(path, "JMeter JTL (CSV)");
    reading.knows_failures = success.exists();
    while stream.advance()? {
        // Files that were appended to one another have several headers.
        if stream.text(time) == "timeStamp" {
            continue;
        }
        reading.add(&Sample {
            at_ms: time_of(stream.text(time)),
            has_zone: number(stream.text(time)).is_some(),
            latency_ms: stream.number(elapsed)?,
            label: stream.text(label),
            method: "",
            code: stream.text(code),
            message: stream.text(message),
            success: !stream.text(success).eq_ignore_ascii_case("false"),
            users: number(stream.text(users)),
        })?;
    }
    reading.test.notes.extend(stream.note());
    reading.finish()
}

/// Returns milliseconds since 1970, written as such or as a date.
fn time_of(text: &str) -> Option<f64> {
    if let Some(ms) = number(text) {
        return Some(ms);
    }
    // The zone is not written; only differences of times matter.
    let date = text.replace('/', "-");
    let date: jiff::civil::DateTime = date.parse().ok()?;
    let time = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(time.timestamp().as_millisecond() as f64)
}

/// Returns whether the text is a JTL file as XML.
pub(super) fn is_xml(text: &str) -> bool {
    text.trim_start().starts_with('<')
        && text.chars().take(2_000).collect::<String>().contains("<testResults")
}

/// Reads a JTL file as XML. Samples within a sample, such as the images of a page, are part of it.
pub(super) fn read_xml(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut reader = Reader::from_str(text);
    let mut reading = Reading::new(path, "JMeter JTL (XML)");
    let mut depth = 0_usize;
    let mut open: Option<Attributes> = None;
    let mut in_method = false;
    loop {
        let position = reader.buffer_position();
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                let line = line_at(text, position);
                return Err(broken(path, line, format!("not XML ({error})")));
            }
        };
        match event {
            Event::Start(tag) if is_sample(&tag) => {
                if depth == 0 {
                    open = Some(Attributes::of(&tag));
                }
                depth += 1;
            }
            Event::Empty(tag) if is_sample(&tag) && depth == 0 => {
                let sample = Attributes::of(&tag);
                sample.add(&mut reading, || line_at(text, position))?;
            }
            Event::Start(tag) => in_method = depth == 1 && tag.name().as_ref() == b"method",
            Event::Text(value) if in_method => {
                if let (Some(sample), Ok(method)) = (open.as_mut(), std::str::from_utf8(&value)) {
                    sample.method = method.trim().chars().take(20).collect();
                }
            }
            Event::End(tag) if tag.name().as_ref() == b"httpSample" || tag.name().as_ref() == b"sample" => {
                depth = depth.saturating_sub(1);
                if let Some(sample) = open.take_if(|_| depth == 0) {
                    sample.add(&mut reading, || line_at(text, position))?;
                }
            }
            Event::End(_) => in_method = false,
            Event::Eof => break,
            _ => {}
        }
    }
    if depth > 0 {
        reading.test.notes.push("the file is cut off; its last sample is left out".to_owned());
    }
    reading.finish()
}

fn is_sample(tag: &BytesStart<'_>) -> bool {
    matches!(tag.name().as_ref(), b"httpSample" | b"sample")
}

fn line_at(text: &str, position: u64) -> u64 {
    let end = usize::try_from(position).unwrap_or(usize::MAX).min(text.len());
    1 + text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() as u64
}

fn broken(path: &Path, line: u64, problem: String) -> AnalyzeError {
    AnalyzeError::BrokenCsv {
        path: path.to_owned(),
        line,
        problem,
        advice: "use the file of a finished test",
    }
}

/// The attributes of a sample in XML.
#[derive(Default)]
struct Attributes {
    begin: String,
    elapsed: String,
    label: String,
    code: String,
    message: String,
    success: String,
    users: String,
    method: String,
}

impl Attributes {
    fn of(tag: &BytesStart<'_>) -> Self {
        let mut found = Self::default();
        for attribute in tag.attributes().with_checks(false).flatten() {
            let slot = match attribute.key.as_ref() {
                b"ts" => &mut found.begin,
                b"t" => &mut found.elapsed,
                b"lb" => &mut found.label,
                b"rc" => &mut found.code,
                b"rm" => &mut found.message,
                b"s" => &mut found.success,
                b"na" => &mut found.users,
                _ => continue,
            };
            let raw = String::from_utf8_lossy(&attribute.value);
            *slot = quick_xml::escape::unescape(&raw).map_or_else(|_| raw.to_string(), Cow::into_owned);
        }
        found
    }

    fn add(&self, reading: &mut Reading<'_>, line: impl Fn() -> u64) -> Result<(), AnalyzeError> {
        let latency_ms = number(&self.elapsed).ok_or_else(|| {
            let elapsed: String = self.elapsed.chars().take(80).collect();
            broken(reading.path, line(), format!("`t` is `{elapsed}`, which is not a number of at least 0"))
        })?;
        reading.add(&Sample {
            at_ms: time_of(&self.begin),
            has_zone: number(&self.begin).is_some(),
            latency_ms,
            label: &self.label,
            method: &self.method,
            code: &self.code,
            message: &self.message,
            success: !self.success.eq_ignore_ascii_case("false"),
            users: number(&self.users),
        })
    }
}

/// A sample in either format.
struct Sample<'a> {
    at_ms: Option<f64>,
    has_zone: bool,
    latency_ms: f64,
    label: &'a str,
    method: &'a str,
    code: &'a str,
    message: &'a str,
    success: bool,
    users: Option<f64>,
}

/// Samples as they are read.
struct Reading<'a> {
    path: &'a Path,
    test: Test,
    samples: Samples,
    first: f64,
    users: Option<f64>,
    transactions: BTreeSet<String>,
    knows_failures: bool,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, format: &'static str) -> Self {
        Self {
            path,
            test: Test::new(path, Kind::Jmeter, format),
            samples: Samples::new(Stamp::Begin),
            first: f64::INFINITY,
            users: None,
            transactions: BTreeSet::new(),
            knows_failures: true,
        }
    }

    fn add(&mut self, sample: &Sample<'_>) -> Result<(), AnalyzeError> {
        // A date without its zone says nothing about when the test began.
        if let Some(at) = sample.at_ms.filter(|_| sample.has_zone) {
            self.first = self.first.min(at);
        }
        self.users = sample.users.map_or(self.users, |users| Some(self.users.unwrap_or(0.0).max(users)));
        let (method, name) = match sample.method {
            "" => split_method(sample.label),
            method => (method, sample.label.strip_prefix(method).unwrap_or(sample.label).trim()),
        };
        if sample.message.starts_with(TRANSACTION) && !self.transactions.contains(name) {
            self.transactions.insert(name.to_owned());
        }
        let error =
            (!sample.success).then(|| format!("{} {}", sample.code, sample.message).trim().to_owned());
        let (at_ms, latency_ms) = (sample.at_ms, sample.latency_ms);
        self.samples.add(self.path, Request { method, name, at_ms, latency_ms, error: error.as_deref() })
    }

    fn finish(self) -> Result<Test, AnalyzeError> {
        if self.samples.is_empty() {
            return Err(other(self.path, "a JTL file without a sample"));
        }
        let mut test = self.test;
        test.timing.started_at = moment(self.first);
        test.timing.peak_users = self.users.map(|users| users as u64);
        let transactions = self.transactions;
        self.samples.finish(&mut test, self.knows_failures, |name| !transactions.contains(name));
        if !transactions.is_empty() {
            test.failures.retain(|failure| !transactions.contains(split_method(&failure.endpoint).1));
            test.notes.push(format!(
                "samples of transaction controllers ({}) are endpoints, but not part of the totals: the requests in \
                 them would count twice",
                super::list(transactions.into_iter())
            ));
        }
        Ok(test)
    }
}
