//! What an import made, found and left out, for its reader.

use std::collections::BTreeMap;
use std::fmt;

/// What an import made, found and left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The format of the file, such as `HAR`.
    pub format: String,
    /// Number of actions.
    pub actions: usize,
    /// Number of requests in them.
    pub steps: usize,
    /// The address that requests are sent to; `None` if the file names none.
    pub address: Option<String>,
    /// Values that are taken from replies: from where, and to where.
    pub captures: Vec<String>,
    /// Passwords and keys, and what became of them.
    pub secrets: Vec<String>,
    /// What was left out, with the reason and how often.
    pub(crate) left_out: BTreeMap<String, usize>,
    /// What else the reader must know.
    pub notes: Vec<String>,
}

/// The most lines of a kind that are printed.
const MOST_LINES: usize = 20;

impl Report {
    /// Counts something that was left out. `what` has the plural and the reason, such as `requests that failed`.
    pub(crate) fn leave_out(&mut self, what: impl Into<String>) {
        *self.left_out.entry(what.into()).or_default() += 1;
    }

    /// Adds a note, once.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns what was left out, one line for each reason.
    pub fn left_out(&self) -> Vec<String> {
        let line = |(what, count): (&String, &usize)| match what.starts_with("operation ") {
            true => what.clone(),
            false => format!("{what}: {count}"),
        };
        self.left_out.iter().map(line).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        let (actions, steps) = (plural(self.actions, "action"), plural(self.steps, "request"));
        write!(f, "{}: {actions} with {steps}", self.format)?;
        if let Some(address) = &self.address {
            write!(f, ", sent to {address}")?;
        }
        for (title, lines) in [
            ("captured", &self.captures),
            ("secrets", &self.secrets),
            ("left out", &self.left_out()),
            ("notes", &self.notes),
        ] {
            if lines.is_empty() {
                continue;
            }
            write!(f, "\n{title}:")?;
            for line in lines.iter().take(MOST_LINES) {
                write!(f, "\n  {line}")?;
            }
            if lines.len() > MOST_LINES {
                write!(f, "\n  and {} more", lines.len() - MOST_LINES)?;
            }
        }
        Ok(())
    }
}
