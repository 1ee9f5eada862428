//! Reads the tests at a path and grades them.

use super::detect;
use super::error::AnalyzeError;
use super::test::Test;
use std::path::Path;

/// The result of an analysis, with at least one test.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The path that was given.
    pub source: String,
    /// The tests, in the order of their file names or of the run.
    pub tests: Vec<Test>,
}

/// Reads the results at `path` and grades them.
///
/// # Errors
/// The path does not exist, holds no results of a known kind, or holds invalid results.
pub fn analyze(path: &Path) -> Result<Analysis, AnalyzeError> {
    Ok(graded(path, detect::read(path)?))
}

/// Grades the results in the content of a file; `path` is used in messages, and to find the other files of a test.
///
/// # Errors
/// The content is not that of results of a known kind, or they are invalid.
pub fn analyze_content(path: &Path, content: &str) -> Result<Analysis, AnalyzeError> {
    Ok(graded(path, detect::read_content(path, content)?))
}

fn graded(path: &Path, mut tests: Vec<Test>) -> Analysis {
    tests.iter_mut().for_each(Test::grade);
    Analysis { source: path.display().to_string(), tests }
}
