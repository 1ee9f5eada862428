//! Errors of an analysis. Each message names the place, the problem and the way out.

use lb_results::ReadError;
use std::io;
use std::path::PathBuf;

/// The accepted inputs, as listed in messages.
pub(crate) const ACCEPTED: &str = "give results of Locust (`--csv`, `--json`), k6 (summary, `--out csv` or `json`), \
JMeter (JTL), Gatling (`stats.json`, `simulation.log` as text), Vegeta, wrk, wrk2, hey, oha, ab, bombardier, autocannon, \
Artillery, Fortio, Nighthawk or `bench`, or a folder of such files; the kind is told from the content";

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
    /// Two folders or files hold no tests that belong together.
    #[error("`{baseline}` and `{improved}` hold no tests that can be paired: {problem}; {advice}")]
    NoPair {
        /// Path of the first one.
        baseline: String,
        /// Path of the second one.
        improved: String,
        /// What each of them holds.
        problem: String,
        /// What to give instead.
        advice: &'static str,
    },
    /// Results of `bench` cannot be read.
    #[error(transparent)]
    Results(#[from] ReadError),
}
