//! A history: its runs are recorded, listed and removed.

use crate::database::postgres::Postgres;
use crate::database::sqlite::Sqlite;
use crate::database::{Database, Row, Value, atomically};
use crate::error::{HistoryError, Trouble};
use crate::judgement::Judgement;
use crate::migrations::migrate;
use crate::run::Run;
use crate::said::Said;
use crate::url::HistoryUrl;
use crate::write::write_run;
use jiff::Timestamp;
use lb_results::machine;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// An open history.
pub struct History {
    pub(crate) database: Box<dyn Database>,
    name: String,
}

/// Whether a history may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A file that is not there is an error.
    Existing,
    /// A file that is not there is created.
    Create,
}

/// What the user says about a run, which its results do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// What was tested, such as a commit or a label. `None` keeps what was recorded before.
    pub subject: Option<String>,
    /// What the machine is called. `None` describes it by its name, cores, CPU and system.
    pub host: Option<String>,
    /// What is found of it. `None` keeps what was found of the same results before.
    pub judgement: Option<Judgement>,
}

/// What became of a run that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was not there before.
    New,
    /// It was there with other results or another subject, which it replaces.
    Replaced,
    /// It was there already.
    Unchanged,
}

/// Which runs are meant.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Those that began at this time or later.
    pub since: Option<Timestamp>,
    /// Those that began before this time.
    pub before: Option<Timestamp>,
    /// At most this many, the last ones.
    pub limit: Option<usize>,
}

/// What a history says about a run in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Name of the run.
    pub run_id: String,
    /// Time at which it began (RFC 3339).
    pub started_at: String,
    /// What was tested; empty if nobody said.
    pub subject: String,
    /// The machine.
    pub host: String,
    /// Name of the config.
    pub config: String,
    /// The engine: `live` or `sim`.
    pub engine: String,
    /// The load balancer that was driven.
    pub load_balancer: String,
    /// Whether an algorithm was compared with itself.
    pub is_aa: bool,
    /// Whether a signal ended the run.
    pub interrupted: bool,
    /// Number of trials.
    pub trials: i64,
    /// Number of trials that count.
    pub valid_trials: i64,
    /// The results folder, on the machine that recorded the run.
    pub folder: String,
    /// What the numbers depend on besides algorithms, seed and repetitions.
    pub fingerprint: String,
    /// The seed of the schedules.
    pub seed: String,
    /// What a nightly job found; empty if nobody judged the run.
    pub verdict: String,
    /// What became worse, as a JSON array.
    pub findings: String,
}

/// What was removed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Names of the runs.
    pub runs: Vec<String>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("name", &self.name).finish_non_exhaustive()
    }
}

impl History {
    /// Opens a history and brings its schema to the current version. Waits at most `wait` where another program holds a lock,
    /// and for a server that does not answer.
    ///
    /// # Errors
    /// It is not there, cannot be opened, or a newer version wrote it.
    pub fn open(url: &HistoryUrl, access: Access, wait: Duration) -> Result<Self, HistoryError> {
        let name = url.to_string();
        let failed = |trouble| HistoryError::Database { history: name.clone(), trouble };
        let mut database: Box<dyn Database> = match url {
            HistoryUrl::Sqlite(path) if access == Access::Existing && !path.exists() => {
                return Err(HistoryError::Missing { history: name });
            }
            HistoryUrl::Sqlite(path) => Box::new(Sqlite::open(path, wait).map_err(failed)?),
            HistoryUrl::Postgres(url) => Box::new(Postgres::open(url.reveal(), wait).map_err(failed)?),
        };
        migrate(database.as_mut(), &name)?;
        Ok(Self { database, name })
    }

    /// Records a run in one transaction. The same run is there once, however often it is recorded.
    ///
    /// # Errors
    /// The database does not take it; then the history is as it was.
    pub fn record(&mut self, run: &Run, given: &Given) -> Result<Recorded, HistoryError> {
        let host = given.host.clone().unwrap_or_else(|| machine(&run.summary.host));
        let recorded = atomically(self.database.as_mut(), |database| -> Result<Recorded, Trouble> {
            let before = Said::of(database, run.id())?;
            let said = Said::about(run, given, &host, before.as_ref());
            if before.as_ref() == Some(&said) {
                return Ok(Recorded::Unchanged);
            }
            database.execute("DELETE FROM bench_runs WHERE run_id = $1", &[run.id().into()])?;
            write_run(database, run, &said)?;
            Ok(if before.is_some() { Recorded::Replaced } else { Recorded::New })
        });
        recorded.map_err(|trouble| self.failed(trouble))
    }

