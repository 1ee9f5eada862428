//! Learns a traffic model from a recording.

use crate::bursts::{self, Stream};
use crate::document::{
    Cell, Hour, Kind, Popularity, Rates, SCHEMA_VERSION, Sessions, SizeFit, Sizes, Source, Target,
    TrafficModel, Unit,
};
use crate::error::SynthesisError;
use crate::fits::{lognormal, quantiles};
use crate::popularity;
use crate::rates::{self, Estimates};
use crate::sessions;
use crate::slots::{Piece, SECOND, SLOTS, Slot, Zone, exposures};
use crate::traffic::{Traffic, moment};
use lb_core::Seed;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The most kinds of requests that a model has; results have a row for each.
const MOST_KINDS: usize = 1_000;
/// The most request targets that a model keeps of a kind.
const MOST_TARGETS: usize = 200;
/// Steps between quantiles of sizes.
const STEPS: usize = 100;
/// The seed of the bootstrap, so that the same log gives the same model.
const SEED: Seed = Seed(0x5e_ed);
/// Shortest part of an hour whose count tells how well rates explain counts, in seconds.
const NEARLY_AN_HOUR_S: f64 = 3_000.0;

/// Learns a model; hours are those of `zone`, and a visitor's session ends after `gap_s` seconds without a request.
///
/// # Errors
/// All requests have the same time.
pub fn learn(traffic: &Traffic, zone: &Zone, gap_s: f64) -> Result<TrafficModel, SynthesisError> {
    let [first, last] = traffic.ends();
    if first == last {
        let (count, time) = (traffic.len(), moment(first));
        return Err(SynthesisError::TooLittle(match count {
            1 => format!(
                "the recording has 1 request, at {time}; a traffic model needs at least two different times"
            ),
            _ => {
                format!("all {count} requests have the time {time}; a traffic model needs times that differ")
            }
        }));
    }
    let ranks = Ranks::of(traffic);
    let traffic = &ranks.renumbered(traffic);
    let pieces = traffic.pieces(zone);
    let seconds = exposures(&pieces);
    let times: Vec<i64> = traffic.events.iter().map(|event| event.at).collect();
    let stream = |times| Stream { times, pieces: &pieces, resolution: traffic.resolution };
    let requests = stream(&times);
    let found = sessions::find(traffic, gap_s);

    let clustering = bursts::clustering(&requests.variations());
    let rates = rates::estimate(&count(zone, &times), &seconds, clustering);
    let begun = stream(&found.starts);
    let starts = found.sessions.is_some().then(|| {
        let clustering = bursts::clustering(&begun.variations());
        rates::estimate(&count(zone, &found.starts), &seconds, clustering)
    });
    let bursts = match &starts {
        Some(starts) => bursts::learn(Unit::Sessions, begun, starts, requests),
        None => bursts::learn(Unit::Requests, requests, &rates, requests),
    };
    let mut notes = traffic.notes.clone();
    notes.extend(ranks.left_out());
    notes.extend(found.problem);
    Ok(TrafficModel {
        schema_version: SCHEMA_VERSION,
        source: Source {
            requests: traffic.len() as u64,
            from: moment(first),
            to: moment(last),
            time_zone: zone.name().to_owned(),
            resolution_s: traffic.resolution as f64 / SECOND as f64,
            notes,
        },
        kinds: kinds(traffic),
        hours: hours(&count(zone, &times), &seconds, &rates, starts.as_ref()),
        cells: cells(traffic, &pieces, &seconds, clustering),
        rates: Rates {
            overdispersion: 1.0 + clustering * requests.rate(),
            between_days: rates.between_days,
            explained: explained(&pieces, &times, &rates),
        },
        popularity: popularity(traffic),
        bursts,
        sessions: found.sessions.map(|sessions| Sessions { gap_s, ..sessions }),
        sizes: sizes(traffic),
    })
}

/// The kinds of a recording by rank, the most frequent first.
struct Ranks {
    /// The new number of each kind; `None` for one that is left out.
    of: Vec<Option<u32>>,
    order: Vec<usize>,
    left_out: u64,
}

impl Ranks {
    fn of(traffic: &Traffic) -> Self {
        let counts = traffic.counts();
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|kind| (Reverse(counts[*kind]), traffic.kinds[*kind].clone()));
        let left_out = order.iter().skip(MOST_KINDS).map(|kind| counts[*kind]).sum();
        order.truncate(MOST_KINDS);
        let mut of = vec![None; counts.len()];
        for (rank, kind) in order.iter().enumerate() {
            of[*kind] = Some(rank as u32);
        }
        Self { of, order, left_out }
    }

    fn left_out(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            format!(
                "{} requests are of kinds beyond the {MOST_KINDS} most frequent ones and are left out",
                self.left_out
            )
        })
    }

    /// Returns the recording with kinds numbered by rank.
    fn renumbered(&self, traffic: &Traffic) -> Traffic {
        let kind = |old: u32| self.of[old as usize];
        let events = traffic.events.iter();
        Traffic {
            events: events
                .filter_map(|event| Some(crate::traffic::Event { kind: kind(event.kind)?, ..*event }))
                .collect(),
            kinds: self.order.iter().map(|old| traffic.kinds[*old].clone()).collect(),
            targets: traffic
                .targets
                .iter()
                .map(|(old, target)| (kind(*old).unwrap_or(u32::MAX), target.clone()))
                .collect(),
            notes: traffic.notes.clone(),
            ..*traffic
        }
    }
}

