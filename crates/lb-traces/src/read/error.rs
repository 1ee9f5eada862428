//! Why traces cannot be read: where, what is there, and the way out.

use std::io;
use std::path::PathBuf;

/// What is accepted, for messages.
pub(crate) const ACCEPTED: &str =
    "give a Parquet trace of `bench --traces` or a folder of them, or an `rl_experiences.jsonl`";

/// Why traces cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
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
    /// It is something else.
    #[error("`{}` is {found}; {ACCEPTED}", .path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// It calls itself Parquet and is none, or is cut off.
    #[error(
        "`{}` is not a Parquet file that can be read: {problem}; a trace that is still being written, or was cut off, has no footer: record again, or end the load balancer in good order",
        .path.display()
    )]
    NotParquet {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Columns that are needed are not there.
    #[error(
        "`{}` lacks {}; a trace has them: record with this version's `bench --traces`",
        .path.display(),
        quoted(.missing)
    )]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// Names of columns.
        missing: Vec<&'static str>,
    },
    /// Load balancers that have no backend in common.
    #[error(
        "the traces hold {} pools that have no backend in common ({}); name a backend of the one that is meant",
        .pools.len(),
        .pools.iter().map(|backends| backends.join(" ")).collect::<Vec<_>>().join("; ")
    )]
    SeveralPools {
        /// The backends of each.
        pools: Vec<Vec<String>>,
    },
    /// A backend that is in no trace.
    #[error("`{name}` is no backend of the traces; they hold {}", .known.join(", "))]
    UnknownBackend {
        /// As typed.
        name: String,
        /// All there are.
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
        /// Lines in all.
        lines: u64,
        /// The first, from 1.
        line: u64,
        /// What is wrong with it.
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
