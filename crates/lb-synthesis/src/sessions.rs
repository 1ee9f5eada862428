//! Sessions: the requests of one visitor (client and user agent) without a pause longer than the gap.
//!
//! The order of kinds is a first-order Markov chain. Its evidence against independent requests is the likelihood-ratio
//! statistic `G = 2 Σ n(i,j) ln( n(i,j) n / (n(i,·) n(·,j)) )`, which has a chi-square distribution under independence
//! (Anderson and Goodman, 1957).

use crate::document::{SessionLength, Sessions, Transition};
use crate::fits::{lognormal, quantiles};
use crate::slots::SECOND;
use crate::traffic::{Event, Traffic};
use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::collections::BTreeMap;

/// Fewest sessions for a model of them.
const FEWEST_SESSIONS: usize = 50;
/// Share of requests that must name their client.
const KNOWN_CLIENTS: f64 = 0.9;
/// Greatest share of requests of one visitor. A visitor with more is a proxy or a monitor, not a person.
const GREATEST_VISITOR: f64 = 0.5;
/// Steps between the quantiles of think times.
const STEPS: usize = 200;

/// Sessions as they were recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Times at which sessions began, in order.
    pub(crate) starts: Vec<i64>,
    pub(crate) sessions: Option<Sessions>,
    /// Why there is no model of sessions.
    pub(crate) problem: Option<String>,
}

/// Finds sessions and describes them; `gap_s` is in seconds.
pub(crate) fn find(traffic: &Traffic, gap_s: f64) -> Found {
    let without = |problem: String| Found { problem: Some(problem), ..Found::default() };
    if traffic.with_client < KNOWN_CLIENTS {
        return without(format!(
            "{:.0} % of the requests name their client, so sessions are not modelled and requests count as independent",
            100.0 * traffic.with_client
        ));
    }
    let mut by_visitor: BTreeMap<u32, Vec<&Event>> = BTreeMap::new();
    for event in &traffic.events {
        by_visitor.entry(event.visitor).or_default().push(event);
    }
    let greatest = by_visitor.values().map(Vec::len).max().unwrap_or(0) as f64 / traffic.len() as f64;
    if greatest > GREATEST_VISITOR {
        return without(format!(
            "one client sent {:.0} % of the requests and is probably a proxy, so sessions are not modelled",
            100.0 * greatest
        ));
    }
    let gap = (gap_s * SECOND as f64) as i64;
    let sessions: Vec<&[&Event]> = by_visitor
        .values()
        .flat_map(|events| events.chunk_by(move |before, after| after.at - before.at <= gap))
        .collect();
    if sessions.len() < FEWEST_SESSIONS {
        return without(format!(
            "there are {} sessions, and a model of them needs {FEWEST_SESSIONS}; requests count as independent",
            sessions.len()
        ));
    }
    let mut starts: Vec<i64> = sessions.iter().map(|session| session[0].at).collect();
    starts.sort_unstable();
    let described = describe(traffic, &sessions, by_visitor.len(), gap_s);
    Found { starts, sessions: Some(described), problem: None }
}

fn describe(traffic: &Traffic, sessions: &[&[&Event]], visitors: usize, gap_s: f64) -> Sessions {
    let mut lengths: BTreeMap<u64, u64> = BTreeMap::new();
    let mut first = vec![0; traffic.kinds.len()];
    let mut transitions: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let mut thinks = Vec::new();
    for session in sessions {
        *lengths.entry(session.len() as u64).or_default() += 1;
        first[session[0].kind as usize] += 1;
        for pair in session.windows(2) {
            *transitions.entry((pair[0].kind, pair[1].kind)).or_default() += 1;
            thinks.push((pair[1].at - pair[0].at) as f64 / SECOND as f64);
        }
    }
    thinks.sort_unstable_by(f64::total_cmp);
    let mean_length = traffic.len() as f64 / sessions.len() as f64;
    let (chain_g, chain_degrees) = independence(&transitions);
    let chain_p_value = ChiSquared::new(chain_degrees.max(1) as f64)
        .map_or(1.0, |law| 1.0 - law.cdf(chain_g))
        .clamp(0.0, 1.0);
    Sessions {
        gap_s,
        sessions: sessions.len() as u64,
        visitors: visitors as u64,
        mean_length,
        geometric_distance: geometric_distance(&lengths, mean_length),
        lengths: lengths
            .into_iter()
            .map(|(requests, sessions)| SessionLength { requests, sessions })
            .collect(),
        first,
        transitions: transitions
            .into_iter()
            .map(|((from, to), requests)| Transition { from, to, requests })
            .collect(),
        chain_g,
        chain_degrees,
        chain_p_value,
        think_fit: lognormal(&thinks),
        think_times_s: quantiles(&thinks, STEPS),
    }
}

