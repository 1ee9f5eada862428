//! Why results cannot be analysed: where, what is there, and the way out.

use lb_results::ReadError;
use std::io;
use std::path::PathBuf;

/// What can be graded, for messages.
pub(super) const ACCEPTED: &str = "give a Locust `*_stats.csv` or a folder of them, a k6 summary (`--summary-export` \
or the data of `handleSummary`), an oha report (`--output-format json`), or a results folder of `bench`";

/// Why results cannot be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The path does not exist.
    #[error("`{}` does not exist; {ACCEPTED}", .path.display())]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The file or folder exists and cannot be read.
    #[error("failed to read `{}`: {source}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file or folder holds something other than the results of a load test.
    #[error("`{}` is {found}; {advice}", .path.display())]
    OtherKind {
        /// The file or folder.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What to give instead.
        advice: String,
    },
    /// A CSV does not have the columns or rows that it must have.
    #[error("`{}`, line {line}: {problem}; {advice}", .path.display())]
    BrokenCsv {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
        /// The way out.
        advice: &'static str,
    },
    /// A value of a CSV is invalid.
    #[error("`{}`, line {line}, column `{column}`: `{value}` is {problem}; {advice}", .path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Header of the column.
        column: String,
        /// The value as it is written.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
        /// The way out.
        advice: &'static str,
    },
    /// JSON of a known kind lacks something that it must have.
    #[error("`{}` is not a valid {kind}: {problem}; {advice}", .path.display())]
    BrokenJson {
        /// The file.
        path: PathBuf,
        /// The kind that it looks like, such as `oha report`.
        kind: &'static str,
        /// What is wrong, with the key.
        problem: String,
        /// The way out.
        advice: &'static str,
    },
    /// Results of `bench` cannot be read.
    #[error(transparent)]
    Results(#[from] ReadError),
}
