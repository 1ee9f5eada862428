//! The colour, line and marker of each algorithm in all charts of a scenario.

use super::kit::Style;
use lb_results::ScenarioSummary;

/// Styles by name.
#[derive(Clone, Debug)]
pub(super) struct Palette {
    names: Vec<String>,
}

impl Palette {
    /// Makes the palette of a scenario: its algorithms in order, then labels that only occur in trials.
    pub(super) fn of(scenario: &ScenarioSummary) -> Self {
        let mut names: Vec<String> = Vec::new();
        let algorithms = scenario.algorithms.iter().map(|algorithm| &algorithm.name);
        for name in algorithms.chain(scenario.trials.iter().map(|trial| &trial.label)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self { names }
    }

    /// Returns all names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the style of a name.
    pub(super) fn style(&self, name: &str) -> Style {
        Style::of(self.names.iter().position(|known| known == name).unwrap_or(0))
    }
}
