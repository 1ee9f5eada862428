//! `bench compare`: compares two runs of the same experiment, two loads without end, or two runs of Locust.

use super::args::CompareArgs;
use super::shared::{print, write_json};
use crate::continuous;
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::anyhow;
use jiff::Timestamp;
use lb_analysis::CompareOptions;
use lb_analysis::runs::{FolderVerdict, compare_folders, render};
use lb_continuous::{Change, Finding};
use lb_grading::{analyze, compare, one_run_each, render_comparison};
use std::path::{Path, PathBuf};

/// How the files of a run of Locust end: the totals, and the course.
const LOCUST: [&str; 2] = ["_stats.csv", "_stats_history.csv"];

pub(super) fn execute(args: &CompareArgs) -> Result<ExitCode, Failure> {
    match [&args.base, &args.new].map(|path| locust_stats(path)) {
        [Some(base), Some(new)] => return compare_locust(args, &base, &new),
        [None, None] => {}
        [base, _] => {
            let (locust, other) =
                if base.is_some() { (&args.base, &args.new) } else { (&args.new, &args.base) };
            let problem = format!(
                "`{}` is of Locust and `{}` is not; compare two runs of Locust, or two of `bench`",
                locust.display(),
                other.display()
            );
            return Err(anyhow!(problem)).or_exit(ExitCode::Usage);
        }
    }
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
    Ok(match comparison.verdict {
        FolderVerdict::Regression => ExitCode::Regression,
        FolderVerdict::NoRegression => ExitCode::Ok,
        // A gate that lets pass what it could not judge is none.
        FolderVerdict::NotEnoughData => ExitCode::Preflight,
    })
}

fn compare_loads(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let comparison =
        continuous::compare_folders(&args.base, &args.new, args.margin).or_exit(ExitCode::Usage)?;
    print(&continuous::render_comparison(&comparison));
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    let is_judged =
        |change: &Change| matches!(change.finding, Finding::Worse | Finding::Better | Finding::Equivalent);
    Ok(match comparison.verdict {
        Finding::Worse => ExitCode::Regression,
        _ if comparison.changes.iter().any(is_judged) => ExitCode::Ok,
        _ => ExitCode::Preflight,
    })
}

/// Returns the file with the totals of a run of Locust, if one of its files is named.
fn locust_stats(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let prefix = LOCUST.iter().find_map(|ending| name.strip_suffix(ending))?;
    path.is_file().then(|| path.with_file_name(format!("{prefix}{}", LOCUST[0])))
}

/// Sets two runs of Locust side by side, and says what cannot be told from one run each. There is no verdict, so this is never
/// a success.
fn compare_locust(args: &CompareArgs, base: &Path, new: &Path) -> Result<ExitCode, Failure> {
    let read = |path: &Path| analyze(path).or_exit(ExitCode::Usage);
    let mut comparison = compare(read(base)?, read(new)?).or_exit(ExitCode::Usage)?;
    let said: Vec<String> =
        comparison.pairs.iter().flat_map(|pair| one_run_each(&pair.baseline, &pair.improved)).collect();
    comparison.notes.extend(said);
    print(&render_comparison(&comparison, &[]));
    if let Some(path) = &args.json {
        write_json(path, &comparison.document(Timestamp::now(), &[]))?;
    }
    Ok(ExitCode::Preflight)
}
