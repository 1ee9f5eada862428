//! Faults and stages in charts over time: shaded spans and dotted lines with short labels, which the
//! caption explains.

use super::kit::{Mark, Rule, Span};
use crate::tables::fault_title;
use crate::text::words;
use lb_results::ScenarioSummary;

/// Returns spans for the faults and rules for the starts of stages.
pub(super) fn marks(scenario: &ScenarioSummary) -> (Vec<Span>, Vec<Rule>) {
    let faults = scenario.faults.iter().enumerate().map(|(number, fault)| Span {
        label: format!("F{}", number + 1),
        from: fault.start_s,
        to: fault.end_s,
    });
    let stages = scenario.stages.iter().enumerate().filter(|_| scenario.stages.len() > 1);
    let stages =
        stages.map(|(number, stage)| Rule { label: format!("S{}", number + 1), at: Mark::X(stage.start_s) });
    (faults.collect(), stages.collect())
}

/// Explains the labels; empty if there are no marks.
pub(super) fn legend(scenario: &ScenarioSummary) -> String {
    let mut text = String::new();
    let faults: Vec<String> =
        scenario.faults.iter().enumerate().map(|(number, fault)| fault_title(number, fault)).collect();
    if !faults.is_empty() {
        text += &format!(" Faults: {}.", faults.join("; "));
    }
    if scenario.stages.len() > 1 {
        let stages = scenario.stages.iter().enumerate();
        let stages: Vec<String> =
            stages.map(|(number, stage)| format!("S{} {}", number + 1, words(&stage.name))).collect();
        text += &format!(" Dotted lines mark the start of stages ({}).", stages.join(", "));
    }
    text
}
