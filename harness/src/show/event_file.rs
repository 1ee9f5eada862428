//! Writes the events of a run as JSON lines as they happen, to a file or to standard output, and reads them back.
//!
//! Each line is one event with `version` ([`EVENTS_VERSION`]) and `at`, the time at which it was written
//! (RFC 3339). `docs/events.md` lists the events.

use crate::experiment::{EVENTS_VERSION, Event, Observe};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Error of writing or reading a file of events.
#[derive(Debug, thiserror::Error)]
pub enum EventFileError {
    /// The file could not be created.
    #[error("failed to create the event file `{}`: {source}; give another path with --events", .path.display())]
    Create {
        /// The path as it was given.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// An event could not be written; the file holds the events before it.
    #[error("failed to write to the event file `{}`: {source}; it holds only the events before the failure", .path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("failed to read the event file `{}`: {source}", .path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A line is not an event.
    #[error("`{}` line {line} is not an event of a run: {source}; give a file that --events wrote", .path.display())]
    Line {
        /// Path of the file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        source: serde_json::Error,
    },
    /// A newer program wrote the file.
    #[error(
        "`{}` has events of version {version}, and this program reads up to {EVENTS_VERSION}; use the `bench` that wrote it",
        .path.display()
    )]
    Version {
        /// Path of the file.
        path: PathBuf,
        /// The version of the events in the file.
        version: u32,
    },
}

/// Writes each event as one line, immediately, so that the file can be followed during the run.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// The error that stopped writing; `None` if there was none.
    error: Option<io::Error>,
}

/// Writes each event as one line to standard output, immediately, for a program that shows and steers the run.
///
/// A reader that is gone ends neither the run nor its files. One that does not read holds up the events, and with them
/// the next trial, but never the load under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventLines(());

impl Observe for EventLines {
    fn observe(&self, event: &Event) {
        match line_of(event) {
            Ok(line) => lb_io::print_raw(&line),
            Err(error) => tracing::error!("an event cannot be written as JSON: {error}"),
        }
    }

    fn wants_figures(&self) -> bool {
        true
    }
}

/// Writes an event as a line.
fn line_of(event: &Event) -> serde_json::Result<Vec<u8>> {
    let line = Written { version: EVENTS_VERSION, at: jiff::Timestamp::now().to_string(), event };
    let mut bytes = serde_json::to_vec(&line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A line of the file.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    at: String,
    #[serde(flatten)]
    event: &'a Event,
}

/// The version of a line, which is read before its event.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl EventFile {
    /// Creates the file, or truncates an existing one.
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

    /// Finishes the file.
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
        let written = line_of(event).map_err(io::Error::from).and_then(|line| file.write_all(&line));
        *error = written.err();
    }

    fn wants_figures(&self) -> bool {
        true
    }
}

/// Passes the events of a file to `observer`, in order. Returns the [`Event::RunFinished`] of the file;
/// `None` when the file ends before the run does.
///
/// # Errors
/// The file cannot be read, or a line is not an event; the events before it were shown.
pub fn replay(path: &Path, observer: &dyn Observe) -> Result<Option<Event>, EventFileError> {
    let read = |source| EventFileError::Read { path: path.to_owned(), source };
    let mut finished = None;
    for (number, text) in BufReader::new(lb_io::open(path).map_err(read)?).lines().enumerate() {
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
