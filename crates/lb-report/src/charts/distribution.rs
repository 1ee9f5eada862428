//! The whole distribution of latency: the cumulative share, and the percentile curve with its tail
//! stretched out (the HdrHistogram plot: x is 1 / (1 - percentile), logarithmic).

use super::kit::{Arrangement, Axis, Chart, Figure, Key, Line, Panel, Plane, Scale};
use super::palette::Palette;
use lb_results::{AlgorithmSummary, ScenarioSummary};

/// The points of a line.
type Course = Vec<(f64, Option<f64>)>;

/// Draws the empirical cumulative distribution.
pub(super) fn cumulative(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let lines = lines(scenario, palette, |algorithm| {
        algorithm.distribution.iter().map(|&[percentile, ms]| (ms, Some(percentile / 100.0))).collect()
    });
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{} %", 100.0 * share)));
    figure(
        scenario,
        palette,
        "cumulative",
        "Distribution of latency",
        "Share of successful requests that took at most this long. All requests of the valid trials are \
        pooled.",
        Plane {
            x: Axis::new("Latency (ms, logarithmic)", Scale::Logarithmic),
            y: Axis::new("Share of requests", Scale::Linear).between(0.0, 1.0).with_ticks(ticks.into()),
            lines,
            ..Plane::default()
        },
    )
}

/// Draws latency by percentile, up to the last percentile that the number of requests supports.
pub(super) fn percentile_curve(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let lines = lines(scenario, palette, |algorithm| {
        let below_100 = algorithm.distribution.iter().filter(|[percentile, _]| *percentile < 100.0);
        below_100.map(|&[percentile, ms]| (100.0 / (100.0 - percentile), Some(ms))).collect()
    });
    let ticks = [
        (1.0, "0 %"),
        (2.0, "50 %"),
        (10.0, "90 %"),
        (1e2, "99 %"),
        (1e3, "99.9 %"),
        (1e4, "99.99 %"),
        (1e5, "99.999 %"),
    ];
    let last = lines.iter().filter_map(|line: &Line| line.points.last()).map(|(x, _)| *x).fold(1.0, f64::max);
    figure(
        scenario,
        palette,
        "percentile-curve",
        "Latency by percentile",
        "One request in ten exceeds the 90th percentile, one in a hundred the 99th. All requests of the \
        valid trials are pooled, so the percentiles are close to the estimates over trials in the table, \
        but not identical.",
        Plane {
            x: Axis::new("Percentile", Scale::Logarithmic)
                .between(1.0, last.max(2.0))
                .with_ticks(ticks.map(|(at, text)| (at, text.to_owned())).into()),
            y: Axis::new("Latency (ms, logarithmic)", Scale::Logarithmic),
            lines,
            ..Plane::default()
        },
    )
}

fn lines(
    scenario: &ScenarioSummary,
    palette: &Palette,
    points: fn(&AlgorithmSummary) -> Course,
) -> Vec<Line> {
    drawn(scenario)
        .map(|algorithm| Line {
            name: algorithm.name.clone(),
            style: palette.style(&algorithm.name),
            points: points(algorithm),
        })
        .collect()
}

fn drawn(scenario: &ScenarioSummary) -> impl Iterator<Item = &AlgorithmSummary> {
    scenario.algorithms.iter().filter(|algorithm| !algorithm.distribution.is_empty())
}

fn figure(
    scenario: &ScenarioSummary,
    palette: &Palette,
    id: &'static str,
    title: &str,
    caption: &str,
    plane: Plane,
) -> Option<Figure> {
    let legend = drawn(scenario).map(|algorithm| Key::line(&algorithm.name, palette.style(&algorithm.name)));
    let legend: Vec<Key> = legend.collect();
    (!legend.is_empty()).then(|| Figure {
        id,
        title: title.to_owned(),
        caption: caption.to_owned(),
        legend,
        arrangement: Arrangement::Stacked,
        panels: vec![Panel::new(
            format!("Lines: {title}, one per algorithm."),
            Chart::Plane(Plane { height: 300, ..plane }),
        )],
    })
}
