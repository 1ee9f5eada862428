//! Why results cannot be analysed: where, what is there, and the way out.

use lb_results::ReadError;
use std::io;
use std::path::PathBuf;

/// What is accepted, for messages.
pub(super) const ACCEPTED: &str = "give a Locust `*_stats.csv` or a folder of them, a k6 summary (`--summary-export` \
or the data of `handleSummary`), an oha report (`--output-format json`), or a results folder of `bench`";

/// Why results cannot be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// It is not there.
    #[error("`{}` does not exist; {ACCEPTED}", .path.display())]
    NotFound {
        /// What was given.
        path: PathBuf,
    },
    /// It is there and cannot be read.
    #[error("failed to read `{}`: {source}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("`{}` is {found}; {advice}", .path.display())]
    OtherKind {
        /// The file or folder.
        path: PathBuf,
        /// What it is.
        found: String,
        /// The way out.
        advice: String,
    },
    /// A CSV has no such shape.
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
    /// A value of a CSV is none.
    #[error("`{}`, line {line}, column `{column}`: `{value}` is {problem}; {advice}", .path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Header of the column.
        column: String,
        /// As written.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
        /// The way out.
        advice: &'static str,
    },
    /// JSON of a known kind that lacks what it must have.
    #[error("`{}` is no {kind} that can be read: {problem}; {advice}", .path.display())]
    BrokenJson {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        kind: &'static str,
        /// What is wrong, with the key.
        problem: String,
        /// The way out.
        advice: &'static str,
    },
    /// Results of `bench` that cannot be read.
    #[error(transparent)]
    Results(#[from] ReadError),
}
