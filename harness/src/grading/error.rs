//! Errors of an analysis. Each message names the place, the problem and the way out.

use lb_results::ReadError;
use std::io;
use std::path::PathBuf;

/// The accepted inputs, as listed in messages.
pub(super) const ACCEPTED: &str = "give a Locust `*_stats.csv` or a folder of them, a k6 summary (`--summary-export` \
or the data of `handleSummary`), an oha report (`--output-format json`), or a results folder from `bench`";

/// Error that keeps results from being analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The path does not exist.
    #[error("`{}` does not exist; {ACCEPTED}", .path.display())]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The file or folder exists but cannot be read.
    #[error("failed to read `{}`: {source}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The file or folder holds something other than the results of a load test.
    #[error("`{}` is {found}; {advice}", .path.display())]
    OtherKind {
        /// The file or folder.
        path: PathBuf,
        /// What the file or folder holds.
        found: String,
        /// What to give instead.
        advice: String,
    },
    /// A CSV file lacks columns or rows that are required.
    #[error("`{}`, line {line}: {problem}; {advice}", .path.display())]
    BrokenCsv {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// Description of the problem.
        problem: String,
        /// How to fix the problem.
        advice: &'static str,
    },
    /// A value in a CSV file is invalid.
    #[error("`{}`, line {line}, column `{column}`: `{value}` is {problem}; {advice}", .path.display())]
    BadValue {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The value as written in the file.
        value: String,
        /// What is wrong with the value.
        problem: &'static str,
        /// How to fix the problem.
        advice: &'static str,
    },
    /// JSON of a known kind lacks data that is required.
    #[error("`{}` is not a valid {kind}: {problem}; {advice}", .path.display())]
    BrokenJson {
        /// Path of the file.
        path: PathBuf,
        /// The kind that was recognised, such as `oha report`.
        kind: &'static str,
        /// Description of the problem, with the key.
        problem: String,
        /// How to fix the problem.
        advice: &'static str,
    },
    /// Results of `bench` cannot be read.
    #[error(transparent)]
    Results(#[from] ReadError),
}
