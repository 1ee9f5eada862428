//! Dialects R and B, and what they share with S.

use super::profiles::Profiles;
use super::{Context, Draft, DraftPattern, DraftScenario, REQUEST_TIMEOUT_S, errors, faults, feeds, stress};
use crate::algorithms::Named;
use crate::document::join;
use crate::error::Findings;
use crate::plan::ServiceLimit;
use crate::raw::{BaseConfig, Conditions, Pattern, ServiceLoad, TrainingFile, TrainingScenario};
use serde_json::Value;
use std::collections::BTreeMap;

const TRAINING: &str = "rl_training_scenarios";
/// Scenarios (or files) of this name ask for background traffic between their patterns.
const BACKGROUND_TEST: &str = "background_traffic_test";
/// One request per second, as that scenario was meant.
const BACKGROUND_TEST_RPS: f64 = 1.0;

/// What all scenarios of a file share.
pub(super) struct Shared {
    pub(super) profiles: Profiles,
    feeds: BTreeMap<String, Vec<Value>>,
    errors: BTreeMap<String, f64>,
}

pub(super) fn draft(file: &TrainingFile, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let stress = file.stress_test_scenarios.as_ref();
    let training = file.rl_training_scenarios.as_ref();
    let own_base = training.and_then(|training| training.base_config.as_ref());
    let (base, base_path) = match (own_base, stress.and_then(|stress| stress.base_config.as_ref())) {
        (None, Some(base)) => (Some(base), join(stress::STRESS, "base_config")),
        (base, _) => (base, join(TRAINING, "base_config")),
    };
    note_base(base, &base_path, findings);
    let shared = shared(file, (base, &base_path), context, findings);
    let mut draft = Draft { base_url: base_url(base, &base_path), ..Draft::default() };
    if let Some(training) = training {
        let key = join(TRAINING, "training_scenarios");
        let direct = training.direct.iter().map(|(name, scenario)| (TRAINING.to_owned(), name, scenario));
        let listed = training.training_scenarios.iter().map(|(name, scenario)| (key.clone(), name, scenario));
        for (parent, name, scenario) in direct.chain(listed) {
            let path = join(&parent, name);
            if draft.scenarios.iter().any(|known| known.name == name) {
                findings.note(&path, name, "a scenario of this name stands before; that one counts");
                continue;
            }
            let mut scenario = scenario.clone();
            if let Some(stress) = stress {
                stress::fill_in(&mut scenario, name, stress, findings);
            }
            draft.scenarios.push(self::scenario(&path, name, &scenario, base, &shared, context, findings));
        }
        if let Some(strategies) = &training.load_balancer_routing_strategies {
            draft.algorithms = Some(stress::strategies(
                strategies,
                &join(TRAINING, "load_balancer_routing_strategies"),
                findings,
            ));
        }
        if let Some(spec) = &training.rl_training_data_collection {
            let keys: Vec<&str> =
                spec.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
            findings.note(
                &join(TRAINING, "rl_training_data_collection"),
                keys,
                "belongs to training; runs record all requests anyway",
            );
        }
    }
    if let Some(stress) = stress {
        stress::draft(stress, base, &shared, context, &mut draft, findings);
    }
    if draft.scenarios.is_empty() && !findings.has_problems() {
        let message = "has no scenario; give at least one under `training_scenarios`";
        findings.wrong(if training.is_some() { TRAINING } else { stress::STRESS }, Value::Null, message);
    }
    draft
}

fn base_url(base: Option<&BaseConfig>, path: &str) -> Option<Named> {
    let name = base?.base_url.clone()?;
    Some(Named { path: join(path, "base_url"), name })
}

/// Settings of the old client that mean nothing here.
pub(super) fn note_base(base: Option<&BaseConfig>, path: &str, findings: &mut Findings) {
    let Some(base) = base else { return };
    let retries = "is not done: requests are never retried, because a retry hides a failure of the algorithm";
    let mut note = |key: &str, value: Option<Value>, message: &str| {
        if let Some(value) = value {
            findings.note(&join(path, key), value, message);
        }
    };
    note("retry_attempts", base.retry_attempts.map(Value::from), retries);
    note("max_retries", base.max_retries.map(Value::from), retries);
    note("retry_delay", base.retry_delay.map(Value::from), retries);
    note("max_retries_per_session", base.max_retries_per_session.map(Value::from), retries);
    let pool = "is not used: each user has one connection of its own, as a browser's tab has";
    note("connection_pool_size", base.connection_pool_size.map(Value::from), pool);
}

