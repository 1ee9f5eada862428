//! Describes what is wrong with trials, once per problem: which trials are left out, which are counted
//! anyway, and what a busy machine explains.

use super::text::{capitalised, count};
use lb_analysis::{BUSY_MACHINE_WAY_OUT, ProblemKind, problem_kinds};
use lb_results::{ScenarioSummary, Summary, TrialSummary};

/// The text in place of results for an algorithm without a valid trial.
pub(super) const NO_VALID_TRIAL: &str = "no valid trial";

/// The number of trials that a text lists by name.
const SHOWN: usize = 6;

/// Lists the labels that were tried but have no result.
pub(super) fn labels_without_result(scenario: &ScenarioSummary) -> Vec<&str> {
    let mut labels: Vec<&str> = Vec::new();
    for trial in &scenario.trials {
        let known = scenario.algorithms.iter().any(|algorithm| algorithm.name == trial.label);
        if !known && !labels.contains(&trial.label.as_str()) {
            labels.push(&trial.label);
        }
    }
    labels
}

/// Lists the labels that were tried but have no trial that counts.
pub(super) fn labels_without_valid_trial(scenario: &ScenarioSummary) -> Vec<&str> {
    let counts = |label: &str| scenario.trials.iter().any(|trial| trial.label == label && trial.is_valid());
    let mut labels = labels_without_result(scenario);
    labels.retain(|label| !counts(label));
    labels
}

/// Says how many trials of a scenario are invalid and whether they count, such as `2 of 6 trials are invalid,
/// and are left out`. `None` when all are valid.
pub(super) fn tally(scenario: &ScenarioSummary) -> Option<String> {
    let left_out = scenario.trials.iter().filter(|trial| !trial.is_valid()).count();
    let accepted = scenario.trials.iter().filter(|trial| trial.is_accepted()).count();
    let all = format!("{} of {} are invalid", left_out + accepted, count(scenario.trials.len(), "trial"));
    match (left_out, accepted) {
        (0, 0) => None,
        (_, 0) => Some(format!("{all}, and are left out")),
        (0, _) => Some(format!("{all}, but are counted because of --accept-invalid")),
        _ => Some(format!("{all}: {left_out} left out, {accepted} counted because of --accept-invalid")),
    }
}

/// Lists the problems in a scenario, one line per kind with its trials. All problems that a busy machine
/// explains share one line.
pub(super) fn lines(scenario: &ScenarioSummary) -> Vec<String> {
    let kinds = problem_kinds(of_scenario(scenario));
    let (busy, others): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.is_of_busy_machine());
    let mut lines: Vec<String> =
        others.iter().map(|kind| format!("{}: {}", kind.problem, places(&merged(&[*kind])))).collect();
    if !busy.is_empty() {
        lines.push(format!("the machine was busy: {}", places(&merged(&busy))));
    }
    lines
}

/// Reports a busy machine once for the whole run, with the affected trials and advice. `None` if no trial was
/// affected.
pub(super) fn busy_machine(summary: &Summary) -> Option<String> {
    let kinds = problem_kinds(summary.scenarios.iter().flat_map(of_scenario));
    let busy: Vec<&ProblemKind<'_, String>> = kinds.iter().filter(|kind| kind.is_of_busy_machine()).collect();
    if busy.is_empty() {
        return None;
    }
    let trials = summary.scenarios.iter().map(|scenario| scenario.trials.len()).sum();
    let concerned = summary.scenarios.iter().flat_map(|scenario| &scenario.trials).filter(|trial| {
        problem_kinds(trial.faults().map(|fault| (fault, ()))).iter().any(ProblemKind::is_of_busy_machine)
    });
    // The advice is given once, at the end.
    let what: Vec<&str> = busy.iter().map(|kind| kind.finding()).collect();
    Some(format!(
        "The machine was busy in {} of {} ({}): {}. {}.",
        concerned.count(),
        count(trials, "trial"),
        places(&merged(&busy)),
        what.join("; "),
        capitalised(BUSY_MACHINE_WAY_OUT)
    ))
}

/// Yields each fault of the trials of a scenario, with the trial that has it.
fn of_scenario(scenario: &ScenarioSummary) -> impl Iterator<Item = (&str, String)> {
    let place = |trial: &TrialSummary| format!("{} block {}", trial.label, trial.block + 1);
    scenario.trials.iter().flat_map(move |trial| trial.faults().map(move |fault| (fault, place(trial))))
}

/// Merges the places of several kinds without duplicates; a repetition has the place of the first attempt.
fn merged(kinds: &[&ProblemKind<'_, String>]) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for place in kinds.iter().flat_map(|kind| &kind.places) {
        if !places.contains(place) {
            places.push(place.clone());
        }
    }
    places
}

fn places(places: &[String]) -> String {
    let shown: Vec<&str> = places.iter().take(SHOWN).map(String::as_str).collect();
    match places.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caveats::{Weight, caveats};
    use crate::console::render_summary;
    use crate::detail::Detail;
    use lb_results::{Engine, GeneratorSummary};

    const BUSY: &str =
        "the CPUs of the generator were saturated: 99 % of their time in use, the limit is 97 %; stop";

    fn trial(label: &str, block: u32, accept: bool) -> TrialSummary {
        let faults = vec![BUSY.replace("99", &(98 + block).to_string())];
        TrialSummary {
            label: label.to_owned(),
            block,
            problems: if accept { Vec::new() } else { faults.clone() },
            accepted: if accept { faults } else { Vec::new() },
            generator: GeneratorSummary { machine_busy_share: Some(0.99), ..GeneratorSummary::default() },
            ..TrialSummary::default()
        }
    }

    fn run(accept: bool) -> Summary {
        let trials = (0..10).flat_map(|block| [trial("p2c", block, accept), trial("random", block, accept)]);
        let mut summary = Summary::empty("run", Engine::Live);
        summary.scenarios = vec![ScenarioSummary { trials: trials.collect(), ..ScenarioSummary::default() }];
        summary
    }

    #[test]
    fn accepted_trials_are_never_called_valid_and_a_busy_machine_is_explained_once() {
        for accept in [true, false] {
            let summary = run(accept);
            let caveats = caveats(&summary);
            for caveat in &caveats {
                let text = &caveat.text;
                assert!(!text.contains("are valid") && !text.contains("is valid"), "{text}");
                assert!(
                    caveat.weight != Weight::Fine || !text.contains("busy"),
                    "all trials are looked at: {text}"
                );
            }
            let said = |part: &str| caveats.iter().filter(|caveat| caveat.text.contains(part)).count();
            assert_eq!(said("The machine was busy in 20 of 20 trials"), 1, "{caveats:?}");
            assert_eq!(said("20 of 20 trials are invalid"), 1, "{caveats:?}");
            let printed = render_summary(&summary, Detail::Brief);
            assert_eq!(printed.matches("saturated").count(), 1, "{printed}");
            assert!(printed.contains("--users") && printed.contains("--accept-invalid"), "{printed}");
            assert!(printed.contains("and 14 more"), "not every trial is listed: {printed}");
        }
    }

    #[test]
    fn an_algorithm_without_a_valid_trial_keeps_its_row() {
        let printed = render_summary(&run(false), Detail::Brief);
        for label in ["p2c", "random"] {
            let row = printed.lines().find(|line| line.contains(NO_VALID_TRIAL) && line.contains(label));
            assert!(row.is_some(), "{label} has a row: {printed}");
        }
        let table = crate::tables::results(&run(false).scenarios[0]).expect("there are rows");
        assert_eq!(table.rows.len(), 2, "in the reports too");
    }
}
