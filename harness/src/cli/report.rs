//! `bench report`: reports of a run that is finished.

use super::args::ReportArgs;
use super::shared::print;
use crate::exit::{ExitCode, Failure, OrExit};
use lb_report::write_reports;
use lb_results::{ResultsFolder, read_summary};

pub(super) fn execute(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let summary = read_summary(&args.folder).or_exit(ExitCode::Usage)?;
    let folder = ResultsFolder::create(&args.folder).or_exit(ExitCode::Preflight)?;
    for report in write_reports(&folder, &summary, &args.report).or_exit(ExitCode::Preflight)? {
        print(&format!("report: {}", report.display()));
    }
    Ok(ExitCode::Ok)
}