    /// Lists runs, the last one first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn runs(&mut self, filter: &RunFilter) -> Result<Vec<RunRow>, HistoryError> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM bench_runs WHERE started_ms >= $1 AND started_ms < $2 \
             ORDER BY started_ms DESC, run_id DESC LIMIT $3"
        );
        let limit = filter.limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let values = [from(filter.since), to(filter.before), limit.into()];
        self.read(&sql, &values, run_row)
    }

    /// Returns one run. `None` if there is none of this name.
    pub(crate) fn run(&mut self, run_id: &str) -> Result<Option<RunRow>, HistoryError> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM bench_runs WHERE run_id = $1");
        Ok(self.read(&sql, &[run_id.into()], run_row)?.pop())
    }

    /// Removes runs: all that began before a time, and those that are named. With `only_histograms`, the runs stay, without
    /// their histograms; with `dry_run`, nothing is changed.
    ///
    /// # Errors
    /// A run that is named is not there, or the database does not do it; then nothing was removed.
    pub fn prune(
        &mut self,
        before: Option<Timestamp>,
        named: &[String],
        only_histograms: bool,
        dry_run: bool,
    ) -> Result<Pruned, HistoryError> {
        let old = RunFilter { before, ..RunFilter::default() };
        let old = if before.is_some() { self.runs(&old)? } else { Vec::new() };
        let mut runs: Vec<String> = old.into_iter().map(|run| run.run_id).collect();
        for run_id in named {
            if self.run(run_id)?.is_none() {
                return Err(HistoryError::NoRun { history: self.name.clone(), run_id: run_id.clone() });
            }
            if !runs.contains(run_id) {
                runs.push(run_id.clone());
            }
        }
        if dry_run || runs.is_empty() {
            return Ok(Pruned { runs });
        }
        let table = if only_histograms { "bench_histograms" } else { "bench_runs" };
        let removed = atomically(self.database.as_mut(), |database| -> Result<(), Trouble> {
            for run_id in &runs {
                database
                    .execute(&format!("DELETE FROM {table} WHERE run_id = $1"), &[run_id.as_str().into()])?;
            }
            Ok(())
        });
        removed.and_then(|()| self.database.shrink()).map_err(|trouble| self.failed(trouble))?;
        Ok(Pruned { runs })
    }

    /// Runs a query and reads its rows.
    pub(crate) fn read<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        row: impl Fn(&mut Row) -> Result<T, Trouble>,
    ) -> Result<Vec<T>, HistoryError> {
        let rows = self.database.query(sql, values);
        let rows = rows.and_then(|rows| rows.into_iter().map(|mut one| row(&mut one)).collect());
        rows.map_err(|trouble| self.failed(trouble))
    }

    /// Runs a statement, and returns how many rows it changed.
    pub(crate) fn change(&mut self, sql: &str, values: &[Value]) -> Result<u64, HistoryError> {
        let done = atomically(self.database.as_mut(), |database| database.execute(sql, values));
        done.map_err(|trouble| self.failed(trouble))
    }

    /// Returns the name of the history, without passwords.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn failed(&self, trouble: Trouble) -> HistoryError {
        HistoryError::Database { history: self.name.clone(), trouble }
    }
}

/// The columns that [`run_row`] reads.
const RUN_COLUMNS: &str = "run_id, started_at, subject, host, config, engine, load_balancer, is_aa, interrupted, trials, \
                           valid_trials, folder, fingerprint, seed, verdict, findings";

fn run_row(row: &mut Row) -> Result<RunRow, Trouble> {
    Ok(RunRow {
        run_id: row.text()?,
        started_at: row.text()?,
        subject: row.text()?,
        host: row.text()?,
        config: row.text()?,
        engine: row.text()?,
        load_balancer: row.text()?,
        is_aa: row.boolean()?,
        interrupted: row.boolean()?,
        trials: row.integer()?,
        valid_trials: row.integer()?,
        folder: row.text()?,
        fingerprint: row.text()?,
        seed: row.text()?,
        verdict: row.text()?,
        findings: row.text()?,
    })
}

/// The first millisecond that counts.
pub(crate) fn from(since: Option<Timestamp>) -> Value {
    since.map_or(i64::MIN, Timestamp::as_millisecond).into()
}

/// The first millisecond that counts no more.
pub(crate) fn to(before: Option<Timestamp>) -> Value {
    before.map_or(i64::MAX, Timestamp::as_millisecond).into()
}
