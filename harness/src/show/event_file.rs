//! The events of a run as a file of JSON lines: written while the run goes on, and read back to be shown again.
//!
//! Each line is one event with `version` ([`EVENTS_VERSION`]) and `at`, the time at which it was written
//! (RFC 3339). `docs/events.md` lists the events.

use crate::experiment::{EVENTS_VERSION, Event, Observe};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Why a file of events could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EventFileError {
    /// The file could not be created.
    #[error("failed to create the event file `{}`: {source}; give another path with --events", .path.display())]
    Create {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An event could not be written; the file holds the events before it.
    #[error("failed to write to the event file `{}`: {source}; it holds the events up to there", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("failed to read the event file `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not an event.
    #[error("`{}` line {line} is not an event of a run: {source}; give a file that --events wrote", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A newer program wrote the file.
    #[error(
        "`{}` has events of version {version}, and this program reads up to {EVENTS_VERSION}; use the `bench` that wrote it",
        .path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that it names.
        version: u32,
    },
}

/// Writes each event as one line, at once, so that the file can be followed while the run goes on.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Why writing stopped.
    error: Option<io::Error>,
}

/// A line as it is written.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    at: String,
    #[serde(flatten)]
    event: &'a Event,
}

/// What has to be known of a line before its event is read.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl EventFile {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<Self, EventFileError> {
        match File::create(path) {
            Ok(file) => {
                let state = RefCell::new(State { file, error: None });
                Ok(Self { path: path.to_owned(), state })
            }
            Err(source) => Err(EventFileError::Create { path: path.to_owned(), source }),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// An event could not be written.
    pub fn finish(self) -> Result<(), EventFileError> {
        match self.state.into_inner().error {
            Some(source) => Err(EventFileError::Write { path: self.path, source }),
            None => Ok(()),
        }
    }
}

impl Observe for EventFile {
    fn observe(&self, event: &Event) {
        let State { file, error } = &mut *self.state.borrow_mut();
        // A gap would be worse than an early end.
        if error.is_some() {
            return;
        }
        let line = Written { version: EVENTS_VERSION, at: jiff::Timestamp::now().to_string(), event };
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            file.write_all(&bytes)
        });
        *error = written.err();
    }
}

/// Shows the events of a file to `observer`, in order. Returns the [`Event::RunFinished`] of the file; `None` when
/// the file ends before the run does.
///
/// # Errors
/// The file cannot be read, or a line is not an event; the events before it were shown.
pub fn replay(path: &Path, observer: &dyn Observe) -> Result<Option<Event>, EventFileError> {
    let read = |source| EventFileError::Read { path: path.to_owned(), source };
    let mut finished = None;
    for (number, text) in BufReader::new(File::open(path).map_err(read)?).lines().enumerate() {
        let text = text.map_err(read)?;
        let bad = |source| EventFileError::Line { path: path.to_owned(), line: number + 1, source };
        let Versioned { version } = serde_json::from_str(&text).map_err(bad)?;
        if version > EVENTS_VERSION {
            return Err(EventFileError::Version { path: path.to_owned(), version });
        }
        let event: Event = serde_json::from_str(&text).map_err(bad)?;
        observer.observe(&event);
        if matches!(event, Event::RunFinished { .. }) {
            finished = Some(event);
        }
    }
    Ok(finished)
}
