//! Reads the access logs in files.

use super::{AccessLog, Gatherer, LogError, Maker};
use lb_core::Span;
use lb_recording::{Entries, Entry, ReadOptions, RecordingError};
use std::path::PathBuf;

/// A clock that goes back by more than this was set; requests of one instant are logged in any order.
const SET_BACK: Span = Span::from_secs(5);

/// Reasons why files cannot be used as an access log.
#[derive(Debug, thiserror::Error)]
pub enum ReadLogError {
    /// A file is not a recording of requests.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The log lacks what a fit needs.
    #[error("failed to use {files}: {source}")]
    Log {
        /// The files, joined by commas.
        files: String,
        /// What is missing.
        source: LogError,
    },
}

impl AccessLog {
    /// Reads the requests of one load balancer from one or more files, in any order. `pool_of` names a backend of the
    /// pool to keep, if there are several. What is odd about the files is added to [`Self::notes`].
    ///
    /// # Errors
    /// A file cannot be read, or the log does not tell which backend served a request and for how long.
    pub fn read(files: &[PathBuf], pool_of: Option<&str>) -> Result<Self, ReadLogError> {
        // Logs are written when requests end, and the gatherer sorts them whatever their latency.
        let options = ReadOptions { unsorted: true, ..ReadOptions::default() };
        let mut entries = Entries::open(files, options)?;
        let mut gatherer = Gatherer::of(Maker::of(entries.formats()));
        let mut clock = Clock::default();
        for entry in entries.by_ref() {
            if files.len() == 1 {
                clock.take(&entry);
            }
            gatherer.take(&entry);
        }
        entries.finish()?;
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
        let log = gatherer.finish(pool_of);
        let mut log = log.map_err(|source| ReadLogError::Log { files: names.join(", "), source })?;
        log.notes.extend(entries.notes().iter().cloned());
        log.notes.extend(clock.note());
        Ok(log)
    }
}

/// Finds out whether the clock of a log was set back: lines are written in the order in which requests end.
#[derive(Default)]
struct Clock {
    /// Line, and when its request ended, in Unix nanoseconds.
    ends: Vec<(usize, i128)>,
}

impl Clock {
    fn take(&mut self, entry: &Entry) {
        if let Some(at) = entry.at {
            let took = entry.duration.unwrap_or(Span::ZERO).as_nanos();
            self.ends.push((entry.line, at + i128::from(took)));
        }
    }

    fn note(mut self) -> Option<String> {
        // Entries come in order of time, not of lines.
        self.ends.sort_unstable();
        let mut latest = i128::MIN;
        let mut first: Option<(usize, i128)> = None;
        for (line, end) in self.ends {
            let back = latest.saturating_sub(end);
            if back > i128::from(SET_BACK.as_nanos()) {
                first.get_or_insert((line, back));
                // What follows is compared with the clock as it is now.
                latest = end;
            }
            latest = latest.max(end);
        }
        first.map(|(line, back)| {
            format!(
                "the clock goes back by {:.0} s at line {line}, so requests before and after it look as if they came at \
                 the same time; give the lines before it or those after it, not both",
                back as f64 / 1e9
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry((number, ms): (usize, &i128)) -> Entry {
        let at = Some(1_790_000_000_000_000_000 + ms * 1_000_000);
        Entry { line: number + 1, at, duration: Some(Span::from_millis(20)), ..Entry::default() }
    }

    fn note(ms: &[i128]) -> Option<String> {
        let mut clock = Clock::default();
        // In order of time, as the reader gives them.
        let mut entries: Vec<Entry> = ms.iter().enumerate().map(entry).collect();
        entries.sort_by_key(|entry| entry.at);
        entries.iter().for_each(|entry| clock.take(entry));
        clock.note()
    }

    #[test]
    fn a_clock_that_was_set_back_is_told_from_requests_that_overlap() {
        assert_eq!(
            note(&[0, 900, 100, 2_000, 1_500, 60_000]),
            None,
            "requests overlap, and pauses are no jumps"
        );
        let said = note(&[0, 100_000, 40_000, 41_000, 150_000]).expect("it was set");
        assert!(said.contains("goes back by 60 s at line 3"), "{said}");
    }
}
