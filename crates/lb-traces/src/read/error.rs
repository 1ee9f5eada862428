//! Why traces cannot be read: where, what is there, and the way out.

use std::io;
use std::path::PathBuf;

/// What is accepted, for messages.
pub(crate) const ACCEPTED: &str =
    "give a Parquet trace of `bench --traces` or a folder of them, or an `rl_experiences.jsonl`";

/// Why traces cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The path does not exist.
    #[error("`{}` does not exist; {ACCEPTED}", .path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("failed to read `{}`: {source}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file without a byte, or without a row.
    #[error("`{}` is empty; was there any traffic, and was tracing on? Record with `bench --traces`", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A folder without traces.
    #[error("folder `{}` holds no trace; {ACCEPTED}", .path.display())]
    NothingFound {
        /// The folder.
        path: PathBuf,
    },
    /// The file has another format.
    #[error("`{}` is {found}; {ACCEPTED}", .path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What the file is instead, as in "is {found}".
        found: String,
    },
    /// The file is called Parquet and is not, or it was cut off.
    #[error(
        "`{}` is not a Parquet file that can be read: {problem}; a trace that is still being written, or was cut off, has no footer: record again, or end the load balancer in good order",
        .path.display()
    )]
    NotParquet {
        /// The file.
        path: PathBuf,
        /// The error of the decoder.
        problem: String,
    },
    /// Columns that are needed are missing.
    #[error(
        "`{}` lacks {}; a trace has them: record with this version's `bench --traces`",
        .path.display(),
        quoted(.missing)
    )]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// The names of the missing columns.
        missing: Vec<&'static str>,
    },
    /// Load balancers that have no backend in common.
    #[error(
        "the traces hold {} pools that have no backend in common ({}); name a backend of the one that is meant",
        .pools.len(),
        .pools.iter().map(|backends| backends.join(" ")).collect::<Vec<_>>().join("; ")
    )]
    SeveralPools {
        /// The backends of each pool.
        pools: Vec<Vec<String>>,
    },
    /// A backend that is in no trace.
    #[error("`{name}` is not a backend of the traces; they hold {}", .known.join(", "))]
    UnknownBackend {
        /// The backend as typed.
        name: String,
        /// The backends that the traces hold.
        known: Vec<String>,
    },
    /// Files of both formats at once.
    #[error("folder `{}` holds both Parquet traces and JSON lines; give one file, or one kind in a folder", .path.display())]
    Mixed {
        /// The folder.
        path: PathBuf,
    },
    /// No line can be read.
    #[error("none of the {lines} lines of `{}` is an experience; line {line}: {problem}", .path.display())]
    AllMalformed {
        /// The file.
        path: PathBuf,
        /// How many lines the file has.
        lines: u64,
        /// The number of the first one, from 1.
        line: u64,
        /// What is wrong with that line.
        problem: String,
    },
}

fn quoted(names: &[&str]) -> String {
    let (noun, names): (_, Vec<String>) = (
        if names.len() == 1 { "column" } else { "columns" },
        names.iter().map(|name| format!("`{name}`")).collect(),
    );
    format!("{noun} {}", names.join(", "))
}
