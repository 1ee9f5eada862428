//! Tonight's run against the last good one, and its repetition against the same.

use super::NightJob;
use super::runs::{Made, Runner};
use crate::exit::Failure;
use lb_analysis::CompareOptions;
use lb_analysis::runs::{FolderComparison, FolderVerdict, compare_summaries};
use lb_core::with_causes;
use lb_nightly::{Compared, KnownDetails, KnownRun, Tonight, baseline, needs_repetition};
use lb_results::{NoiseFloors, Summary, read_summary};
use std::path::Path;

/// The comparisons of a night, and why something was not compared.
pub(super) struct Comparisons<'a> {
    pub(super) baseline: Option<&'a KnownRun>,
    pub(super) first: Option<FolderComparison>,
    second: Option<FolderComparison>,
    pub(super) reasons: Vec<String>,
    /// The results of the baseline.
    base: Option<Summary>,
    margin: f64,
}

impl<'a> Comparisons<'a> {
    /// Compares tonight's run with the last good one.
    pub(super) fn with_baseline(
        job: &'a NightJob<'_>,
        tonight: &Tonight<'_>,
        made: &Made,
        margin: f64,
    ) -> Self {
        let mut found =
            Self { baseline: None, first: None, second: None, reasons: Vec::new(), base: None, margin };
        match baseline(&job.known, tonight) {
            Ok(run) => found.baseline = Some(run),
            Err(why) => {
                found.reasons.push(why);
                return found;
            }
        }
        let base = found.baseline.map(|run| read_baseline(job, run, &made.summary));
        match base {
            Some(Ok(base)) => found.base = Some(base),
            Some(Err(why)) => found.reasons.push(why),
            None => {}
        }
        found.first = found.compare(made);
        found
    }

    /// Compares a run with the baseline. `None`, with a reason, if that cannot be done.
    fn compare(&mut self, made: &Made) -> Option<FolderComparison> {
        let base = self.base.as_ref()?;
        let options = CompareOptions { margin: self.margin, ..CompareOptions::default() };
        let floors = match NoiseFloors::load(&made.folder, &made.summary.fingerprint, &made.summary.host) {
            Ok(floors) => floors,
            Err(error) => {
                self.reasons.push(with_causes(error.as_ref()));
                None
            }
        };
        match compare_summaries(base, &made.summary, floors.as_ref(), &options) {
            Ok(comparison) => {
                if comparison.verdict == FolderVerdict::NotEnoughData {
                    let sentences = comparison.scenarios.iter().flat_map(|one| &one.comparison.pairs);
                    self.reasons.extend(sentences.map(|pair| pair.sentence.clone()));
                }
                Some(comparison)
            }
            Err(error) => {
                self.reasons.push(error.to_string());
                None
            }
        }
    }

    /// Makes or reads the repetition if it can tell more, and compares it.
    pub(super) async fn repeat(
        &mut self,
        job: &NightJob<'_>,
        tonight: &Tonight<'_>,
        made: &Made,
        runner: &Runner<'_>,
    ) -> Result<Option<Made>, Failure> {
        let is_due = self
            .baseline
            .zip(self.first.as_ref())
            .is_some_and(|(base, first)| needs_repetition(first, base, &job.known, tonight));
        if !is_due && !runner.has_repetition() {
            return Ok(None);
        }
        let again = runner.again(made).await?;
        if let Some(again) = &again {
            self.second = self.compare(again);
        }
        Ok(again)
    }

    /// Returns what was compared.
    pub(super) fn compared(&self) -> Option<Compared<'_>> {
        let (baseline, first) = (self.baseline?, self.first.as_ref()?);
        Some(Compared { baseline, first, second: self.second.as_ref() })
    }
}

/// Reads the results of the baseline: from its folder, if it is still there, or else from the history.
fn read_baseline(job: &NightJob<'_>, run: &KnownRun, same: &Summary) -> Result<Summary, String> {
    if let Ok(summary) = read_summary(Path::new(&run.folder))
        && summary.run_id == run.run_id
    {
        return Ok(summary);
    }
    let details: KnownDetails = job.history.ask(&["show", &run.run_id, "--json"]).map_err(|refused| {
        format!(
            "the baseline `{}` could not be read: its folder `{}` is not here, and {}",
            run.run_id, run.folder, refused.said
        )
    })?;
    Ok(details.summary(same))
}
