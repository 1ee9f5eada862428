//! Reads a CSV file with a header by column name. Errors name the line, the column and the value.
//!
//! A column may have several names, of which the first one that the header has counts; capitals are not told apart,
//! since versions of a tool differ in them.

use crate::error::AnalyzeError;
use csv::{ErrorKind, ReaderBuilder, StringRecord};
use lb_core::plain;
use std::path::Path;

/// A CSV file.
pub(crate) struct Table<'a> {
    path: &'a Path,
    text: &'a str,
    header: StringRecord,
    rows: Vec<StringRecord>,
}

/// One line of a CSV file.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    table: &'a Table<'a>,
    record: &'a StringRecord,
}

/// The most rows of a file; a day's history has 86,400.
const MOST_ROWS: usize = 200_000;

/// What to do about a line of the wrong length.
pub(crate) const CUT_OFF: &str =
    "the file may be cut off: use the files of a finished test, or remove the line";

impl<'a> Table<'a> {
    /// Reads a file that has at least these columns; `|` separates the names of one column.
    pub(crate) fn read(path: &'a Path, text: &'a str, required: &[&str]) -> Result<Self, AnalyzeError> {
        let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
        let broken = |error: csv::Error| {
            let line = line_of(text, error.position());
            let problem = match error.kind() {
                ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("the line has {len} values, the header {expected_len}")
                }
                _ => error.to_string(),
            };
            AnalyzeError::BrokenCsv { path: path.to_owned(), line, problem, advice: CUT_OFF }
        };
        let header = reader.headers().map_err(broken)?.clone();
        if let Some(missing) = required.iter().find(|&&names| place_of(&header, names).is_none()) {
            return Err(AnalyzeError::BrokenCsv {
                path: path.to_owned(),
                line: 1,
                problem: format!("there is no column `{}`", missing.split('|').next().unwrap_or_default()),
                advice: "use the file as the tool wrote it (Locust: `--csv`)",
            });
        }
        let rows: Vec<StringRecord> =
            reader.records().take(MOST_ROWS + 1).collect::<Result<_, _>>().map_err(broken)?;
        if rows.len() > MOST_ROWS {
            return Err(AnalyzeError::BrokenCsv {
                path: path.to_owned(),
                line: MOST_ROWS as u64 + 2,
                problem: format!("there are more than {MOST_ROWS} rows"),
                advice: "use a file without the history of each kind of request",
            });
        }
        Ok(Self { path, text, header, rows })
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|record| Row { table: self, record })
    }
}

/// Returns the place of the first of the names, separated by `|`, that the header has.
fn place_of(header: &StringRecord, names: &str) -> Option<usize> {
    let place = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    names.split('|').find_map(place)
}

/// Returns the line, from 1, on which a record begins. The reader's own count is one too low after CRLF,
/// because the reader counts the line feed as the beginning of the next record.
pub(crate) fn line_of(text: &str, position: Option<&csv::Position>) -> u64 {
    let at = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
    let bytes = text.as_bytes();
    let rest = bytes.get(at..).unwrap_or_default();
    let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let before = &bytes[..(at + breaks).min(bytes.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u64
}

impl<'a> Row<'a> {
    /// Returns the value of a column, without the mark of a text that looks like a formula; empty if there is no
    /// such column.
    pub(crate) fn text(self, column: &str) -> &'a str {
        let place = place_of(&self.table.header, column);
        plain::uncell(place.and_then(|place| self.record.get(place)).unwrap_or_default())
    }

    /// Reads a whole number, which is required.
    pub(crate) fn count(self, column: &str) -> Result<u64, AnalyzeError> {
        self.text(column).trim().parse().map_err(|_| {
            self.fault(column, "not a whole number", "write a count such as 1200, or remove the line")
        })
    }

    /// Reads a number of at least 0; `None` if the value is empty or `N/A`, or if there is no such column.
    pub(crate) fn number(self, column: &str) -> Result<Option<f64>, AnalyzeError> {
        let text = self.text(column).trim();
        if matches!(text, "" | "N/A") {
            return Ok(None);
        }
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
        value.map(Some).ok_or_else(|| {
            let problem = "not a number of at least 0";
            self.fault(column, problem, "write a number such as 12.5, or `N/A` where there is none")
        })
    }

    /// Makes the error for an invalid value of this line.
    pub(crate) fn fault(self, column: &str, problem: &'static str, advice: &'static str) -> AnalyzeError {
        AnalyzeError::BadValue {
            path: self.table.path.to_owned(),
            line: line_of(self.table.text, self.record.position()),
            column: column.split('|').next().unwrap_or_default().to_owned(),
            value: self.text(column).to_owned(),
            problem,
            advice,
        }
    }
}
