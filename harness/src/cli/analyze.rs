//! `bench analyze`: grades the results of several tools.

use super::args::AnalyzeArgs;
use super::shared::{print, write_json};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::grading;

pub(super) fn execute(args: &AnalyzeArgs) -> Result<ExitCode, Failure> {
    let analysis = grading::analyze(&args.path).or_exit(ExitCode::Usage)?;
    print(&grading::render(&analysis));
    if let Some(path) = &args.json {
        write_json(path, &analysis.document(jiff::Timestamp::now()))?;
    }
    Ok(ExitCode::Ok)
}
