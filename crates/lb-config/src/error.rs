//! Problems of a config, and notes about a config that is valid.
//!
//! Problems are collected, not thrown: a user who mistyped three keys learns of all three at once.
//! Each gives its key path, the value found there, and the limit or the fix.

use lb_core::secret::mask_passwords;
use serde::Serialize;
use serde_json::Value;
use std::fmt::{self, Write as _};

/// One problem: where it is, the value found there, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Key path such as `scenarios[0].concurrent_users`, or a flag such as `--users`.
    pub path: String,
    /// The value found there as JSON, shortened; `None` if the key itself is the problem.
    pub value: Option<String>,
    /// The limit that is exceeded, or how to fix the problem.
    pub message: String,
}

impl Problem {
    /// Returns a problem with the value at `path`.
    pub(super) fn at(path: impl Into<String>, value: &Value, message: impl Into<String>) -> Self {
        Self { path: path.into(), value: Some(excerpt(value)), message: masked(message) }
    }

    /// Returns a problem with the key at `path` itself, or with something that is missing there.
    pub(super) fn of_key(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), value: None, message: masked(message) }
    }

    /// Returns whether a flag is at fault rather than the config.
    fn of_flag(&self) -> bool {
        self.path.starts_with("--")
    }

    /// Returns whether this problem lies at, above or below `path`.
    pub(super) fn touches(&self, path: &str) -> bool {
        let (short, long) = if self.path.len() < path.len() {
            (self.path.as_str(), path)
        } else {
            (path, self.path.as_str())
        };
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) if self.of_flag() && value != "null" => {
                let typed = serde_json::from_str::<String>(value).unwrap_or_else(|_| value.clone());
                write!(f, "{} {typed}: {}", self.path, self.message)
            }
            Some(value) if !self.of_flag() => write!(f, "{} = {value}: {}", self.path, self.message),
            _ => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// Masks passwords of URLs in a message.
fn masked(message: impl Into<String>) -> String {
    mask_passwords(&message.into()).into_owned()
}

/// Formats a value as JSON, shortened to fit on a line, with passwords of URLs masked.
pub(super) fn excerpt(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value.as_f64().filter(|_| value.is_f64()) {
        // Writes 180, not 180.0, as people do.
        Some(number) => number.to_string(),
        None => masked(value.to_string()),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

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
    let (flags, config): (Vec<&Problem>, Vec<&Problem>) = problems.iter().partition(|one| one.of_flag());
    match (flags.as_slice(), config.as_slice()) {
        ([one], []) => one.to_string(),
        (flags, []) => headed("the flags have", flags),
        ([], config) => headed(&format!("config `{name}` has"), config),
        (flags, config) => {
            format!(
                "{}\n{}",
                headed("the flags have", flags),
                headed(&format!("config `{name}` has"), config)
            )
        }
    }
}

/// The most faults that a message lists.
const MOST_LISTED: usize = 100;

fn headed(who: &str, problems: &[&Problem]) -> String {
    let count = problems.len();
    let mut text = format!("{who} {count} fault{}:", if count == 1 { "" } else { "s" });
    for problem in problems.iter().take(MOST_LISTED) {
        text.push_str("\n  ");
        text.push_str(&problem.to_string());
    }
    if count > MOST_LISTED {
        let _ = write!(text, "\n  and {} more", count - MOST_LISTED);
    }
    text
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