fn shared(
    file: &TrainingFile,
    base: (Option<&BaseConfig>, &str),
    context: &Context<'_>,
    findings: &mut Findings,
) -> Shared {
    const PROFILES: &str = "user_behavior_profiles";
    let training = file.rl_training_scenarios.as_ref();
    let stress = file.stress_test_scenarios.as_ref();
    let mut named = Vec::new();
    let parents = [
        (join(TRAINING, PROFILES), training.map(|training| &training.user_behavior_profiles)),
        (PROFILES.to_owned(), Some(&file.user_behavior_profiles)),
        (
            join(stress::STRESS, "advanced_user_behaviors"),
            stress.map(|stress| &stress.advanced_user_behaviors),
        ),
    ];
    for (parent, profiles) in &parents {
        let profiles = profiles.iter().flat_map(|profiles| profiles.iter());
        named.extend(profiles.map(|(name, profile)| (join(parent, name), name, profile)));
    }
    let profiles = Profiles::new(named, base, context, findings);
    let mut shared = Shared { profiles, feeds: BTreeMap::new(), errors: BTreeMap::new() };
    let Some(training) = training else {
        return shared;
    };
    if let Some(products) = &training.enhanced_test_products {
        shared.feeds.extend(feeds::catalogue(products, &join(TRAINING, "enhanced_test_products"), findings));
    }
    if let Some(rows) = &training.realistic_shipping_addresses {
        let rows = feeds::addresses(rows, &join(TRAINING, "realistic_shipping_addresses"), context, findings);
        shared.feeds.insert("addresses".to_owned(), rows);
    }
    if let Some(simulation) = &training.error_simulation_config {
        let path = join(TRAINING, "error_simulation_config");
        shared.errors = errors::chances(simulation, &path, context, findings);
        shared.feeds.extend(errors::feeds(simulation));
    }
    shared
}

/// One scenario of dialects R and S.
pub(super) fn scenario(
    path: &str,
    name: &str,
    raw: &TrainingScenario,
    base: Option<&BaseConfig>,
    shared: &Shared,
    context: &Context<'_>,
    findings: &mut Findings,
) -> DraftScenario {
    let mut scenario = blank(path, name, base, shared, context);
    scenario.cap = raw.max_concurrent_users;
    scenario.identities = raw.total_users;
    scenario.stated_duration_s = raw.test_duration_minutes.map(|minutes| minutes * 60.0);
    let ramp_up_s = raw.ramp_up_time_seconds.unwrap_or(0.0);
    if let Some(interval) = raw.data_collection_interval_seconds {
        let message = "is not used: the time series of a run is per second";
        findings.note(&join(path, "data_collection_interval_seconds"), interval, message);
    }
    for (index, raw) in raw.traffic_patterns.iter().flatten().enumerate() {
        let path = format!("{path}.traffic_patterns[{index}]");
        scenario.faults.extend(pattern_faults(raw, &path, context, findings));
        scenario.patterns.push(pattern(&path, raw, ramp_up_s, shared, context, findings));
    }
    if let Some(events) = &raw.failure_timeline {
        let path = join(path, "failure_timeline");
        scenario.faults.extend(faults::timeline(events, &path, context.journey, findings));
    }
    if scenario.patterns.is_empty() {
        scenario.patterns.extend(stress::steady(path, name, raw, shared, context, findings));
    }
    feeds::aim(&scenario.patterns, &mut scenario.feeds, context, findings);
    scenario
}

/// A scenario with what the file says for all.
pub(super) fn blank(
    path: &str,
    name: &str,
    base: Option<&BaseConfig>,
    shared: &Shared,
    context: &Context<'_>,
) -> DraftScenario {
    let background_test = name == BACKGROUND_TEST || context.stem.starts_with(BACKGROUND_TEST);
    let default_rps = if background_test { BACKGROUND_TEST_RPS } else { 0.0 };
    DraftScenario {
        path: path.to_owned(),
        name: name.to_owned(),
        classes: shared.profiles.classes().to_vec(),
        background_rps: context.bench.background_rps.unwrap_or(default_rps),
        feeds: shared.feeds.clone(),
        errors: shared.errors.clone(),
        request_timeout_s: base.and_then(|base| base.request_timeout).unwrap_or(REQUEST_TIMEOUT_S),
        ..DraftScenario::default()
    }
}

fn pattern(
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
                let message = "limits are kept in the plan and not held against results yet";
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

/// `cart_service_load` and `cart_service` are `cart-service`.
fn service_name(key: &str) -> String {
    key.strip_suffix("_load").unwrap_or(key).replace('_', "-")
}

/// Faults of a pattern, in both spellings.
fn pattern_faults(
    raw: &Pattern,
    path: &str,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Vec<lb_core::fault::Fault> {
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
