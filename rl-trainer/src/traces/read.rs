//! Loads what calibration needs of Parquet traces.

use super::columns as c;
use super::error::TraceError;
use super::exchange::{End, Episode, Exchange, Traces};
use super::parquet::{Batch, Column, ParquetFile};
use super::source::{Source, source};
use lb_core::policy::learned::features::{FEATURE_SET, FEATURES};
use lb_core::{Span, Time};
use std::collections::BTreeMap;
use std::path::Path;

/// Without these nothing can be fitted.
const REQUIRED: [&str; 5] = [c::POLICY, c::SENT, c::ACTION, c::LATENCY, c::STATUS];
/// These help where they are.
const OPTIONAL: [&str; 8] =
    [c::RUN, c::BALANCER, c::BACKEND_IDS, c::ROUTE, c::ERROR, c::SERVICE, c::EXPLORE, c::CENSORED];

/// What tells the backends' weights, which do not change.
const WEIGHTS: [&str; 4] = [c::BACKEND_IDS, c::FEATURE_SET, c::FEATURES, c::MASK];
/// The feature that does.
const WEIGHT: &str = "log_weight_vs_pool";

/// One policy's requests in one run that lie further apart than this belong to two trials of it, between
/// which another policy had its turn.
const PAUSE: Span = Span::from_secs(5);

/// What stands for requests of which no route is known.
const ANY_ROUTE: &str = "any";

impl Traces {
    /// Reads a Parquet trace, or all of a folder.
    ///
    /// # Errors
    /// When there is no trace, or it cannot be read, or lacks a column.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let files = match source(path)? {
            Source::Parquet(files) => files,
            Source::JsonLines(_) => {
                let found = "an `rl_experiences.jsonl`, which says nothing of single requests' latencies";
                return Err(TraceError::OtherKind { path: path.to_owned(), found: found.to_owned() });
            }
        };
        let mut gathered = Gathered::default();
        let columns: Vec<&'static str> = REQUIRED.into_iter().chain(OPTIONAL).collect();
        for file in &files {
            let open = ParquetFile::open(file)?;
            open.require(&REQUIRED)?;
            open.read(&columns, |batch| (0..batch.rows).for_each(|row| gathered.row(batch, row)))?;
            open.read_first(&WEIGHTS, |batch| (0..batch.rows).for_each(|row| gathered.weights(batch, row)))?;
        }
        match gathered.runs.is_empty() {
            true => Err(TraceError::Empty { path: path.to_owned() }),
            false => Ok(gathered.finish()),
        }
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

/// What one policy did in one run, as yet in the order of the files.
#[derive(Default)]
struct Run {
    explored: u64,
    exchanges: Vec<Exchange>,
}

#[derive(Default)]
struct Gathered {
    backends: Names,
    /// By the numbers of backends.
    weights: BTreeMap<u16, f64>,
    routes: Names,
    runs: BTreeMap<(String, String), Run>,
}

impl Gathered {
    fn row(&mut self, batch: &Batch, row: usize) {
        let column = |name| batch.column(name);
        let text = |name| column(name).text(row).map_or("", |text| &**text);
        // A row without the place and time of the decision says nothing.
        let (Some(sent), Some(action)) = (column(c::SENT).integer(row), column(c::ACTION).integer(row))
        else {
            return;
        };
        let ids = column(c::BACKEND_IDS).list(row);
        let id = usize::try_from(action).ok().and_then(|place| ids.get(place)).copied();
        let backend = self.backends.number(&id.map_or_else(|| action.to_string(), |id| id.to_string()));
        let route = match text(c::ROUTE) {
            "" => ANY_ROUTE,
            route => route,
        };
        let route = self.routes.number(route);
        let run = self.runs.entry((text(c::RUN).to_owned(), text(c::POLICY).to_owned())).or_default();
        run.explored += u64::from(column(c::EXPLORE).flag(row).unwrap_or(false));
        run.exchanges.push(Exchange {
            sent: Time::from_nanos(sent.max(0).unsigned_abs()),
            latency: micros(column(c::LATENCY), row),
            service: micros(column(c::SERVICE), row).filter(|service| !service.is_zero()),
            backend,
            route,
            balancer: column(c::BALANCER).integer(row).unwrap_or(0) as u16,
            end: end(batch, row),
        });
    }

