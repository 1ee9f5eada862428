//! Latency percentiles by algorithm: the median of the trials, and how far trials lie apart.

use super::palette::Palette;
use super::{Figure, Panel, axis, label, layout, log_axis};
use crate::report::text::NONE;
use crate::results::{Latency, Metric, ScenarioSummary};
use serde_json::{Value, json};

const SHOWN: [Metric; 5] = [Metric::Mean, Metric::P50, Metric::P95, Metric::P99, Metric::P999];

/// Above this ratio between the largest and the smallest value, the axis is logarithmic.
const LINEAR_UP_TO: f64 = 20.0;

/// Median, smallest and largest over trials.
type Spread = (f64, f64, f64);

/// One marker with whiskers per algorithm and percentile, and the bounds of the oracles.
pub(super) fn percentiles(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let mut data = Vec::new();
    let mut range = (f64::INFINITY, 0.0_f64);
    let mut whiskers = false;
    for name in palette.names() {
        let spreads: Vec<(Metric, Spread)> =
            SHOWN.into_iter().filter_map(|metric| Some((metric, spread(scenario, name, metric)?))).collect();
        if spreads.is_empty() {
            continue;
        }
        for (_, (_, low, high)) in &spreads {
            range = (range.0.min(*low), range.1.max(*high));
            whiskers |= high > low;
        }
        data.push(trace(name, palette, &spreads));
    }
    data.extend(scenario.oracles.iter().filter_map(|oracle| {
        let latency = oracle.latency_ms.as_ref()?;
        range = (range.0.min(latency.p50), range.1.max(latency.p999));
        Some(bound(&oracle.name, latency))
    }));
    if data.is_empty() {
        return None;
    }
    let logarithmic = range.1 / range.0.max(0.01) > LINEAR_UP_TO;
    let y_axis = match logarithmic {
        true => log_axis("Latency (ms)", range),
        false => axis("Latency (ms)", json!({ "rangemode": "tozero" })),
    };
    let over = match whiskers {
        true => "Markers: the median of the valid trials. Whiskers: the smallest and the largest trial.",
        false => {
            "Markers: the only valid trial of each algorithm, or trials that agree exactly; no whiskers."
        }
    };
    let note = if logarithmic { " The axis is logarithmic." } else { "" };
    let title = "Latency percentiles by algorithm";
    let alt = format!("{title}: the results table holds the same numbers, pooled over trials.");
    let layout = layout(json!({
        "scattermode": "group",
        "scattergap": 0.4,
        "xaxis": axis("", json!({ "type": "category" })),
        "yaxis": y_axis,
    }));
    Some(Figure {
        id: "percentiles",
        title: title.to_owned(),
        caption: format!("{over}{note}"),
        legend: Vec::new(),
        panels: vec![Panel::new(alt, 420, data, layout)],
    })
}

fn trace(name: &str, palette: &Palette, spreads: &[(Metric, Spread)]) -> Value {
    let style = palette.style(name);
    let each =
        |pick: fn(&Spread) -> f64| spreads.iter().map(|(_, spread)| pick(spread)).collect::<Vec<f64>>();
    json!({
        "type": "scatter", "mode": "markers", "name": label(name),
        "x": spreads.iter().map(|(metric, _)| heading(*metric)).collect::<Vec<_>>(),
        "y": each(|spread| spread.0),
        "error_y": {
            "type": "data", "symmetric": false, "thickness": 1.5, "width": 4,
            "array": each(|(middle, _, high)| high - middle),
            "arrayminus": each(|(middle, low, _)| middle - low),
        },
        "marker": { "color": style.colour, "symbol": style.symbol, "size": 8 },
        "hovertemplate": "%{x}: %{y:.1f} ms<extra>%{fullData.name}</extra>",
    })
}

fn bound(name: &str, latency: &Latency) -> Value {
    json!({
        "type": "scatter", "mode": "markers", "name": format!("best possible (simulated): {}", label(name)),
        "x": SHOWN.map(heading),
        "y": [latency.mean, latency.p50, latency.p95, latency.p99, latency.p999],
        "marker": { "color": "#7f8794", "symbol": "line-ew-open", "size": 14, "line": { "width": 3 } },
        "hovertemplate": "%{x}: %{y:.1f} ms<extra>%{fullData.name}</extra>",
    })
}

fn heading(metric: Metric) -> &'static str {
    match metric {
        Metric::Mean => "mean",
        Metric::P50 | Metric::P95 | Metric::P99 | Metric::P999 => metric.label(),
        Metric::ErrorRate | Metric::Goodput | Metric::JainIndex => NONE,
    }
}

/// Over the valid trials of a label.
fn spread(scenario: &ScenarioSummary, name: &str, metric: Metric) -> Option<Spread> {
    let trials = scenario.trials.iter().filter(|trial| trial.is_valid() && trial.label == name);
    let mut values: Vec<f64> = trials.filter_map(|trial| trial.metric(metric)).collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (*values.first()?, *values.last()?);
    let half = values.len() / 2;
    let middle =
        if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) };
    Some((middle, low, high))
}
