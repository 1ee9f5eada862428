//! Latency percentiles by algorithm: what lies in the middle of its trials, and how sure that is.

use super::palette::Palette;
use super::{Figure, Panel, axis, label, layout, log_axis};
use crate::text::NONE;
use lb_core::rng::Seed;
use lb_results::{Latency, Metric, ScenarioSummary};
use lb_stats::{Percentiles, bca, hodges_lehmann};
use serde_json::{Value, json};

const SHOWN: [Metric; 5] = [Metric::Mean, Metric::P50, Metric::P95, Metric::P99, Metric::P999];

/// Above this ratio between the largest and the smallest value, the axis is logarithmic.
const LINEAR_UP_TO: f64 = 20.0;

/// Below this many trials, an interval says less than the trials themselves.
const FEWEST_FOR_INTERVAL: usize = 5;
/// Resamples of an interval.
const RESAMPLES: usize = 2_000;

/// Hodges–Lehmann estimate over trials, and the ends of its whiskers.
type Spread = (f64, f64, f64);

/// One marker with whiskers per algorithm and percentile, and the bounds of the oracles.
pub(super) fn percentiles(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let mut data = Vec::new();
    let mut range = (f64::INFINITY, 0.0_f64);
    let mut whiskers = false;
    let shown: Vec<Metric> = SHOWN.into_iter().filter(|metric| is_measured(scenario, *metric)).collect();
    let trials = |name: &str| values(scenario, name, Metric::Mean).len();
    let intervals = palette.names().iter().all(|name| trials(name) >= FEWEST_FOR_INTERVAL);
    for name in palette.names() {
        let spreads: Vec<(Metric, Spread)> = shown
            .iter()
            .filter_map(|metric| Some((*metric, spread(&values(scenario, name, *metric), intervals)?)))
            .collect();
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
        let bounds: Vec<f64> = shown.iter().map(|metric| of(latency, *metric)).collect();
        range = bounds.iter().fold(range, |(low, high), bound| (low.min(*bound), high.max(*bound)));
        Some(bound(&oracle.name, &shown, &bounds))
    }));
    if data.is_empty() {
        return None;
    }
    let logarithmic = range.1 / range.0.max(0.01) > LINEAR_UP_TO;
    let y_axis = match logarithmic {
        true => log_axis("Latency (ms)", range),
        false => axis("Latency (ms)", json!({ "rangemode": "tozero" })),
    };
    let over = match (whiskers, intervals) {
        (true, true) => {
            "Markers: Hodges–Lehmann estimate over the valid trials. Whiskers: its 95 % interval (bootstrap, BCa)."
        }
        (true, false) => {
            "Markers: Hodges–Lehmann estimate over the valid trials. Whiskers: the smallest and the largest trial, \
             which are too few for an interval."
        }
        (false, _) => {
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
            "array": each(|(middle, _, high)| (high - middle).max(0.0)),
            "arrayminus": each(|(middle, low, _)| (middle - low).max(0.0)),
        },
        "marker": { "color": style.colour, "symbol": style.symbol, "size": 8 },
        "hovertemplate": "%{x}: %{y:.1f} ms<extra>%{fullData.name}</extra>",
    })
}

fn bound(name: &str, shown: &[Metric], bounds: &[f64]) -> Value {
    json!({
        "type": "scatter", "mode": "markers", "name": format!("best possible (simulated): {}", label(name)),
        "x": shown.iter().map(|metric| heading(*metric)).collect::<Vec<_>>(),
        "y": bounds,
        "marker": { "color": "#7f8794", "symbol": "line-ew-open", "size": 14, "line": { "width": 3 } },
        "hovertemplate": "%{x}: %{y:.1f} ms<extra>%{fullData.name}</extra>",
    })
}

/// The bound of a metric.
fn of(latency: &Latency, metric: Metric) -> f64 {
    match metric {
        Metric::P50 => latency.p50,
        Metric::P95 => latency.p95,
        Metric::P99 => latency.p99,
        Metric::P999 => latency.p999,
        _ => latency.mean,
    }
}

fn heading(metric: Metric) -> &'static str {
    match metric {
        Metric::Mean => "mean",
        Metric::P50 | Metric::P95 | Metric::P99 | Metric::P999 => metric.label(),
        Metric::ErrorRate | Metric::Goodput | Metric::JainIndex => NONE,
    }
}

/// Whether any trial has enough requests for it.
fn is_measured(scenario: &ScenarioSummary, metric: Metric) -> bool {
    scenario.trials.iter().any(|trial| trial.is_valid() && trial.metric(metric).is_some())
}

/// Over the valid trials of a label.
fn values(scenario: &ScenarioSummary, name: &str, metric: Metric) -> Vec<f64> {
    let trials = scenario.trials.iter().filter(|trial| trial.is_valid() && trial.label == name);
    trials.filter_map(|trial| trial.metric(metric)).collect()
}

/// Where the values lie; with an `interval`, how sure that is, otherwise how far they lie apart. Latencies
/// are compared by ratios, so this happens to their logarithms.
fn spread(values: &[f64], interval: bool) -> Option<Spread> {
    let logarithms: Vec<f64> = values.iter().map(|value| value.max(f64::MIN_POSITIVE).ln()).collect();
    let middle = hodges_lehmann(&logarithms)?;
    let [low, high] = match interval {
        true => bca(&logarithms, 0.95, Percentiles::Expanded, RESAMPLES, Seed(0))?,
        false => [
            logarithms.iter().copied().fold(f64::INFINITY, f64::min),
            logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ],
    };
    Some((middle.exp(), low.exp(), high.exp()))
}
