//! `bench algorithms`: prints the table of algorithms.

use super::shared::print;
use crate::exit::{ExitCode, Failure};
use crate::show::render_algorithms;
use lb_core::Algorithm;

pub(super) fn execute() -> Result<ExitCode, Failure> {
    print(&render_algorithms(Algorithm::table()));
    Ok(ExitCode::Ok)
}
