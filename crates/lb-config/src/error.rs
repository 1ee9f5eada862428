//! Problems of a config, and notes about a config that is valid.
//!
//! Problems are collected, not thrown: a user who mistyped three keys learns of all three at once.
//! Each gives its key path, the value found there, and the limit or the fix.

pub use lb_document::Problem;
use lb_document::{excerpt, list_problems, masked};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The reason why a plan cannot be built. Every variant is an error in the config or the flags (exit code 2).
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is neither a file nor a bundled config with that name.
    #[error("no config `{name}`{hint}: no such file, and no bundled config of that name; bundled: {bundled}")]
    NotFound {
        /// The name of the config, as typed.
        name: String,
        /// A suggestion such as `` (did you mean `x`?)``; empty if no bundled config has a similar name.
        hint: String,
        /// Names of the bundled configs.
        bundled: String,
    },
    /// The file exists but cannot be read.
    #[error("failed to read config `{name}`: {source}")]
    Unreadable {
        /// The name of the config, as typed.
        name: String,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The text is not JSON.
    #[error("config `{name}` {problem}")]
    Syntax {
        /// The name of the config, as typed.
        name: String,
        /// What is wrong, with line and column, and how to fix it.
        problem: String,
    },
    /// The text is JSON, but not a config of a known shape.
    #[error("config `{name}`: {problem}")]
    Unsupported {
        /// The name of the config, as typed.
        name: String,
        /// What is wrong with the text, and how to fix it.
        problem: String,
    },
    /// The config or the flags are invalid.
    #[error("{}", listed(.name, .problems))]
    Invalid {
        /// The name of the config, as typed.
        name: String,
        /// All problems; at least one.
        problems: Vec<Problem>,
    },
}

/// Lists the faults of the flags and the faults of the config under separate headings. A single fault of a
/// flag has no heading.
fn listed(name: &str, problems: &[Problem]) -> String {
    let (flags, config): (Vec<&Problem>, Vec<&Problem>) = problems.iter().partition(|one| one.is_of_flag());
    match (flags.as_slice(), config.as_slice()) {
        ([one], []) => one.to_string(),
        (flags, []) => list_problems("the flags have", flags),
        ([], config) => list_problems(&format!("config `{name}` has"), config),
        (flags, config) => {
            format!(
                "{}\n{}",
                list_problems("the flags have", flags),
                list_problems(&format!("config `{name}` has"), config)
            )
        }
    }
}

/// A setting of a valid config that is ignored or changed, or is otherwise worth reporting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The key path of the first place with this note.
    pub key_path: String,
    /// The value there as JSON, shortened.
    pub value: String,
    /// What `bench` does instead, and why.
    pub message: String,
    /// The number of further places with the same note.
    pub more_places: usize,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.key_path, self.value, self.message)?;
        match self.more_places {
            0 => Ok(()),
            1 => write!(f, " (also in 1 more place)"),
            more => write!(f, " (also in {more} more places)"),
        }
    }
}

/// Collects problems and notes while a plan is built.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    notes: Vec<Note>,
}

impl Findings {
    /// Adds a problem.
    pub(super) fn problem(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Adds a problem with the value at `path`.
    pub(super) fn wrong(&mut self, path: &str, value: impl Into<Value>, message: impl Into<String>) {
        self.problem(Problem::at(path, &value.into(), message));
    }

    /// Adds a note. Notes with the same key and message are counted, not repeated.
    pub(super) fn note(&mut self, path: &str, value: impl Into<Value>, message: impl Into<String>) {
        let message = masked(message);
        let leaf = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
        let same = |note: &&mut Note| leaf(&note.key_path) == leaf(path) && note.message == message;
        if let Some(note) = self.notes.iter_mut().find(same) {
            note.more_places += usize::from(note.key_path != path);
            return;
        }
        let value = excerpt(&value.into());
        self.notes.push(Note { key_path: path.to_owned(), value, message, more_places: 0 });
    }

    /// Returns whether any problem was added.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Returns the problems and notes.
    pub(super) fn into_parts(self) -> (Vec<Problem>, Vec<Note>) {
        (self.problems, self.notes)
    }
}
