//! Reads recorded lists of requests for replay: what was requested, and when.
//!
//! | format | a row | its time |
//! |---|---|---|
//! | `requests` | `{endpoint, method, timestamp}` in a JSON list | RFC 3339, `YYYY-MM-DD HH:MM:SS` (taken as UTC), Unix seconds or milliseconds |
//! | `vegeta` | a line of Vegeta's JSON targets | a field `timestamp`, which Vegeta itself does not write |
//! | `k6` | a line of k6's JSON output, metric `http_reqs` | `data.time` |
//! | `access-log` | a line in the common or combined log format | the time in brackets |
//!
//! The format is detected from the content, or set. Times become offsets from the first row. Without times, a
//! rate spaces the rows evenly. Nothing is repaired silently: rows out of order, without a time, or with a
//! time written in a style other than that of the first one are reported with their line numbers.
//!
//! Rows become actions by method and pattern of the path: segments that are numbers, UUIDs or long
//! hexadecimal numbers become `{id}`, and the query is left out.

mod access_log;
mod convert;
mod entry;
mod jsonl;
mod pattern;
mod reader;
mod requests;
mod stamp;

pub use entry::{Attempt, Entry};
pub use reader::Entries;

use lb_core::time::Span;
use lb_core::workload::{Replay, ReplayRequest};
use std::fmt;
use std::path::Path;

/// Maximum number of problems to list; further ones are only counted.
const LISTED: usize = 10;

/// The longest recording in bytes. It is held in memory, with its requests.
const LONGEST: u64 = 256 << 20;

/// The format of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// A JSON list of `{endpoint, method, timestamp}`.
    Requests,
    /// Vegeta's JSON targets, one per line.
    Vegeta,
    /// k6's JSON output, one point per line.
    K6,
    /// Access logs in the common or combined format.
    AccessLog,
}

impl TraceFormat {
    /// Returns the name of the format in configs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Vegeta => "vegeta",
            Self::K6 => "k6",
            Self::AccessLog => "access-log",
        }
    }
}

/// How to read a recording.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceOptions {
    /// The format. `None` detects it from the content.
    pub format: Option<TraceFormat>,
    /// Requests per second, for recordings without times.
    pub rate: Option<f64>,
}

/// A recording, with its requests in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The format of the file.
    pub format: TraceFormat,
    /// Whether all times are whole seconds, in which case all requests of a second begin together.
    pub whole_seconds: bool,
    /// The requests, with offsets at the recorded speed.
    pub requests: Vec<ReplayRequest>,
}

impl Trace {
    /// Returns the requests, played `speed` times as fast as recorded.
    pub fn replay(&self, speed: f64) -> Replay {
        let faster = |request: &ReplayRequest| ReplayRequest {
            at: Span::from_secs_f64(request.at.as_secs_f64() / speed),
            ..request.clone()
        };
        Replay { requests: self.requests.iter().map(faster).collect() }
    }
}

/// One problem of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFault {
    /// The line of the file, from 1. `None` for a problem of the whole file.
    pub line: Option<usize>,
    /// What is wrong, and how to fix it.
    pub reason: String,
}

impl fmt::Display for TraceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// The reason why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read.
    #[error("failed to read the recording `{name}`: {source}")]
    Unreadable {
        /// The name of the file.
        name: String,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The content has problems.
    #[error("recording `{name}` cannot be replayed: {}", listed(.faults, .total))]
    Invalid {
        /// The name of the file.
        name: String,
        /// The first problems; at least one.
        faults: Vec<TraceFault>,
        /// The total number of problems.
        total: usize,
    },
}

fn listed(faults: &[TraceFault], total: &usize) -> String {
    let mut text = match (*total, faults.len()) {
        (1, _) => "1 fault:".to_owned(),
        (total, shown) if total > shown => format!("{total} faults, the first {shown} of which are:"),
        (total, _) => format!("{total} faults:"),
    };
    for fault in faults {
        text.push_str(&format!("\n  {fault}"));
    }
    text
}

