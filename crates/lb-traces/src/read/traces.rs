//! Loads what calibration needs of Parquet traces.

use super::error::TraceError;
use super::exchange::{End, Episode, Exchange, Traces};
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

/// Columns without which nothing can be fitted.
const REQUIRED: [Column; 5] =
    [Column::PolicyId, Column::TsNs, Column::Action, Column::LatencyUs, Column::ErrorKind];
/// Columns that are used if they are there.
const OPTIONAL: [Column; 6] =
    [Column::RunId, Column::LbId, Column::BackendIds, Column::RouteClass, Column::Explore, Column::Censored];

/// What tells the backends' weights, which do not change.
const WEIGHTS: [Column; 4] = [Column::BackendIds, Column::FeatureSet, Column::Features, Column::Mask];
/// The feature that does.
const WEIGHT: &str = "log_weight_vs_pool";

/// The class of requests whose route is not known.
const ANY_ROUTE: &str = "other";

impl Traces {
    /// Reads a Parquet trace, or all traces in a folder, and keeps the decisions of one pool. If there are several
    /// pools, `backend` must name a backend of the one that is meant.
    ///
    /// # Errors
    /// When there is no trace, or it cannot be read, or lacks a column; when there are several pools and
    /// `backend` does not say which is meant.
    pub fn read(path: &Path, backend: Option<&str>) -> Result<Self, TraceError> {
        let files = match source(path)? {
            Source::Parquet(files) => files,
            Source::JsonLines(_) => {
                let found = "an `rl_experiences.jsonl`, which says nothing of single requests' latencies";
                return Err(TraceError::OtherKind { path: path.to_owned(), found: found.to_owned() });
            }
        };
        let mut gathered = Gathered::default();
        let columns: Vec<Column> = REQUIRED.into_iter().chain(OPTIONAL).collect();
        for file in &files {
            let number = gathered.recordings.number(&recording(file));
            let open = ParquetFile::open(file)?;
            open.require(&REQUIRED)?;
            open.read(&columns, |batch| (0..batch.rows).for_each(|row| gathered.row(batch, row, number)))?;
            open.read_first(&WEIGHTS, |batch| (0..batch.rows).for_each(|row| gathered.weights(batch, row)))?;
        }
        if gathered.trials.is_empty() {
            return Err(TraceError::Empty { path: path.to_owned() });
        }
        let pool = pools::choose(gathered.members.values(), backend)?;
        Ok(gathered.finish(&pool))
    }
}

/// Numbers for names, in the order of meeting them.
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

    /// The names in an order of choice, and the new number of each old one.
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

/// What one policy did in one recording, as yet in the order of the file.
#[derive(Default)]
struct Trial {
    explored: u64,
    exchanges: Vec<Exchange>,
}

/// Recording, run and policy.
type TrialKey = (u16, String, String);

#[derive(Default)]
struct Gathered {
    backends: Names,
    /// By the numbers of backends.
    weights: BTreeMap<u16, f64>,
    routes: Names,
    recordings: Names,
    /// The backends of each view, by recording and number of the view.
    members: BTreeMap<(u16, u16), Vec<String>>,
    trials: BTreeMap<TrialKey, Trial>,
}

impl Gathered {
    fn row(&mut self, batch: &Batch, row: usize, recording: u16) {
        let column = |name| batch.column(name);
        let text = |name| column(name).text(row).map_or("", |text| &**text);
        // A row without the place and time of the decision says nothing.
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
        // A backend that joined the pool later.
        if !members.contains(&id) {
            members.push(id.clone());
        }
        // Backends that are never chosen belong to the pool as well.
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
            end: end(batch, row),
        });
    }

    /// Learns the weights of the backends that a decision looked at.
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
                // Single precision: a ten-thousandth is noise.
                self.weights.insert(number, (numbers[place].exp() * 1e4).round() / 1e4);
            }
        }
    }

    /// What happened to the backends of `pool`.
    fn finish(self, pool: &[String]) -> Traces {
        let (all, backend_numbers) = self.backends.sorted_by(|name| (name.len(), name.to_owned()));
        // Patterns with fewer variable parts come first, so that the first that matches is the right one.
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
        only_used_routes(Traces { backends, weights, routes, episodes })
    }
}

/// The new number of each name that is kept.
fn renumbered(names: &[String], keep: impl Fn(&String) -> bool) -> Vec<Option<u16>> {
    let mut next = 0;
    let number = |name| {
        let number = keep(name).then_some(next);
        next += u16::from(number.is_some());
        number
    };
    names.iter().map(number).collect()
}

/// Leaves the routes of other pools out.
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

/// The recording that a file belongs to: one that did not end in good order is left in several parts.
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
