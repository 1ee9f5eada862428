//! Helpers for the traces of decisions that trials record.

use lb_core::trace_summary::TraceSummary;
use lb_results::TRACES;
use std::path::{Path, PathBuf};

/// Replaces the path of a trace with its path in the results folder.
pub(super) fn in_results(summary: TraceSummary) -> TraceSummary {
    TraceSummary { file: place(&summary.file), ..summary }
}

/// Returns the path of a trace in the results folder.
fn place(path: &Path) -> PathBuf {
    Path::new(TRACES).join(path.file_name().unwrap_or_default())
}

/// Describes what a trace lacks; `None` when it is complete.
pub(super) fn lost(trace: &TraceSummary) -> Option<String> {
    let TraceSummary { file, dropped_decisions, dropped_outcomes, .. } = trace;
    (dropped_decisions + dropped_outcomes > 0).then(|| {
        format!(
            "{} lacks {dropped_decisions} decisions and {dropped_outcomes} outcomes: its writer did not keep up",
            file.display()
        )
    })
}
