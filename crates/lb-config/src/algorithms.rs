//! Decides which algorithms run: resolves names and synonyms, and gives the reason for each algorithm that is
//! left out.

use super::draft::types::Draft;
use super::error::Findings;
use super::load_balancer::LoadBalancer;
use super::policy::TrainedPolicy;
use super::said::{By, Said};
use super::settings::Settings;
use lb_admin_client::Declaration;
use lb_core::algorithm::Algorithm;
use lb_core::suggest::listing;
use serde::Serialize;

/// An algorithm that was requested but will not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The name as written in the flag or the config.
    pub name: String,
    /// The algorithm that the name refers to. `None` if `bench` has no equivalent.
    #[serde(skip)]
    pub algorithm: Option<Algorithm>,
    /// The reason, as a clause that follows "skipped:".
    pub reason: String,
}

/// The algorithms that a list of names resolves to.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    /// The algorithms that run, in the order given.
    pub(super) algorithms: Vec<Algorithm>,
    /// The algorithms that do not run, with the reasons.
    pub(super) skipped: Vec<Skipped>,
}

/// The meaning of an algorithm's name.
enum Meaning {
    /// An algorithm of `bench`, with a remark if it differs from what the name usually means.
    Known(Algorithm, Option<&'static str>),
    /// An algorithm that cannot run (`None` if `bench` has no equivalent), and the reason.
    Skip(Option<Algorithm>, String),
}

/// The load balancers that run the algorithms.
#[derive(Clone, Debug)]
pub(super) enum Runner<'a> {
    /// An unnamed load balancer that is already running. It may have its own `rl`, so nothing is left out for
    /// lack of a policy file.
    External,
    /// Load balancers that `bench` starts, whose `rl` follows this policy.
    Started(Vec<LoadBalancer>, Option<&'a TrainedPolicy>),
    /// A declared load balancer, which is running and has the declared algorithms.
    Declared(&'a Declaration),
}

/// Returns the names of all algorithms of a declaration.
pub(super) fn all_declared(spec: &Declaration) -> Vec<Said<String>> {
    spec.algorithms.names().map(|name| Said::by_default("bench.algorithms", name.to_owned())).collect()
}

/// Returns whether a flag or the config names algorithms.
pub(super) fn names_some(draft: &Draft, settings: &Settings) -> bool {
    settings.algorithms.by != By::Default || draft.algorithms.as_ref().is_some_and(|named| !named.is_empty())
}

/// Returns the names from the first source that has any: a flag, the `bench` block, the dialect, the
/// defaults.
pub(super) fn named_algorithms(draft: &Draft, settings: &Settings) -> Vec<Said<String>> {
    let settled = &settings.algorithms;
    let of_dialect = draft.algorithms.as_ref().filter(|named| !named.is_empty());
    match of_dialect.filter(|_| settled.by == By::Default) {
        Some(named) => named.clone(),
        None => settled.value.clone(),
    }
}

/// Resolves names to algorithms, without duplicates.
pub(super) fn choose(names: &[Said<String>], runner: &Runner<'_>, findings: &mut Findings) -> Chosen {
    let mut chosen = Chosen::default();
    let mut refusal = None;
    for Said { at: path, value: name, .. } in names {
        let meaning = match (declared_as(name, runner), synonym(name)) {
            (Some(algorithm), _) => Meaning::Known(algorithm, None),
            (None, Some(meaning)) => meaning,
            (None, None) => match name.parse::<Algorithm>() {
                Ok(algorithm) => Meaning::Known(algorithm, None),
                Err(error) => {
                    let message = match runner {
                        Runner::Declared(spec) => format!("is not declared; {}", has(spec)),
                        _ => error.to_string(),
                    };
                    findings.wrong(path, name.as_str(), message);
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

/// Resolves names that only training and stress configs use. Returns `None` for all others.
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

/// Returns the declared algorithm that a name means; `None` if it is not declared.
fn declared_as(name: &str, runner: &Runner<'_>) -> Option<Algorithm> {
    match runner {
        Runner::Declared(spec) => spec.algorithm(name),
        _ => None,
    }
}

/// Says which algorithms a declared load balancer has.
fn has(spec: &Declaration) -> String {
    format!("{} has {}", spec.name, listing(spec.algorithms.names()))
}

/// Skips an algorithm that none of the load balancers has.
fn runnable(meaning: Meaning, runner: &Runner<'_>) -> Meaning {
    match (meaning, runner) {
        (Meaning::Known(algorithm, remark), Runner::Started(started, policy)) => {
            let reasons: Vec<String> =
                started.iter().filter_map(|one| lacks(*one, algorithm, *policy)).collect();
            // One load balancer that has it is enough; the results say which of the others do not.
            match reasons.len() < started.len() {
                true => Meaning::Known(algorithm, remark),
                false => Meaning::Skip(Some(algorithm), reasons.join("; ")),
            }
        }
        (Meaning::Known(algorithm, _), Runner::Declared(spec)) if !spec.algorithms().contains(&algorithm) => {
            Meaning::Skip(Some(algorithm), format!("it is not declared; {}", has(spec)))
        }
        (meaning, _) => meaning,
    }
}

/// Returns the reason why a load balancer cannot run an algorithm, or `None` if it can.
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
