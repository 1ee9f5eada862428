//! From a path to graded tests.

use super::detect;
use super::error::AnalyzeError;
use super::test::Test;
use std::path::Path;

/// What was read and found, at least one test.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// What was given.
    pub source: String,
    /// Each test by itself, in the order of their names or of the run.
    pub tests: Vec<Test>,
}

/// Reads `path` and grades what is there.
///
/// # Errors
/// Nothing is there, it is of no kind that is read here, or it is broken.
pub fn analyze(path: &Path) -> Result<Analysis, AnalyzeError> {
    let mut tests = detect::read(path)?;
    tests.iter_mut().for_each(Test::grade);
    Ok(Analysis { source: path.display().to_string(), tests })
}
