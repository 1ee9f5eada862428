//! Why a recording cannot be read.

use std::fmt;

/// Maximum number of problems to list; further ones are only counted.
const LISTED: usize = 10;

/// One problem of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFault {
    /// The line of the file, from 1. `None` for a problem of the whole file.
    pub line: Option<usize>,
    /// What is wrong, and how to fix it.
    pub reason: String,
}

impl fmt::Display for RecordingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// The reason why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
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
        faults: Vec<RecordingFault>,
        /// The total number of problems.
        total: usize,
    },
}

fn listed(faults: &[RecordingFault], total: &usize) -> String {
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

/// The problems of a recording: the first ones, and their total number.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) first: Vec<RecordingFault>,
    pub(crate) total: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, line: Option<usize>, reason: impl Into<String>) {
        self.total += 1;
        if self.first.len() < LISTED {
            self.first.push(RecordingFault { line, reason: reason.into() });
        }
    }

    pub(crate) fn at(line: usize, reason: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(Some(line), reason);
        faults
    }

    pub(crate) fn whole(reason: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(None, reason);
        faults
    }

    /// Returns the error for the file `name`.
    pub(crate) fn of(mut self, name: &str) -> RecordingError {
        self.first.sort_by_key(|fault| fault.line);
        RecordingError::Invalid { name: name.to_owned(), faults: self.first, total: self.total }
    }
}
