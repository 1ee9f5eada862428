//! The history of runs: what was measured, when, where and of what, in SQLite or PostgreSQL.
//!
//! A run is recorded from its results folder, which `lb-results` reads ([`Run::read`]), in one transaction, and once: a run
//! that is recorded again changes nothing, or is replaced if its results changed ([`History::record`]). Both databases have
//! one schema (`migrations/`). What is read back are runs ([`History::runs`]) and series of estimates over time
//! ([`History::series`]), in which `lb-changes` finds changes ([`changes`]).
//!
//! ```
//! use lb_history::{Access, Given, History, Run, RunFilter};
//! use lb_results::{Engine, ResultsFolder, Summary, write_summary};
//! use std::time::Duration;
//!
//! let dir = tempfile::tempdir()?;
//! let folder = ResultsFolder::create(&dir.path().join("run"))?;
//! write_summary(&folder, &Summary::empty("20261130-010000-shop-1a2b3c", Engine::Sim))?;
//!
//! let url = format!("sqlite:{}/history.db", dir.path().display()).parse()?;
//! let mut history = History::open(&url, Access::Create, Duration::from_secs(5))?;
//! let run = Run::read(folder.path())?;
//! history.record(&run, &Given { subject: Some("v1.4.0".to_owned()), ..Given::default() })?;
//! history.record(&run, &Given::default())?;
//!
//! let runs = history.runs(&RunFilter::default())?;
//! assert_eq!(runs.len(), 1, "the same run is there once");
//! assert_eq!(runs[0].subject, "v1.4.0");
//! # Ok::<(), anyhow::Error>(())
//! ```

mod changes;
mod database;
mod error;
mod export;
mod history;
mod judgement;
mod metric;
mod migrations;
mod night;
mod parquet_file;
mod run;
mod said;
mod series;
mod show;
mod trend;
mod url;
mod write;

pub use changes::{ChangeOptions, SeriesChange, changes};
pub use error::{HistoryError, Trouble};
pub use export::write_csv;
pub use history::{Access, Given, History, Pruned, Recorded, RunFilter, RunRow};
pub use judgement::Judgement;
pub use metric::MetricName;
pub use night::Night;
pub use parquet_file::write_parquet;
pub use run::Run;
pub use series::{Point, Series, SeriesFilter};
pub use show::{AlgorithmRow, HistogramRow, MetricRow, RunDetails, ThresholdRow, TrialRow, VerdictRow};
pub use trend::{MOST_ROWS, render_trend};
pub use url::HistoryUrl;
