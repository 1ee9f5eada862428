//! Drafts stress configs: extreme load, failure timelines, and scenarios that set their own algorithms.

use super::scenario::draft_scenario;
use super::shared::{STRESS, Shared, note_base};
use super::steady::comparison;
use super::types::{Context, Draft};
use crate::document::join;
use crate::error::Findings;
use crate::raw::{BaseConfig, Pattern, RoutingStrategy, StressScenarios, TrainingScenario};
use crate::said::Said;
use lb_core::ordered::Ordered;
use serde_json::Value;

/// Adds the stress scenarios to a draft. Of two scenarios with the same name, the first is used.
pub(super) fn draft(
    stress: &StressScenarios,
    training_base: Option<&BaseConfig>,
    shared: &Shared,
    context: &Context<'_>,
    draft: &mut Draft,
    findings: &mut Findings,
) {
    let base_path = join(STRESS, "base_config");
    let base = stress.base_config.as_ref().or(training_base);
    note_base(stress.base_config.as_ref(), &base_path, findings);
    note_other_url(stress, draft, &base_path, findings);
    let groups = [
        ("extreme_load_scenarios", &stress.extreme_load_scenarios),
        ("failure_recovery_scenarios", &stress.failure_recovery_scenarios),
    ];
    for (group, scenarios) in groups {
        let parent = join(STRESS, group);
        for (name, raw) in scenarios.iter() {
            // A duplicate was already merged into the training scenario by `fill_in`.
            if draft.scenarios.iter().all(|known| known.name != name) {
                let path = join(&parent, name);
                draft.scenarios.push(draft_scenario(&path, name, raw, base, shared, context, findings));
            }
        }
    }
    let parent = join(STRESS, "load_balancer_test_scenarios");
    for (name, raw) in stress.load_balancer_test_scenarios.iter() {
        let path = join(&parent, name);
        if draft.scenarios.iter().any(|known| known.name == name) {
            findings.note(&path, name, "duplicate; only the first scenario with this name is used");
            continue;
        }
        draft.scenarios.push(comparison(&path, name, raw, base, shared, context, findings));
    }
    if let Some(spec) = &stress.rl_specific_metrics {
        let keys: Vec<&str> = spec.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        findings.note(
            &join(STRESS, "rl_specific_metrics"),
            keys,
            "applies only to training; runs record all requests anyway",
        );
    }
}

/// Uses the base address of the stress scenarios if there is no other, and adds a note if it differs from the
/// first one.
fn note_other_url(stress: &StressScenarios, draft: &mut Draft, path: &str, findings: &mut Findings) {
    let Some(url) = stress.base_config.as_ref().and_then(|base| base.base_url.clone()) else {
        return;
    };
    let path = join(path, "base_url");
    match &draft.base_url {
        Some(first) if first.value != url => {
            let message = format!(
                "is not used: a run drives one load balancer, and `{}` names {}",
                first.at, first.value
            );
            findings.note(&path, url, message);
        }
        Some(_) => {}
        None => draft.base_url = Some(Said::by_config(path, url)),
    }
}

/// Completes a training scenario from the stress scenario of the same name. The training scenario takes
/// precedence, but may lack conditions and target products, and a degradation without a degraded service
/// would test nothing.
pub(super) fn fill_in(
    scenario: &mut TrainingScenario,
    name: &str,
    stress: &StressScenarios,
    findings: &mut Findings,
) {
    let groups = [
        ("extreme_load_scenarios", &stress.extreme_load_scenarios),
        ("failure_recovery_scenarios", &stress.failure_recovery_scenarios),
    ];
    for (group, scenarios) in groups {
        let Some(twin) = scenarios.get(name) else {
            continue;
        };
        let mut taken: Vec<&str> = Vec::new();
        for pattern in scenario.traffic_patterns.iter_mut().flatten() {
            let of_same_name = |other: &&Pattern| other.name == pattern.name;
            if let Some(other) = twin.traffic_patterns.iter().flatten().find(of_same_name) {
                fill_in_pattern(pattern, other, &mut taken);
            }
        }
        if scenario.failure_timeline.is_none() && twin.failure_timeline.is_some() {
            scenario.failure_timeline.clone_from(&twin.failure_timeline);
            taken.push("failure_timeline");
        }
        let message = if taken.is_empty() {
            "is not used: `rl_training_scenarios` has a scenario with this name".to_owned()
        } else {
            format!(
                "is not used, except for {}: `rl_training_scenarios` has a scenario with this name",
                lb_core::suggest::listing(taken)
            )
        };
        findings.note(&join(&join(STRESS, group), name), name, message);
    }
}

fn fill_in_pattern<'a>(pattern: &mut Pattern, other: &Pattern, taken: &mut Vec<&'a str>) {
    let mut take = |key: &'a str, missing: bool, present: bool| {
        let take = missing && present;
        if take && !taken.contains(&key) {
            taken.push(key);
        }
        take
    };
    if take(
        "simulated_conditions",
        pattern.simulated_conditions.is_none(),
        other.simulated_conditions.is_some(),
    ) {
        pattern.simulated_conditions.clone_from(&other.simulated_conditions);
    }
    if take("simulated_failures", pattern.simulated_failures.is_none(), other.simulated_failures.is_some()) {
        pattern.simulated_failures.clone_from(&other.simulated_failures);
    }
    if take("target_products", pattern.target_products.is_none(), other.target_products.is_some()) {
        pattern.target_products.clone_from(&other.target_products);
    }
    if take("chaos_parameters", pattern.chaos_parameters.is_none(), other.chaos_parameters.is_some()) {
        pattern.chaos_parameters = other.chaos_parameters;
    }
}

/// Returns the algorithms that a list of strategies names. Notes their parameters, which have no effect.
pub(super) fn strategies(
    strategies: &Ordered<RoutingStrategy>,
    path: &str,
    findings: &mut Findings,
) -> Vec<Said<String>> {
    for (name, strategy) in strategies.iter() {
        let path = join(path, name);
        let mut parameters: serde_json::Map<String, Value> =
            strategy.more.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        if let Some(Value::Object(map)) = &strategy.parameters {
            parameters.extend(map.clone());
        }
        if !parameters.is_empty() {
            let message = "is not used: `bench` uses the published formula of each algorithm";
            findings.note(&join(&path, "parameters"), Value::Object(parameters), message);
        }
    }
    strategies.names().map(|name| Said::by_config(join(path, name), name.to_owned())).collect()
}
