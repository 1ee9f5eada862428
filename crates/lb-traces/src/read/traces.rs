//! Loads the data for calibration from Parquet traces.

use super::error::TraceError;
use super::exchange::{End, Episode, Exchange, Traces};
use super::hints::RecordedHints;
use super::parquet::{Batch, ParquetFile, Values};
use super::pools;
use super::source::{Source, source};
use crate::format::{Column, reply_kind};
use lb_core::policy::ReplyKind;
use lb_core::policy::learned::features::{FEATURE_SET, FEATURES};
use lb_core::{Span, Time};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Columns without which calibration is impossible.
const REQUIRED: [Column; 5] =
    [Column::PolicyId, Column::TsNs, Column::Action, Column::LatencyUs, Column::ErrorKind];
/// Columns that are used if present.
const OPTIONAL: [Column; 9] = [
    Column::RunId,
    Column::LbId,
    Column::BackendIds,
    Column::RouteClass,
    Column::Explore,
    Column::Censored,
    Column::HintNames,
    Column::HintValues,
    Column::HintWords,
];

/// Columns from which the backends' weights are read; weights do not change.
const WEIGHTS: [Column; 4] = [Column::BackendIds, Column::FeatureSet, Column::Features, Column::Mask];
/// The feature that contains the weight.
const WEIGHT: &str = "log_weight_vs_pool";

/// The class of requests whose route is unknown.
const ANY_ROUTE: &str = "other";

impl Traces {
    /// Reads a Parquet trace, or all traces in a folder, and keeps the decisions of one pool. If there are
    /// several pools, `backend` must name a backend of the pool to read.
    ///
    /// # Errors
    /// When there is no trace, it cannot be read, or it lacks a column; when there are several pools and
    /// `backend` does not identify one.
    pub fn read(path: &Path, backend: Option<&str>) -> Result<Self, TraceError> {
        let files = match source(path)? {
            Source::Parquet(files) => files,
            Source::JsonLines(_) => {
                let found =
                    "an `rl_experiences.jsonl`, which does not contain latencies of individual requests";
                return Err(TraceError::OtherKind { path: path.to_owned(), found: found.to_owned() });
            }
        };
        let mut gathered = Gathered::default();
        for file in &files {
            gathered.file(&ParquetFile::open(file)?, &recording(file))?;
        }
        gathered.pool(path, backend)
    }

    /// Reads a single Parquet trace that is open, like [`Self::read`]; `path` is used in messages.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_file(file: &ParquetFile, path: &Path, backend: Option<&str>) -> Result<Self, TraceError> {
        let mut gathered = Gathered::default();
        gathered.file(file, &recording(path))?;
        gathered.pool(path, backend)
    }
}

/// Numbers for names, in order of first appearance.
#[derive(Default)]
struct Names {
    numbers: BTreeMap<String, u16>,
}

impl Names {
    fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.numbers.len() as u16;
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// Returns the names sorted by `key`, and the new number of each old one.
    fn sorted_by<K: Ord>(self, key: impl Fn(&str) -> K) -> (Vec<String>, Vec<u16>) {
        let mut names: Vec<(String, u16)> = self.numbers.into_iter().collect();
        names.sort_by_key(|(name, _)| key(name));
        let mut renumbered = vec![0; names.len()];
        for (new, (_, old)) in names.iter().enumerate() {
            renumbered[usize::from(*old)] = new as u16;
        }
        (names.into_iter().map(|(name, _)| name).collect(), renumbered)
    }
}

/// The exchanges of one policy in one recording, still in the order of the file.
#[derive(Default)]
struct Trial {
    explored: u64,
    exchanges: Vec<Exchange>,
}

/// The recording, run and policy of a trial.
type TrialKey = (u16, String, String);

#[derive(Default)]
struct Gathered {
    backends: Names,
    /// Weights by backend number.
    weights: BTreeMap<u16, f64>,
    routes: Names,
    hints: RecordedHints,
    recordings: Names,
    /// The backends of each view, by recording and number of the view.
    members: BTreeMap<(u16, u16), Vec<String>>,
    trials: BTreeMap<TrialKey, Trial>,
}

