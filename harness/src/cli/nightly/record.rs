//! What a night tells the history. A history that does not take it is a note, and the folder is kept.

use super::NightJob;
use super::runs::Made;
use crate::cli::history::later;
use lb_nightly::{Judged, NightVerdict};
use std::path::Path;

impl NightJob<'_> {
    /// Records the runs, as pending until they are judged. Returns whether the history took tonight's.
    pub(super) fn record(
        &self,
        made: &Made,
        again: Option<&Made>,
        aa: Option<&Path>,
        notes: &mut Vec<String>,
    ) -> bool {
        let subject = Some(self.subject.as_str()).filter(|subject| !subject.is_empty());
        let judged = std::iter::once(made).chain(again).map(|made| (made.folder.as_path(), true));
        let mut is_recorded = true;
        for (folder, is_pending) in aa.map(|folder| (folder, false)).into_iter().chain(judged) {
            if let Err(refused) = self.history.import(folder, subject, is_pending) {
                let later = later(self.history.url(), subject, folder);
                notes.push(format!(
                    "the run in `{}` was not recorded: {}; its results are kept, and this records them later: `{later}`",
                    folder.display(),
                    refused.said
                ));
                is_recorded = false;
                // What goes away in the middle of a night is rarely back a moment later, and each try may wait.
                break;
            }
        }
        is_recorded
    }

    /// Keeps what was found of the runs.
    pub(super) fn keep(&self, judged: &Judged, made: &Made, again: Option<&Made>, notes: &mut Vec<String>) {
        let word = match judged.verdict {
            NightVerdict::Good => "good",
            NightVerdict::Worse => "worse",
            NightVerdict::Unconfirmed => "unconfirmed",
            NightVerdict::NotJudged => "none",
        };
        let of_repetition = if judged.repetition_is_good { "good" } else { word };
        let findings = judged.places();
        let runs = std::iter::once((made, word)).chain(again.map(|again| (again, of_repetition)));
        for (run, word) in runs {
            let findings = if word == "good" { "[]" } else { &findings };
            let kept = self.history.tell(["judge", &run.summary.run_id, word, "--findings", findings]);
            if let Err(refused) = kept {
                notes.push(format!("the verdict on `{}` was not kept: {}", run.summary.run_id, refused.said));
            }
        }
    }
}
