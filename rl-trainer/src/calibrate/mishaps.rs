//! What goes wrong at a backend: full queues, errors at once, errors after service, hangs, crashes.

use super::pace::{self, Spell};
use super::queueing::{Queueing, Replayed};
use super::visits::{Left, Refusal, RefusalKind, Visits};
use lb_core::fault::FaultKind;

/// A smaller share of errors is not worth a fault: it stays below what any policy could act on.
const LEAST_SHARE: f64 = 0.02;
/// A request that was given up although it had its turn this many typical services before hung.
const HANGS: f64 = 20.0;
/// Refusals by a full queue that are needed to tell its length.
const ENOUGH_REFUSALS: usize = 5;

/// One backend in one episode, with what the chosen hypothesis made of it.
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

/// Requests that may wait; none when no queue was full.
pub(super) fn queue_cap(seen: &[Seen<'_>], queueing: Queueing) -> Option<u32> {
    let most_accepted = most_accepted(seen)?;
    let full = seen.iter().flat_map(|one| &one.visits.refused);
    let full = full.filter(|refusal| is_full(refusal, most_accepted, queueing));
    (full.count() >= ENOUGH_REFUSALS).then(|| (most_accepted + 1).saturating_sub(queueing.workers))
}

/// The most requests that an accepted request found at the backend.
fn most_accepted(seen: &[Seen<'_>]) -> Option<u32> {
    seen.iter().flat_map(|one| &one.visits.taken_in).map(|visit| visit.found).max()
}

/// Whether a refusal comes from a full queue: the backend never took a request in while it held more.
fn is_full(refusal: &Refusal, most_accepted: u32, queueing: Queueing) -> bool {
    refusal.kind == RefusalKind::Error && refusal.found >= most_accepted && refusal.found > queueing.workers
}

/// All mishaps of one backend but slow-downs. `typical` is a typical time of service at a time, both in
/// nanoseconds.
pub(super) fn mishaps(
    seen: &[Seen<'_>],
    queueing: Queueing,
    typical: impl Fn(f64) -> f64,
    length: f64,
) -> Vec<Mishap> {
    let most_accepted = most_accepted(seen).unwrap_or(u32::MAX);
    let mut at_once = Vec::new();
    let mut after_service = Vec::new();
    let mut hangs = Vec::new();
    let mut connections = Vec::new();
    for one in seen {
        for refusal in &one.visits.refused {
            match refusal.kind {
                RefusalKind::Connection => connections.push((refusal.ended, true)),
                RefusalKind::Error if is_full(refusal, most_accepted, queueing) => {}
                RefusalKind::Error => at_once.push((refusal.came, true)),
            }
        }
        for (visit, in_vain) in one.visits.taken_in.iter().zip(&one.replayed.in_vain) {
            at_once.push((visit.came, false));
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

/// A crash lasts from the first failed connection to the next request that was taken in.
fn crashes(mut events: Vec<(f64, bool)>) -> Vec<Mishap> {
    /// Fewer failures in a row are an accident of the network.
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
