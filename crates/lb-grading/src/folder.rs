//! Reads a folder: each file that holds results is a test of its own, whatever tool it comes from.

use crate::error::AnalyzeError;
use crate::files::{self, other};
use crate::read::{is_bench, is_companion, list, read_bytes, read_file};
use crate::test::Test;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The most files of a folder, which is read whole.
const MOST_FILES: usize = 2_000;
/// The name of the summary in a results folder of `bench`.
const SUMMARY: &str = "summary.json";

/// Reads the tests in a folder, in the order of their file names, with a note on the files that hold none.
///
/// A file of a known kind with invalid values is an error, since a gate must not pass because the file was left out.
pub(crate) fn read_folder(path: &Path) -> Result<(Vec<Test>, Vec<String>), AnalyzeError> {
    let unreadable = |source| AnalyzeError::Unreadable { path: path.to_owned(), source };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unreadable)?;
    paths.sort();
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
    if files.len() > MOST_FILES {
        return Err(other(path, format!("a folder of {} files, more than {MOST_FILES}", files.len())));
    }
    // The other files in a results folder of `bench` are made from its summary.
    let summary = path.join(SUMMARY);
    if summary.is_file() && is_run(&summary)? {
        return Ok((read_file(&summary)?, Vec::new()));
    }
    let mut tests = Vec::new();
    let mut companions = Vec::new();
    let mut unknown = Vec::new();
    for file in &files {
        match read_one(file)? {
            Content::Tests(found) => tests.extend(found),
            Content::Companion => companions.push(name_of(file)),
            Content::Unknown => unknown.push(name_of(file)),
        }
    }
    if tests.is_empty() {
        let names: Vec<String> = files
            .iter()
            .map(|file| name_of(file))
            .chain(folders.iter().map(|folder| format!("{}/", name_of(folder))))
            .collect();
        let found = match names.is_empty() {
            true => "an empty folder".to_owned(),
            false => {
                format!("a folder without results of a load test (it holds {})", list(names.into_iter()))
            }
        };
        return Err(other(path, found));
    }
    // Files beside a test of Locust's were read with it.
    if !tests.iter().any(|test| test.kind == crate::Kind::Locust) {
        unknown.extend(companions);
    }
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        notes.push(format!("files that hold no results of a known kind: {}", list(unknown.into_iter())));
    }
    Ok((tests, notes))
}

/// What a file in a folder holds.
enum Content {
    Tests(Vec<Test>),
    /// Belongs to the stats file of a Locust test.
    Companion,
    Unknown,
}

fn read_one(file: &Path) -> Result<Content, AnalyzeError> {
    let bytes = match files::read(file) {
        Ok(bytes) => bytes,
        // Such as a pipe, or a file that was just removed.
        Err(AnalyzeError::Unreadable { .. } | AnalyzeError::NotFound { .. }) => return Ok(Content::Unknown),
        Err(error) => return Err(error),
    };
    if is_companion(&bytes) {
        return Ok(Content::Companion);
    }
    match read_bytes(file, &bytes) {
        Ok(tests) => Ok(Content::Tests(tests)),
        Err(AnalyzeError::OtherKind { .. }) => Ok(Content::Unknown),
        Err(error) => Err(error),
    }
}

/// Returns whether a file is the summary of a run of `bench`.
fn is_run(summary: &Path) -> Result<bool, AnalyzeError> {
    let bytes = files::read(summary)?;
    Ok(serde_json::from_slice::<Value>(&bytes).is_ok_and(|json| is_bench(&json)))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
