//! How the recorded load balancer chose: whether its choices depend on load, and if so, by which rule.
//!
//! Choices that do not depend on load (in turn, at random, by a hash of the client) can be replayed as they were
//! logged: they would have been the same. Choices that do depend on load must be made anew in a simulation, by
//! the same rule.

use crate::log::{AccessLog, Maker};
use crate::stats;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use lb_core::policy::haproxy_random::draw_shares;
use lb_traces::read::Exchange;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Dispersion of the counts of backends below which they were chosen in turn; independent choices have 1.
const IN_TURN: f64 = 0.1;
/// Number of turns over which choices are counted. Requests of one instant are in any order, which matters at both
/// ends only.
const TURNS: usize = 50;
/// Least part of the way from chance to certainty by which choices of a least busy backend must exceed chance for that
/// to be the rule: cut-off times hide which one that was. For the less busy of two, the part is the share by chance.
const LEAST_BUSY: f64 = 0.6;
/// Fewest choices in instants of their own from which others can be left out.
const FEWEST_CHOICES: f64 = 200.0;
/// Largest difference between this share and what chance gives for choices that do not depend on load.
const BY_CHANCE: f64 = 0.03;
/// Share of requests that went where the same client's last one went, above which clients are bound.
const BOUND: f64 = 0.95;
/// Fewest requests of clients that came before, from which bound clients are recognised.
const FEWEST_RETURNS: usize = 200;
/// Ratio of the largest share to the smallest above which backends had weights.
const WEIGHTED: f64 = 1.1;
/// Number of choices that are examined.
const EXAMINED: usize = 200_000;

/// How the recorded load balancer chose, and how that is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Routing {
    /// The algorithm; `None` if it is not known.
    pub algorithm: Option<Algorithm>,
    /// Whether the algorithm was named by the user.
    pub named: bool,
    /// Whether choices depend on load, so that they cannot be replayed as they were logged.
    pub adaptive: bool,
    /// Share of choices that took a backend with the fewest requests in flight.
    pub least_busy: f64,
    /// The same share if choices did not depend on load.
    pub by_chance: f64,
    /// Weights that the shares of requests show; all are 1 if shares are equal or depend on load.
    pub weights: Vec<f64>,
}

impl Routing {
    /// Finds out how a log's load balancer chose. `named` is what the user says.
    pub(super) fn of(log: &AccessLog, named: Option<Algorithm>) -> Self {
        let exchanges = log.traces.episodes.first().map_or(&[][..], |episode| &episode.exchanges);
        let exchanges = &exchanges[..exchanges.len().min(EXAMINED)];
        let backends = log.names.len();
        let unit = log.resolution.unit.as_nanos();
        let (least_busy, by_chance) = least_busy(exchanges, backends, unit);
        let skill = (least_busy - by_chance) / (1.0 - by_chance).max(f64::MIN_POSITIVE);
        let bound = bound(log);
        let rule = if dispersion(exchanges, backends) < IN_TURN {
            Some((Rule::RoundRobin, false))
        } else if bound {
            // By which hash is not known, so the choices are replayed.
            None
        } else if skill > LEAST_BUSY.max(by_chance + 0.25) {
            Some((Rule::LeastConnections, true))
        } else if (least_busy - by_chance).abs() < BY_CHANCE {
            Some((Rule::Random, false))
        } else {
            None
        };
        // A rule that the user names is simulated, whatever it is.
        let fixed = bound || rule.is_some_and(|(_, adaptive)| !adaptive);
        let adaptive = named.is_some() || !fixed;
        let by_chance_alone = rule == Some((Rule::Random, false));
        let weights = match fixed && !bound {
            true => weights(log, &equal_shares(log, by_chance_alone)),
            false => vec![1.0; backends],
        };
        let weighted = weights.iter().any(|weight| *weight != 1.0);
        let rule = rule.map(|(rule, _)| match rule {
            Rule::RoundRobin | Rule::Random if weighted => Rule::WeightedRoundRobin,
            rule => rule,
        });
        Self {
            algorithm: named.or(rule.map(Algorithm::plain)),
            named: named.is_some(),
            adaptive,
            least_busy,
            by_chance,
            weights,
        }
    }
}

/// Returns the share of choices of a backend with the fewest requests in flight, and what chance would give. If there
/// are enough, only choices count in whose `unit` of time nothing else happened.
fn least_busy(exchanges: &[Exchange], backends: usize, unit: u64) -> (f64, f64) {
    let mut in_flight = vec![0u32; backends];
    let mut ends: BinaryHeap<Reverse<(u64, u16)>> = BinaryHeap::new();
    // All choices, and those in instants of their own.
    let mut shares = [Shares::default(), Shares::default()];
    let instant = |nanos: u64| nanos / unit.max(1);
    for (place, exchange) in exchanges.iter().enumerate() {
        let now = exchange.sent.as_nanos();
        let same = |other: Option<&Exchange>| {
            other.is_some_and(|other| instant(other.sent.as_nanos()) == instant(now))
        };
        let mut alone = !same(place.checked_sub(1).and_then(|place| exchanges.get(place)))
            && !same(exchanges.get(place + 1));
        while let Some(Reverse((at, backend))) = ends.peek().copied()
            && at <= now
        {
            ends.pop();
            in_flight[usize::from(backend)] -= 1;
            alone &= instant(at) != instant(now);
        }
        let fewest = in_flight.iter().min().copied().unwrap_or(0);
        let equal = in_flight.iter().filter(|count| **count == fewest).count();
        if equal < backends {
            let least = f64::from(u8::from(in_flight[usize::from(exchange.backend)] == fewest));
            for shares in &mut shares[..if alone { 2 } else { 1 }] {
                shares.choices += 1.0;
                shares.least += least;
                shares.chance += equal as f64 / backends as f64;
            }
        }
        if let Some(latency) = exchange.latency {
            in_flight[usize::from(exchange.backend)] += 1;
            ends.push(Reverse((now + latency.as_nanos(), exchange.backend)));
        }
    }
    let [all, alone] = shares;
    let Shares { choices, least, chance } = if alone.choices >= FEWEST_CHOICES { alone } else { all };
    if choices > 0.0 { (least / choices, chance / choices) } else { (0.0, 0.0) }
}

