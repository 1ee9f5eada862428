//! Detects mishaps of a backend: full queues, immediate errors, errors after service, hangs and crashes.

use super::pace::{self, Spell};
use super::queueing::{Queueing, Replayed};
use super::visits::{Left, Refusal, RefusalKind, Visits};
use lb_core::fault::FaultKind;

/// Smallest share of errors that counts as a fault; no policy could react to less.
const LEAST_SHARE: f64 = 0.02;
/// A request hung if its client gave up this many typical service times after its turn.
const HANGS: f64 = 20.0;
/// A request that found this many others per worker tells nothing about errors at once: a queue may be full although fewer
/// seem to be in it, since a backend goes on to work for clients that gave up. A backend that fails fast is never crowded.
const CROWDED: u32 = 8;
/// Minimum number of refusals by a full queue from which its length can be estimated.
const ENOUGH_REFUSALS: usize = 5;

/// One backend in one episode, replayed under the chosen hypothesis.
pub(super) struct Seen<'a> {
    pub(super) visits: &'a Visits,
    pub(super) replayed: &'a Replayed,
}

/// A fault of one backend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mishap {
    pub(super) kind: FaultKind,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Returns the number of requests that may wait, or `None` if the queue was never full.
pub(super) fn queue_cap(seen: &[Seen<'_>], queueing: Queueing) -> Option<u32> {
    let most_accepted = most_accepted(seen)?;
    let full = seen.iter().flat_map(|one| &one.visits.refused);
    let full = full.filter(|refusal| is_full(refusal, most_accepted, queueing));
    (full.count() >= ENOUGH_REFUSALS).then(|| (most_accepted + 1).saturating_sub(queueing.workers))
}

/// Returns the highest number of requests that an accepted request found at the backend.
fn most_accepted(seen: &[Seen<'_>]) -> Option<u32> {
    seen.iter().flat_map(|one| &one.visits.taken_in).map(|visit| visit.found).max()
}

/// Part of a long queue by which it may have been counted too short: requests that come and go at the same time
/// are counted in any order.
const MISCOUNTED: u32 = 50;

/// Returns whether a refusal was caused by a full queue: the backend never accepted a request while it held
/// more.
fn is_full(refusal: &Refusal, most_accepted: u32, queueing: Queueing) -> bool {
    let full = most_accepted - most_accepted / MISCOUNTED;
    refusal.kind == RefusalKind::Error && refusal.found >= full && refusal.found > queueing.workers
}

/// Returns all mishaps of one backend except slow-downs. `typical` maps a time to the typical service time at
/// it, both in nanoseconds.
pub(super) fn mishaps(
    seen: &[Seen<'_>],
    queueing: Queueing,
    typical: impl Fn(f64) -> f64,
    length: f64,
) -> Vec<Mishap> {
    let most_accepted = most_accepted(seen).unwrap_or(u32::MAX);
    let crowded = CROWDED * queueing.workers;
    let mut at_once = Vec::new();
    let mut after_service = Vec::new();
    let mut hangs = Vec::new();
    let mut connections = Vec::new();
    for one in seen {
        for refusal in &one.visits.refused {
            match refusal.kind {
                RefusalKind::Connection => connections.push((refusal.ended, true)),
                RefusalKind::Error
                    if is_full(refusal, most_accepted, queueing) || refusal.found > crowded => {}
                RefusalKind::Error => at_once.push((refusal.came, true)),
            }
        }
        for (visit, in_vain) in one.visits.taken_in.iter().zip(&one.replayed.in_vain) {
            if visit.found <= crowded {
                at_once.push((visit.came, false));
            }
            connections.push((visit.came, false));
            match visit.how {
                Left::Served { failed } => {
                    after_service.push((visit.came, failed));
                    hangs.push((visit.came, false));
                }
                Left::GaveUp => {
                    let hung = in_vain.is_some_and(|work| work > HANGS * typical(visit.came));
                    hangs.push((visit.came, hung));
                }
                Left::Unknown => {}
            }
        }
    }
    let fault = |kind: fn(f64) -> FaultKind, mut events: Vec<(f64, bool)>| {
        events.sort_by(|one, other| one.0.total_cmp(&other.0));
        let found = pace::spells(&events, length, LEAST_SHARE);
        found.into_iter().map(move |Spell { from, to, value }| Mishap {
            kind: kind(value.min(1.0)),
            from,
            to,
        })
    };
    let mut found: Vec<Mishap> = fault(|rate| FaultKind::FastFail { rate }, at_once).collect();
    found.extend(fault(|rate| FaultKind::ErrorRate { rate }, after_service));
    found.extend(fault(|rate| FaultKind::TimeoutRate { rate }, hangs));
    found.extend(crashes(connections));
    found
}

/// Finds crashes. A crash lasts from the first failed connection to the next accepted request.
fn crashes(mut events: Vec<(f64, bool)>) -> Vec<Mishap> {
    /// Minimum number of consecutive failures; fewer are attributed to the network.
    const IN_A_ROW: usize = 2;
    events.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut found = Vec::new();
    for spell in events.chunk_by(|one, other| one.1 == other.1 || one.1) {
        let down = spell.iter().filter(|(_, hit)| *hit).count();
        let up_again = spell.iter().find(|(_, hit)| !hit);
        if down >= IN_A_ROW {
            let to = up_again.map_or(f64::INFINITY, |(at, _)| *at);
            found.push(Mishap { kind: FaultKind::Crash { slow_start_s: 0.0 }, from: spell[0].0, to });
        }
    }
    found
}