    /// Learns the weights of the backends that a decision looked at.
    fn weights(&mut self, batch: &Batch, row: usize) {
        let Some(place) = FEATURES.iter().position(|name| *name == WEIGHT) else {
            return;
        };
        let column = |name| batch.column(name);
        if column(c::FEATURE_SET).text(row).is_some_and(|set| &**set != FEATURE_SET) {
            return;
        }
        let (ids, mask) = (column(c::BACKEND_IDS).list(row), column(c::MASK).list(row));
        for (backend, numbers) in column(c::FEATURES).list(row).chunks_exact(FEATURES.len()).enumerate() {
            if mask.get(backend) != Some(&0.0) {
                let id = ids.get(backend).map_or_else(|| backend.to_string(), f64::to_string);
                let number = self.backends.number(&id);
                // Single precision: a ten-thousandth is noise.
                self.weights.insert(number, (numbers[place].exp() * 1e4).round() / 1e4);
            }
        }
    }

    fn finish(self) -> Traces {
        let (backends, backend_numbers) =
            self.backends.sorted_by(|name| (name.parse::<u64>().unwrap_or(u64::MAX), name.to_owned()));
        // Patterns with fewer variable parts come first, so that the first that matches is the right one.
        let (routes, route_numbers) = self.routes.sorted_by(|name| {
            (name == ANY_ROUTE, name.matches("{}").count(), std::cmp::Reverse(name.len()), name.to_owned())
        });
        let mut episodes = Vec::new();
        for ((run, policy), mut gathered) in self.runs {
            for exchange in &mut gathered.exchanges {
                exchange.backend = backend_numbers[usize::from(exchange.backend)];
                exchange.route = route_numbers[usize::from(exchange.route)];
            }
            let exploration = gathered.explored as f64 / gathered.exchanges.len() as f64;
            gathered.exchanges.sort_by_key(|exchange| exchange.sent);
            let trials = gathered
                .exchanges
                .chunk_by(|one, next| next.sent.since(one.sent).as_nanos() <= PAUSE.as_nanos());
            episodes.extend(trials.map(|trial| episode(&run, &policy, exploration, trial)));
        }
        let mut weights = vec![1.0; backends.len()];
        for (old, weight) in self.weights {
            weights[usize::from(backend_numbers[usize::from(old)])] = weight;
        }
        Traces { backends, weights, routes, episodes }
    }
}

fn episode(run: &str, policy: &str, exploration: f64, trial: &[Exchange]) -> Episode {
    let begin = trial[0].sent;
    let mut balancers: Vec<u16> = trial.iter().map(|exchange| exchange.balancer).collect();
    balancers.sort_unstable();
    balancers.dedup();
    let from_begin =
        |exchange: &Exchange| Exchange { sent: Time::ZERO + exchange.sent.since(begin), ..*exchange };
    Episode {
        run: run.to_owned(),
        policy: policy.to_owned(),
        exploration,
        balancers: balancers.len() as u16,
        exchanges: trial.iter().map(from_begin).collect(),
    }
}

fn micros(column: &Column, row: usize) -> Option<Span> {
    column.integer(row).and_then(|micros| u64::try_from(micros).ok()).map(Span::from_micros)
}

fn end(batch: &Batch, row: usize) -> End {
    if batch.column(c::CENSORED).flag(row).unwrap_or(false) {
        return End::Censored;
    }
    let status = batch.column(c::STATUS).integer(row);
    match (batch.column(c::ERROR).text(row).map(|kind| &**kind), status) {
        (Some("queue_full"), _) => End::QueueFull,
        (Some("timeout"), _) => End::TimedOut,
        (Some("connect"), _) => End::Unreachable,
        (Some("reset"), _) => End::Broken,
        (_, Some(200..500)) => End::Served,
        (_, Some(500..)) => End::Failed,
        (Some("5xx"), _) => End::Failed,
        // No status and no reason.
        _ => End::Broken,
    }
}
