//! `bench-history import`: records runs from their results folders.

use crate::args::ImportArgs;
use crate::{INCOMPLETE, print};
use lb_core::plain;
use lb_history::{Given, History, HistoryError, Judgement, Recorded, Run};
use std::path::{Path, PathBuf};

pub(crate) fn execute(history: &mut History, args: &ImportArgs) -> Result<u8, HistoryError> {
    let judgement = args.pending.then_some(Judgement::Pending);
    let given = Given { subject: args.subject.clone(), host: args.host.clone(), judgement };
    let (mut new, mut replaced, mut unchanged, mut failed) = (0, 0, 0, 0);
    for folder in args.folders.iter().flat_map(|folder| runs_in(folder)) {
        // A folder that cannot be read keeps no other from being recorded; a history that cannot be written does.
        let run = match Run::read(&folder) {
            Ok(run) => run,
            Err(error) => {
                lb_io::complain(format_args!("error: {}", plain::lines(&error.to_string())));
                failed += 1;
                continue;
            }
        };
        match history.record(&run, &given)? {
            Recorded::New => new += 1,
            Recorded::Replaced => replaced += 1,
            Recorded::Unchanged => unchanged += 1,
        }
    }
    let counts =
        [(new, "recorded"), (replaced, "replaced"), (unchanged, "there already"), (failed, "not imported")];
    let said = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let said: Vec<String> = said.collect();
    print(&format!("history {}: {} (runs)", history.name(), said.join(", ")));
    Ok(if failed > 0 { INCOMPLETE } else { 0 })
}

/// Returns the results folders that a folder means: itself, or those in it.
fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let is_run = |folder: &Path| folder.join("summary.json").is_file();
    if is_run(folder) {
        return vec![folder.to_owned()];
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut runs: Vec<PathBuf> = entries.filter(|entry| is_run(entry)).collect();
    runs.sort();
    // Reading it says what is missing.
    if runs.is_empty() { vec![folder.to_owned()] } else { runs }
}
