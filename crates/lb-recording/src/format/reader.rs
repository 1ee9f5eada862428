//! Chooses the format of a recording from its beginning, and reads its records in it.

use super::columns::{Csv, W3c};
use super::{access_log, balancers, columns, goreplay, json, k6, lists, vegeta};
use crate::error::Faults;
use crate::options::{ReadOptions, RecordingFormat};
use crate::records::Split;
use crate::row::{NO_METHOD, NO_PATH, Parsed, Skip, excerpt, unreadable};
use std::borrow::Cow;
use std::path::PathBuf;

/// The most lines at the beginning of a file that are tried.
const TRIED: usize = 100;

const UNKNOWN: &str = "is not in a known format; docs/recordings.md lists them, and `--log-format` describes the lines of any other log";

/// Reads the records of one file.
#[derive(Debug)]
pub(crate) struct Reader {
    format: RecordingFormat,
    options: ReadOptions,
    w3c: W3c,
    csv: Csv,
    /// The format of the lines within a container's log, once it is known.
    inner: Option<RecordingFormat>,
    /// The folder of the file, beside which text targets may have their bodies.
    folder: Option<PathBuf>,
}

impl Reader {
    pub(crate) fn new(format: RecordingFormat, options: ReadOptions, folder: Option<PathBuf>) -> Self {
        Self { format, options, w3c: W3c::default(), csv: Csv::default(), inner: None, folder }
    }

    pub(crate) const fn format(&self) -> RecordingFormat {
        self.format
    }

    /// Returns how the records of a format are told apart.
    pub(crate) const fn split(format: RecordingFormat) -> Split {
        match format {
            RecordingFormat::Requests => Split::List,
            RecordingFormat::Har => Split::Har,
            RecordingFormat::VegetaText => Split::Paragraphs,
            RecordingFormat::Goreplay => Split::Goreplay,
            _ => Split::Lines,
        }
    }

    /// Reads a record that begins on a line.
    pub(crate) fn row(&mut self, line: usize, record: &[u8]) -> Parsed {
        if self.format == RecordingFormat::Goreplay {
            return goreplay::row(line, record);
        }
        let text = self.text_of(record);
        let text = if line == 1 { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
        self.row_of(line, text)
    }

    fn row_of(&mut self, line: usize, text: &str) -> Parsed {
        let fields = self.options.fields.clone();
        let fields = fields.as_deref();
        match self.format {
            RecordingFormat::Requests => lists::listed(line, text, fields),
            RecordingFormat::Har => lists::har(line, text),
            RecordingFormat::VegetaText => vegeta::text(line, text, self.folder.as_deref()),
            RecordingFormat::Vegeta => vegeta::row(line, &json::object(text)?),
            RecordingFormat::K6 => k6::row(line, &json::object(text)?),
            RecordingFormat::W3c => self.w3c.row(line, text),
            RecordingFormat::Csv => self.csv.row(line, text, fields),
            RecordingFormat::Json => {
                let map = json::object(text)?;
                match json::container_line(&map) {
                    Some((inner, written)) => self.row_within(line, inner, written),
                    None => json::row(line, &map, fields),
                }
                .map_err(|skip| about_something_else(skip, text))
            }
            RecordingFormat::LogFormat => match self.options.log_format.clone() {
                Some(format) => format.row(line, super::tokens::without_prefix(text)).or_else(|skip| {
                    // What collectors put before a line may be part of the format.
                    format.row(line, text).map_err(|_| skip)
                }),
                None => Err(unreadable("needs the format of its lines; give it with `--log-format`")),
            },
            format => text_row(format, line, text),
        }
    }

    /// Reads a line from the log of a container; its format is told once. A log with whole seconds takes the time at
    /// which the line was written.
    fn row_within(&mut self, line: usize, text: &str, written: Option<crate::stamp::Stamp>) -> Parsed {
        let text = text.trim_end();
        if text.is_empty() {
            return Err(Skip::Quiet);
        }
        let inner = self.inner.or_else(|| match text.starts_with('{') {
            true => Some(RecordingFormat::Json),
            false => best(&[text]),
        });
        let mut row = match inner {
            Some(RecordingFormat::Json) => {
                json::row(line, &json::object(text)?, self.options.fields.as_deref())?
            }
            Some(format) => text_row(format, line, text)?,
            // What a server says at its start is in the same log.
            None => return Err(unreadable(access_log::SHAPE)),
        };
        self.inner = inner;
        const CLOSE: i128 = 2_000_000_000;
        if let (Some(stamp), Some(written)) = (row.stamp, written)
            && stamp.is_whole()
            && (0..CLOSE).contains(&(written.nanos - stamp.nanos))
            && row.entry.at == Some(stamp.nanos)
        {
            row.stamp = Some(written);
            row.entry.at = Some(written.nanos);
        }
        Ok(row)
    }

    /// Returns a record as text. Bytes that are not UTF-8 are written as escapes of the format, so that they are sent
    /// percent-encoded.
    fn text_of<'a>(&self, record: &'a [u8]) -> Cow<'a, str> {
        match std::str::from_utf8(record) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => {
                let percent = matches!(
                    self.format,
                    RecordingFormat::W3c
                        | RecordingFormat::Squid
                        | RecordingFormat::Elb
                        | RecordingFormat::Haproxy
                );
                let escape = if percent { "%" } else { "\\x" };
                let mut text = String::with_capacity(record.len() + 16);
                for chunk in record.utf8_chunks() {
                    text.push_str(chunk.valid());
                    for byte in chunk.invalid() {
                        text.push_str(&format!("{escape}{byte:02X}"));
                    }
                }
                Cow::Owned(text)
            }
        }
    }
}

