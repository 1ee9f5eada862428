//! `bench replay-events`: prints what a run printed.

use super::args::ReplayEventsArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::Event;
use crate::show::{Progress, replay};

pub(super) fn execute(args: &ReplayEventsArgs) -> Result<ExitCode, Failure> {
    let progress = Progress::new(args.quiet);
    match replay(&args.file, &progress).or_exit(ExitCode::Usage)? {
        Some(Event::RunFinished { error: Some(error), .. }) => eprintln!("error: {error}"),
        Some(_) => {}
        None => eprintln!("note: the events end before the run does"),
    }
    Ok(ExitCode::Ok)
}
