//! What is wrong with a document, as one sentence with its place.

use lb_core::secret::mask_passwords;
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
    pub fn at(path: impl Into<String>, value: &Value, message: impl Into<String>) -> Self {
        Self { path: path.into(), value: Some(excerpt(value)), message: masked(message) }
    }

    /// Returns a problem with the key at `path` itself, or with something that is missing there.
    pub fn of_key(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), value: None, message: masked(message) }
    }

    /// Returns whether a flag is at fault rather than the config.
    pub fn is_of_flag(&self) -> bool {
        self.path.starts_with("--")
    }

    /// Returns whether this problem lies at, above or below `path`.
    pub fn touches(&self, path: &str) -> bool {
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
            Some(value) if self.is_of_flag() && value != "null" => {
                let typed = serde_json::from_str::<String>(value).unwrap_or_else(|_| value.clone());
                write!(f, "{} {typed}: {}", self.path, self.message)
            }
            Some(value) if !self.is_of_flag() => write!(f, "{} = {value}: {}", self.path, self.message),
            _ => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// Masks passwords of URLs in a message.
pub fn masked(message: impl Into<String>) -> String {
    mask_passwords(&message.into()).into_owned()
}

/// Formats a value as JSON, shortened to fit on a line, with passwords of URLs masked.
pub fn excerpt(value: &Value) -> String {
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

/// The most faults that a message lists.
const MOST_LISTED: usize = 100;

/// Lists problems below a heading such as `config x has 2 faults:`, one on each line. `who` begins the heading: `config x
/// has`.
pub fn list_problems(who: &str, problems: &[&Problem]) -> String {
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
