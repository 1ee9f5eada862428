//! The share of each backend over time, one small panel per algorithm.

use super::palette::colour;
use super::series::{middle, short};
use super::{Figure, Panel, axis, label, layout, marks};
use crate::tables::backend_ids;
use lb_results::{AlgorithmSummary, ScenarioSummary};
use serde_json::{Value, json};

/// Stacked areas that add up to all requests.
pub(super) fn shares(scenario: &ScenarioSummary) -> Option<Figure> {
    let drawn = || {
        scenario
            .algorithms
            .iter()
            .filter(|algorithm| algorithm.series.iter().any(|point| !point.shares.is_empty()))
    };
    let backends = backend_ids(drawn());
    let panels: Vec<Panel> = drawn().map(|algorithm| panel(scenario, algorithm, &backends)).collect();
    if panels.is_empty() || backends.is_empty() {
        return None;
    }
    let legend = backends.iter().enumerate().map(|(number, &id)| (id.to_owned(), colour(number))).collect();
    Some(Figure {
        id: "shares",
        title: "Share of requests per backend over time".to_owned(),
        caption: format!(
            "Areas are stacked in the order of the legend, the first backend at the bottom.{}",
            marks::legend(scenario)
        ),
        legend,
        panels,
    })
}

fn panel(scenario: &ScenarioSummary, algorithm: &AlgorithmSummary, order: &[&str]) -> Panel {
    let x: Vec<f64> = algorithm.series.iter().map(middle).collect();
    let areas = algorithm.backends.iter().enumerate().map(|(number, backend)| {
        let place = order.iter().position(|&id| id == backend.id).unwrap_or(number);
        area(place, &backend.id, &x, algorithm.series.iter().map(|point| point.shares.get(number).copied()))
    });
    let (shapes, annotations) = marks::marks(scenario);
    // Spans lie behind the areas, which fill the panel: they are drawn as lines around instead.
    let shapes: Vec<Value> = shapes
        .into_iter()
        .map(|mut shape| {
            shape["layer"] = "above".into();
            if shape["type"] == "rect" {
                shape["fillcolor"] = "rgba(0, 0, 0, 0)".into();
                shape["line"] = json!({ "width": 1.5, "color": "rgba(214, 69, 80, 1)" });
            }
            shape
        })
        .collect();
    let layout = layout(json!({
        "showlegend": false,
        "hovermode": "x unified",
        "xaxis": axis("Seconds", json!({})),
        "yaxis": axis("", json!({ "range": [0, 1], "tickformat": ".0%", "nticks": 5 })),
        "shapes": shapes,
        "annotations": annotations,
    }));
    let alt = format!("Stacked areas over time: the share of each backend under {}.", algorithm.name);
    Panel { title: Some(algorithm.name.clone()), ..Panel::new(alt, 240, areas.collect(), layout) }
}

/// The area of one backend.
pub(super) fn area(number: usize, id: &str, x: &[f64], shares: impl Iterator<Item = Option<f64>>) -> Value {
    let mut area = json!({
        "type": "scatter", "mode": "lines", "stackgroup": "share", "name": label(id),
        "x": x, "y": shares.map(|share| share.map(short)).collect::<Vec<_>>(),
        "line": { "width": 0.5, "color": colour(number) }, "fillcolor": colour(number),
        "hovertemplate": "%{y:.1%}",
    });
    // Colours come round after ten backends: then patterns tell them apart.
    let pattern = ["", "/", "x", "."][(number / 10) % 4];
    if !pattern.is_empty() {
        area["fillpattern"] = json!({ "shape": pattern, "fillmode": "overlay" });
    }
    area
}
