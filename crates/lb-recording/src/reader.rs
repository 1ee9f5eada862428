//! Reads recordings entry by entry, in order of time.

use crate::entry::Entry;
use crate::error::RecordingError;
use crate::options::{ReadOptions, RecordingFormat};
use crate::stream::Stream;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

/// The number of rows over which a file is sorted.
const WINDOW: usize = 8_192;

/// The entries of one or more recordings, in order of time.
///
/// Each file is read once, and only a window of it is held. What cannot be told before the end, such as that most lines
/// cannot be read, is in [`Self::finish`] and [`Self::notes`] then.
pub struct Entries {
    files: Vec<Sorted>,
    formats: Vec<RecordingFormat>,
    notes: Vec<String>,
    error: Option<RecordingError>,
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entries").field("files", &self.files.len()).field("notes", &self.notes).finish()
    }
}

impl Entries {
    /// Opens the files. `-` is standard input.
    ///
    /// # Errors
    /// A file cannot be read, or it is not a recording: the beginning of each file, of up to 8,192 rows, is read at once.
    pub fn open(paths: &[PathBuf], options: ReadOptions) -> Result<Self, RecordingError> {
        let streams = paths.iter().map(|path| Stream::open(path, &options)).collect::<Result<Vec<_>, _>>()?;
        Self::of(streams, &options)
    }

    /// Reads a recording in memory. `name` is used in messages.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn read(name: &str, bytes: &[u8], options: ReadOptions) -> Result<Self, RecordingError> {
        Self::of(vec![Stream::of_bytes(name, bytes, &options)?], &options)
    }

    fn of(streams: Vec<Stream>, options: &ReadOptions) -> Result<Self, RecordingError> {
        let several = streams.len() > 1;
        let formats = streams.iter().map(Stream::format).collect();
        let mut entries = Self { files: Vec::new(), formats, notes: Vec::new(), error: None };
        for stream in streams {
            let mut file = Sorted::new(stream, several, !options.unsorted);
            file.fill();
            entries.files.push(file);
        }
        entries.settle();
        match entries.error.take() {
            Some(error) => Err(error),
            None => Ok(entries),
        }
    }

    /// Returns the formats of the files.
    pub fn formats(&self) -> &[RecordingFormat] {
        &self.formats
    }

    /// Returns what the reader noticed so far, such as lines that it skipped. Complete once all entries were taken.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Says whether the entries ended because the files did. To be asked once all entries were taken.
    ///
    /// # Errors
    /// Returns why they ended before.
    pub fn finish(&mut self) -> Result<(), RecordingError> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Takes the notes of files that have been read to their ends.
    fn settle(&mut self) {
        let mut at = 0;
        while at < self.files.len() {
            if self.files[at].stream.is_some() || !self.files[at].heap.is_empty() {
                at += 1;
                continue;
            }
            let file = self.files.remove(at);
            match file.finish() {
                Ok(notes) => self.notes.extend(notes),
                Err(error) => {
                    self.error.get_or_insert(error);
                }
            }
        }
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.error.is_some() {
            return None;
        }
        // Rows without a time keep the order of the files.
        let place = (0..self.files.len())
            .min_by_key(|place| self.files[*place].first().map_or(i128::MIN, |at| at))?;
        let entry = self.files[place].take();
        self.files[place].fill();
        if self.files[place].heap.is_empty() {
            self.settle();
        }
        entry.or_else(|| self.next())
    }
}

/// A file whose rows are sorted over a window.
struct Sorted {
    /// `None` once the file was read to its end.
    stream: Option<Stream>,
    /// Whether rows are sorted; otherwise they come as the file has them.
    sorts: bool,
    heap: BinaryHeap<Reverse<Waiting>>,
    read: u64,
    /// The time of the last row that was taken.
    taken: i128,
    disorder: Disorder,
    prefix: String,
    ended: Option<Result<Vec<String>, RecordingError>>,
}

struct Waiting {
    at: i128,
    number: u64,
    entry: Entry,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Sorted {
    fn new(stream: Stream, several: bool, sorts: bool) -> Self {
        let prefix = if several { format!("{}: ", stream.name()) } else { String::new() };
        Self {
            stream: Some(stream),
            sorts,
            heap: BinaryHeap::new(),
            read: 0,
            taken: i128::MIN,
            disorder: Disorder::default(),
            prefix,
            ended: None,
        }
    }

    fn first(&self) -> Option<i128> {
        self.heap.peek().map(|Reverse(waiting)| waiting.at)
    }

    fn take(&mut self) -> Option<Entry> {
        let Reverse(waiting) = self.heap.pop()?;
        self.taken = waiting.at;
        Some(waiting.entry)
    }

    /// Reads until the window is full or the file ends.
    fn fill(&mut self) {
        let window = if self.sorts { WINDOW } else { 1 };
        while self.heap.len() < window {
            let Some(stream) = &mut self.stream else { return };
            let Some(row) = stream.next() else {
                self.ended = self.stream.take().map(Stream::finish);
                return;
            };
            self.read += 1;
            let mut entry = row.entry;
            if let Some(stamp) = row.stamp.filter(|_| self.sorts) {
                self.disorder.add(stamp.nanos);
            }
            let at = match entry.at {
                Some(at) if at < self.taken && self.sorts => {
                    self.disorder.clamped += 1;
                    entry.at = Some(self.taken);
                    self.taken
                }
                Some(at) => at,
                // A row without a time follows the one before it.
                None => self.taken,
            };
            self.heap.push(Reverse(Waiting { at, number: self.read, entry }));
        }
    }

    fn finish(self) -> Result<Vec<String>, RecordingError> {
        let mut notes = self.ended.unwrap_or_else(|| Ok(Vec::new()))?;
        notes.extend(self.disorder.note());
        if self.disorder.clamped > 0 {
            notes.push(format!(
                "{} rows are more than {WINDOW} rows late, so they take the time of the row before them; sort the file by time",
                self.disorder.clamped
            ));
        }
        Ok(notes.into_iter().map(|note| format!("{}{note}", self.prefix)).collect())
    }
}

/// How far the times of a file are out of order.
#[derive(Debug, Default)]
pub(crate) struct Disorder {
    latest: Option<i128>,
    rows: usize,
    most: i128,
    clamped: usize,
}

impl Disorder {
    /// Takes the time of the next row, as the file has it.
    pub(crate) fn add(&mut self, nanos: i128) {
        match self.latest {
            Some(latest) if nanos < latest => {
                self.rows += 1;
                self.most = self.most.max(latest - nanos);
            }
            _ => self.latest = Some(nanos),
        }
    }

    /// Returns a sentence about it; `None` if all rows are in order.
    pub(crate) fn note(&self) -> Option<String> {
        let seconds = self.most as f64 / 1e9;
        let rows = match self.rows {
            0 => return None,
            1 => "1 row is earlier than one before it".to_owned(),
            rows => format!("{rows} rows are earlier than one before them"),
        };
        Some(format!("{rows}, by up to {seconds} s, so the rows are sorted by time"))
    }
}
