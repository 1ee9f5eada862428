//! Scenarios of one level of load: under a failure timeline, or to compare algorithms.

use super::shared::{Shared, blank};
use super::types::{Context, DraftPattern, DraftScenario};
use crate::document::join;
use crate::error::Findings;
use crate::raw::{AlgorithmComparison, BaseConfig, TrainingScenario};
use crate::said::Said;
use serde_json::json;

/// The steady load under a failure timeline that has no patterns of its own.
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
        findings.wrong(&key, json!([]), "the scenario has no pattern; give at least one");
        return None;
    }
    let (Some(users), Some(minutes)) = (raw.max_concurrent_users, raw.test_duration_minutes) else {
        let message = "a failure timeline without patterns needs `max_concurrent_users` and `test_duration_minutes`, to know the load under it";
        findings.wrong(path, name, message);
        return None;
    };
    let message = format!(
        "has no patterns, so {users} users (`max_concurrent_users`) of all profiles in equal shares run for {minutes} minutes under it"
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

/// A scenario that brings its own algorithms: one pattern, the same for all of them.
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
