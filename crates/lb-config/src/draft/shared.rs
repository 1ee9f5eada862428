//! The parts that the scenarios of one file share: profiles, feeds, errors and the settings of
//! `base_config`.

use super::profiles::Profiles;
use super::types::{Context, DraftScenario, REQUEST_TIMEOUT_S};
use super::{errors, feeds};
use crate::document::join;
use crate::error::Findings;
use crate::raw::{BaseConfig, TrainingFile};
use crate::said::Said;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const TRAINING: &str = "rl_training_scenarios";
pub(super) const STRESS: &str = "stress_test_scenarios";
/// Scenarios or files with this name have background traffic between their patterns.
const BACKGROUND_TEST: &str = "background_traffic_test";
/// Requests per second of background traffic in `background_traffic_test`.
const BACKGROUND_TEST_RPS: f64 = 1.0;

/// The profiles, feeds and errors that all scenarios of a file share.
pub(super) struct Shared {
    pub(super) profiles: Profiles,
    feeds: BTreeMap<String, Vec<Value>>,
    errors: BTreeMap<String, f64>,
}

pub(super) fn base_url(base: Option<&BaseConfig>, path: &str) -> Option<Said<String>> {
    let name = base?.base_url.clone()?;
    Some(Said::by_config(join(path, "base_url"), name))
}

/// Adds notes for client settings that have no effect in this load generator.
pub(super) fn note_base(base: Option<&BaseConfig>, path: &str, findings: &mut Findings) {
    let Some(base) = base else { return };
    let retries =
        "has no effect: a request that fails is not sent again, because that would hide the failure";
    let mut note = |key: &str, value: Option<Value>, message: &str| {
        if let Some(value) = value {
            findings.note(&join(path, key), value, message);
        }
    };
    note("retry_attempts", base.retry_attempts.map(Value::from), retries);
    note("max_retries", base.max_retries.map(Value::from), retries);
    note("retry_delay", base.retry_delay.map(Value::from), retries);
    note("max_retries_per_session", base.max_retries_per_session.map(Value::from), retries);
    let pool = "is ignored: each user has its own connection, like a browser tab";
    note("connection_pool_size", base.connection_pool_size.map(Value::from), pool);
}

pub(super) fn shared(
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
        (join(STRESS, "advanced_user_behaviors"), stress.map(|stress| &stress.advanced_user_behaviors)),
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

/// Returns a scenario without patterns, with the settings that all scenarios of the file share.
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
        class_tags: shared.profiles.tags().clone(),
        background_rps: context.settings.background_rps.unwrap_or(default_rps),
        feeds: shared.feeds.clone(),
        errors: shared.errors.clone(),
        request_timeout_s: base.and_then(|base| base.request_timeout).unwrap_or(REQUEST_TIMEOUT_S),
        ..DraftScenario::default()
    }
}
