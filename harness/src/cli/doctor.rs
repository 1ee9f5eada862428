//! `bench doctor`: checks everything that a run needs.

use super::run::STOPPING;
use super::run_args::ConfigArgs;
use super::shared::{block_on, listen_saying, print, read_plan};
use crate::exit::{ExitCode, Failure};
use crate::experiment::{self, Ended};

pub(super) fn execute(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    block_on(async {
        let (_, plan) = read_plan(args)?;
        Ok(match experiment::doctor(&plan, &listen_saying(STOPPING), &mut |line| print(line)).await? {
            Ended::Complete => ExitCode::Ok,
            Ended::Interrupted => ExitCode::Interrupted,
            Ended::Failed(error) => return Err(error.into()),
        })
    })
}
