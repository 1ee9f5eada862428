//! The program `bench-history`, which alone knows databases: found, asked, and told.

use super::program::Program;
use crate::exit::Failure;
use serde::de::DeserializeOwned;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) const PROGRAM: Program = Program { name: "bench-history", package: "lb-history" };

/// The environment variable with which the program is told where the history is: a password has no place in the list of
/// processes.
pub(super) const HISTORY: &str = "BENCH_HISTORY";

/// Where a history is if nobody says.
pub(super) const DEFAULT_HISTORY: &str = "sqlite:results/history.db";

/// The exit code of the program for a mistake on its command line.
const USAGE: i32 = 2;

/// The program and a history.
#[derive(Clone, Debug)]
pub(super) struct HistoryProgram {
    program: PathBuf,
    url: String,
}

/// Why the program did not do what it was asked.
#[derive(Debug)]
pub(super) struct Refused {
    /// What it says.
    pub(super) said: String,
    /// Whether the history is named in a way that makes no sense.
    pub(super) is_usage: bool,
}

impl HistoryProgram {
    /// Finds the program, for this history.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn of(url: &str) -> Result<Self, Failure> {
        Ok(Self { program: PROGRAM.find()?, url: url.to_owned() })
    }

    /// Returns the history, with its password.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Gives it words, and returns what it prints.
    pub(super) fn tell<S: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = S>,
    ) -> Result<String, Refused> {
        let mut command = Command::new(&self.program);
        let output = command.args(words).env(HISTORY, &self.url).stdin(Stdio::null()).output();
        let output = output.map_err(|error| Refused {
            said: format!("failed to start `{}`: {error}", self.program.display()),
            is_usage: false,
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned();
        Err(Refused { said, is_usage: output.status.code() == Some(USAGE) })
    }

    /// Gives it words, and reads the JSON that it prints.
    pub(super) fn ask<T: DeserializeOwned>(&self, words: &[&str]) -> Result<T, Refused> {
        let text = self.tell(words)?;
        serde_json::from_str(&text).map_err(|error| Refused {
            said: format!(
                "`{}` printed something else than this version of `bench` expects ({error}); install both of one version",
                self.program.display()
            ),
            is_usage: false,
        })
    }

    /// Records the run in a results folder.
    pub(super) fn import(
        &self,
        folder: &Path,
        subject: Option<&str>,
        pending: bool,
    ) -> Result<String, Refused> {
        let mut words: Vec<OsString> = vec!["import".into()];
        words.extend(subject.map(|subject| OsString::from(format!("--subject={subject}"))));
        words.extend(pending.then(|| OsString::from("--pending")));
        words.extend([OsString::from("--"), folder.as_os_str().to_owned()]);
        self.tell(words)
    }
}
