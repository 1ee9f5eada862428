//! Simulates every contestant in every case and replication of a list.

use super::contestants::{Contestant, Kind, Trained, field};
use super::lists::List;
use crate::measure::{Figures, in_parallel};
use crate::scenarios::Case;
use crate::train::BASELINE;
use lb_core::policy::GuardCounts;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Schema version, which changes when a field of the JSON is removed or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// Results of all contestants in all cases of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Version of the JSON schema.
    pub schema_version: u32,
    /// The name of the list.
    pub list: String,
    /// The hash of the list.
    pub list_sha256: String,
    /// Number of cases in the whole list; a quick check or an interrupted run plays fewer.
    pub planned_cases: usize,
    /// Whether each case had at least as many requests as the list specifies.
    pub full_requests: bool,
    /// Number of replications per case.
    pub lucks: u64,
    /// The algorithm that ratios are relative to.
    pub baseline: String,
    /// The contestants.
    pub contestants: Vec<Contestant>,
    /// The cases that were played completely, in the order of the list.
    pub cases: Vec<CaseResult>,
}

/// Results of all contestants in one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The name of the case.
    pub name: String,
    /// Requests per replication.
    pub requests: u64,
    /// Figures by contestant, then by replication.
    pub figures: Vec<Vec<Figures>>,
    /// How often guards decided, over all trained policies and replications.
    pub guards: GuardCounts,
}

/// Reports the progress of a long computation and can stop it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Set this to stop the computation early.
    pub stop: &'a AtomicBool,
    /// Called with the number of parts done and the total number of parts.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// A stop flag that is never set.
static NEVER: AtomicBool = AtomicBool::new(false);

impl Watch<'_> {
    /// Makes a watch that shows nothing and never stops the computation.
    pub fn none() -> Watch<'static> {
        Watch { stop: &NEVER, progress: &|_, _| () }
    }
}

/// Plays all cases of `list` with `lucks` replications each, on all cores. If stopped early, returns the
/// cases that were played completely.
pub fn evaluate(policies: &[Trained], list: &List, lucks: u64, watch: Watch<'_>) -> Evaluation {
    let field = field(policies);
    let rounds: Vec<(&Case, u64)> =
        list.cases.iter().flat_map(|case| (0..lucks).map(move |luck| (case, luck))).collect();
    let done = AtomicUsize::new(0);
    let played = in_parallel(&rounds, |(case, luck)| {
        let case = (*case).clone().with_luck(*luck);
        let mut results = Vec::with_capacity(field.len());
        for (contestant, player) in &field {
            if watch.stop.load(Ordering::Relaxed) {
                return None;
            }
            let (figures, guards) = player.play(&case);
            let guards = if contestant.kind == Kind::Trained { guards } else { GuardCounts::default() };
            results.push((figures, guards));
        }
        (watch.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, rounds.len());
        Some(results)
    });
    let by_case = played.chunks(lucks.max(1) as usize).zip(&list.cases);
    let cases = by_case.filter_map(|(lucks, case)| {
        let lucks: Vec<&Vec<(Figures, GuardCounts)>> =
            lucks.iter().map(Option::as_ref).collect::<Option<_>>()?;
        let of = |place: usize| lucks.iter().map(|luck| luck[place].0).collect();
        let guards = lucks.iter().flat_map(|luck| luck.iter().map(|one| one.1));
        Some(CaseResult {
            name: case.name.clone(),
            requests: case.load.requests,
            figures: (0..field.len()).map(of).collect(),
            guards: guards.fold(GuardCounts::default(), GuardCounts::plus),
        })
    });
    Evaluation {
        schema_version: SCHEMA_VERSION,
        list: list.name.to_owned(),
        list_sha256: list.sha256.clone(),
        planned_cases: list.whole,
        full_requests: list.full,
        lucks,
        baseline: BASELINE.to_owned(),
        cases: cases.collect(),
        contestants: field.into_iter().map(|(contestant, _)| contestant).collect(),
    }
}

impl Evaluation {
    /// Returns the indices of all contestants of a kind.
    pub fn of_kind(&self, kind: Kind) -> Vec<usize> {
        let places = self.contestants.iter().enumerate();
        places.filter(|(_, contestant)| contestant.kind == kind).map(|(place, _)| place).collect()
    }

    /// Returns the index of a contestant.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.contestants.iter().position(|contestant| contestant.name == name)
    }

    /// Returns whether all cases were played.
    pub fn is_whole(&self) -> bool {
        self.cases.len() == self.planned_cases
    }

    /// Returns whether goals may be judged: all cases were played as specified, with enough replications.
    pub fn is_proof(&self) -> bool {
        self.is_whole() && self.full_requests && self.lucks >= super::LUCKS
    }
}
