//! Finds the trace files at a path and their format, by content rather than by name.

use super::error::TraceError;
use super::parquet::ParquetFile;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Trace files of one format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Parquet traces.
    Parquet(Vec<PathBuf>),
    /// Files with one JSON object per line, such as `rl_experiences.jsonl`.
    JsonLines(Vec<PathBuf>),
}

/// The bytes with which every Parquet file begins and ends.
const MAGIC: &[u8] = b"PAR1";
/// The schema's name in the files of individual requests that `bench` writes, which are not traces.
const REQUESTS: &str = "requests";

/// Finds the trace files at `path`: the file itself, or all traces in a folder and its subfolders.
///
/// # Errors
/// When there is no trace, a file cannot be read, or a folder has files of both kinds.
pub fn source(path: &Path) -> Result<Source, TraceError> {
    if !path.exists() {
        return Err(TraceError::NotFound { path: path.to_owned() });
    }
    if !path.is_dir() {
        return one(path);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    files.sort();
    let (mut parquet, mut lines) = (Vec::new(), Vec::new());
    for file in files {
        match one(&file)? {
            Source::Parquet(_) => {
                if ParquetFile::open(&file)?.kind() != REQUESTS {
                    parquet.push(file);
                }
            }
            Source::JsonLines(_) => lines.push(file),
        }
    }
    match (parquet.is_empty(), lines.is_empty()) {
        (false, true) => Ok(Source::Parquet(parquet)),
        (true, false) => Ok(Source::JsonLines(lines)),
        (true, true) => Err(TraceError::NothingFound { path: path.to_owned() }),
        (false, false) => Err(TraceError::Mixed { path: path.to_owned() }),
    }
}

/// Collects the files in a folder and its subfolders that may be traces, judging by their names.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), TraceError> {
    let unreadable = |source| TraceError::Unreadable { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if matches!(path.extension().and_then(|name| name.to_str()), Some("parquet" | "jsonl")) {
            files.push(path);
        }
    }
    Ok(())
}

fn one(path: &Path) -> Result<Source, TraceError> {
    let unreadable = |source| TraceError::Unreadable { path: path.to_owned(), source };
    let mut head = Vec::new();
    lb_io::open(path).and_then(|file| file.take(512).read_to_end(&mut head)).map_err(unreadable)?;
    if head.is_empty() {
        return Err(TraceError::Empty { path: path.to_owned() });
    }
    let is_named = |extension: &str| path.extension().is_some_and(|name| name == extension);
    if head.starts_with(MAGIC) {
        return Ok(Source::Parquet(vec![path.to_owned()]));
    }
    if is_named("parquet") {
        let problem = "it does not begin with `PAR1`".to_owned();
        return Err(TraceError::NotParquet { path: path.to_owned(), problem });
    }
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if is_named("jsonl") || first == Some(&b'{') {
        return Ok(Source::JsonLines(vec![path.to_owned()]));
    }
    let found = match first {
        Some(b'[') => "a JSON list, not one JSON object per line",
        _ => "neither Parquet nor JSON lines",
    };
    Err(TraceError::OtherKind { path: path.to_owned(), found: found.to_owned() })
}
