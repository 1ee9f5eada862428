//! Latency percentiles by algorithm: the estimate over its trials, and how sure that is, as the results hold them.

use super::palette::Palette;
use super::{Figure, Panel, axis, label, layout, log_axis};
use crate::spread::{Spreads, Whiskers, latency_of};
use crate::text::NONE;
use lb_results::{Metric, ScenarioSummary};
use serde_json::{Value, json};

/// Above this ratio between the largest and the smallest value, the axis is logarithmic.
const LINEAR_UP_TO: f64 = 20.0;

/// One marker of an algorithm: its metric, where it stands, and the ends of its whiskers.
type Marker = (Metric, f64, Option<[f64; 2]>);

/// Draws one marker with whiskers per algorithm and metric, and the bounds of the oracles.
pub(super) fn percentiles(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let spreads = Spreads::of(scenario);
    let markers: Vec<(&str, Vec<Marker>)> = scenario
        .algorithms
        .iter()
        .map(|algorithm| (algorithm.name.as_str(), spreads.markers(algorithm)))
        .filter(|(_, markers)| !markers.is_empty())
        .collect();
    let bounds: Vec<(&str, Vec<f64>)> = scenario
        .oracles
        .iter()
        .filter_map(|oracle| {
            let latency = oracle.latency_ms.as_ref()?;
            let bounds = spreads.metrics().iter().map(|metric| latency_of(latency, *metric));
            Some((oracle.name.as_str(), bounds.collect()))
        })
        .collect();
    let mut data: Vec<Value> = markers.iter().map(|(name, markers)| trace(name, palette, markers)).collect();
    data.extend(bounds.iter().map(|(name, bounds)| bound(name, spreads.metrics(), bounds)));
    if data.is_empty() {
        return None;
    }
    let drawn = markers.iter().flat_map(|(_, markers)| markers);
    let drawn = drawn.flat_map(|(_, estimate, ends)| ends.unwrap_or([*estimate; 2]));
    let drawn = drawn.chain(bounds.iter().flat_map(|(_, bounds)| bounds.iter().copied()));
    let range = drawn.fold((f64::INFINITY, 0.0_f64), |(low, high), ms| (low.min(ms), high.max(ms)));
    let logarithmic = range.1 / range.0.max(0.01) > LINEAR_UP_TO;
    let y_axis = match logarithmic {
        true => log_axis("Latency (ms)", range),
        false => axis("Latency (ms)", json!({ "rangemode": "tozero" })),
    };
    let note = if logarithmic { " The axis is logarithmic." } else { "" };
    let title = "Latency percentiles by algorithm";
    let alt = match spreads.whiskers() {
        Whiskers::Interval | Whiskers::Range => {
            format!("{title}: the table of latency over trials holds the same numbers.")
        }
        Whiskers::Single | Whiskers::None => format!("{title}: the results table holds them as numbers."),
    };
    let layout = layout(json!({
        "scattermode": "group",
        "scattergap": 0.4,
        "xaxis": axis("", json!({ "type": "category" })),
        "yaxis": y_axis,
    }));
    Some(Figure {
        id: "percentiles",
        title: title.to_owned(),
        caption: format!("{}{note}", caption(spreads.whiskers())),
        legend: Vec::new(),
        panels: vec![Panel::new(alt, 420, data, layout)],
    })
}

/// Says what markers and whiskers stand for.
const fn caption(whiskers: Whiskers) -> &'static str {
    match whiskers {
        Whiskers::Interval => {
            "Markers: Hodges–Lehmann estimate over the valid trials. Whiskers: its 95 % interval (bootstrap, BCa)."
        }
        Whiskers::Range => {
            "Markers: Hodges–Lehmann estimate over the valid trials. Whiskers: the smallest and the largest trial, \
             because there are too few trials for an interval."
        }
        Whiskers::Single => {
            "Markers: the only valid trial of each algorithm; a single trial has no whiskers."
        }
        Whiskers::None => {
            "Markers: all requests of an algorithm's valid trials, pooled. There are no whiskers."
        }
    }
}

