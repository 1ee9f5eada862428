//! HdrHistogram interval logs: one line per second and class, readable by every HdrHistogram tool.
//!
//! Format version 1.3 as written by the Java `HistogramLogWriter`: comment lines, `StartTime` and
//! `BaseTime`, the legend, then rows of tag, start and length in seconds, maximum, and the histogram
//! in compressed V2 encoding as base64. Rows count from `BaseTime`. Values are microseconds; the
//! maximum column is divided by [`MAX_DIVISOR`] and so in milliseconds.

use crate::histogram::{add_histogram, new_histogram};
use crate::series::IntervalClass;
use crate::trial::TrialRecord;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, IntervalLogWriterError, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializeError, V2DeflateSerializer};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, SystemTime};

/// Microseconds in a millisecond, the unit of the maximum column.
const MAX_DIVISOR: f64 = 1000.0;

/// The legend that Java's reader expects before the first row.
const LEGEND: &str = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;

/// A trial whose intervals are written to a log.
#[derive(Clone, Copy, Debug)]
pub struct HlogTrial<'a> {
    /// The name of the trial's algorithm: the first part of the tag of its rows.
    pub algorithm: &'a str,
    /// When the trial's measured phase began.
    pub started: SystemTime,
    /// The record of the measured phase.
    pub record: &'a TrialRecord,
}

/// Reasons why a histogram log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum HlogError {
    /// The file could not be written.
    #[error("failed to write the histogram log: {0}")]
    Io(#[from] std::io::Error),
    /// A histogram could not be encoded.
    #[error("failed to encode a histogram of the histogram log: {0}")]
    Encode(V2DeflateSerializeError),
    /// The text is not a histogram log, or a row of it is not one of ours.
    #[error("row {row} of the histogram log {problem}")]
    Broken {
        /// Number of the row of histograms, from 1.
        row: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl From<IntervalLogWriterError<V2DeflateSerializeError>> for HlogError {
    fn from(error: IntervalLogWriterError<V2DeflateSerializeError>) -> Self {
        match error {
            IntervalLogWriterError::IoError(error) => Self::Io(error),
            IntervalLogWriterError::SerializeError(error) => Self::Encode(error),
        }
    }
}

/// Writes the intervals of all `trials`, tagged `<algorithm>|ok` and `<algorithm>|error`.
///
/// # Errors
/// When writing to `out` fails or a histogram cannot be encoded.
pub fn write_hlog(out: &mut impl Write, trials: &[HlogTrial<'_>]) -> Result<(), HlogError> {
    let base = trials.iter().map(|trial| trial.started).min().unwrap_or(SystemTime::UNIX_EPOCH);
    let mut serializer = V2DeflateSerializer::new();
    IntervalLogWriterBuilder::new()
        .add_comment("[Latencies in microseconds]")
        .add_comment("[Histogram log format version 1.3]")
        .with_start_time(base)
        .with_base_time(base)
        .begin_log_with(out, &mut serializer)?;
    // The library's writer can write neither a legend nor raw lines; the comment with the divisor follows.
    writeln!(out, "{LEGEND}")?;
    let mut log = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(MAX_DIVISOR)
        .begin_log_with(out, &mut serializer)?;
    let mut end = Duration::ZERO;
    for trial in trials {
        // Readers may rely on rows being in order of time. Simulated trials finish immediately and would
        // overlap, so each begins no earlier than the end of the one before it.
        let offset = trial.started.duration_since(base).unwrap_or_default().max(end);
        for interval in &trial.record.intervals {
            let tag = tag_name(trial.algorithm, interval.class.name());
            let begin = offset + Duration::from_nanos(interval.start.as_nanos());
            // Times have three decimals: a shorter interval would read as empty, and its rate as infinite.
            let length = Duration::from(interval.length).max(Duration::from_millis(1));
            log.write_histogram(&interval.histogram(), begin, length, Tag::new(&tag))?;
            end = end.max(begin + length);
        }
    }
    Ok(())
}

/// Reads a histogram log that [`write_hlog`] wrote, and adds up its rows by class. A class without rows is left out.
///
/// # Errors
/// The text is not a histogram log, or a row of it has another tag or no histogram.
pub fn read_hlog(log: &[u8]) -> Result<BTreeMap<IntervalClass, Histogram<u64>>, HlogError> {
    let mut sums: BTreeMap<IntervalClass, Histogram<u64>> = BTreeMap::new();
    let mut deserializer = Deserializer::new();
    let mut row = 0;
    for entry in IntervalLogIterator::new(log) {
        row += 1;
        let broken = |problem| HlogError::Broken { row, problem };
        let LogEntry::Interval(interval) = entry.map_err(|_| broken("cannot be read"))? else {
            row -= 1;
            continue;
        };
        let class = interval.tag().and_then(|tag| class_of(tag.as_str()));
        let class = class.ok_or_else(|| broken("has no tag that ends with `|ok` or `|error`"))?;
        let bytes = STANDARD.decode(interval.encoded_histogram()).map_err(|_| broken("is not base64"))?;
        let histogram: Histogram<u64> = deserializer
            .deserialize(&mut bytes.as_slice())
            .map_err(|_| broken("holds no histogram in V2 encoding"))?;
        add_histogram(sums.entry(class).or_insert_with(new_histogram), &histogram);
    }
    Ok(sums)
}

/// Returns the class in a tag of [`tag_name`].
fn class_of(tag: &str) -> Option<IntervalClass> {
    let (_, name) = tag.rsplit_once('|')?;
    IntervalClass::ALL.into_iter().find(|class| class.name() == name)
}

/// Returns the tag `<algorithm>|<class>`, replacing characters that would end it.
fn tag_name(algorithm: &str, class: &str) -> String {
    let clean = algorithm.replace(|c: char| c == ',' || c.is_whitespace(), "-");
    format!("{clean}|{class}")
}