/// Reads a recording from a file.
pub fn load(path: &Path, options: TraceOptions) -> Result<Trace, TraceError> {
    let name = path.display().to_string();
    match lb_io::read(path, LONGEST) {
        Ok(bytes) => read(&name, &bytes, options),
        Err(source) => Err(TraceError::Unreadable { name, source }),
    }
}

/// Reads a recording. `name` is used in messages.
pub fn read(name: &str, bytes: &[u8], options: TraceOptions) -> Result<Trace, TraceError> {
    parse(bytes, options).map_err(|Faults { first, total }| TraceError::Invalid {
        name: name.to_owned(),
        faults: first,
        total,
    })
}

fn parse(bytes: &[u8], options: TraceOptions) -> Result<Trace, Faults> {
    let text = text_of(bytes)?;
    let format = match options.format {
        Some(format) => format,
        None => detect(text)?,
    };
    let mut faults = Faults::default();
    let rows = rows_as(text, format, &mut faults);
    let (requests, whole_seconds) = convert::requests(rows, options.rate, &mut faults);
    faults.first.sort_by_key(|fault| fault.line);
    if faults.total == 0 { Ok(Trace { format, whole_seconds, requests }) } else { Err(faults) }
}

/// Returns the entry's kind: its method and the pattern of its path, as in the names of a replay.
pub fn kind_of(entry: &Entry) -> String {
    format!("{} {}", entry.method, pattern::of(&entry.target))
}

/// Reads the rows of a recording, and leaves them as they are.
fn rows(bytes: &[u8], options: TraceOptions) -> Result<Vec<Row>, Faults> {
    let text = text_of(bytes)?;
    let format = options.format.map_or_else(|| detect(text), Ok)?;
    let mut faults = Faults::default();
    let rows = rows_as(text, format, &mut faults);
    if faults.total == 0 { Ok(rows) } else { Err(faults) }
}

fn rows_as(text: &str, format: TraceFormat, faults: &mut Faults) -> Vec<Row> {
    match format {
        TraceFormat::Requests => requests::rows(text, faults),
        TraceFormat::Vegeta => jsonl::vegeta(text, faults),
        TraceFormat::K6 => jsonl::k6(text, faults),
        TraceFormat::AccessLog => access_log::rows(text, faults),
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Faults> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Faults::at(line, "is not UTF-8 text; decompress or convert the file"))
        }
    }
}

/// Detects the format from the first line that is not blank.
fn detect(text: &str) -> Result<TraceFormat, Faults> {
    let Some((number, line)) = lines(text).next() else {
        return Err(Faults::whole("is empty; a recording needs at least one request"));
    };
    if line.starts_with('[') {
        return Ok(TraceFormat::Requests);
    }
    if line.starts_with('{') {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let has = |key: &str| value.get(key).is_some();
        return match (has("metric") && has("type"), has("url")) {
            (true, _) => Ok(TraceFormat::K6),
            (_, true) => Ok(TraceFormat::Vegeta),
            _ => Err(Faults::at(number, UNKNOWN)),
        };
    }
    if access_log::looks_like(line) { Ok(TraceFormat::AccessLog) } else { Err(Faults::at(number, UNKNOWN)) }
}

const UNKNOWN: &str = "is not in a known format; a recording is a JSON list of {endpoint, method, timestamp}, Vegeta's JSON \
     targets, k6's JSON output, or an access log in the common or combined format";

/// Returns the lines that are not blank, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty())
}

/// A row of any format, not yet checked.
#[derive(Debug, Default)]
struct Row {
    line: usize,
    stamp: Option<stamp::Stamp>,
    method: String,
    /// Path with query, or a whole URL.
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The problems of a recording: the first ones, and their total number.
#[derive(Debug, Default)]
struct Faults {
    first: Vec<TraceFault>,
    total: usize,
}

impl Faults {
    fn add(&mut self, line: Option<usize>, reason: impl Into<String>) {
        self.total += 1;
        if self.first.len() < LISTED {
            self.first.push(TraceFault { line, reason: reason.into() });
        }
    }

    fn at(line: usize, reason: &str) -> Self {
        let mut faults = Self::default();
        faults.add(Some(line), reason);
        faults
    }

    fn whole(reason: &str) -> Self {
        let mut faults = Self::default();
        faults.add(None, reason);
        faults
    }
}
