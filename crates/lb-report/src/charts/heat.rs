//! Mean latency by endpoint, method and algorithm, as a heat map.

use super::kit::{Arrangement, Chart, Figure, Heat, Panel};
use crate::ranking::Ranking;
use lb_results::{ActionSummary, ScenarioSummary};

/// Draws a heat map with a row per endpoint and method and a column per algorithm. The colour scale is
/// logarithmic because endpoints differ by orders of magnitude.
pub(super) fn heat(scenario: &ScenarioSummary) -> Option<Figure> {
    let algorithms = Ranking::of(scenario).algorithms;
    let mut requests: Vec<(&str, &str)> = Vec::new();
    for action in algorithms.iter().flat_map(|algorithm| &algorithm.actions) {
        let request = (action.method.as_str(), action.name.as_str());
        if !requests.contains(&request) {
            requests.push(request);
        }
    }
    requests.sort_unstable();
    let rows: Vec<(String, Vec<Option<f64>>)> = requests
        .into_iter()
        .map(|(method, name)| {
            let means = algorithms.iter().map(|algorithm| mean(&algorithm.actions, (method, name)));
            (format!("{method} {name}"), means.collect())
        })
        .collect();
    rows.iter().find_map(|(_, means)| means.iter().flatten().next())?;
    let columns = algorithms.iter().map(|algorithm| algorithm.name.clone()).collect();
    let heat = Heat { corner: "Request".to_owned(), columns, rows, unit: "ms" };
    let alt = "Heat map: mean latency of each endpoint and method under each algorithm, as numbers in cells.";
    Some(Figure {
        id: "heat",
        title: "Mean latency by endpoint and method (ms)".to_owned(),
        caption: "All successful requests of the valid trials, pooled; a dash means that there were none. \
            The stronger \
                  the colour, the slower; the scale is logarithmic."
            .to_owned(),
        legend: Vec::new(),
        arrangement: Arrangement::Stacked,
        panels: vec![Panel::new(alt, Chart::Heat(heat))],
    })
}

fn mean(actions: &[ActionSummary], (method, name): (&str, &str)) -> Option<f64> {
    let action = actions.iter().find(|action| action.method == method && action.name == name)?;
    action.latency_ms.as_ref().map(|latency| latency.mean)
}
