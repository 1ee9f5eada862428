//! Errors from reading traces. Each message names the path, the problem, and the fix.

use std::io;
use std::path::PathBuf;

/// The accepted inputs, as a phrase for messages.
pub(crate) const ACCEPTED: &str =
    "give a Parquet trace from `bench --traces` or a folder of them, or an `rl_experiences.jsonl`";

/// Reasons why traces cannot be read.
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
        /// The I/O error.
        source: io::Error,
    },
    /// The file is empty or has no rows.
    #[error("`{}` is empty; check that there was traffic, and record again with `bench --traces`", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The folder contains no traces.
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
    /// The file cannot be read as Parquet despite its name, for example because it was cut off.
    #[error(
        "`{}` is not a Parquet file that can be read: {problem}; a trace that is still being written, or was cut off, has no footer: shut the load balancer down cleanly, or record the trace again",
        .path.display()
    )]
    NotParquet {
        /// The file.
        path: PathBuf,
        /// The error of the decoder.
        problem: String,
    },
    /// The file lacks required columns.
    #[error(
        "`{}` lacks {}; record a trace with this version's `bench --traces`",
        .path.display(),
        quoted(.missing)
    )]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// The names of the missing columns.
        missing: Vec<&'static str>,
    },
    /// The traces come from load balancers without a common backend.
    #[error(
        "the traces hold {} pools that have no backend in common ({}); name a backend of the pool to read",
        .pools.len(),
        .pools.iter().map(|backends| backends.join(" ")).collect::<Vec<_>>().join("; ")
    )]
    SeveralPools {
        /// The backends of each pool.
        pools: Vec<Vec<String>>,
    },
    /// The named backend is in none of the traces.
    #[error("`{name}` is not a backend of the traces; they hold {}", .known.join(", "))]
    UnknownBackend {
        /// The backend as typed.
        name: String,
        /// The backends in the traces.
        known: Vec<String>,
    },
    /// The folder contains files of both formats.
    #[error("folder `{}` holds both Parquet traces and JSON lines; give one file, or one kind in a folder", .path.display())]
    Mixed {
        /// The folder.
        path: PathBuf,
    },
    /// None of the lines is valid.
    #[error("none of the {lines} lines of `{}` is an experience; line {line}: {problem}", .path.display())]
    AllMalformed {
        /// The file.
        path: PathBuf,
        /// How many lines the file has.
        lines: u64,
        /// The number of the first malformed line, from 1.
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
