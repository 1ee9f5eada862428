//! What nightly jobs found of the runs, which decides what later nights are compared with.

use crate::error::HistoryError;
use crate::history::History;
use std::fmt;
use std::str::FromStr;

/// What a nightly job found of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judgement {
    /// Nobody judged it, or it had nothing to be held against: later nights may be compared with it.
    #[default]
    None,
    /// The job that recorded it did not come to an end.
    Pending,
    /// It is no worse than the run that it was compared with.
    Good,
    /// Something became worse, and that was confirmed.
    Worse,
    /// Something looked worse, and that was not confirmed.
    Unconfirmed,
    /// Somebody said that it is what later nights are held against, whatever was found.
    Accepted,
}

impl Judgement {
    const ALL: [Self; 6] =
        [Self::None, Self::Pending, Self::Good, Self::Worse, Self::Unconfirmed, Self::Accepted];

    /// Returns the word in the database; empty for none.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Pending => "pending",
            Self::Good => "good",
            Self::Worse => "worse",
            Self::Unconfirmed => "unconfirmed",
            Self::Accepted => "accepted",
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::None { "none" } else { self.word() })
    }
}

impl FromStr for Judgement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.to_string() == text);
        found.ok_or_else(|| {
            let names: Vec<String> = Self::ALL.iter().map(|known| format!("`{known}`")).collect();
            format!("`{text}` is not a judgement; use one of {}", names.join(", "))
        })
    }
}

impl History {
    /// Keeps what was found of a run: `findings` is a JSON array of what became worse.
    ///
    /// # Errors
    /// There is no such run, or the database does not take it.
    pub fn judge(&mut self, run_id: &str, judgement: Judgement, findings: &str) -> Result<(), HistoryError> {
        let sql = "UPDATE bench_runs SET verdict = $1, findings = $2 WHERE run_id = $3";
        match self.change(sql, &[judgement.word().into(), findings.into(), run_id.into()])? {
            0 => Err(HistoryError::NoRun { history: self.name().to_owned(), run_id: run_id.to_owned() }),
            _ => Ok(()),
        }
    }
}
