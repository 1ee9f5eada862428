//! Training curves: the progress of a run, one row per update, for every seed of the run.
//!
//! Two files hold the same numbers. `training_curves.csv` is for tables and reports; the event files in
//! `tensorboard/seed-N/` are for TensorBoard, which shows each seed as a run. Each row reaches the operating
//! system before [`Curves::write`] returns, so that a killed run keeps its rows. A run that resumes from a
//! checkpoint removes the rows written after the checkpoint, since it writes them again.

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
    /// Environment steps taken so far with this seed.
    pub step: u64,
    /// Seconds of training so far, over all its sessions.
    pub wall_s: f64,
    /// The seed of this training run.
    pub seed: u64,
    /// Values by column name, such as `kl`. Columns without a value in this update are left out.
    pub values: Vec<(String, f64)>,
}

/// Reasons why curves cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CurvesError {
    /// An I/O operation failed.
    #[error("failed to {action} the training curves `{path}`: {source}", path = path.display())]
    Io {
        /// The action that failed, such as `read`.
        action: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// The underlying error.
        source: io::Error,
    },
    /// The table belongs to another run, or is not a table of curves.
    #[error("the training curves `{path}` {fault}", path = path.display())]
    Table {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with the file, including the line.
        fault: String,
    },
    /// An update has a value without a column.
    #[error("the training curves have no column `{name}`; their columns are: {columns}")]
    UnknownColumn {
        /// The name of the value.
        name: String,
        /// Names of the columns.
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
    /// Event files by seed, each created with the first row of its seed.
    events: BTreeMap<u64, EventFile>,
}

impl Curves {
    /// Creates the curves of a run in `folder`, with a column for each name. `started_s` is the Unix time at
    /// which training began, in seconds.
    ///
    /// # Errors
    /// Fails if the folder cannot be written to.
    pub fn create(folder: &Path, columns: &[&str], started_s: f64) -> Result<Self, CurvesError> {
        let table = Table::create(&folder.join(CSV), columns)?;
        Ok(Self { folder: folder.to_owned(), started_s, table, events: BTreeMap::new() })
    }

    /// Continues the curves in `folder` from a checkpoint of the training run with `seed` at `step`: its rows
    /// after that step are removed, those of other seeds are kept.
    ///
    /// # Errors
    /// Fails if there are no curves, they have other columns, or the folder cannot be written to.
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
    /// Fails if a value has no column, or if the files cannot be written.
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
