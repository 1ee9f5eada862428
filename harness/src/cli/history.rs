//! `bench history`, and runs that are recorded when they end (`--history`). Both start `bench-history`, a program of its own,
//! so that `bench` is built without a database.

use super::program::Program;
use super::run_args::RunArgs;
use crate::exit::{ExitCode, Failure};
use clap::Args;
use lb_core::plain;
use lb_core::secret::mask_passwords;
use lb_io::complain;
use lb_report::parts::command_line;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: Program = Program { name: "bench-history", package: "lb-history" };

/// The environment variable with which the program is told where the history is: a password has no place in the list of
/// processes.
const HISTORY: &str = "BENCH_HISTORY";

/// The words of `bench history`.
#[derive(Clone, Debug, Args)]
#[command(disable_help_flag = true)]
pub struct HistoryArgs {
    /// What `bench-history` is asked for, such as `list` or `changes`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    pub words: Vec<OsString>,
}

/// Hands over to the program, which replaces this process: its exit code is that of `bench`.
pub(super) fn execute(args: &HistoryArgs) -> Result<ExitCode, Failure> {
    PROGRAM.become_it(args.words.iter().cloned())
}

/// How a run is recorded when it has ended.
#[derive(Debug)]
pub(super) struct Recording {
    program: PathBuf,
    url: String,
    subject: Option<String>,
    is_required: bool,
}

impl Recording {
    /// Prepares what the flags of a run ask for, before anything is measured. `None` if the run is not recorded.
    ///
    /// # Errors
    /// There is no `bench-history`.
    pub(super) fn of(args: &RunArgs) -> Result<Option<Self>, Failure> {
        let Some(url) = &args.history else { return Ok(None) };
        let subject = args.subject.clone().or_else(commit);
        let program = PROGRAM.find()?;
        Ok(Some(Self { program, url: url.clone(), subject, is_required: args.history_required }))
    }

    /// Records the run in a results folder. A history that does not take it is a warning, and the exit code of the run stays
    /// `code`, unless the history is required.
    pub(super) fn record(&self, folder: &Path, quiet: bool, code: ExitCode) -> ExitCode {
        // Only a run that can be summarised can be recorded; why this one cannot was said.
        if !folder.join("summary.json").exists() {
            return code;
        }
        let problem = match self.import(folder) {
            Ok(output) if output.status.success() => {
                if !quiet {
                    lb_io::print(plain::lines(String::from_utf8_lossy(&output.stdout).trim_end()));
                }
                return code;
            }
            Ok(output) => {
                String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned()
            }
            Err(error) => format!("failed to start `{}`: {error}", self.program.display()),
        };
        complain(format_args!(
            "warning: the run was not recorded: {}\nits results are kept; this records them later:\n    {}",
            plain::lines(&problem),
            self.later(folder)
        ));
        if self.is_required && code == ExitCode::Ok { ExitCode::Preflight } else { code }
    }

    fn import(&self, folder: &Path) -> std::io::Result<Output> {
        let subject = self.subject.iter().map(|subject| format!("--subject={subject}"));
        let mut command = Command::new(&self.program);
        command.arg("import").args(subject).arg("--").arg(folder);
        command.env(HISTORY, &self.url).stdin(Stdio::null()).output()
    }

    /// Returns the command that records the run later.
    fn later(&self, folder: &Path) -> String {
        let subject = self.subject.iter().flat_map(|subject| ["--subject".to_owned(), subject.clone()]);
        let words = ["bench", "history", "import"].map(str::to_owned).into_iter().chain(subject);
        let url = mask_passwords(&self.url).into_owned();
        let rest = ["--history".to_owned(), url, folder.display().to_string()];
        command_line(&words.chain(rest).collect::<Vec<_>>())
    }
}

/// Returns the commit of the repository in which `bench` runs, marked if files differ from it. `None` without one.
fn commit() -> Option<String> {
    let words = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    let output = Command::new("git").args(words).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(said.trim().to_owned()).filter(|commit| !commit.is_empty())
}
