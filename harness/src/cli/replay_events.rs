//! `bench replay-events`: prints the output of a run again.

use super::args::ReplayEventsArgs;
use super::shared::detail;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::Event;
use crate::show::{Progress, replay};
use lb_core::plain;
use lb_io::complain;

pub(super) fn execute(args: &ReplayEventsArgs) -> Result<ExitCode, Failure> {
    let progress = Progress::new(args.quiet, detail(args.verbose));
    match replay(&args.file, &progress).or_exit(ExitCode::Usage)? {
        Some(Event::RunFinished { error: Some(error), .. }) => {
            complain(format_args!("error: {}", plain::lines(&error)))
        }
        Some(_) => {}
        None => complain("note: the events end before the run does"),
    }
    Ok(ExitCode::Ok)
}
