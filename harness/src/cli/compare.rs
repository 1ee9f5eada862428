//! `bench compare`: compares two runs of the same experiment.

use super::args::CompareArgs;
use super::shared::{print, write_json};
use crate::exit::{ExitCode, Failure, OrExit};
use lb_analysis::CompareOptions;
use lb_analysis::runs::{FolderVerdict, compare_folders, render};

pub(super) fn execute(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let options = CompareOptions { margin: args.margin, ..CompareOptions::default() };
    let comparison = compare_folders(&args.base, &args.new, &options).or_exit(ExitCode::Usage)?;
    print(&render(&comparison));
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    Ok(if comparison.verdict == FolderVerdict::Regression { ExitCode::Regression } else { ExitCode::Ok })
}
