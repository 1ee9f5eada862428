//! The rows of one file, one after the other as the file has them.

use crate::error::{Faults, RecordingError};
use crate::format::{Reader, detect};
use crate::input::{self, Input};
use crate::options::{ReadOptions, RecordingFormat};
use crate::records::Records;
use crate::row::{Row, Skip};
use crate::skipped::Skipped;
use crate::stamp::Style;
use std::io::BufRead;
use std::path::Path;

/// After this many records without a request, the rest of the file is not read.
const PATIENCE: usize = 20_000;

/// The rows of one file.
pub(crate) struct Stream {
    name: String,
    records: Records,
    reader: Reader,
    record: Vec<u8>,
    skipped: Skipped,
    faults: Faults,
    /// The line and the style of the first time.
    style: Option<(usize, Style)>,
    failed: Option<RecordingError>,
    ended: bool,
}

impl Stream {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(path: &Path, options: &ReadOptions) -> Result<Self, RecordingError> {
        let name =
            if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        match input::open(path) {
            Ok(input) => Self::new(name, input, options, path.parent()),
            Err(source) => Err(RecordingError::Unreadable { name, source }),
        }
    }

    /// Reads bytes in memory; `name` is for messages.
    pub(crate) fn of_bytes(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<Self, RecordingError> {
        match input::of_bytes(bytes.to_vec()) {
            Ok(input) => Self::new(name.to_owned(), input, options, None),
            Err(source) => Err(RecordingError::Unreadable { name: name.to_owned(), source }),
        }
    }

    fn new(
        name: String,
        mut input: Input,
        options: &ReadOptions,
        folder: Option<&Path>,
    ) -> Result<Self, RecordingError> {
        let format = match (options.format, options.log_format.is_some()) {
            (None | Some(RecordingFormat::LogFormat), true) => Ok(RecordingFormat::LogFormat),
            (Some(format), _) => Ok(format),
            (None, false) => {
                let head = match input.fill_buf() {
                    Ok(head) => head,
                    Err(source) => return Err(RecordingError::Unreadable { name, source }),
                };
                detect(head, options)
            }
        };
        let format = format.map_err(|faults| faults.of(&name))?;
        let reader = Reader::new(format, options.clone(), folder.map(Path::to_owned));
        Ok(Self {
            name,
            records: Records::new(input, Reader::split(format)),
            reader,
            record: Vec::new(),
            skipped: Skipped::default(),
            faults: Faults::default(),
            style: None,
            failed: None,
            ended: false,
        })
    }

    pub(crate) const fn format(&self) -> RecordingFormat {
        self.reader.format()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the next row; `None` at the end, and after an error, which [`Self::finish`] returns.
    pub(crate) fn next(&mut self) -> Option<Row> {
        while !self.ended && self.failed.is_none() {
            let found = match self.records.next(&mut self.record) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(source) => {
                    self.failed = Some(RecordingError::Unreadable { name: self.name.clone(), source });
                    break;
                }
            };
            let parsed = match found.too_long {
                true => Err(Skip::Unreadable("is too long".to_owned())),
                false => self.reader.row(found.line, &self.record),
            };
            match parsed {
                Ok(row) => {
                    if let Some(reason) = self.fault_of(&row) {
                        self.faults.add(Some(found.line), reason);
                        continue;
                    }
                    self.skipped.rows += 1;
                    if std::str::from_utf8(&self.record).is_err() {
                        self.skipped.not_utf8.add(found.line, "");
                    }
                    row.unsent.iter().for_each(|what| self.skipped.unsent(found.line, what));
                    return Some(row);
                }
                Err(skip) => self.skip(found.line, found.is_cut, &skip),
            }
        }
        None
    }

    fn skip(&mut self, line: usize, is_cut: bool, skip: &Skip) {
        let reason = match skip {
            Skip::Unreadable(reason) => reason,
            Skip::Method(method) if self.format().is_strict() => {
                let known = crate::target::METHODS.join(", ");
                self.faults.add(Some(line), format!("the method `{method}` is not one of {known}"));
                return;
            }
            Skip::NoRequest(what) if self.format().is_strict() => {
                self.faults.add(Some(line), format!("`{what}` is not a request"));
                return;
            }
            _ => return self.skipped.add(line, skip, &self.record),
        };
        // A file that is copied while it is written ends within a line; one that was cut may end with a line break.
        let is_list = matches!(self.format(), RecordingFormat::Requests | RecordingFormat::Har);
        let is_last = is_cut || !self.format().is_strict() && self.records.is_at_end();
        if is_last && self.skipped.rows > 0 && !is_list {
            return self.skipped.cut(line, &self.record);
        }
        self.faults.add(Some(line), reason.as_str());
        self.skipped.add(line, skip, &self.record);
        if self.skipped.rows == 0 && self.skipped.unreadable.count > PATIENCE {
            self.ended = true;
        }
    }

    /// Returns what is wrong with a row of a list that people write, in which times must be alike.
    fn fault_of(&mut self, row: &Row) -> Option<String> {
        if !self.format().is_strict() {
            return None;
        }
        let stamp = row.stamp?;
        let (line, style) = *self.style.get_or_insert((row.entry.line, stamp.style));
        (style != stamp.style).then(|| {
            format!(
                "the timestamp is {}, but that of line {line} is {}; use one style for all of them",
                stamp.style.in_words(),
                style.in_words()
            )
        })
    }

    /// Returns the notes about the file, or the reason why it cannot be used.
    pub(crate) fn finish(self) -> Result<Vec<String>, RecordingError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let refused = self.format().is_strict() || self.skipped.is_hopeless();
        if refused && self.faults.total > 0 {
            return Err(self.faults.of(&self.name));
        }
        Ok(self.skipped.notes())
    }
}
