//! Reads the tests at a path and grades them.

use super::detect;
use super::error::AnalyzeError;
use super::test::Test;
use std::path::Path;

/// What was read and found, at least one test.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The path that was given.
    pub source: String,
    /// Each test by itself, in the order of their names or of the run.
    pub tests: Vec<Test>,
}

/// Reads `path` and grades what is there.
///
/// # Errors
/// The path does not exist, holds no results of a known kind, or holds broken ones.
pub fn analyze(path: &Path) -> Result<Analysis, AnalyzeError> {
    let mut tests = detect::read(path)?;
    tests.iter_mut().for_each(Test::grade);
    Ok(Analysis { source: path.display().to_string(), tests })
}
