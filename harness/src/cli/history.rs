//! `bench history`, and runs that are recorded when they end (`--history`). Both start `bench-history`, a program of its own,
//! so that `bench` is built without a database.

use super::history_program::{HistoryProgram, PROGRAM};
use super::run_args::RunArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::anyhow;
use clap::Args;
use lb_core::plain;
use lb_core::secret::mask_passwords;
use lb_io::complain;
use lb_report::parts::command_line;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// `bench trend`: hands over to the program's command of that name.
pub(super) fn execute_trend(args: &HistoryArgs) -> Result<ExitCode, Failure> {
    PROGRAM.become_it([OsString::from("trend")].into_iter().chain(args.words.iter().cloned()))
}

/// Refuses what only a history can keep, where there is none.
pub(super) fn refuse_without_history(args: &RunArgs) -> Result<(), Failure> {
    let flag = match args {
        RunArgs { history: Some(_), .. } => return Ok(()),
        RunArgs { subject: Some(_), .. } => "--subject",
        RunArgs { history_required: true, .. } => "--history-required",
        _ => return Ok(()),
    };
    Err(anyhow!("{flag} is about a history, and none is named; add --history")).or_exit(ExitCode::Usage)
}

/// How a run is recorded when it has ended.
#[derive(Debug)]
pub(super) struct Recording {
    history: HistoryProgram,
    subject: Option<String>,
    is_required: bool,
}

impl Recording {
    /// Prepares what the flags of a run ask for, before anything is measured. `None` if the run is not recorded.
    ///
    /// # Errors
    /// There is no `bench-history`.
    pub(super) fn of(args: &RunArgs) -> Result<Option<Self>, Failure> {
        refuse_without_history(args)?;
        let Some(url) = &args.history else { return Ok(None) };
        let subject = args.subject.clone().or_else(commit);
        Ok(Some(Self { history: HistoryProgram::of(url)?, subject, is_required: args.history_required }))
    }

    /// Records the run in a results folder. A history that does not take it is a warning, and the exit code of the run stays
    /// `code`, unless the history is required.
    pub(super) fn record(&self, folder: &Path, quiet: bool, code: ExitCode) -> ExitCode {
        // Only a run that can be summarised can be recorded; why this one cannot was said.
        if !folder.join("summary.json").exists() {
            return code;
        }
        let problem = match self.history.import(folder, self.subject.as_deref(), false) {
            Ok(said) => {
                if !quiet {
                    lb_io::print(plain::lines(&said));
                }
                return code;
            }
            Err(refused) => refused.said,
        };
        complain(format_args!(
            "warning: the run was not recorded: {}\nits results are kept; this records them later:\n    {}",
            plain::lines(&problem),
            later(self.history.url(), self.subject.as_deref(), folder)
        ));
        if self.is_required && code == ExitCode::Ok { ExitCode::Preflight } else { code }
    }
}

/// Returns the command that records the run in a folder later.
pub(super) fn later(url: &str, subject: Option<&str>, folder: &Path) -> String {
    let subject = subject.into_iter().flat_map(|subject| ["--subject", subject]);
    let url = mask_passwords(url);
    let folder = folder.display().to_string();
    let words = ["bench", "history", "import"].into_iter().chain(subject);
    command_line(&words.chain(["--history", &url, &folder]).map(str::to_owned).collect::<Vec<_>>())
}

/// Returns the commit of the repository in which `bench` runs, marked if files differ from it. `None` without one.
pub(super) fn commit() -> Option<String> {
    let words = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    let output = Command::new("git").args(words).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(said.trim().to_owned()).filter(|commit| !commit.is_empty())
}
