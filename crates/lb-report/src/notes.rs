//! The notes of a run, without duplicates.

use super::text::count;
use lb_analysis::without_numbers;
use lb_results::Summary;

/// Collects the notes of a run. Notes that differ only in their numbers and their algorithm are merged into
/// one, which lists the algorithms.
pub(super) fn notes(summary: &Summary) -> Vec<String> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for note in &summary.notes {
        let (label, text) = labelled(summary, note);
        let pattern = without_numbers(text);
        match groups
            .iter_mut()
            .find(|group| group.pattern == pattern && group.labels.is_empty() == label.is_none())
        {
            Some(group) => {
                group.differs |= group.text != text;
                group.labels.extend(label);
            }
            None => groups.push(Group { text, pattern, labels: label.into_iter().collect(), differs: false }),
        }
    }
    groups.iter().map(Group::note).collect()
}

struct Group<'a> {
    text: &'a str,
    pattern: String,
    labels: Vec<&'a str>,
    /// Whether the numbers of the notes differ.
    differs: bool,
}

impl Group<'_> {
    fn note(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for label in &self.labels {
            let times = self.labels.iter().filter(|other| *other == label).count();
            let name = if times > 1 { format!("{label} ×{times}") } else { (*label).to_owned() };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let alike = if self.differs { ", and alike" } else { "" };
        match self.labels.len() {
            0 => format!("{}{alike}", self.text),
            1 => format!("{}: {}", names[0], self.text),
            many => format!("{} ({}): {}{alike}", count(many, "trial"), names.join(", "), self.text),
        }
    }
}

/// Splits off the label of the trial from a note.
fn labelled<'a>(summary: &Summary, note: &'a str) -> (Option<&'a str>, &'a str) {
    let mut trials = summary.scenarios.iter().flat_map(|scenario| &scenario.trials);
    match note.split_once(": ") {
        Some((label, text)) if trials.any(|trial| trial.label == label) => (Some(label), text),
        _ => (None, note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{Engine, ScenarioSummary, TrialSummary};

    fn run(notes: &[&str]) -> Summary {
        let trial = |label: &str| TrialSummary { label: label.to_owned(), ..TrialSummary::default() };
        let trials = vec![trial("p2c"), trial("random")];
        let mut summary = Summary::empty("run", Engine::Live);
        summary.scenarios = vec![ScenarioSummary { trials, ..ScenarioSummary::default() }];
        summary.notes = notes.iter().map(|&note| note.to_owned()).collect();
        summary
    }

    fn texts(notes: &[&str]) -> Vec<String> {
        super::notes(&run(notes))
    }

    #[test]
    fn notes_that_differ_in_numbers_alone_are_said_once_with_their_trials() {
        let said = [
            "p2c: the CPUs were busy 98.5 % of the time",
            "random: the CPUs were busy 99 % of the time",
            "p2c: the CPUs were busy 97 % of the time",
            "the topology has no weights",
        ];
        assert_eq!(
            texts(&said),
            [
                "3 trials (p2c ×2, random): the CPUs were busy 98.5 % of the time, and alike",
                "the topology has no weights"
            ]
        );
    }

    #[test]
    fn a_colon_alone_makes_no_label() {
        assert_eq!(
            texts(&["read_heavy: too short", "p2c: too short"]),
            ["read_heavy: too short", "p2c: too short"]
        );
    }
}
