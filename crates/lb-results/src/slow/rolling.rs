//! The file of slow requests of a load without end: when it is full, it takes the place of the one before it, so that
//! two files hold the last rows.

use super::row::COLUMNS;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// The file that is written.
const NAME: &str = "slow_requests.csv";
/// The file before it.
const BEFORE: &str = "slow_requests.1.csv";

#[derive(Debug)]
pub(super) struct Rolling {
    path: PathBuf,
    before: PathBuf,
    csv: Option<csv::Writer<BufWriter<File>>>,
    rows: u64,
    most: u64,
    /// Whether the last row could not be written, which is logged once.
    fails: bool,
}

impl Rolling {
    /// Prepares the file in a folder, for at most so many rows.
    pub(super) fn new(folder: &Path, most: u64) -> Self {
        let (path, before) = (folder.join(NAME), folder.join(BEFORE));
        Self { path, before, csv: None, rows: 0, most: most.max(1), fails: false }
    }

    /// Writes a row. Returns whether it could be written; the next row tries again.
    pub(super) fn write(&mut self, row: &[String; COLUMNS.len()]) -> bool {
        let written = self.try_write(row);
        self.keep(written)
    }

    /// Hands what was written to the system.
    pub(super) fn flush(&mut self) {
        let flushed = match &mut self.csv {
            Some(csv) => csv.flush().with_context(|| format!("failed to write `{}`", self.path.display())),
            None => Ok(()),
        };
        self.keep(flushed);
    }

    fn try_write(&mut self, row: &[String; COLUMNS.len()]) -> Result<()> {
        let failed = || format!("failed to write `{}`", self.path.display());
        if self.rows >= self.most {
            if let Some(mut full) = self.csv.take() {
                full.flush().with_context(failed)?;
            }
            fs::rename(&self.path, &self.before).with_context(failed)?;
            self.rows = 0;
        }
        let csv = match &mut self.csv {
            Some(csv) => csv,
            none => {
                let file = File::options().create(true).append(true).open(&self.path).with_context(failed)?;
                let is_new = file.metadata().with_context(failed)?.len() == 0;
                let mut csv = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(BufWriter::new(file));
                if is_new {
                    csv.write_record(COLUMNS).with_context(failed)?;
                }
                none.insert(csv)
            }
        };
        csv.write_record(row).with_context(failed)?;
        self.rows += 1;
        Ok(())
    }

    /// Returns whether something succeeded. After an error, the file is opened again by the next row.
    fn keep(&mut self, result: Result<()>) -> bool {
        if let Err(error) = &result {
            if !self.fails {
                tracing::warn!("{error:#}");
            }
            self.csv = None;
        }
        self.fails = result.is_err();
        result.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64) -> [String; COLUMNS.len()] {
        let mut row: [String; COLUMNS.len()] = Default::default();
        row[1] = number.to_string();
        row
    }

    #[test]
    fn two_files_hold_the_last_rows_and_both_have_a_header() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut file = Rolling::new(dir.path(), 10);
        for number in 0..47 {
            assert!(file.write(&row(number)), "the folder can be written");
        }
        file.flush();
        let numbers = |name: &str| -> Vec<u64> {
            let mut csv = csv::Reader::from_path(dir.path().join(name)).expect("the file is there");
            assert_eq!(csv.headers().expect("a header"), &COLUMNS[..]);
            csv.records().map(|row| row.expect("a row")[1].parse().expect("a number")).collect()
        };
        assert_eq!(numbers(BEFORE), (30..40).collect::<Vec<_>>());
        assert_eq!(numbers(NAME), (40..47).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 2);
    }

    #[test]
    fn a_folder_that_is_missing_for_a_while_loses_only_the_rows_of_that_time() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = dir.path().join("results");
        let mut file = Rolling::new(&folder, 10);
        assert!(!file.write(&row(1)), "the folder is not there");
        fs::create_dir(&folder).expect("a writable folder");
        assert!(file.write(&row(2)));
        file.flush();
        assert_eq!(fs::read_to_string(folder.join(NAME)).expect("a file").lines().count(), 2);
    }
}
