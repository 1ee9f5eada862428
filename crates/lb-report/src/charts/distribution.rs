//! The whole distribution of latency: the cumulative share, and the percentile curve with its tail
//! stretched out (the HdrHistogram plot: x is 1 / (1 - percentile), logarithmic).

use super::palette::Palette;
use super::series::short;
use super::{Figure, Panel, axis, label, layout, log_axis};
use lb_results::{AlgorithmSummary, ScenarioSummary};
use serde_json::{Value, json};

/// The empirical cumulative distribution.
pub(super) fn cumulative(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let data = lines(scenario, palette, |algorithm| {
        algorithm.distribution.iter().map(|&[percentile, ms]| (short(ms), percentile / 100.0)).collect()
    })?;
    let all =
        || scenario.algorithms.iter().flat_map(|algorithm| &algorithm.distribution).map(|point| point[1]);
    let range = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let layout = layout(json!({
        "xaxis": log_axis("Latency (ms, logarithmic)", range),
        "yaxis": axis("Share of requests", json!({ "tickformat": ".0%", "range": [0, 1.01] })),
    }));
    Some(figure(
        "cumulative",
        "Distribution of latency",
        "Share of successful requests that took at most this long, over all valid trials.",
        data,
        layout,
    ))
}

/// Latency by percentile, up to the last one that the requests carry.
pub(super) fn percentile_curve(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let data = lines(scenario, palette, |algorithm| {
        let below_100 = algorithm.distribution.iter().filter(|[percentile, _]| *percentile < 100.0);
        below_100.map(|&[percentile, ms]| (100.0 / (100.0 - percentile), short(ms))).collect()
    })?;
    let ticks = [
        (1.0, "0 %"),
        (2.0, "50 %"),
        (10.0, "90 %"),
        (1e2, "99 %"),
        (1e3, "99.9 %"),
        (1e4, "99.99 %"),
        (1e5, "99.999 %"),
    ];
    let layout = layout(json!({
        "xaxis": axis("Percentile (1 / (1 − percentile), logarithmic)", json!({
            "type": "log", "tickvals": ticks.map(|(at, _)| at), "ticktext": ticks.map(|(_, text)| text),
        })),
        "yaxis": axis("Latency (ms)", json!({ "rangemode": "tozero" })),
    }));
    Some(figure(
        "percentile-curve",
        "Latency by percentile",
        "Each tick to the right is a percentile that one request in ten times as many exceeds.",
        data,
        layout,
    ))
}

fn lines(
    scenario: &ScenarioSummary,
    palette: &Palette,
    points: fn(&AlgorithmSummary) -> Vec<(f64, f64)>,
) -> Option<Vec<Value>> {
    let traces: Vec<Value> = scenario
        .algorithms
        .iter()
        .filter(|algorithm| !algorithm.distribution.is_empty())
        .map(|algorithm| {
            let style = palette.style(&algorithm.name);
            let (x, y): (Vec<f64>, Vec<f64>) = points(algorithm).into_iter().unzip();
            json!({
                "type": "scatter", "mode": "lines", "name": label(&algorithm.name), "x": x, "y": y,
                "line": { "color": style.colour, "dash": style.dash, "width": 2 },
            })
        })
        .collect();
    (!traces.is_empty()).then_some(traces)
}

fn figure(id: &'static str, title: &str, caption: &str, data: Vec<Value>, layout: Value) -> Figure {
    let alt = format!("Lines: {title}, one per algorithm.");
    Figure {
        id,
        title: title.to_owned(),
        caption: caption.to_owned(),
        legend: Vec::new(),
        panels: vec![Panel::new(alt, 380, data, layout)],
    }
}
