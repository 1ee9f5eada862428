//! Reads long CSV files line by line, by column name, without keeping them in memory.

use crate::error::AnalyzeError;
use crate::table::{CUT_OFF, line_of};
use crate::units::number;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use std::path::Path;

/// The note on a last line that is shorter than the others.
const LAST: &str =
    "the last line is cut off and left out, as in a file that was copied while the test still ran";

/// A CSV file as it is read.
pub(crate) struct Stream<'a> {
    path: &'a Path,
    reader: Reader<&'a [u8]>,
    header: Vec<String>,
    record: StringRecord,
    text: &'a str,
    is_cut_off: bool,
}

/// The place of a column; `None` if the file does not have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column(Option<usize>);

impl<'a> Stream<'a> {
    /// Opens a file whose first line is a header, or one without a header whose columns are known.
    pub(crate) fn open(
        path: &'a Path,
        text: &'a str,
        delimiter: u8,
        known: Option<&[&str]>,
    ) -> Result<Self, AnalyzeError> {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).has_headers(false);
        let mut stream = Self {
            path,
            reader: builder.from_reader(text.as_bytes()),
            header: known.unwrap_or_default().iter().map(|&name| name.to_owned()).collect(),
            record: StringRecord::new(),
            text,
            is_cut_off: false,
        };
        if known.is_none() && stream.advance()? {
            stream.header = stream.record.iter().map(|name| name.trim().to_owned()).collect();
        }
        Ok(stream)
    }

    /// Returns the place of a column.
    pub(crate) fn column(&self, name: &str) -> Column {
        Column(self.header.iter().position(|column| column == name))
    }

    /// Reads the next line, and returns whether there was one.
    pub(crate) fn advance(&mut self) -> Result<bool, AnalyzeError> {
        match self.reader.read_record(&mut self.record) {
            Ok(found) => Ok(found),
            Err(error) => {
                let problem = match error.kind() {
                    ErrorKind::UnequalLengths { expected_len, len, .. } => {
                        self.is_cut_off = len < expected_len && self.reader.is_done();
                        format!("the line has {len} values, the first one {expected_len}")
                    }
                    _ => error.to_string(),
                };
                if self.is_cut_off { Ok(false) } else { Err(self.broken(problem)) }
            }
        }
    }

    /// Returns the note on a last line that was cut off, if it was.
    pub(crate) fn note(&self) -> Option<String> {
        self.is_cut_off.then(|| LAST.to_owned())
    }

    /// Returns the value of a column on this line; empty if there is no such column.
    pub(crate) fn text(&self, Column(place): Column) -> &str {
        place.and_then(|place| self.record.get(place)).unwrap_or_default().trim()
    }

    /// Returns the number of at least 0 in a column, or an error that names line and column.
    pub(crate) fn number(&self, column: Column) -> Result<f64, AnalyzeError> {
        let text = self.text(column);
        number(text).ok_or_else(|| AnalyzeError::BadValue {
            path: self.path.to_owned(),
            line: self.line(),
            column: column.0.and_then(|place| self.header.get(place)).cloned().unwrap_or_default(),
            value: text.chars().take(80).collect(),
            problem: "not a number of at least 0",
            advice: "correct it, or remove the line",
        })
    }

    /// Returns the line, from 1, on which the last record begins.
    fn line(&self) -> u64 {
        line_of(self.text, self.record.position())
    }

    /// Makes the error for a line.
    pub(crate) fn broken(&self, problem: String) -> AnalyzeError {
        AnalyzeError::BrokenCsv { path: self.path.to_owned(), line: self.line(), problem, advice: CUT_OFF }
    }
}

impl Column {
    /// Returns whether the file has the column.
    pub(crate) const fn exists(self) -> bool {
        self.0.is_some()
    }
}
