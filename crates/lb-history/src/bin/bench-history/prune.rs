//! `bench-history prune`: removes old runs, or only their histograms.

use crate::args::PruneArgs;
use crate::print;
use lb_history::{History, HistoryError};

pub(crate) fn execute(history: &mut History, args: &PruneArgs) -> Result<u8, HistoryError> {
    let pruned = history.prune(args.before, &args.run, args.only_histograms, args.dry_run)?;
    for run in &pruned.runs {
        print(run);
    }
    let what = if args.only_histograms { "histograms of " } else { "" };
    let done = if args.dry_run { "would be removed" } else { "removed" };
    print(&format!("{what}{} runs {done}", pruned.runs.len()));
    Ok(0)
}