/// Returns G and its degrees of freedom.
fn independence(transitions: &BTreeMap<(u32, u32), u64>) -> (f64, u64) {
    let (mut from, mut to) = <(BTreeMap<u32, u64>, BTreeMap<u32, u64>)>::default();
    for ((before, after), count) in transitions {
        *from.entry(*before).or_default() += count;
        *to.entry(*after).or_default() += count;
    }
    let total = from.values().sum::<u64>() as f64;
    let term = |((before, after), count): (&(u32, u32), &u64)| {
        let count = *count as f64;
        count * (count * total / (from[before] as f64 * to[after] as f64)).ln()
    };
    let g = 2.0 * transitions.iter().map(term).sum::<f64>();
    let degrees = from.len().saturating_sub(1) * to.len().saturating_sub(1);
    (g.max(0.0), degrees as u64)
}

/// Returns the Kolmogorov-Smirnov distance of lengths from the geometric distribution of the same mean.
fn geometric_distance(lengths: &BTreeMap<u64, u64>, mean: f64) -> f64 {
    let total: u64 = lengths.values().sum();
    let stay = 1.0 - 1.0 / mean.max(1.0);
    let mut seen = 0;
    let steps = lengths.iter().map(|(length, count)| {
        let before = seen as f64 / total as f64;
        seen += count;
        let after = seen as f64 / total as f64;
        let law = |length: u64| 1.0 - stay.powf(length as f64);
        (after - law(*length)).abs().max((before - law(*length - 1)).abs())
    });
    steps.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_recording::Entry;

    fn entry(second: i64, client: usize, target: &str) -> Entry {
        Entry {
            at: Some(i128::from(second * SECOND)),
            method: "GET".to_owned(),
            target: target.to_owned(),
            client: Some(format!("10.0.0.{client}")),
            ..Entry::default()
        }
    }

    /// Each of 60 clients asks for /a, /b, pauses for an hour, and asks for /a again.
    fn traffic() -> Traffic {
        let visits = (0..60).flat_map(|client| {
            let from = 10 * client as i64;
            [entry(from, client, "/a"), entry(from + 5, client, "/b"), entry(from + 3605, client, "/a")]
        });
        Traffic::collect(visits).expect("requests")
    }

    #[test]
    fn a_pause_longer_than_the_gap_ends_a_session() {
        let found = find(&traffic(), 1800.0).sessions.expect("sessions");
        assert_eq!((found.sessions, found.visitors), (120, 60));
        let lengths: Vec<(u64, u64)> = found.lengths.iter().map(|one| (one.requests, one.sessions)).collect();
        assert_eq!(lengths, [(1, 60), (2, 60)]);
        assert_eq!(found.first, [120, 0]);
        assert_eq!(found.transitions, [Transition { from: 0, to: 1, requests: 60 }]);
        assert!(found.think_times_s.iter().all(|time| *time == 5.0));
        assert_eq!(find(&traffic(), 4000.0).sessions.expect("sessions").sessions, 60);
    }

    #[test]
    fn what_cannot_be_sessions_is_said() {
        let mut unknown = traffic();
        unknown.with_client = 0.5;
        let problem = find(&unknown, 1800.0).problem.expect("no clients");
        assert!(problem.starts_with("50 % of the requests name their client"), "{problem}");
        let mut proxy = traffic();
        proxy.events.iter_mut().for_each(|event| event.visitor = 0);
        assert!(find(&proxy, 1800.0).problem.expect("one client").contains("probably a proxy"));
    }

    #[test]
    fn g_is_that_of_the_textbook() {
        // Two independent columns, then two dependent ones: G = 2 × 200 ln 2.
        let even = BTreeMap::from([((0, 0), 50), ((0, 1), 50), ((1, 0), 50), ((1, 1), 50)]);
        assert_eq!(independence(&even), (0.0, 1));
        let (g, degrees) = independence(&BTreeMap::from([((0, 1), 100), ((1, 0), 100)]));
        assert!((g - 400.0 * std::f64::consts::LN_2).abs() < 1e-9 && degrees == 1, "{g}");
    }
}
