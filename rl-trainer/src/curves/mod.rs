//! Training curves: the progress of a run, one row per update, for every seed of the run.
//!
//! Two files hold the same numbers. `training_curves.csv` is for tables and reports; the event files in
//! `tensorboard/seed-N/` are for TensorBoard, which shows each seed as a run. Each row reaches the operating
//! system before [`Curves::write`] returns, so that a killed run keeps what it had. A run that goes on from
//! a checkpoint takes back the rows that were written after it: they come again.

mod events;
mod table;

pub use table::read;

use events::EventFile;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use table::Table;

/// The name of the table in the folder of the run.
pub const CSV: &str = "training_curves.csv";

/// The name of the folder of event files in the folder of the run.
pub const TENSORBOARD: &str = "tensorboard";

/// The measurements of one update of the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Steps of the environment that this seed has taken.
    pub step: u64,
    /// Seconds since training began, over all sessions of it.
    pub wall_s: f64,
    /// The seed of this training.
    pub seed: u64,
    /// Values by name, such as `kl`, of names that the curves were made with. What has no value in this
    /// update is left out.
    pub values: Vec<(String, f64)>,
}

/// Why curves cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CurvesError {
    /// The system refused.
    #[error("failed to {action} the training curves `{path}`: {source}", path = path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
    /// The table is of another run, or something else.
    #[error("the training curves `{path}` {fault}", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with the line.
        fault: String,
    },
    /// An update has a value that there is no column for.
    #[error("the training curves have no column `{name}`; they were made with: {columns}")]
    UnknownColumn {
        /// The name of the value.
        name: String,
        /// The names that there are.
        columns: String,
    },
}

impl CurvesError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// Writes the curves of one run.
#[derive(Debug)]
pub struct Curves {
    folder: PathBuf,
    started_s: f64,
    table: Table,
    /// By seed, made with its first row.
    events: BTreeMap<u64, EventFile>,
}

impl Curves {
    /// Begins the curves of a run in `folder`, with a column for each name. `started_s` is the time of day
    /// at which training began, in seconds since 1970.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn create(folder: &Path, columns: &[&str], started_s: f64) -> Result<Self, CurvesError> {
        let table = Table::create(&folder.join(CSV), columns)?;
        Ok(Self { folder: folder.to_owned(), started_s, table, events: BTreeMap::new() })
    }

    /// Continues the curves in `folder` from a checkpoint of the training with `seed` at `step`: its rows
    /// after that step are removed, those of other seeds are kept.
    ///
    /// # Errors
    /// There are no curves, they have other columns, or the folder cannot be written to.
    pub fn resume(
        folder: &Path,
        columns: &[&str],
        started_s: f64,
        seed: u64,
        step: u64,
    ) -> Result<Self, CurvesError> {
        let path = folder.join(CSV);
        let table = Table::resume(&path, columns, |row| row.seed != seed || row.step <= step)?;
        let mut curves = Self { folder: folder.to_owned(), started_s, table, events: BTreeMap::new() };
        let mut events = curves.open_events(seed)?;
        events.take_back(step + 1)?;
        curves.events.insert(seed, events);
        Ok(curves)
    }

    /// Writes one row.
    ///
    /// # Errors
    /// A value has no column, or the files cannot be written, as on a full disk.
    pub fn write(&mut self, update: &Update) -> Result<(), CurvesError> {
        self.table.write(update)?;
        if !self.events.contains_key(&update.seed) {
            let events = self.open_events(update.seed)?;
            self.events.insert(update.seed, events);
        }
        self.events.get_mut(&update.seed).map_or(Ok(()), |events| events.write(update))
    }

    fn open_events(&self, seed: u64) -> Result<EventFile, CurvesError> {
        EventFile::create(&self.folder.join(TENSORBOARD).join(format!("seed-{seed}")), self.started_s)
    }
}
