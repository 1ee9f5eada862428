//! `bench aa`: compares one algorithm with itself, under two labels.

use super::args::AaArgs;
use super::run::run;
use super::shared::block_on;
use crate::exit::{ExitCode, Failure};
use crate::experiment::Mode;

pub(super) fn execute(args: &AaArgs) -> Result<ExitCode, Failure> {
    block_on(run(&args.run, Mode::Aa))
}
