//! The contestants of an evaluation: trained policies, all classical rules, and oracles.

use crate::measure::{Figures, measure, measure_oracle};
use crate::scenarios::Case;
use lb_core::algorithm::Rule;
use lb_core::policy::{
    BackendIndex, GuardCounts, Learned, LoadReport, Policy, PolicyFile, PoolView, Reply, RequestInfo,
};
use lb_core::rng::Rng;
use lb_core::{Algorithm, Time};
use serde::{Deserialize, Serialize};
use simulator::oracle::Oracle;
use std::sync::{Arc, Mutex};

/// A trained policy to evaluate.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Name in results, such as `rl-seed-1`.
    pub name: String,
    /// Seed of the training run; `None` if unknown.
    pub seed: Option<u64>,
    /// The policy.
    pub file: Arc<PolicyFile>,
}

impl Trained {
    /// Creates a trained policy, named after the seed in its training record: `rl-seed-3`, or `rl` without a
    /// seed.
    pub fn new(file: Arc<PolicyFile>) -> Self {
        let seed = file.train.get("seed").and_then(serde_json::Value::as_u64);
        let name = seed.map_or_else(|| "rl".to_owned(), |seed| format!("rl-seed-{seed}"));
        Self { name, seed, file }
    }

    /// Creates trained policies, and numbers names that are not unique.
    pub fn all(files: impl IntoIterator<Item = Arc<PolicyFile>>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for file in files {
            let mut one = Self::new(file);
            let (stem, mut number) = (one.name.clone(), 1);
            while all.iter().any(|other| other.name == one.name) {
                number += 1;
                one.name = format!("{stem}-{number}");
            }
            all.push(one);
        }
        all
    }
}

/// Name in results of a policy before it was specialised.
pub const GENERAL: &str = "general";
/// Name in results of a policy that was specialised on a pool.
pub const SPECIALISED: &str = "specialised";

/// Kind of a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A trained policy.
    Trained,
    /// A trained policy that sees neither routes nor hints of requests, to measure how much these help.
    #[serde(alias = "unrouted")]
    Unhinted,
    /// A classical rule.
    Classical,
    /// An oracle, which uses information that a load balancer does not have.
    Oracle,
}

/// A contestant as it appears in results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contestant {
    /// Name, unique within an evaluation.
    pub name: String,
    /// The kind of contestant.
    pub kind: Kind,
    /// Seed of the training run; `None` if unknown or if the contestant was not trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// SHA-256 of the weights; `None` if the contestant was not trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Name of the classical rule that listens to what requests say about their cost; all others are *content-blind*.
pub const LISTENING: &str = "least-predicted-work";

impl Contestant {
    /// Returns the name of the trained policy `name` when it sees neither routes nor hints.
    pub(super) fn unhinted_name(name: &str) -> String {
        format!("{name} without hints")
    }

    /// Returns whether this is a classical algorithm that ignores what requests say about their cost.
    pub fn is_content_blind(&self) -> bool {
        self.kind == Kind::Classical && !self.name.starts_with(LISTENING)
    }
}

/// Returns all classical algorithms: each rule with and without ejection.
pub fn classical() -> Vec<Algorithm> {
    let rules = Algorithm::table().iter().map(|entry| entry.rule).filter(|rule| *rule != Rule::Rl);
    rules.flat_map(|rule| [false, true].map(|ejection| Algorithm { rule, ejection })).collect()
}

/// A contestant that can be simulated.
#[derive(Clone)]
pub(super) enum Player {
    Trained(Arc<PolicyFile>),
    Unhinted(Arc<PolicyFile>),
    Classical(Algorithm),
    Oracle(Oracle),
}

/// Returns all contestants, in the order of results.
pub(super) fn field(policies: &[Trained]) -> Vec<(Contestant, Player)> {
    let trained = |policy: &Trained, kind: Kind| {
        let name = match kind {
            Kind::Unhinted => Contestant::unhinted_name(&policy.name),
            _ => policy.name.clone(),
        };
        Contestant { name, kind, seed: policy.seed, sha256: Some(policy.file.sha256.clone()) }
    };
    let plain = |name: String, kind: Kind| Contestant { name, kind, seed: None, sha256: None };
    let mut field: Vec<(Contestant, Player)> = policies
        .iter()
        .map(|policy| (trained(policy, Kind::Trained), Player::Trained(Arc::clone(&policy.file))))
        .collect();
    field.extend(
        policies
            .iter()
            .map(|policy| (trained(policy, Kind::Unhinted), Player::Unhinted(Arc::clone(&policy.file)))),
    );
    field.extend(
        classical()
            .into_iter()
            .map(|algorithm| (plain(algorithm.to_string(), Kind::Classical), Player::Classical(algorithm))),
    );
    field.extend(
        Oracle::ALL.map(|oracle| (plain(oracle.name().to_owned(), Kind::Oracle), Player::Oracle(oracle))),
    );
    field
}

impl Player {
    /// Simulates a case. The guard counts are those of a trained policy, and zero for other contestants.
    pub(super) fn play(&self, case: &Case) -> (Figures, GuardCounts) {
        let guards: Arc<Mutex<GuardCounts>> = Arc::default();
        let learned = |file: &Arc<PolicyFile>, hinted: bool| {
            let mut policy = || -> Box<dyn Policy> {
                let inner = Learned::new(Arc::clone(file));
                Box::new(Counted { inner, hinted, guards: Arc::clone(&guards) })
            };
            measure(case, &mut policy)
        };
        let figures = match self {
            Self::Trained(file) => learned(file, true),
            Self::Unhinted(file) => learned(file, false),
            Self::Classical(algorithm) => {
                measure(case, &mut || algorithm.policy().expect("a classical rule needs no file"))
            }
            Self::Oracle(oracle) => measure_oracle(case, *oracle),
        };
        let guards = *guards.lock().expect("no thread panics while it holds the lock");
        (figures, guards)
    }
}

/// A learned policy that reports its guard counts, and optionally sees neither routes nor hints.
struct Counted {
    inner: Learned,
    hinted: bool,
    guards: Arc<Mutex<GuardCounts>>,
}

impl Counted {
    fn seen(&self, request: &RequestInfo) -> RequestInfo {
        if self.hinted {
            *request
        } else {
            RequestInfo { client_key: request.client_key, ..RequestInfo::default() }
        }
    }
}

impl Policy for Counted {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        self.inner.pick(&self.seen(request), pool, now, rng)
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.inner.on_sent(backend, &self.seen(request), now);
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.inner.on_reply(backend, reply, now);
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.inner.on_report(backend, report, now);
    }

    fn on_named(&mut self, backend: BackendIndex, id: &str) {
        self.inner.on_named(backend, id);
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.inner.on_cancel(backend, sent);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let (Some(counts), Ok(mut guards)) = (self.inner.guard_counts(), self.guards.lock()) {
            *guards = guards.plus(counts);
        }
    }
}