impl Gathered {
    /// Gathers the rows of a file.
    fn file(&mut self, file: &ParquetFile, recording: &str) -> Result<(), TraceError> {
        let columns: Vec<Column> = REQUIRED.into_iter().chain(OPTIONAL).collect();
        let number = self.recordings.number(recording);
        file.require(&REQUIRED)?;
        self.hints.were_read |= file.has(Column::HintNames);
        file.read(&columns, |batch| (0..batch.rows).for_each(|row| self.row(batch, row, number)))?;
        file.read_first(&WEIGHTS, |batch| (0..batch.rows).for_each(|row| self.weights(batch, row)))
    }

    /// Keeps the decisions of one pool.
    fn pool(self, path: &Path, backend: Option<&str>) -> Result<Traces, TraceError> {
        if self.trials.is_empty() {
            return Err(TraceError::Empty { path: path.to_owned() });
        }
        let pool = pools::choose(self.members.values(), backend)?;
        Ok(self.finish(&pool))
    }

    fn row(&mut self, batch: &Batch, row: usize, recording: u16) {
        let column = |name| batch.column(name);
        let text = |name| column(name).text(row).map_or("", |text| &**text);
        // A row without the backend and time of the decision is useless.
        let (Some(sent), Some(action)) =
            (column(Column::TsNs).integer(row), column(Column::Action).integer(row))
        else {
            return;
        };
        let ids = column(Column::BackendIds).texts(row);
        let id = usize::try_from(action).ok().and_then(|place| ids.get(place));
        let id = id.map_or_else(|| action.to_string(), |id| id.to_string());
        let balancer = column(Column::LbId).integer(row).unwrap_or(0) as u16;
        let view = (recording, balancer);
        let new_view = !self.members.contains_key(&view);
        let members =
            self.members.entry(view).or_insert_with(|| ids.iter().map(|id| id.to_string()).collect());
        // The backend joined the pool later.
        if !members.contains(&id) {
            members.push(id.clone());
        }
        // Backends that are never chosen also belong to the pool.
        if new_view {
            for id in members.iter() {
                self.backends.number(id);
            }
        }
        let backend = self.backends.number(&id);
        let route = match text(Column::RouteClass) {
            "" => ANY_ROUTE,
            route => route,
        };
        let route = self.routes.number(route);
        let hints = self.hints.row(
            column(Column::HintNames).texts(row),
            column(Column::HintValues).list(row),
            column(Column::HintWords).list(row),
        );
        let key = (recording, text(Column::RunId).to_owned(), text(Column::PolicyId).to_owned());
        let trial = self.trials.entry(key).or_default();
        trial.explored += u64::from(column(Column::Explore).flag(row).unwrap_or(false));
        trial.exchanges.push(Exchange {
            sent: Time::from_nanos(sent.max(0).unsigned_abs()),
            latency: micros(column(Column::LatencyUs), row),
            service: None,
            backend,
            route,
            balancer,
            hints,
            end: end(batch, row),
        });
    }

    /// Learns the weights of the backends considered in a decision.
    fn weights(&mut self, batch: &Batch, row: usize) {
        let Some(place) = FEATURES.iter().position(|name| *name == WEIGHT) else {
            return;
        };
        let column = |name| batch.column(name);
        if column(Column::FeatureSet).text(row).is_some_and(|set| &**set != FEATURE_SET) {
            return;
        }
        let (ids, mask) = (column(Column::BackendIds).texts(row), column(Column::Mask).list(row));
        for (backend, numbers) in column(Column::Features).list(row).chunks_exact(FEATURES.len()).enumerate()
        {
            if mask.get(backend) != Some(&0.0) {
                let id = ids.get(backend).map_or_else(|| backend.to_string(), |id| id.to_string());
                let number = self.backends.number(&id);
                // Round to four decimals, because features have single precision.
                self.weights.insert(number, (numbers[place].exp() * 1e4).round() / 1e4);
            }
        }
    }

