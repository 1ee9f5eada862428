//! What requests say about their cost: how much of the variance of service times it tells, by what, and how.
//!
//! 1. The service time of each request, relative to the backend that served it ([`times`]).
//! 2. An additive model of its logarithm, fitted to the earlier half of each recording ([`model`]): a level for each
//!    route, and for each hint a function of its value.
//! 3. The share of the variance of the later half that the model tells ([`score`]), for each source of knowledge alone
//!    and beyond all others: what the share falls by if it is left out.
//!
//! Because the later half was not seen, a hint that tells nothing has a share of about 0 or below, and not one that
//! grows with the number of its values. The predictor of the load balancer (`lb_core::policy::cost`), which learns as it
//! goes, is run over the same requests, so that what can be told is held against what is told in service.

mod error;
mod law;
mod model;
mod score;
mod times;
mod verdict;

pub use error::CostError;
pub use law::{Law, LawPoint};
pub use score::Share;
pub use times::TimeSource;

use crate::Resolution;
use law::{MOST_VALUES, Usage};
use lb_core::policy::{CostModel, RequestInfo};
use lb_core::rng::mix;
use lb_traces::read::{RecordedHints, Traces};
use model::{Design, Scope, Sources};
use score::Squares;
use serde::Serialize;
use std::collections::HashMap;
use times::Timed;

/// Most hints that are told apart; the rarest are left out.
const MOST_HINTS: usize = 16;
/// Fewest requests that say a hint.
const FEWEST_OF_HINT: usize = 50;
/// Most requests that are used; of more, some are left out at equal distances.
const MOST_ROWS: usize = 200_000;
/// Most routes that are shown one by one.
const MOST_ROUTES: usize = 12;
/// Number of simulated clients of the predictor, whose influence is bounded for each client.
const CLIENTS: u64 = 1024;

/// What requests of a recording say about their cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostReport {
    /// Number of requests in all.
    pub requests: usize,
    /// Number of requests whose service time is known.
    pub timed: usize,
    /// How service times are known.
    pub times: TimeSource,
    /// Standard deviation of the logarithm of service times relative to their backends, in the half that is tested.
    pub deviation: f64,
    /// The share of its square that all sources together tell.
    pub told: Share,
    /// The share that the load balancer's predictor tells in the same half, having learnt as it went.
    pub predictor: f64,
    /// The sources of knowledge: the route, then the hints, the most telling first.
    pub sources: Vec<Source>,
    /// The routes with most requests.
    pub routes: Vec<RouteCost>,
    /// What the recording does not tell, one sentence each.
    pub notes: Vec<String>,
    /// What follows from it, in a sentence.
    pub verdict: String,
    /// What to do, one sentence each.
    pub advice: Vec<String>,
}

/// A source of knowledge about costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// `route`, or the name of a hint, such as `query.limit`.
    pub name: String,
    /// Number of requests that say it, of those that were used.
    pub requests: usize,
    /// Number of different values, counted to 10,000.
    pub values: usize,
    /// The share that it tells if nothing else is known.
    pub alone: Share,
    /// The share that it tells if everything else is known.
    pub beyond: Share,
    /// The cost as a function of its value; null for the route.
    pub law: Option<Law>,
}

/// The cost of one route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteCost {
    /// The route, as the recording names it.
    pub name: String,
    /// Number of its requests, of those that were used.
    pub requests: usize,
    /// Factor of its typical cost relative to that of all routes.
    pub factor: f64,
    /// The share of the variance within the route that hints tell.
    pub told: Share,
}