/// Counts events by slot.
pub(crate) fn count(zone: &Zone, times: &[i64]) -> Vec<u64> {
    let mut counts = vec![0; SLOTS];
    let quarter = |at: i64| at.div_euclid(crate::slots::QUARTER);
    for group in times.chunk_by(|one, other| quarter(*one) == quarter(*other)) {
        counts[zone.slot(group[0]).index()] += group.len() as u64;
    }
    counts
}

fn kinds(traffic: &Traffic) -> Vec<Kind> {
    let mut by_target = vec![0_u64; traffic.targets.len()];
    for event in &traffic.events {
        by_target[event.target as usize] += 1;
    }
    let mut targets: Vec<Vec<Target>> = vec![Vec::new(); traffic.kinds.len()];
    for ((kind, target), requests) in traffic.targets.iter().zip(by_target) {
        if let Some(list) = targets.get_mut(*kind as usize).filter(|_| requests > 0) {
            list.push(Target { target: target.clone(), requests });
        }
    }
    let counts = traffic.counts();
    let of = |((method, endpoint), (mut targets, requests)): (&(String, String), (Vec<Target>, u64))| {
        targets.sort_by(|one, other| {
            (Reverse(one.requests), &one.target).cmp(&(Reverse(other.requests), &other.target))
        });
        targets.truncate(MOST_TARGETS);
        let share = requests as f64 / traffic.len() as f64;
        Kind { method: method.clone(), endpoint: endpoint.clone(), requests, share, targets }
    };
    traffic.kinds.iter().zip(targets.into_iter().zip(counts)).map(of).collect()
}

fn hours(counts: &[u64], seconds: &[f64], rates: &Estimates, starts: Option<&Estimates>) -> Vec<Hour> {
    let hour = |slot: Slot| {
        let rate = rates.rates[slot.index()]?;
        Some(Hour {
            weekday: slot.weekday() + 1,
            hour: slot.hour(),
            observed_s: seconds[slot.index()],
            requests: counts[slot.index()],
            per_second: rate.mean,
            low: rate.low,
            high: rate.high,
            sessions_per_second: starts.and_then(|starts| starts.rates[slot.index()]).map(|rate| rate.mean),
        })
    };
    Slot::all().filter_map(hour).collect()
}

fn cells(traffic: &Traffic, pieces: &[Piece], seconds: &[f64], clustering: f64) -> Vec<Cell> {
    let mut counts: BTreeMap<(Slot, u32), u64> = BTreeMap::new();
    for (piece, events) in crate::slots::events_of(pieces, &traffic.events, |event| event.at) {
        for event in events {
            *counts.entry((piece.slot, event.kind)).or_default() += 1;
        }
    }
    let cell = |((slot, kind), requests): ((Slot, u32), u64)| {
        let rate = rates::of_kind(requests, seconds[slot.index()], clustering);
        Cell {
            weekday: slot.weekday() + 1,
            hour: slot.hour(),
            kind,
            requests,
            per_second: rate.mean,
            low: rate.low,
            high: rate.high,
        }
    };
    counts.into_iter().map(cell).collect()
}

/// Returns the share of the variance of hourly counts that the rates explain.
fn explained(pieces: &[Piece], times: &[i64], rates: &Estimates) -> Option<f64> {
    let whole = crate::slots::events_of(pieces, times, |at| *at)
        .filter(|(piece, _)| piece.seconds() >= NEARLY_AN_HOUR_S);
    let pairs: Vec<(f64, f64)> = whole
        .map(|(piece, events)| {
            let rate = rates.rates[piece.slot.index()].map_or(0.0, |rate| rate.mean);
            (events.len() as f64 / piece.seconds(), rate)
        })
        .collect();
    let mean = pairs.iter().map(|(observed, _)| observed).sum::<f64>() / pairs.len() as f64;
    let total: f64 = pairs.iter().map(|(observed, _)| (observed - mean).powi(2)).sum();
    let rest: f64 = pairs.iter().map(|(observed, rate)| (observed - rate).powi(2)).sum();
    (pairs.len() >= 3 && total > 0.0).then(|| (1.0 - rest / total).clamp(0.0, 1.0))
}

fn popularity(traffic: &Traffic) -> Popularity {
    let mut counts = vec![0_u64; traffic.targets.len()];
    for event in &traffic.events {
        counts[event.target as usize] += 1;
    }
    popularity::fit(counts, SEED)
}

fn sizes(traffic: &Traffic) -> Sizes {
    let replies = traffic.events.iter().filter_map(|event| event.bytes);
    let bodies = traffic.events.iter().map(|event| event.body).filter(|body| *body > 0);
    Sizes {
        replies: size_fit(replies.map(|size| size as f64).collect()),
        requests: size_fit(bodies.map(|size| size as f64).collect()),
    }
}

fn size_fit(mut sizes: Vec<f64>) -> Option<SizeFit> {
    sizes.sort_unstable_by(f64::total_cmp);
    (!sizes.is_empty()).then(|| SizeFit {
        count: sizes.len() as u64,
        mean: sizes.iter().sum::<f64>() / sizes.len() as f64,
        quantiles: quantiles(&sizes, STEPS),
        fit: lognormal(&sizes),
    })
}
