//! What a nightly job asks about the run that it recorded.

use crate::changes::{ChangeOptions, SeriesChange, changes};
use crate::error::HistoryError;
use crate::history::History;
use crate::series::{Series, SeriesFilter};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// With fewer runs, no split of a series reaches p = 0.001, whatever the values are: of 13 runs, an order in 858 splits
/// as well as the best one.
const FEWEST: usize = 14;

/// The series that a run belongs to, up to this run.
#[derive(Clone, Debug, Serialize)]
pub struct Night {
    /// Number of series of the same experiment on the same machine.
    pub series: usize,
    /// Number of those with enough runs for a change to be told.
    pub telling: usize,
    /// Number of runs in the longest of them.
    pub runs: usize,
    /// Their changes, the last one first.
    pub changes: Vec<SeriesChange>,
}

impl History {
    /// Finds the changes of the series that a run belongs to, up to this run.
    ///
    /// # Errors
    /// There is no such run, or the database cannot be read.
    pub fn night(&mut self, run_id: &str, options: &ChangeOptions) -> Result<Night, HistoryError> {
        let missing = HistoryError::NoRun { history: self.name().to_owned(), run_id: run_id.to_owned() };
        let run = self.run(run_id)?.ok_or(missing)?;
        let began: Option<Timestamp> = run.started_at.parse().ok();
        let before = began.and_then(|began| began.checked_add(SignedDuration::from_millis(1)).ok());
        let filter =
            SeriesFilter { host: run.host, fingerprint: run.fingerprint, before, ..SeriesFilter::default() };
        let series = self.series(&filter)?;
        let telling = |one: &&Series| one.points.len() >= FEWEST;
        Ok(Night {
            series: series.len(),
            telling: series.iter().filter(telling).count(),
            runs: series.iter().map(|one| one.points.len()).max().unwrap_or(0),
            changes: changes(&series, options),
        })
    }
}
