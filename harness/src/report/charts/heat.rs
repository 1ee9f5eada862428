//! Mean latency by endpoint, method and algorithm, as a heat map.

use super::{Figure, Panel, axis, label, layout};
use crate::report::text::{NONE, trimmed};
use crate::results::{ActionSummary, ScenarioSummary};
use serde_json::{Value, json};

/// Rows are endpoints by method, columns algorithms. Colour is logarithmic: endpoints differ by orders
/// of magnitude.
pub(super) fn heat(scenario: &ScenarioSummary) -> Option<Figure> {
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for action in scenario.algorithms.iter().flat_map(|algorithm| &algorithm.actions) {
        let row = (action.method.as_str(), action.name.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows.sort_unstable();
    let means: Vec<Vec<Option<f64>>> = rows
        .iter()
        .map(|row| scenario.algorithms.iter().map(|algorithm| mean(&algorithm.actions, *row)).collect())
        .collect();
    let known = means.iter().flatten().flatten().copied();
    let (low, high) =
        known.fold((f64::INFINITY, 0.0_f64), |(low, high), mean| (low.min(mean), high.max(mean)));
    if high <= 0.0 {
        return None;
    }
    let numbers = |decimals: fn(f64) -> Value| -> Vec<Vec<Value>> {
        means.iter().map(|row| row.iter().map(|mean| mean.map_or(Value::Null, decimals)).collect()).collect()
    };
    let texts: Vec<Vec<String>> = means
        .iter()
        .map(|row| {
            row.iter().map(|mean| mean.map_or_else(|| NONE.to_owned(), |mean| format!("{mean:.1}"))).collect()
        })
        .collect();
    let data = json!({
        "type": "heatmap",
        "x": scenario.algorithms.iter().map(|algorithm| label(&algorithm.name)).collect::<Vec<_>>(),
        "y": rows.iter().map(|(method, name)| label(&format!("{method} {name}"))).collect::<Vec<_>>(),
        "z": numbers(|mean| json!(mean.max(0.001).log10())),
        "text": texts, "texttemplate": "%{text}", "hovertemplate": "%{y}, %{x}: %{text} ms<extra></extra>",
        "colorscale": "Viridis", "xgap": 1, "ygap": 1,
        "colorbar": bar(low, high),
    });
    let layout = layout(json!({
        "xaxis": axis("", json!({ "type": "category", "side": "top" })),
        "yaxis": axis("", json!({ "type": "category", "autorange": "reversed" })),
    }));
    let alt = "Heat map: mean latency of each endpoint and method under each algorithm, as numbers in cells.";
    Some(Figure {
        id: "heat",
        title: "Mean latency by endpoint and method (ms)".to_owned(),
        caption: "Successful requests only; a cell without a number had none. Colours are logarithmic."
            .to_owned(),
        legend: Vec::new(),
        panels: vec![Panel::new(alt.to_owned(), 130 + 26 * rows.len(), vec![data], layout)],
    })
}

fn mean(actions: &[ActionSummary], (method, name): (&str, &str)) -> Option<f64> {
    let action = actions.iter().find(|action| action.method == method && action.name == name)?;
    action.latency_ms.as_ref().map(|latency| latency.mean)
}

/// The colour bar with milliseconds instead of their logarithms.
fn bar(low: f64, high: f64) -> Value {
    let (low, high) = (low.max(0.001).log10(), high.max(0.001).log10());
    let ticks: Vec<f64> = (0..=4).map(|tick| low + (high - low) * f64::from(tick) / 4.0).collect();
    let texts: Vec<String> = ticks.iter().map(|tick| trimmed(10_f64.powf(*tick), 1)).collect();
    json!({ "tickvals": ticks, "ticktext": texts, "thickness": 12, "outlinewidth": 0, "title": { "text": "ms" } })
}
