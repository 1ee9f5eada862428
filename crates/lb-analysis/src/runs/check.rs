//! Checks whether two runs are the same experiment, and explains why they are not.

use super::keys::{Difference, differences};
use super::{common_scenarios, compared_labels, labels};
use crate::compare::pairs::valid_trials;
use lb_results::{ScenarioSummary, Summary, machine};

/// Largest number of key paths in a message.
const MOST_KEYS: usize = 10;
/// Keys of a config that do not affect individual trials, at any depth. The seed is checked through the
/// schedules.
const HARMLESS: [&str; 9] = [
    "$schema",
    "description",
    "algorithms",
    "repetitions",
    "seed",
    "thresholds",
    "precision",
    "margin",
    "label",
];

/// Lists everything that rules out a comparison, each with a remedy.
pub(super) fn problems(base: &Summary, new: &Summary) -> Vec<String> {
    let mut problems = Vec::new();
    for (role, run) in [("base", base), ("new", new)] {
        if run.interrupted {
            problems.push(format!(
                "the {role} run `{}` was interrupted, so its scenarios are not complete: run it again to the end",
                run.run_id
            ));
        }
    }
    if base.engine != new.engine {
        problems.push(format!(
            "engines differ: base ran `{}`, new ran `{}`; give both the same --engine",
            base.engine, new.engine
        ));
    }
    let common = common_scenarios(base, new);
    if common.is_empty() {
        problems.push(format!(
            "no scenario has an algorithm in common: base has {}; new has {}; run the same config, or give \
             --scenario and --algorithms",
            contents(base),
            contents(new)
        ));
    }
    problems.extend(common.iter().filter_map(|(before, after)| other_schedules(base, new, before, after)));
    problems.extend(other_config(base, new));
    if base.fingerprint != new.fingerprint && problems.is_empty() {
        problems.push(
            "the fingerprints differ: flags or bundled files changed users, backends, lengths, warm-up, timeouts or \
             the load balancer under the same config; run both with the same flags (`command` in summary.json), \
             topology and journey"
                .to_owned(),
        );
    }
    problems.extend(common.iter().filter_map(|(before, after)| no_trials(before, after)));
    problems
}

/// Lists what a reader should know about two runs that can be compared.
pub(super) fn notes(base: &Summary, new: &Summary) -> Vec<String> {
    let mut notes = vec![
        "the runs were made one after the other: any other change of the machine between them counts as a \
         difference"
            .to_owned(),
    ];
    let [before, after] = [base, new].map(|run| machine(&run.host));
    for (what, before, after) in [
        ("machines", &before, &after),
        ("kernels", &base.host.kernel, &new.host.kernel),
        ("versions of bench", &base.version, &new.version),
        ("commits of bench", &base.commit, &new.commit),
        ("load balancers", &base.load_balancer, &new.load_balancer),
    ] {
        if before != after {
            notes.push(format!("{what} differ: base {before}, new {after}"));
        }
    }
    let harmless: Vec<Difference> = config_differences(base, new).1;
    if !harmless.is_empty() {
        notes.push(format!("configs differ in keys that do not affect trials: {}", paths(&harmless)));
    }
    for (role, run, other) in [("base", base, new), ("new", new, base)] {
        notes.extend(run.scenarios.iter().flat_map(|scenario| only_here(role, scenario, other)));
    }
    for (before, after) in common_scenarios(base, new) {
        for [one, other] in compared_labels(before, after).into_iter().filter(|[one, other]| one != other) {
            notes.push(format!(
                "scenario `{}`: `{one}` and `{other}` were not alternated in random order, so whatever else changed \
                 between the runs is part of the difference",
                before.name
            ));
        }
        let (first, second) = (before.schedules.len(), after.schedules.len());
        if first != second {
            notes.push(format!(
                "scenario `{}`: base has {first} blocks, new has {second}; the blocks of both are compared",
                before.name
            ));
        }
    }
    notes
}

