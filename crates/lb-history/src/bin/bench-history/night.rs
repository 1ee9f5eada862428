//! What `bench nightly` asks for, in JSON, and what it has kept.

use crate::args::{JudgeArgs, ShowArgs};
use crate::{print, print_json};
use lb_history::{ChangeOptions, History, HistoryError, RunFilter};

/// Prints all runs, the last one first.
pub(crate) fn list(history: &mut History) -> Result<u8, HistoryError> {
    print_json(&history.runs(&RunFilter::default())?)?;
    Ok(0)
}

/// Prints the changes of the series that a run belongs to.
pub(crate) fn changes(history: &mut History, args: &ShowArgs) -> Result<u8, HistoryError> {
    print_json(&history.night(&args.run_id, &ChangeOptions::default())?)?;
    Ok(0)
}

/// Keeps what was found of a run.
pub(crate) fn judge(history: &mut History, args: &JudgeArgs) -> Result<u8, HistoryError> {
    history.judge(&args.run_id, args.judgement, &args.findings)?;
    print(&format!("history {}: {} is {}", history.name(), args.run_id, args.judgement));
    Ok(0)
}
