//! What can go wrong with a history, in words that say what to do.

use lb_results::{HistogramsError, ReadError};
use std::time::Duration;

/// Why something could not be done with a history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The text is not the place of a history.
    #[error("`{text}` names no history; use `{instead}` or `postgres://USER@HOST/DATABASE`")]
    Url {
        /// The text, without passwords.
        text: String,
        /// What was perhaps meant.
        instead: String,
    },
    /// There is no such file.
    #[error("there is no history at `{history}`; `bench-history import DIR --history {history}` makes one")]
    Missing {
        /// The history.
        history: String,
    },
    /// A newer version wrote it.
    #[error(
        "history `{history}` has schema version {found}, and this `bench-history` knows versions up to {known}; use the version \
         that wrote it, or a newer one"
    )]
    Newer {
        /// The history.
        history: String,
        /// Its version.
        found: i64,
        /// The highest version that is known.
        known: i64,
    },
    /// There is no run of this name.
    #[error("history `{history}` has no run `{run_id}`; `bench-history list` lists its runs")]
    NoRun {
        /// The history.
        history: String,
        /// The name that was given.
        run_id: String,
    },
    /// The database did not do what it was asked.
    #[error("history `{history}` {trouble}")]
    Database {
        /// The history.
        history: String,
        /// What the trouble is.
        trouble: Trouble,
    },
    /// A results folder cannot be read.
    #[error(transparent)]
    Results(#[from] ReadError),
    /// The histograms of a results folder cannot be read.
    #[error(transparent)]
    Histograms(#[from] HistogramsError),
    /// A results folder says something that cannot be recorded.
    #[error("{problem}")]
    Unusable {
        /// What it is.
        problem: String,
    },
    /// A file could not be written.
    #[error("failed to write `{path}`: {problem}; give another path")]
    Output {
        /// The path.
        path: String,
        /// What the system says.
        problem: String,
    },
}

/// What is wrong with a database. Each is a phrase that follows the name of a history.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// The file is something else.
    #[error("is not a database; give another path, or move the file away")]
    NotADatabase,
    /// Another program holds a lock.
    #[error("is locked by another program, and was for {}; try again, or wait longer with --wait", in_words(.0))]
    Locked(Duration),
    /// There is no room.
    #[error("cannot grow: the disk is full; free some space and repeat the command")]
    Full,
    /// It must not be written.
    #[error("cannot be written: it is read-only; check its permissions")]
    ReadOnly,
    /// The server cannot be reached.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The server refused the user or the database.
    #[error("refused: {0}")]
    Refused(String),
    /// The connection ended in the middle.
    #[error("went away: {0}; nothing of this transaction was kept, so repeat the command")]
    Gone(String),
    /// The server ended a statement that took too long.
    #[error(
        "took longer than {} over a statement, which the server ended; nothing of this transaction was kept, so repeat the command \
         when the server has less to do",
        in_words(.0)
    )]
    Slow(Duration),
    /// The server said nothing for too long.
    #[error(
        "did not answer for {}, although the connection stands; nothing of this transaction was kept, so repeat the command when \
         the server works again",
        in_words(.0)
    )]
    Silent(Duration),
    /// Anything else, in the database's words.
    #[error("failed: {0}")]
    Other(String),
}

fn in_words(time: &Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