/// Describes a scenario or algorithms that the other run lacks. `None` if there are none.
fn only_here(role: &str, scenario: &ScenarioSummary, other: &Summary) -> Option<String> {
    let Some(counterpart) = other.scenarios.iter().find(|other| other.name == scenario.name) else {
        return Some(format!("scenario `{}` is in the {role} run only", scenario.name));
    };
    let both = compared_labels(scenario, counterpart);
    let alone: Vec<String> = labels(scenario)
        .into_iter()
        .filter(|label| !both.iter().any(|[one, _]| one == label))
        .map(|label| format!("`{label}`"))
        .collect();
    (!alone.is_empty())
        .then(|| format!("scenario `{}`: {} ran in the {role} run only", scenario.name, alone.join(", ")))
}

/// Lists the scenarios of a run with their algorithms.
fn contents(run: &Summary) -> String {
    let scenarios: Vec<String> = run
        .scenarios
        .iter()
        .map(|scenario| format!("`{}` ({})", scenario.name, labels(scenario).join(", ")))
        .collect();
    if scenarios.is_empty() { "none".to_owned() } else { scenarios.join(", ") }
}

/// Describes how the users of two runs differ. `None` if the schedules are the same.
fn other_schedules(
    base: &Summary,
    new: &Summary,
    before: &ScenarioSummary,
    after: &ScenarioSummary,
) -> Option<String> {
    let mut blocks = before.schedules.iter().zip(&after.schedules);
    if blocks.all(|(before, after)| before == after) {
        return None;
    }
    let seconds = |scenario: &ScenarioSummary| format!("{} s", scenario.duration_s);
    let stages = |scenario: &ScenarioSummary| {
        let names: Vec<&str> = scenario.stages.iter().map(|stage| stage.name.as_str()).collect();
        names.join(", ")
    };
    let reasons: Vec<String> = [
        ("seed", base.seed.to_string(), new.seed.to_string()),
        ("duration", seconds(before), seconds(after)),
        ("most users at once", before.peak_users.to_string(), after.peak_users.to_string()),
        ("model", before.model.to_string(), after.model.to_string()),
        ("patterns", stages(before), stages(after)),
        ("topology", before.topology.clone(), after.topology.clone()),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(what, before, after)| format!("{what}: base {before}, new {after}"))
    .collect();
    let reasons = if reasons.is_empty() {
        "seed, duration and number of users are the same, so what users do differs".to_owned()
    } else {
        reasons.join("; ")
    };
    Some(format!(
        "scenario `{}` had different users (schedules differ): {reasons}; run both with the same config, --seed, --users \
         and --duration",
        before.name
    ))
}

/// Returns the config differences that matter, and those that do not.
fn config_differences(base: &Summary, new: &Summary) -> (Vec<Difference>, Vec<Difference>) {
    let harmless = |difference: &Difference| {
        difference.path.split('.').any(|key| HARMLESS.contains(&key.split('[').next().unwrap_or(key)))
    };
    let all = differences(&base.config.content, &new.config.content);
    all.into_iter().partition(|difference| !harmless(difference))
}

fn other_config(base: &Summary, new: &Summary) -> Option<String> {
    let (differing, _) = config_differences(base, new);
    (!differing.is_empty())
        .then(|| format!("configs differ in {}; run both with the same config", paths(&differing)))
}

fn paths(differing: &[Difference]) -> String {
    let mut listed: Vec<String> = differing
        .iter()
        .take(MOST_KEYS)
        .map(|Difference { path, values: [before, after] }| format!("`{path}` (base {before}, new {after})"))
        .collect();
    if differing.len() > MOST_KEYS {
        listed.push(format!("and {} more", differing.len() - MOST_KEYS));
    }
    listed.join(", ")
}

/// Says that there is nothing to set side by side. A single block has effects, although no estimate of noise.
fn no_trials(before: &ScenarioSummary, after: &ScenarioSummary) -> Option<String> {
    let blocks = |[base, new]: &[&str; 2]| {
        let (old, new) = (valid_trials(&before.trials, base), valid_trials(&after.trials, new));
        old.keys().filter(|block| new.contains_key(block)).count()
    };
    let most = compared_labels(before, after).iter().map(blocks).max()?;
    (most == 0).then(|| {
        format!(
            "scenario `{}` has no valid trials to compare: no algorithm has one in the same block of both runs; run it again \
             on a machine that is less busy, or with --accept-invalid",
            before.name
        )
    })
}
