//! Mean latency by endpoint, method and algorithm, as a heat map.

use super::{Figure, Panel, axis, label, layout};
use crate::text::NONE;
use lb_results::{ActionSummary, ScenarioSummary};
use serde_json::json;

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
    means.iter().flatten().flatten().next()?;
    let logarithms: Vec<Vec<Option<f64>>> = means
        .iter()
        .map(|row| row.iter().map(|mean| mean.map(|mean| mean.max(0.001).log10())).collect())
        .collect();
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
        "z": logarithms,
        "text": texts, "texttemplate": "%{text}", "hovertemplate": "%{y}, %{x}: %{text} ms<extra></extra>",
        "colorscale": "Viridis", "showscale": false, "xgap": 1, "ygap": 1,
    });
    let layout = layout(json!({
        "xaxis": axis("", json!({ "type": "category", "side": "top" })),
        "yaxis": axis("", json!({ "type": "category", "autorange": "reversed" })),
    }));
    let alt = "Heat map: mean latency of each endpoint and method under each algorithm, as numbers in cells.";
    Some(Figure {
        id: "heat",
        title: "Mean latency by endpoint and method (ms)".to_owned(),
        caption:
            "Successful requests only; a dash means that there was none. The colour scale is logarithmic."
                .to_owned(),
        legend: Vec::new(),
        panels: vec![Panel::new(alt.to_owned(), 130 + 26 * rows.len(), vec![data], layout)],
    })
}

fn mean(actions: &[ActionSummary], (method, name): (&str, &str)) -> Option<f64> {
    let action = actions.iter().find(|action| action.method == method && action.name == name)?;
    action.latency_ms.as_ref().map(|latency| latency.mean)
}
