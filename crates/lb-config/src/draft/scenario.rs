//! Drafts a scenario with its patterns and faults.

use super::limits::ServiceLimit;
use super::shared::{Shared, blank};
use super::steady::steady;
use super::types::{Context, DraftPattern, DraftScenario};
use super::{faults, feeds};
use crate::document::join;
use crate::error::Findings;
use crate::raw::{BaseConfig, Conditions, Pattern, ServiceLoad, TrainingScenario};
use lb_core::fault::Fault;
use std::collections::BTreeMap;

/// Drafts one scenario of a training or stress config.
pub(super) fn draft_scenario(
    path: &str,
    name: &str,
    raw: &TrainingScenario,
    base: Option<&BaseConfig>,
    shared: &Shared,
    context: &Context<'_>,
    findings: &mut Findings,
) -> DraftScenario {
    let mut scenario = blank(path, name, base, shared, context);
    scenario.tags.clone_from(&raw.tags);
    scenario.cap = raw.max_concurrent_users;
    scenario.identities = raw.total_users;
    scenario.stated_duration_s = raw.test_duration_minutes.map(|minutes| minutes * 60.0);
    let ramp_up_s = raw.ramp_up_time_seconds.unwrap_or(0.0);
    if let Some(interval) = raw.data_collection_interval_seconds {
        let message = "is ignored: the time series of a run always has one point per second";
        findings.note(&join(path, "data_collection_interval_seconds"), interval, message);
    }
    for (index, raw) in raw.traffic_patterns.iter().flatten().enumerate() {
        let path = format!("{path}.traffic_patterns[{index}]");
        scenario.faults.extend(pattern_faults(raw, &path, context, findings));
        scenario.patterns.push(draft_pattern(&path, raw, ramp_up_s, shared, context, findings));
    }
    if let Some(events) = &raw.failure_timeline {
        let path = join(path, "failure_timeline");
        scenario.faults.extend(faults::timeline(events, &path, context.journey, findings));
    }
    if scenario.patterns.is_empty() {
        scenario.patterns.extend(steady(path, name, raw, shared, context, findings));
    }
    feeds::aim(&scenario.patterns, &mut scenario.feeds, context, findings);
    scenario
}

fn draft_pattern(
    path: &str,
    raw: &Pattern,
    ramp_up_s: f64,
    shared: &Shared,
    context: &Context<'_>,
    findings: &mut Findings,
) -> DraftPattern {
    let distribution = raw.user_behavior_distribution.as_ref();
    let mut labels = BTreeMap::new();
    let mut limits = BTreeMap::new();
    let key = join(path, "service_load_characteristics");
    for (service, load) in raw.service_load_characteristics.iter().flat_map(|services| services.iter()) {
        let name = service_name(service);
        match load {
            ServiceLoad::Label(label) => {
                labels.insert(name, label.clone());
            }
            ServiceLoad::Limits(limit) => {
                let message = "limits are kept in the plan, but results are not checked against them yet";
                findings.note(&key, service, message);
                let limit = ServiceLimit {
                    expected_rps: limit.expected_rps,
                    error_rate: limit.error_rate_threshold,
                    p99_ms: limit.latency_p99_threshold_ms,
                };
                limits.insert(name, limit);
            }
        }
    }
    for (service, label) in raw.expected_service_stress.iter().flat_map(|services| services.iter()) {
        labels.entry(service_name(service)).or_insert_with(|| label.clone());
    }
    DraftPattern {
        path: path.to_owned(),
        name: raw.name.clone(),
        start_s: raw.start_minute * 60.0,
        end_s: (raw.start_minute + raw.duration_minutes) * 60.0,
        ramp_up_s,
        users: raw.concurrent_users,
        mix: shared.profiles.mix(path, distribution, raw.scenario_weights.as_ref(), context, findings),
        chaos: raw.chaos_parameters.unwrap_or_default(),
        intensity: raw.intensity.clone(),
        service_labels: labels,
        service_limits: limits,
        targets: raw.target_products.clone().unwrap_or_default(),
        ..DraftPattern::default()
    }
}

/// Returns the name of a service: `cart_service_load` and `cart_service` both give `cart-service`.
fn service_name(key: &str) -> String {
    key.strip_suffix("_load").unwrap_or(key).replace('_', "-")
}

/// Reads the faults of a pattern from `simulated_failures` and `simulated_conditions`.
fn pattern_faults(raw: &Pattern, path: &str, context: &Context<'_>, findings: &mut Findings) -> Vec<Fault> {
    let when = (raw.start_minute * 60.0, raw.duration_minutes * 60.0);
    let mut found = Vec::new();
    if let Some(failures) = &raw.simulated_failures {
        found.extend(faults::simulated(
            failures,
            &join(path, "simulated_failures"),
            context.journey,
            when,
            findings,
        ));
    }
    let path = join(path, "simulated_conditions");
    match &raw.simulated_conditions {
        None => {}
        Some(Conditions::Label(label)) if label == "normal" => {}
        Some(Conditions::Label(label)) => {
            findings.wrong(
                &path,
                label.as_str(),
                "must be `normal`, or an object such as {\"cart_service_error_rate\": 0.3}",
            );
        }
        Some(Conditions::Faults(conditions)) => {
            found.extend(faults::simulated(conditions, &path, context.journey, when, findings));
        }
    }
    found
}
