//! `bench doctor`: is everything there that a run needs?

use super::args::ConfigArgs;
use super::shared::{block_on, print, read_plan};
use crate::exit::{ExitCode, Failure};
use crate::experiment::{self, Interrupt};

pub(super) fn execute(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    block_on(async {
        let (_, plan) = read_plan(args)?;
        let interrupt = Interrupt::listen();
        experiment::doctor(&plan, &interrupt, &mut |line| print(line)).await
    })
}
