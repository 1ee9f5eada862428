//! Reads the thresholds of a plan and checks them against what will run, because a threshold on something
//! that never happens would seem to hold.

use super::algorithms::Skipped;
use super::engine::Engine;
use super::error::Findings;
use super::planned::PlannedScenario;
use super::said::Said;
use super::settings::{Rule, Settings};
use lb_analysis::threshold::{Selector, Threshold, ThresholdError, ThresholdMetric, covers, preset};
use lb_core::suggest::{did_you_mean, listing};

/// Reads the thresholds, without duplicates, and reports those that match nothing.
pub(super) fn read_thresholds(
    settings: &Settings,
    scenarios: &[PlannedScenario],
    skipped: &[Skipped],
    findings: &mut Findings,
) -> Vec<Threshold> {
    let mut thresholds: Vec<Threshold> = Vec::new();
    for Said { at, value: rule, .. } in &settings.thresholds {
        for threshold in read_rule(rule) {
            match threshold {
                Ok(threshold) if !can_observe(at, &threshold, settings, findings) => {}
                Ok(threshold) => {
                    check(at, &threshold, scenarios, skipped, findings);
                    if !thresholds.contains(&threshold) {
                        thresholds.push(threshold);
                    }
                }
                Err(error) => findings.wrong(at, error.text, error.problem),
            }
        }
    }
    thresholds
}

/// Returns whether a threshold on hits and misses can be evaluated, and reports why not. Other thresholds can.
fn can_observe(path: &str, threshold: &Threshold, settings: &Settings, findings: &mut Findings) -> bool {
    if !threshold.selector().metric.needs_observation() {
        return true;
    }
    if settings.observe.is_none() {
        let message =
            "needs a header that tells hits from misses; add `--observe X-Cache-Status` or `bench.observe`";
        findings.wrong(path, threshold.text(), message);
        return false;
    }
    if settings.engine == Some(Engine::Sim) {
        findings.note(path, threshold.text(), "is not evaluated: in virtual time replies have no headers");
        return false;
    }
    true
}

fn read_rule(rule: &Rule) -> Vec<Result<Threshold, ThresholdError>> {
    match rule {
        Rule::Text(text) => vec![text.parse()],
        Rule::Parts(selector, condition) => vec![Threshold::new(selector, condition)],
        Rule::Preset(name) => match preset(name) {
            Ok(thresholds) => thresholds.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        },
    }
}

/// Reports a threshold that refers to something that no scenario has.
fn check(
    path: &str,
    threshold: &Threshold,
    scenarios: &[PlannedScenario],
    skipped: &[Skipped],
    findings: &mut Findings,
) {
    // Without scenarios, another problem was already reported.
    if scenarios.is_empty() {
        return;
    }
    let selector = threshold.selector();
    let text = threshold.text();
    check_algorithm(path, threshold, scenarios, skipped, findings);
    let names = || scenarios.iter().map(|scenario| scenario.scenario.name.as_str());
    if let Some(wanted) = selector.scenario.as_deref().filter(|wanted| !names().any(|name| name == *wanted)) {
        let hint = did_you_mean(wanted, names());
        let message = format!("no scenario `{wanted}` runs{hint}; these do: {}", listing(names()));
        findings.wrong(path, text, message);
        return;
    }
    if scenarios.iter().any(|scenario| covers(selector, scenario.scope())) {
        return;
    }
    findings.wrong(path, text, absent(selector, scenarios));
}

/// Returns the reason why a selector matches nothing in any scenario.
fn absent(selector: &Selector, scenarios: &[PlannedScenario]) -> String {
    if let Some(action) = &selector.action {
        let mine = || scenarios.iter().filter(|scenario| selector.names_scenario(&scenario.scenario.name));
        let mut known: Vec<&str> = mine()
            .flat_map(|scenario| scenario.action_steps.iter())
            .flat_map(|(action, steps)| std::iter::once(action).chain(steps))
            .map(String::as_str)
            .collect();
        known.sort_unstable();
        known.dedup();
        if !known.contains(&action.as_str()) {
            let hint = did_you_mean(action, known.iter().copied());
            return format!("no action or request is called `{action}`{hint}; known: {}", listing(known));
        }
    }
    if selector.metric == ThresholdMetric::Recovery {
        return "no scenario's load rises to a peak and falls to less than half of it again; add such a pattern, or \
                leave the threshold out"
            .to_owned();
    }
    if let Some(method) = &selector.method {
        return format!(
            "no such request is sent with the method `{method}`; leave the tag out, or change it"
        );
    }
    "the window begins after the end of every scenario; give an earlier one".to_owned()
}

fn check_algorithm(
    path: &str,
    threshold: &Threshold,
    scenarios: &[PlannedScenario],
    skipped: &[Skipped],
    findings: &mut Findings,
) {
    let selector = threshold.selector();
    let Some(wanted) = &selector.algorithm else { return };
    let mut running: Vec<String> =
        scenarios.iter().flat_map(|scenario| &scenario.algorithms).map(ToString::to_string).collect();
    running.sort_unstable();
    running.dedup();
    if running.iter().any(|name| selector.names_algorithm(name)) {
        return;
    }
    let all_skipped = || skipped.iter().chain(scenarios.iter().flat_map(|scenario| &scenario.skipped));
    if all_skipped().any(|skipped| selector.names_algorithm(&skipped.name)) {
        let message = format!("is not evaluated: `{wanted}` is skipped");
        findings.note(path, threshold.text(), message);
        return;
    }
    let hint = did_you_mean(wanted, running.iter().map(String::as_str));
    let message = format!(
        "no algorithm `{wanted}` runs{hint}; these do: {}",
        listing(running.iter().map(String::as_str))
    );
    findings.wrong(path, threshold.text(), message);
}
