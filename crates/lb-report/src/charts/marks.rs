//! Faults and stages in charts over time: shaded spans and dotted lines with short labels, which the
//! caption explains.

use crate::tables::fault_title;
use crate::text::words;
use lb_results::ScenarioSummary;
use serde_json::{Value, json};

const FAULT: &str = "rgba(214, 69, 80, 0.16)";
const STAGE: &str = "rgba(127, 135, 148, 0.8)";

/// Shapes for `layout.shapes`, annotations for `layout.annotations`.
pub(super) fn marks(scenario: &ScenarioSummary) -> (Vec<Value>, Vec<Value>) {
    let mut shapes = Vec::new();
    let mut annotations = Vec::new();
    for (number, fault) in scenario.faults.iter().enumerate() {
        shapes.push(json!({
            "type": "rect", "layer": "below", "xref": "x", "yref": "paper",
            "x0": fault.start_s, "x1": fault.end_s, "y0": 0, "y1": 1,
            "fillcolor": FAULT, "line": { "width": 0 },
        }));
        annotations.push(annotation(fault.start_s, &format!("F{}", number + 1), 0));
    }
    for (number, stage) in scenario.stages.iter().enumerate().filter(|_| scenario.stages.len() > 1) {
        shapes.push(json!({
            "type": "line", "layer": "below", "xref": "x", "yref": "paper",
            "x0": stage.start_s, "x1": stage.start_s, "y0": 0, "y1": 1,
            "line": { "width": 1, "dash": "dot", "color": STAGE },
        }));
        annotations.push(annotation(stage.start_s, &format!("S{}", number + 1), -12));
    }
    (shapes, annotations)
}

/// A label at the upper end of a mark, so many pixels above it: stages stand below faults.
fn annotation(at_s: f64, text: &str, shift: i32) -> Value {
    json!({
        "xref": "x", "yref": "paper", "x": at_s, "y": 1, "yshift": shift, "text": text, "showarrow": false,
        "xanchor": "left", "yanchor": "top", "font": { "size": 10 },
    })
}

/// What the labels mean; empty without marks.
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
