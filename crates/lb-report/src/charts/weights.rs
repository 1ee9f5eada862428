//! The weights that an agent set: their shares over time, one small panel per steered algorithm.

use super::palette::colour;
use super::series::short;
use super::shares::area;
use super::{Figure, Panel, axis, layout, marks};
use crate::tables::backend_ids;
use lb_results::{AlgorithmSummary, ScenarioSummary, WeightPoint};
use serde_json::json;

/// Stacked areas that add up to all weights.
pub(super) fn weights(scenario: &ScenarioSummary) -> Option<Figure> {
    let drawn = || {
        let trace = |algorithm: &&AlgorithmSummary| {
            algorithm.steering.as_ref().is_some_and(|steering| !steering.trace.is_empty())
        };
        scenario.algorithms.iter().filter(trace)
    };
    let backends = backend_ids(drawn());
    let panels: Vec<Panel> = drawn().filter_map(|algorithm| panel(algorithm, &backends)).collect();
    if panels.is_empty() {
        return None;
    }
    let legend = backends.iter().enumerate().map(|(number, &id)| (id.to_owned(), colour(number))).collect();
    Some(Figure {
        id: "weights",
        title: "Weights over time".to_owned(),
        caption: format!(
            "Weights that the agent set, as shares of their sum, in the first valid trial.{}",
            marks::legend(scenario)
        ),
        legend,
        panels,
    })
}

fn panel(algorithm: &AlgorithmSummary, backends: &[&str]) -> Option<Panel> {
    let trace: &[WeightPoint] = &algorithm.steering.as_ref()?.trace;
    let x: Vec<f64> = trace.iter().map(|point| short(point.at_s)).collect();
    let shares = |id: &str| trace.iter().map(|point| point.shares.get(id).copied()).collect::<Vec<_>>();
    let areas = backends.iter().enumerate();
    let areas = areas.map(|(number, id)| area(number, id, &x, shares(id).into_iter())).collect();
    let layout = layout(json!({
        "showlegend": false,
        "hovermode": "x unified",
        "xaxis": axis("Seconds", json!({})),
        "yaxis": axis("", json!({ "range": [0, 1], "tickformat": ".0%", "nticks": 5 })),
    }));
    let alt =
        format!("Stacked areas over time: the share of each backend in the weights of {}.", algorithm.name);
    Some(Panel { title: Some(algorithm.name.clone()), ..Panel::new(alt, 240, areas, layout) })
}
