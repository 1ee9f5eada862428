//! The flags of `bench nightly`.

use crate::cli::RunArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::anyhow;
use clap::Args;
use std::path::PathBuf;

/// The flags of `bench nightly`.
#[derive(Clone, Debug, Args)]
pub struct NightlyArgs {
    /// The run of this night, as for a plain run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Judge the run in this results folder, in place of running one.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "config"], help_heading = "Nightly")]
    pub from: Option<PathBuf>,
    /// With `--from`: a second run of the same night, which may confirm the first.
    #[arg(long, value_name = "DIR", requires = "from", help_heading = "Nightly")]
    pub again: Option<PathBuf>,
    /// Make no A/A run, even if the last one is older than a week.
    #[arg(long, help_heading = "Nightly")]
    pub no_aa: bool,
    /// Send the result as JSON to this address.
    ///
    /// By `POST`, with the content of nightly.json (docs/schema/nightly.schema.json). An address that does not take it within ten
    /// seconds costs a warning.
    #[arg(long, value_name = "URL", help_heading = "Nightly")]
    pub webhook: Option<String>,
}

/// The flags above, with whether each has a value.
pub(super) const OWN_FLAGS: [(&str, bool); 4] =
    [("--from", true), ("--again", true), ("--no-aa", false), ("--webhook", true)];

impl NightlyArgs {
    /// Refuses flags of a run that a night has no use for.
    pub(super) fn refuse(&self) -> Result<(), Failure> {
        let run = &self.run;
        let refused = [
            (
                "--resume",
                run.resume.is_some(),
                "a night is a new run; resume the run by itself, and judge it with --from",
            ),
            ("--max-rate", run.max_rate.is_some(), "a search for rates has no trials to compare"),
            ("--steer", run.steer, "a night is watched by nobody"),
        ];
        match refused.into_iter().find(|(_, is_given, _)| *is_given) {
            Some((flag, _, why)) => Err(anyhow!("{flag}: {why}")).or_exit(ExitCode::Usage),
            None => Ok(()),
        }
    }
}