/// Sums over choices.
#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    choices: f64,
    /// Choices of a backend with the fewest requests in flight.
    least: f64,
    /// Sum of the probabilities of such a choice by chance.
    chance: f64,
}

/// Returns how much the counts of backends vary between periods with equal numbers of choices, relative to
/// independent choices with the same shares: the median over periods of the mean square of scaled deviations. It is
/// 1 if there are too few choices.
fn dispersion(exchanges: &[Exchange], backends: usize) -> f64 {
    let mut shares = vec![0.0; backends];
    exchanges.iter().for_each(|one| shares[usize::from(one.backend)] += 1.0 / exchanges.len() as f64);
    let period = |choices: &[Exchange]| {
        let mut counts = vec![0.0; backends];
        choices.iter().for_each(|one| counts[usize::from(one.backend)] += 1.0);
        let scaled = counts.iter().zip(&shares).filter(|(_, share)| **share > 0.0).map(|(count, share)| {
            let expected = share * choices.len() as f64;
            (count - expected) * (count - expected) / (expected * (1.0 - share)).max(f64::MIN_POSITIVE)
        });
        scaled.sum::<f64>() / backends as f64
    };
    let mut all: Vec<f64> = exchanges.chunks_exact(TURNS * backends).map(period).collect();
    stats::median(&mut all).unwrap_or(1.0)
}

/// Returns whether clients went to the backend of their last request nearly always.
fn bound(log: &AccessLog) -> bool {
    let mut last: HashMap<u64, u16> = HashMap::new();
    let (mut returned, mut same) = (0usize, 0usize);
    for request in log.requests.iter().take(EXAMINED) {
        if let Some(before) = last.insert(request.client, request.backend) {
            returned += 1;
            same += usize::from(before == request.backend);
        }
    }
    last.len() > log.names.len() && returned >= FEWEST_RETURNS && same as f64 > BOUND * returned as f64
}

/// Returns the shares of requests that backends of equal weights get. HAProxy's random draws give them unequal ones.
fn equal_shares(log: &AccessLog, by_chance_alone: bool) -> Vec<f64> {
    match log.maker {
        Maker::Haproxy if by_chance_alone => draw_shares(&vec![log.server_weight; log.names.len()]),
        _ => vec![1.0 / log.names.len() as f64; log.names.len()],
    }
}

/// Returns the weights that requests show, relative to the smallest and rounded to tenths. `equal` are the shares of
/// backends of equal weights.
fn weights(log: &AccessLog, equal: &[f64]) -> Vec<f64> {
    let mut counts = vec![0.0; log.names.len()];
    log.requests.iter().for_each(|request| counts[usize::from(request.backend)] += 1.0);
    counts.iter_mut().zip(equal).for_each(|(count, share)| *count /= share);
    let least = counts.iter().copied().fold(f64::MAX, f64::min);
    let most = counts.iter().copied().fold(0.0, f64::max);
    match most > WEIGHTED * least {
        true => counts.iter().map(|count| (count / least * 10.0).round() / 10.0).collect(),
        false => vec![1.0; counts.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::{Span, Time};
    use lb_traces::read::{End, HintPlace};

    fn exchanges(choices: &[(u64, u64, u16)]) -> Vec<Exchange> {
        let exchange = |(sent, latency, backend): &(u64, u64, u16)| Exchange {
            sent: Time::ZERO + Span::from_millis(*sent),
            latency: Some(Span::from_millis(*latency)),
            service: None,
            backend: *backend,
            route: 0,
            balancer: 0,
            hints: HintPlace::default(),
            end: End::Served,
        };
        choices.iter().map(exchange).collect()
    }

    #[test]
    fn turns_leave_no_dispersion_and_independent_choices_do() {
        let of = |choice: &dyn Fn(u64) -> u16| {
            let choices: Vec<(u64, u64, u16)> = (0..6_000).map(|turn| (turn, 5, choice(turn))).collect();
            dispersion(&exchanges(&choices), 3)
        };
        assert!(of(&|turn| (turn % 3) as u16) < 1e-9, "in turn");
        // The order within an instant of four choices is reversed.
        assert!(of(&|turn| ((turn / 4 * 4 + 3 - turn % 4) % 3) as u16) < 0.05, "in turn, out of order");
        assert!(of(&|turn| [0, 1, 0, 2][turn as usize % 4]) < 0.05, "in turn with weights");
        let random = of(&|turn| (lb_core::rng::mix(turn) % 3) as u16);
        assert!((0.4..2.0).contains(&random), "independent choices: {random}");
        assert_eq!(dispersion(&exchanges(&[(0, 1, 0); 9]), 3), 1.0, "too few choices");
    }

    #[test]
    fn the_least_busy_are_counted_where_there_is_a_difference() {
        // The first finds all backends idle, which tells nothing. The second takes the only idle one, the third
        // one of two equal ones, the fourth a busier one.
        let choices = [(0, 100, 0), (1, 100, 1), (20, 10, 0), (25, 10, 0)];
        assert_eq!(least_busy(&exchanges(&choices), 2, 0), (0.5, 0.5));
    }
}
