//! Reads the tests at a path and grades them.

use crate::error::AnalyzeError;
use crate::folder::read_folder;
use crate::read::{read_bytes, read_file};
use crate::test::Test;
use std::path::Path;

/// The result of an analysis, with at least one test.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The path that was given.
    pub source: String,
    /// The tests, in the order of their file names or of the run.
    pub tests: Vec<Test>,
    /// Notes on the source as a whole, one sentence each.
    pub notes: Vec<String>,
}

/// Reads the results at `path`, a file or a folder, and grades them.
///
/// # Errors
/// The path does not exist, holds no results of a known kind, or holds invalid results.
pub fn analyze(path: &Path) -> Result<Analysis, AnalyzeError> {
    let (tests, notes) = if path.is_dir() { read_folder(path)? } else { (read_file(path)?, Vec::new()) };
    Ok(graded(path, tests, notes))
}

/// Grades the results in the content of a file; `path` is used in messages, and to find the other files of a test.
///
/// # Errors
/// The content is not that of results of a known kind, or they are invalid.
pub fn analyze_content(path: &Path, content: &[u8]) -> Result<Analysis, AnalyzeError> {
    Ok(graded(path, read_bytes(path, content)?, Vec::new()))
}

fn graded(path: &Path, mut tests: Vec<Test>, notes: Vec<String>) -> Analysis {
    tests.iter_mut().for_each(Test::grade);
    Analysis { source: path.display().to_string(), tests, notes }
}