fn trace(name: &str, palette: &Palette, markers: &[Marker]) -> Value {
    let style = palette.style(name);
    let reach = |end: usize| -> Vec<f64> {
        let of = |(_, estimate, ends): &Marker| ends.map_or(0.0, |ends| (ends[end] - estimate).abs());
        markers.iter().map(of).collect()
    };
    json!({
        "type": "scatter", "mode": "markers", "name": label(name),
        "x": markers.iter().map(|(metric, _, _)| heading(*metric)).collect::<Vec<_>>(),
        "y": markers.iter().map(|(_, estimate, _)| *estimate).collect::<Vec<_>>(),
        "error_y": {
            "type": "data", "symmetric": false, "thickness": 1.5, "width": 4,
            "array": reach(1), "arrayminus": reach(0),
        },
        "marker": { "color": style.colour, "symbol": style.symbol, "size": 8 },
        "hovertemplate": "%{x}: %{y:.1f} ms<extra>%{fullData.name}</extra>",
    })
}

fn bound(name: &str, metrics: &[Metric], bounds: &[f64]) -> Value {
    json!({
        "type": "scatter", "mode": "markers", "name": format!("best possible (simulated): {}", label(name)),
        "x": metrics.iter().map(|metric| heading(*metric)).collect::<Vec<_>>(),
        "y": bounds,
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

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{AlgorithmSummary, Latency, MetricEstimate};

    const POOLED: Latency =
        Latency { mean: 20.0, min: 1.0, p50: 18.0, p90: 40.0, p95: 52.0, p99: 90.0, p999: 120.0, max: 150.0 };

    fn estimate(trials: u32, interval: Option<[f64; 2]>) -> MetricEstimate {
        MetricEstimate { metric: Metric::P95, trials, estimate: 50.0, interval, range: [44.0, 57.0] }
    }

    fn drawn(estimates: &[&[MetricEstimate]]) -> (String, Vec<Value>) {
        let algorithm = |(name, estimates): (&str, &&[MetricEstimate])| AlgorithmSummary {
            name: name.to_owned(),
            latency_ms: Some(POOLED),
            estimates: estimates.to_vec(),
            ..AlgorithmSummary::default()
        };
        let algorithms = ["p2c", "random"].into_iter().zip(estimates).map(algorithm).collect();
        let scenario = ScenarioSummary { algorithms, ..ScenarioSummary::default() };
        let figure = percentiles(&scenario, &Palette::of(&scenario)).expect("there is something to draw");
        let data = figure.panels[0].spec["data"].as_array().expect("a list of traces").clone();
        (figure.caption, data)
    }

    #[test]
    fn whiskers_are_the_intervals_of_the_results() {
        let (caption, data) =
            drawn(&[&[estimate(9, Some([46.0, 55.5]))], &[estimate(9, Some([47.0, 53.0]))]]);
        assert_eq!(data[0]["y"], json!([50.0]), "the marker is the estimate, not the pooled percentile");
        let ends = (&data[0]["error_y"]["arrayminus"], &data[0]["error_y"]["array"]);
        assert_eq!(ends, (&json!([4.0]), &json!([5.5])), "they reach to the ends of the interval");
        assert!(caption.contains("95 % interval"), "{caption}");
    }

    #[test]
    fn with_too_few_trials_of_one_algorithm_all_whiskers_are_ranges() {
        let (caption, data) = drawn(&[&[estimate(9, Some([46.0, 55.5]))], &[estimate(3, None)]]);
        for trace in data {
            let ends = (&trace["error_y"]["arrayminus"], &trace["error_y"]["array"]);
            assert_eq!(ends, (&json!([6.0]), &json!([7.0])), "whiskers of two kinds cannot be compared");
        }
        assert!(caption.contains("the smallest and the largest trial"), "{caption}");
    }

    #[test]
    fn a_summary_without_estimates_has_pooled_markers_and_no_whiskers() {
        let (caption, data) = drawn(&[&[], &[]]);
        assert_eq!(data[0]["x"], json!(["mean", "p50", "p95", "p99"]));
        assert_eq!(data[0]["y"], json!([20.0, 18.0, 52.0, 90.0]));
        assert_eq!(
            data[0]["error_y"]["array"],
            json!([0.0, 0.0, 0.0, 0.0]),
            "nothing says how sure they are"
        );
        assert!(caption.contains("pooled"), "{caption}");
        let (caption, data) = drawn(&[&[estimate(1, None)]]);
        assert_eq!(data[0]["error_y"]["array"], json!([0.0]), "one trial has no spread");
        assert!(caption.contains("the only valid trial"), "{caption}");
    }
}