/// Programs write what else happens into the same log, so an object or a line without a request is one of the log.
fn about_something_else(skip: Skip, text: &str) -> Skip {
    match skip {
        Skip::Unreadable(reason) if [NO_METHOD, NO_PATH, access_log::SHAPE].contains(&reason.as_str()) => {
            Skip::NoRequest(excerpt(text))
        }
        skip => skip,
    }
}

fn text_row(format: RecordingFormat, line: usize, text: &str) -> Parsed {
    match format {
        RecordingFormat::Haproxy => balancers::haproxy(line, text),
        RecordingFormat::Envoy => balancers::envoy(line, text),
        RecordingFormat::Elb => balancers::elb(line, text),
        RecordingFormat::Squid => balancers::squid(line, text),
        _ => access_log::row(line, text),
    }
}

/// Returns the text format that reads most lines; the narrower one of two that read as many. `None` if no line is read.
fn best(lines: &[&str]) -> Option<RecordingFormat> {
    let formats = [
        RecordingFormat::Haproxy,
        RecordingFormat::Envoy,
        RecordingFormat::Elb,
        RecordingFormat::Squid,
        RecordingFormat::AccessLog,
    ];
    let reads = |format: RecordingFormat| {
        lines.iter().filter(|line| !matches!(text_row(format, 1, line), Err(Skip::Unreadable(_)))).count()
    };
    // The last of several maxima wins, so the narrower formats are to come last.
    let counted = formats.into_iter().rev().map(|format| (reads(format), format));
    counted.max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0).map(|(_, format)| format)
}

/// Detects the format from the beginning of a file.
pub(crate) fn detect(head: &[u8], options: &ReadOptions) -> Result<RecordingFormat, Faults> {
    if options.log_format.is_some() {
        return Ok(RecordingFormat::LogFormat);
    }
    let text = String::from_utf8_lossy(head);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let begin = text.trim_start();
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((number, first)) = lines.next() else {
        return Err(Faults::whole("is empty; a recording needs at least one request"));
    };
    let unknown = || Faults::at(number + 1, UNKNOWN);
    if let Some(list) = begin.strip_prefix('[')
        && matches!(list.trim_start().chars().next(), None | Some('{' | ']'))
    {
        return Ok(RecordingFormat::Requests);
    }
    if begin.starts_with('{') {
        let squeezed: String = begin.chars().filter(|c| !c.is_whitespace()).take(16).collect();
        if squeezed.starts_with("{\"log\":{") {
            return Ok(RecordingFormat::Har);
        }
        return of_objects(text, options).ok_or_else(unknown);
    }
    if ["#Fields:", "#Software:", "#Version:", "#Date:"].iter().any(|mark| first.starts_with(mark)) {
        return Ok(RecordingFormat::W3c);
    }
    if goreplay::is_meta(first) {
        return Ok(RecordingFormat::Goreplay);
    }
    let content = |line: &&str| !line.trim_start().starts_with('#');
    if text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .find(content)
        .is_some_and(vegeta::is_target)
    {
        return Ok(RecordingFormat::VegetaText);
    }
    if columns::is_header(first, options.fields.as_deref()) {
        return Ok(RecordingFormat::Csv);
    }
    // The last line of the beginning may be cut off.
    let tried: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(TRIED).collect();
    best(&tried).ok_or_else(unknown)
}

/// Tells the formats of JSON objects apart by the first one that can be read.
fn of_objects(text: &str, options: &ReadOptions) -> Option<RecordingFormat> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(TRIED);
    let map = lines.find_map(|line| json::object(line).ok())?;
    if map.contains_key("metric") && map.contains_key("type") {
        return Some(RecordingFormat::K6);
    }
    if options.fields.is_some() || json::container_line(&map).is_some() {
        return Some(RecordingFormat::Json);
    }
    let only = |keys: &[&str]| map.keys().all(|key| keys.contains(&key.as_str()));
    let is_target = only(&["method", "url", "body", "header", "headers", "timestamp"]);
    if map.contains_key("url") && (is_target || vegeta::is_result(&map)) {
        return Some(RecordingFormat::Vegeta);
    }
    // A line that holds no request is one of the log all the same.
    let is_row = |skip: &Parsed| !matches!(skip, Err(Skip::Unreadable(_)));
    let reads = |line: &str| json::object(line).is_ok_and(|map| is_row(&json::row(1, &map, None)));
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(TRIED)
        .any(reads)
        .then_some(RecordingFormat::Json)
}
