//! `records/<scenario number>-<trial>.json`: each complete trial with everything that was recorded, so that
//! an interrupted run can be resumed or summarised.
//!
//! A record is a serialised [`Trial`] for `bench` alone; other programs should read `trials/`.

use crate::folder::ResultsFolder;
use crate::trial::Trial;
use anyhow::Result;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of records in the results folder.
const FOLDER: &str = "records";

/// Why the records of a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// A file or the folder cannot be read.
    #[error("failed to read `{}`: {source}", .path.display())]
    Unreadable {
        /// The path of the file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file is not the record of a trial.
    #[error(
        "`{}` is not the record of a trial: {source}; remove it, and --resume runs the trial again",
        .path.display()
    )]
    Broken {
        /// The path of the file.
        path: PathBuf,
        /// The error in the file.
        source: serde_json::Error,
    },
}

/// Writes the record of a complete trial.
pub(crate) fn write_record(folder: &ResultsFolder, stem: &str, trial: &Trial) -> Result<()> {
    let name = format!("{FOLDER}/{}-{stem}.json", trial.scenario);
    folder.write_with(&name, |file| Ok(serde_json::to_writer(file, trial)?))
}

/// Reads the records of all complete trials of a run, in the order in which they ran; an empty list if there
/// are none.
///
/// # Errors
/// A file cannot be read, or is not a record.
pub fn read_records(folder: &Path) -> Result<Vec<Trial>, RecordsError> {
    let path = folder.join(FOLDER);
    let unreadable = |path: &Path, source| RecordsError::Unreadable { path: path.to_owned(), source };
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unreadable(&path, source)),
    };
    let mut trials: Vec<Trial> = Vec::new();
    for entry in entries {
        let file = entry.map_err(|source| unreadable(&path, source))?.path();
        // A run that was killed may leave a file under its temporary name.
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let bytes = lb_io::read(&file, ResultsFolder::LONGEST).map_err(|source| unreadable(&file, source))?;
        trials.push(
            serde_json::from_slice(&bytes).map_err(|source| RecordsError::Broken { path: file, source })?,
        );
    }
    trials.sort_by_key(|trial| (trial.scenario, trial.block, trial.position, trial.attempt));
    Ok(trials)
}
