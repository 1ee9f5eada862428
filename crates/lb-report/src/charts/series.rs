//! Latency and throughput over time, one row of a shared time axis each, with faults and stages.

use super::palette::Palette;
use super::{Figure, Panel, axis, label, layout, marks};
use lb_results::{AlgorithmSummary, ScenarioSummary, SeriesPoint};
use serde_json::{Map, Value, json};

/// The label of a row, and its value.
type Row = (&'static str, fn(&SeriesPoint) -> Option<f64>);

/// What a row shows, top to bottom.
const ROWS: [Row; 5] = [
    ("p50 (ms)", |point| point.p50_ms),
    ("p95 (ms)", |point| point.p95_ms),
    ("p99 (ms)", |point| point.p99_ms),
    ("Requests/s", |point| Some(point.throughput_rps)),
    ("Errors/s", |point| Some(point.errors_rps)),
];

/// Part of the height between two rows.
const GAP: f64 = 0.03;

/// One line per algorithm in each row.
pub(super) fn series(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let drawn: Vec<&AlgorithmSummary> =
        scenario.algorithms.iter().filter(|algorithm| !algorithm.series.is_empty()).collect();
    if drawn.is_empty() {
        return None;
    }
    let mut data = Vec::new();
    for algorithm in drawn {
        for (row, (_, value)) in ROWS.iter().enumerate() {
            data.push(line(algorithm, palette, row, *value));
        }
    }
    let (shapes, annotations) = marks::marks(scenario);
    let mut rows = Map::new();
    let height = (1.0 + GAP) / ROWS.len() as f64;
    for (row, (title, _)) in ROWS.iter().enumerate() {
        let top = 1.0 - height * row as f64;
        let domain = [(top - height + GAP).max(0.0), top];
        rows.insert(
            y_axis(row),
            axis(title, json!({ "domain": domain, "rangemode": "tozero", "nticks": 5 })),
        );
    }
    rows.insert(
        "xaxis".to_owned(),
        axis("Seconds of the measured phase", json!({ "anchor": format!("y{}", ROWS.len()) })),
    );
    rows.insert("shapes".to_owned(), shapes.into());
    rows.insert("annotations".to_owned(), annotations.into());
    let alt = "Lines over time: p50, p95, p99, requests per second and errors per second of each algorithm.";
    Some(Figure {
        id: "series",
        title: "Latency, throughput and errors over time".to_owned(),
        caption: format!("Over all valid trials of each algorithm, per trial.{}", marks::legend(scenario)),
        legend: Vec::new(),
        panels: vec![Panel::new(alt.to_owned(), 820, data, layout(Value::Object(rows)))],
    })
}

fn line(
    algorithm: &AlgorithmSummary,
    palette: &Palette,
    row: usize,
    value: fn(&SeriesPoint) -> Option<f64>,
) -> Value {
    let style = palette.style(&algorithm.name);
    json!({
        "type": "scatter", "mode": "lines", "name": label(&algorithm.name),
        "legendgroup": label(&algorithm.name), "showlegend": row == 0,
        "xaxis": "x", "yaxis": y_axis(row).replace("axis", ""),
        "x": algorithm.series.iter().map(middle).collect::<Vec<_>>(),
        "y": algorithm.series.iter().map(|point| value(point).map(short)).collect::<Vec<_>>(),
        "line": { "color": style.colour, "dash": style.dash, "width": 1.8 },
        "hovertemplate": "%{x:.0f} s: %{y:.1f}<extra>%{fullData.name}</extra>",
    })
}

/// The name of a row's axis in a layout: the first one has no number.
fn y_axis(row: usize) -> String {
    if row == 0 { "yaxis".to_owned() } else { format!("yaxis{}", row + 1) }
}

/// The middle of a piece of the series, in seconds.
pub(super) fn middle(point: &SeriesPoint) -> f64 {
    short(point.at_s + point.length_s / 2.0)
}

/// Three decimals: a page need not carry more.
pub(super) fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
