//! `bench report`: writes reports of a finished or interrupted run.

use super::args::ReportArgs;
use super::recover::recover;
use super::serve_load;
use super::shared::{print, print_more};
use crate::continuous::read_document;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::RunFile;
use lb_report::{Detail, render_summary, write_reports};
use lb_results::{ReadError, ResultsFolder, read_summary};

pub(super) fn execute(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let summary = match read_summary(&args.folder) {
        Err(missing @ ReadError::NotFound { .. }) => {
            if let Some(document) = read_document(&args.folder).or_exit(ExitCode::Usage)? {
                return serve_load::report(args, &document);
            }
            let file = RunFile::read(&args.folder).or_exit(ExitCode::Usage)?;
            return recover(args, &file.ok_or(missing).or_exit(ExitCode::Usage)?);
        }
        summary => summary.or_exit(ExitCode::Usage)?,
    };
    let folder = ResultsFolder::create(&args.folder).or_exit(ExitCode::Preflight)?;
    if args.verbose {
        print(render_summary(&summary, Detail::Full).trim_end());
    }
    print_more(&summary, args.stats, args.grades);
    for report in write_reports(&folder, &summary, &args.report).or_exit(ExitCode::Preflight)? {
        print(&format!("report: {}", report.display()));
    }
    Ok(ExitCode::Ok)
}