/// Says what requests tell about their cost, from traces with times of this resolution.
///
/// # Errors
/// Too few service times are known, or no request says anything.
pub fn inspect(traces: &Traces, resolution: Resolution) -> Result<CostReport, CostError> {
    let (mut rows, times) = times::timed(traces, resolution)?;
    let timed = rows.len();
    let stride = timed.div_ceil(MOST_ROWS).max(1);
    rows = rows.into_iter().step_by(stride).collect();
    let (names, left_out) = frequent(&rows, &traces.hints);
    let routes = by_route(&rows, traces.routes.len());
    let used = routes.iter().filter(|(_, requests)| *requests > 0).count();
    if names.is_empty() && used < 2 {
        return Err(CostError::NothingSaid { were_read: traces.hints.were_read });
    }
    let each = Design::new(&rows, &traces.hints, &names, Scope::EachRoute);
    let same = Design::new(&rows, &traces.hints, &names, Scope::AllRoutes);
    let total = Squares::of_mean(&each);
    let later = rows.iter().filter(|row| row.later).count().max(1) as f64;
    let deviation = (total.sum() / later).sqrt();
    if deviation < EQUAL {
        return Err(CostError::Equal);
    }
    let all = Sources::all(names.len() + 1);
    let full = each.fit(all);
    let told = Squares::of_model(&each, &full);
    let for_laws = same.fit(all);
    let source = |place: usize| {
        let alone = same.fit(Sources::only(place));
        let alone = total.told(&Squares::of_model(&same, &alone), &total);
        // Without the route, functions cannot differ by route either.
        let design = if place == 0 { &same } else { &each };
        let others = design.fit(all.without(place));
        let beyond = Squares::of_model(design, &others).told(&told, &total);
        match place.checked_sub(1) {
            None => Source {
                name: ROUTE.to_owned(),
                requests: rows.len(),
                values: used,
                alone,
                beyond,
                law: None,
            },
            Some(place) => {
                let name = same.names()[place];
                let Usage { requests, values, law } = law::usage(&same, &for_laws, &traces.hints, name);
                Source { name: traces.hints.text(name).into_owned(), requests, values, alone, beyond, law }
            }
        }
    };
    let mut sources: Vec<Source> = (0..=names.len()).map(source).collect();
    sources[1..].sort_by(|one, other| other.beyond.share.total_cmp(&one.beyond.share));
    let only_routes = each.fit(Sources::ROUTE);
    let route = |(route, requests): (u16, usize)| {
        let of_route = |row: &Timed| row.route == route;
        let before = Squares::of(&rows, of_route, |place| each.predict(&only_routes, place));
        let after = Squares::of(&rows, of_route, |place| each.predict(&full, place));
        RouteCost {
            name: traces.routes[usize::from(route)].clone(),
            requests,
            factor: each.level(&only_routes, route).exp(),
            told: before.told(&after, &before),
        }
    };
    let shown = routes.into_iter().filter(|(_, requests)| *requests >= FEWEST_OF_HINT).take(MOST_ROUTES);
    let mut report = CostReport {
        requests: traces.len(),
        timed,
        times,
        deviation,
        told: total.told(&told, &total),
        predictor: predictor(&rows, &traces.hints),
        routes: shown.map(route).collect(),
        sources,
        notes: Vec::new(),
        verdict: String::new(),
        advice: Vec::new(),
    };
    report.notes = verdict::notes(&report, traces.hints.were_read, left_out);
    report.verdict = verdict::verdict(&report);
    report.advice = verdict::advice(&report);
    Ok(report)
}

/// The name of the route among the sources.
pub(crate) const ROUTE: &str = "route";
/// Standard deviation of logarithms below which times are equal.
const EQUAL: f64 = 0.01;

/// Returns the names of the hints that many requests say, the most frequent first, and the number of the others.
fn frequent(rows: &[Timed], hints: &RecordedHints) -> (Vec<u32>, usize) {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for hint in rows.iter().flat_map(|row| hints.at(row.hints)) {
        *counts.entry(hint.name).or_default() += 1;
    }
    let all = counts.len();
    let mut names: Vec<(usize, u32)> = counts.into_iter().map(|(name, count)| (count, name)).collect();
    names.retain(|(count, _)| *count >= FEWEST_OF_HINT);
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.truncate(MOST_HINTS);
    let left_out = all - names.len();
    (names.into_iter().map(|(_, name)| name).collect(), left_out)
}

/// Returns the routes with the number of their requests, the most frequent first.
fn by_route(rows: &[Timed], routes: usize) -> Vec<(u16, usize)> {
    let mut counts: Vec<(u16, usize)> = (0..routes).map(|route| (route as u16, 0)).collect();
    rows.iter().for_each(|row| counts[usize::from(row.route)].1 += 1);
    counts.sort_by_key(|(_, requests)| std::cmp::Reverse(*requests));
    counts
}

/// Returns the share that the load balancer's predictor tells of the later rows.
fn predictor(rows: &[Timed], hints: &RecordedHints) -> f64 {
    let mean = rows.iter().map(|row| row.log).sum::<f64>() / rows.len().max(1) as f64;
    let mut model = CostModel::default();
    let (mut errors, mut logs) = (Moments::default(), Moments::default());
    for (place, row) in (0..).zip(rows) {
        let log = row.log - mean;
        let request = RequestInfo {
            client_key: mix(place % CLIENTS),
            // 0 stands for requests of no known route.
            route: row.route.saturating_add(1),
            hints: hints.hints_at(row.hints),
        };
        if row.later {
            errors.take(log - f64::from(model.predict(&request).log_cost));
            logs.take(log);
        }
        model.learn(&request, log as f32, 1.0);
    }
    1.0 - errors.variance() / logs.variance().max(f64::MIN_POSITIVE)
}

/// Sums of values and of their squares.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn take(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn variance(self) -> f64 {
        let mean = self.sum / self.count.max(1.0);
        (self.squares / self.count.max(1.0) - mean * mean).max(0.0)
    }
}

impl Source {
    /// Returns whether more values were seen than are counted.
    pub fn has_more_values(&self) -> bool {
        self.values >= MOST_VALUES
    }

    /// Returns the name of the header that the source is, if it is one.
    pub fn header(&self) -> Option<&str> {
        self.name.strip_prefix("header.")
    }
}
