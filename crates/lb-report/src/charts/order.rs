//! The p95 of each trial in the order in which they ran: drift of the machine and carry-over show here.

use super::palette::Palette;
use super::{Figure, Panel, axis, label, layout};
use lb_results::{Metric, ScenarioSummary, TrialSummary};
use serde_json::{Value, json};

/// One marker per trial; invalid ones are crosses.
pub(super) fn order(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let placed: Vec<(usize, f64, &TrialSummary)> = scenario
        .trials
        .iter()
        .enumerate()
        .filter_map(|(number, trial)| Some((number + 1, trial.metric(Metric::P95)?, trial)))
        .collect();
    if placed.is_empty() {
        return None;
    }
    let mut data = Vec::new();
    for name in palette.names() {
        let of = |valid: bool| -> Vec<_> {
            placed.iter().filter(|(_, _, trial)| trial.label == *name && trial.is_valid() == valid).collect()
        };
        let style = palette.style(name);
        data.extend(trace(&label(name), style.colour, style.symbol, &of(true)));
        data.extend(trace(&format!("{}, invalid", label(name)), style.colour, "x", &of(false)));
    }
    let blocks = scenario.trials.windows(2).enumerate().filter(|(_, pair)| pair[0].block != pair[1].block);
    let shapes: Vec<Value> = blocks
        .map(|(number, _)| {
            let x = number as f64 + 1.5;
            json!({
                "type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1,
                "layer": "below", "line": { "width": 1, "dash": "dot", "color": "rgba(127, 135, 148, 0.8)" },
            })
        })
        .collect();
    let layout = layout(json!({
        "xaxis": axis("Trial, in order of running", json!({ "tickformat": "d", "range": [0.5, scenario.trials.len() as f64 + 0.5] })),
        "yaxis": axis("p95 (ms)", json!({ "rangemode": "tozero" })),
        "shapes": shapes,
    }));
    Some(Figure {
        id: "order",
        title: "p95 of each trial in order of running".to_owned(),
        caption: "Dotted lines separate the blocks; crosses are invalid trials, which do not count. A slope over \
                  all trials is drift of the machine rather than an effect of an algorithm."
            .to_owned(),
        legend: Vec::new(),
        panels: vec![Panel::new(
            "Markers: the 95th percentile of each trial by its place in the run; the table of trials holds the numbers.".to_owned(),
            340,
            data,
            layout,
        )],
    })
}

fn trace(name: &str, colour: &str, symbol: &str, trials: &[&(usize, f64, &TrialSummary)]) -> Option<Value> {
    (!trials.is_empty()).then(|| {
        json!({
            "type": "scatter", "mode": "markers", "name": name,
            "x": trials.iter().map(|(number, _, _)| number).collect::<Vec<_>>(),
            "y": trials.iter().map(|(_, p95, _)| p95).collect::<Vec<_>>(),
            "marker": { "color": colour, "symbol": symbol, "size": 9 },
            "hovertemplate": "trial %{x}: %{y:.1f} ms<extra>%{fullData.name}</extra>",
        })
    })
}
