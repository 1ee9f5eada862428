//! Decides which algorithms run: resolves names and synonyms, and says why an algorithm is left out.

use super::draft::types::Draft;
use super::error::Findings;
use super::load_balancer::LoadBalancer;
use super::policy::TrainedPolicy;
use super::said::{By, Said};
use super::settings::Settings;
use lb_core::algorithm::Algorithm;
use serde::Serialize;

/// An algorithm that was asked for and will not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The name as it was written.
    pub name: String,
    /// The algorithm that the name stands for; `None` if `bench` has no equivalent.
    #[serde(skip)]
    pub algorithm: Option<Algorithm>,
    /// The reason, as a clause that follows "skipped:".
    pub reason: String,
}

/// The algorithms that a list of names stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    /// The algorithms that run, in the order given.
    pub(super) algorithms: Vec<Algorithm>,
    /// The algorithms that do not run.
    pub(super) skipped: Vec<Skipped>,
}

/// What a name stands for.
enum Meaning {
    /// An algorithm of `bench`, with a remark where it differs from the one of that name.
    Known(Algorithm, Option<&'static str>),
    /// Nothing that can run.
    Skip(Option<Algorithm>, String),
}

/// The load balancers that run the algorithms.
#[derive(Clone, Debug)]
pub(super) enum Runner<'a> {
    /// An unnamed load balancer that already runs. It may have its own `rl`, so nothing is left out for lack
    /// of a policy file.
    External,
    /// Load balancers that `bench` starts, whose `rl` follows this policy.
    Started(Vec<LoadBalancer>, Option<&'a TrainedPolicy>),
}

/// The names that count: those of a flag, of the `bench` block, of the dialect, or the default ones.
pub(super) fn named_algorithms(draft: &Draft, settings: &Settings) -> Vec<Said<String>> {
    let settled = &settings.algorithms;
    let of_dialect = draft.algorithms.as_ref().filter(|named| !named.is_empty());
    match of_dialect.filter(|_| settled.by == By::Default) {
        Some(named) => named.clone(),
        None => settled.value.clone(),
    }
}

/// Resolves names to algorithms, each of them once.
pub(super) fn choose(names: &[Said<String>], runner: &Runner<'_>, findings: &mut Findings) -> Chosen {
    let mut chosen = Chosen::default();
    let mut refusal = None;
    for Said { at: path, value: name, .. } in names {
        let meaning = match synonym(name) {
            Some(meaning) => meaning,
            None => match name.parse::<Algorithm>() {
                Ok(algorithm) => Meaning::Known(algorithm, None),
                Err(error) => {
                    findings.wrong(path, name.as_str(), error.to_string());
                    continue;
                }
            },
        };
        match runnable(meaning, runner) {
            Meaning::Known(algorithm, _) if chosen.algorithms.contains(&algorithm) => {
                let message = format!("duplicate: both names mean `{algorithm}`, which runs once");
                findings.note(path, name.as_str(), message);
            }
            Meaning::Known(algorithm, remark) => {
                if let Some(remark) = remark {
                    findings.note(path, name.as_str(), format!("runs as `{algorithm}`: {remark}"));
                }
                chosen.algorithms.push(algorithm);
            }
            Meaning::Skip(algorithm, reason) => {
                refusal.get_or_insert_with(|| (path.clone(), name.clone(), reason.clone()));
                if !chosen.skipped.iter().any(|skipped| skipped.name == *name) {
                    chosen.skipped.push(Skipped { name: name.clone(), algorithm, reason });
                }
            }
        }
    }
    if let (true, Some((path, name, reason))) = (chosen.algorithms.is_empty(), refusal) {
        findings.wrong(&path, name, format!("{reason}; no algorithm is left to run"));
    }
    chosen
}

/// Names of training and stress configs that `bench` itself does not use. `None` for all others.
fn synonym(name: &str) -> Option<Meaning> {
    use lb_core::algorithm::Rule;
    let of = |rule| Algorithm { rule, ejection: false };
    Some(match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "weighted-response-time" => Meaning::Known(
            of(Rule::EwmaScan),
            Some("it also prefers the backend with the lowest recent response time, weighted by load"),
        ),
        "resource-aware" => Meaning::Skip(
            None,
            "it needs the CPU and memory of backends, which a load balancer does not see".to_owned(),
        ),
        "ml-based-routing" | "adaptive-learning" => Meaning::Known(of(Rule::Rl), None),
        _ => return None,
    })
}

/// Skips an algorithm that none of the load balancers has.
fn runnable(meaning: Meaning, runner: &Runner<'_>) -> Meaning {
    match (meaning, runner) {
        (Meaning::Known(algorithm, remark), Runner::Started(started, policy)) => {
            let reasons: Vec<String> =
                started.iter().filter_map(|one| lacks(*one, algorithm, *policy)).collect();
            // One that has it is enough: which of several lack it is said with their results.
            match reasons.len() < started.len() {
                true => Meaning::Known(algorithm, remark),
                false => Meaning::Skip(Some(algorithm), reasons.join("; ")),
            }
        }
        (meaning, _) => meaning,
    }
}

/// Says why a load balancer cannot run an algorithm. `None` if it can.
pub fn lacks(one: LoadBalancer, algorithm: Algorithm, policy: Option<&TrainedPolicy>) -> Option<String> {
    let runs_here =
        || algorithm.policy_with(policy.map(|policy| &policy.file)).err().map(|error| error.to_string());
    match one {
        LoadBalancer::Reference => runs_here(),
        LoadBalancer::Real(kind) if kind.native(algorithm).is_none() => Some(kind.lacks(algorithm)),
        // The weights are set by `bench`, which follows the policy.
        LoadBalancer::Real(_) => runs_here(),
    }
}
