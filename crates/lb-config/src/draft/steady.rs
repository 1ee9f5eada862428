//! Drafts scenarios with one level of load: under a failure timeline, or to compare algorithms.

use super::shared::{Shared, blank};
use super::types::{Context, DraftPattern, DraftScenario};
use crate::document::join;
use crate::error::Findings;
use crate::raw::{AlgorithmComparison, BaseConfig, TrainingScenario};
use crate::said::Said;
use serde_json::json;

/// Returns the steady load of a scenario that has a failure timeline but no patterns.
pub(super) fn steady(
    path: &str,
    name: &str,
    raw: &TrainingScenario,
    shared: &Shared,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Option<DraftPattern> {
    if raw.failure_timeline.is_none() {
        let key = join(path, "traffic_patterns");
        findings.wrong(&key, json!([]), "the scenario has no patterns; add at least one");
        return None;
    }
    let (Some(users), Some(minutes)) = (raw.max_concurrent_users, raw.test_duration_minutes) else {
        let message = "a failure timeline without patterns needs `max_concurrent_users` and `test_duration_minutes` to define its load";
        findings.wrong(path, name, message);
        return None;
    };
    let message = format!(
        "the scenario has no patterns, so {users} users (`max_concurrent_users`), with all profiles in equal shares, run for {minutes} minutes"
    );
    findings.note(&join(path, "failure_timeline"), raw.failure_timeline.iter().flatten().count(), message);
    Some(DraftPattern {
        path: path.to_owned(),
        name: name.to_owned(),
        end_s: minutes * 60.0,
        ramp_up_s: raw.ramp_up_time_seconds.unwrap_or(0.0),
        users,
        mix: shared.profiles.mix(path, None, None, context, findings),
        ..DraftPattern::default()
    })
}

/// Drafts a scenario that sets its own algorithms and runs the same pattern for each of them.
pub(super) fn comparison(
    path: &str,
    name: &str,
    raw: &AlgorithmComparison,
    base: Option<&BaseConfig>,
    shared: &Shared,
    context: &Context<'_>,
    findings: &mut Findings,
) -> DraftScenario {
    let traffic = &raw.identical_traffic_pattern;
    let traffic_path = join(path, "identical_traffic_pattern");
    let (distribution, weights) =
        (traffic.user_behavior_distribution.as_ref(), traffic.scenario_weights.as_ref());
    let mut scenario = blank(path, name, base, shared, context);
    scenario.patterns.push(DraftPattern {
        path: path.to_owned(),
        name: "identical_traffic_pattern".to_owned(),
        end_s: raw.test_duration_per_algorithm * 60.0,
        ramp_up_s: raw.ramp_up_time_seconds,
        users: raw.concurrent_users,
        mix: shared.profiles.mix(&traffic_path, distribution, weights, context, findings),
        ..DraftPattern::default()
    });
    let key = join(path, "algorithms_to_test");
    let named = raw.algorithms_to_test.iter().enumerate();
    scenario.algorithms =
        Some(named.map(|(index, name)| Said::by_config(format!("{key}[{index}]"), name.clone())).collect());
    scenario
}