    /// Builds the traces of the backends of `pool`.
    fn finish(self, pool: &[String]) -> Traces {
        let (all, backend_numbers) = self.backends.sorted_by(|name| (name.len(), name.to_owned()));
        // Patterns with fewer variable parts come first, so that the first match is the right one.
        let (routes, route_numbers) = self.routes.sorted_by(|name| {
            (name == ANY_ROUTE, name.matches("{}").count(), Reverse(name.len()), name.to_owned())
        });
        let mut weights = vec![1.0; all.len()];
        for (old, weight) in self.weights {
            weights[usize::from(backend_numbers[usize::from(old)])] = weight;
        }
        let kept: Vec<Option<u16>> = renumbered(&all, |name| pool.contains(name));
        let mut episodes = Vec::new();
        for ((_, run, policy), mut trial) in self.trials {
            let exploration = trial.explored as f64 / trial.exchanges.len() as f64;
            trial.exchanges.retain_mut(|exchange| {
                exchange.route = route_numbers[usize::from(exchange.route)];
                let number = kept[usize::from(backend_numbers[usize::from(exchange.backend)])];
                exchange.backend = number.unwrap_or_default();
                number.is_some()
            });
            trial.exchanges.sort_by_key(|exchange| exchange.sent);
            if !trial.exchanges.is_empty() {
                episodes.push(episode(run, policy, exploration, trial.exchanges));
            }
        }
        let of_pool = |(name, weight): (String, f64)| pool.contains(&name).then_some((name, weight));
        let (backends, weights) = all.into_iter().zip(weights).filter_map(of_pool).unzip();
        only_used_routes(Traces { backends, weights, routes, hints: self.hints, episodes })
    }
}

/// Returns the new number of each name that is kept.
fn renumbered(names: &[String], keep: impl Fn(&String) -> bool) -> Vec<Option<u16>> {
    let mut next = 0;
    let number = |name| {
        let number = keep(name).then_some(next);
        next += u16::from(number.is_some());
        number
    };
    names.iter().map(number).collect()
}

/// Leaves out routes of other pools.
fn only_used_routes(mut traces: Traces) -> Traces {
    let exchanges = || traces.episodes.iter().flat_map(|episode| &episode.exchanges);
    let used: BTreeSet<u16> = exchanges().map(|exchange| exchange.route).collect();
    let names = std::mem::take(&mut traces.routes);
    let numbers: Vec<Option<u16>> = (0..names.len())
        .map(|old| used.iter().position(|route| usize::from(*route) == old))
        .map(|place| place.map(|place| place as u16))
        .collect();
    for exchange in traces.episodes.iter_mut().flat_map(|episode| &mut episode.exchanges) {
        exchange.route = numbers[usize::from(exchange.route)].unwrap_or_default();
    }
    traces.routes =
        names.into_iter().zip(&numbers).filter_map(|(name, number)| number.map(|_| name)).collect();
    traces
}

/// Returns the recording that a file belongs to. A recording that did not end cleanly consists of several
/// parts.
fn recording(file: &Path) -> String {
    let name = file.display().to_string();
    match name.split_once(".partial-") {
        Some((recording, _)) => recording.to_owned(),
        None => name.trim_end_matches(".parquet").to_owned(),
    }
}

fn episode(run: String, policy: String, exploration: f64, exchanges: Vec<Exchange>) -> Episode {
    let balancers: BTreeSet<u16> = exchanges.iter().map(|exchange| exchange.balancer).collect();
    Episode { run, policy, exploration, balancers: balancers.len() as u16, exchanges }
}

fn micros(column: &Values, row: usize) -> Option<Span> {
    column.integer(row).and_then(|micros| u64::try_from(micros).ok()).map(Span::from_micros)
}

fn end(batch: &Batch, row: usize) -> End {
    if batch.column(Column::Censored).flag(row).unwrap_or(false) {
        return End::Censored;
    }
    let Some(kind) = batch.column(Column::ErrorKind).text(row) else {
        return End::Censored;
    };
    match reply_kind(kind) {
        Some(ReplyKind::Success) => End::Served,
        Some(ReplyKind::ServerError) => End::Failed,
        Some(ReplyKind::Timeout) => End::TimedOut,
        Some(ReplyKind::ConnectionError) | None => End::Disconnected,
    }
}
