//! Draws the weights that an agent set, as shares over time, one small panel per steered algorithm.

use super::kit::{Arrangement, Chart, Figure, Panel};
use super::marks;
use super::shares::{legend, stacked};
use crate::tables::backend_ids;
use lb_results::{AlgorithmSummary, ScenarioSummary, WeightPoint};

/// Draws stacked areas that add up to all weights.
pub(super) fn weights(scenario: &ScenarioSummary) -> Option<Figure> {
    let drawn = || {
        let trace = |algorithm: &&AlgorithmSummary| {
            algorithm.steering.as_ref().is_some_and(|steering| !steering.trace.is_empty())
        };
        scenario.algorithms.iter().filter(trace)
    };
    let backends = backend_ids(drawn());
    let panels: Vec<Panel> = drawn().filter_map(|algorithm| panel(scenario, algorithm, &backends)).collect();
    if panels.is_empty() {
        return None;
    }
    Some(Figure {
        id: "weights",
        title: "Weights over time".to_owned(),
        caption: format!(
            "Weights that the agent set, as shares of their sum, in the first valid trial.{}",
            marks::legend(scenario)
        ),
        legend: legend(&backends),
        arrangement: Arrangement::Grid,
        panels,
    })
}

fn panel(scenario: &ScenarioSummary, algorithm: &AlgorithmSummary, backends: &[&str]) -> Option<Panel> {
    let trace: &[WeightPoint] = &algorithm.steering.as_ref()?.trace;
    let share = |point: &WeightPoint, id: &str| point.shares.get(id).copied().unwrap_or(0.0);
    let points: Vec<(f64, Vec<f64>)> = trace
        .iter()
        .map(|point| (point.at_s, backends.iter().map(|id| share(point, id)).collect()))
        .collect();
    let alt =
        format!("Stacked areas over time: the share of each backend in the weights of {}.", algorithm.name);
    Some(Panel::new(alt, Chart::Plane(stacked(scenario, backends, &points))).titled(&algorithm.name))
}
