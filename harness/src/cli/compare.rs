//! `bench compare`: compares two runs of the same experiment, or two loads without end.

use super::args::CompareArgs;
use super::shared::{print, write_json};
use crate::continuous;
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::anyhow;
use lb_analysis::CompareOptions;
use lb_analysis::runs::{FolderVerdict, compare_folders, render};
use lb_continuous::Finding;

pub(super) fn execute(args: &CompareArgs) -> Result<ExitCode, Failure> {
    match [&args.base, &args.new].map(|folder| continuous::is_load(folder)) {
        [true, true] => compare_loads(args),
        [false, false] => compare_runs(args),
        [base_is_load, _] => {
            let (load, other) = if base_is_load { (&args.base, &args.new) } else { (&args.new, &args.base) };
            let problem = format!(
                "`{}` holds a load without end and `{}` does not; compare two experiments, or two loads",
                load.display(),
                other.display()
            );
            Err(anyhow!(problem)).or_exit(ExitCode::Usage)
        }
    }
}

fn compare_runs(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let options = CompareOptions { margin: args.margin, ..CompareOptions::default() };
    let comparison = compare_folders(&args.base, &args.new, &options).or_exit(ExitCode::Usage)?;
    print(&render(&comparison));
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    Ok(if comparison.verdict == FolderVerdict::Regression { ExitCode::Regression } else { ExitCode::Ok })
}

fn compare_loads(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let comparison =
        continuous::compare_folders(&args.base, &args.new, args.margin).or_exit(ExitCode::Usage)?;
    print(&continuous::render_comparison(&comparison));
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    Ok(if comparison.verdict == Finding::Worse { ExitCode::Regression } else { ExitCode::Ok })
}
