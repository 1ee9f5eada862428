//! Latency by algorithm: the estimate over its trials with its uncertainty, as in the results.

use super::kit::{Arrangement, Axis, Chart, Figure, Panel, Row, Rows, Scale};
use super::palette::Palette;
use crate::ranking::Ranking;
use crate::spread::{Whiskers, latency_of};
use crate::text::{metric_name, metric_value, spread_text};
use lb_results::{Metric, ScenarioSummary};

/// Above this ratio between the largest and the smallest value, the axis is logarithmic.
const LINEAR_UP_TO: f64 = 20.0;

/// Draws a panel per latency metric, with one row per algorithm, best first, and the bound from the oracles.
pub(super) fn percentiles(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let ranking = Ranking::of(scenario);
    let panels: Vec<Panel> =
        ranking.latencies().iter().filter_map(|metric| panel(&ranking, *metric, palette)).collect();
    (!panels.is_empty()).then(|| Figure {
        id: "percentiles",
        title: "Latency by algorithm".to_owned(),
        caption: caption(ranking.whiskers()).to_owned(),
        legend: Vec::new(),
        arrangement: Arrangement::Grid,
        panels,
    })
}

fn panel(ranking: &Ranking<'_>, metric: Metric, palette: &Palette) -> Option<Panel> {
    let rows: Vec<Row> = ranking
        .algorithms
        .iter()
        .filter_map(|algorithm| {
            let (estimate, ends) = ranking.value(algorithm, metric)?;
            Some(Row {
                name: algorithm.name.clone(),
                style: Some(palette.style(&algorithm.name)),
                value: Some(estimate),
                ends,
                text: spread_text(metric, Some((estimate, ends)), ranking.whiskers()),
                ..Row::default()
            })
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let bound = ranking.bound().and_then(|oracle| oracle.latency_ms.as_ref());
    let bound = bound.map(|latency| latency_of(latency, metric));
    let ends = rows.iter().flat_map(|row| row.value.into_iter().chain(row.ends.into_iter().flatten()));
    let axis = axis_for(ends.chain(bound));
    let rules = bound.map(|at| (at, format!("best possible (simulated): {}", metric_value(metric, at))));
    let title = metric_name(metric);
    let alt = format!("{title} of each algorithm. The table of results has the same numbers.");
    Some(Panel::new(alt, Chart::Rows(Rows { axis, rows, rules: rules.into_iter().collect() })).titled(title))
}

/// Returns an axis for comparing values: from zero, unless they are so far apart that the small ones would be
/// indistinguishable.
pub(super) fn axis_for(values: impl Iterator<Item = f64>) -> Axis {
    let (low, high) =
        values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    match low > 0.0 && high / low > LINEAR_UP_TO {
        true => Axis::new("logarithmic axis", Scale::Logarithmic),
        false => Axis::new("", Scale::FromZero),
    }
}

/// Explains the markers and whiskers.
pub(super) const fn caption(whiskers: Whiskers) -> &'static str {
    match whiskers {
        Whiskers::Interval => "Estimate over the valid trials, with its 95 % interval.",
        Whiskers::Range => {
            "Estimate over the valid trials, with the smallest and the largest trial: there are too few for \
            an interval."
        }
        Whiskers::Single => "The only valid trial of each algorithm, so the uncertainty is unknown.",
        Whiskers::None => "All requests of an algorithm's valid trials, pooled.",
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

    fn drawn(estimates: &[&[MetricEstimate]]) -> (String, Vec<(String, Vec<Row>)>) {
        let algorithm = |(name, estimates): (&str, &&[MetricEstimate])| AlgorithmSummary {
            name: name.to_owned(),
            latency_ms: Some(POOLED),
            estimates: estimates.to_vec(),
            ..AlgorithmSummary::default()
        };
        let algorithms = ["p2c", "random"].into_iter().zip(estimates).map(algorithm).collect();
        let scenario = ScenarioSummary { algorithms, ..ScenarioSummary::default() };
        let figure = percentiles(&scenario, &Palette::of(&scenario)).expect("there is something to draw");
        let panels = figure.panels.into_iter().map(|panel| match panel.chart {
            Chart::Rows(rows) => (panel.title.unwrap_or_default(), rows.rows),
            _ => panic!("percentiles are rows"),
        });
        (figure.caption, panels.collect())
    }

    #[test]
    fn whiskers_are_the_intervals_of_the_results() {
        let (caption, panels) =
            drawn(&[&[estimate(9, Some([46.0, 55.5]))], &[estimate(9, Some([47.0, 53.0]))]]);
        let row = &panels[0].1[0];
        assert_eq!(row.value, Some(50.0), "the marker is the estimate, not the pooled percentile");
        assert_eq!(row.ends, Some([46.0, 55.5]), "they reach to the ends of the interval");
        assert_eq!(row.text, "50.0 [46.0, 55.5]", "the text says the same");
        assert!(caption.contains("95 % interval"), "{caption}");
    }

    #[test]
    fn an_axis_is_logarithmic_where_values_are_far_apart_and_says_so() {
        let near = axis_for([10.0, 190.0].into_iter());
        assert_eq!((near.scale, near.title.as_str()), (Scale::FromZero, ""));
        let far = axis_for([10.0, 210.0].into_iter());
        assert_eq!((far.scale, far.title.as_str()), (Scale::Logarithmic, "logarithmic axis"));
        assert_eq!(axis_for([0.0, 9.0].into_iter()).scale, Scale::FromZero, "zero has no logarithm");
    }

    #[test]
    fn with_too_few_trials_of_one_algorithm_all_whiskers_are_ranges() {
        let (caption, panels) = drawn(&[&[estimate(9, Some([46.0, 55.5]))], &[estimate(3, None)]]);
        for row in &panels[0].1 {
            assert_eq!(row.ends, Some([44.0, 57.0]), "whiskers of two kinds cannot be compared");
            assert_eq!(row.text, "50.0 (44.0 to 57.0)", "a range does not look like an interval");
        }
        assert!(caption.contains("the smallest and the largest trial"), "{caption}");
    }

    #[test]
    fn a_summary_without_estimates_has_pooled_markers_and_no_whiskers() {
        let (caption, panels) = drawn(&[&[], &[]]);
        let values: Vec<(&str, Option<f64>)> =
            panels.iter().map(|(title, rows)| (title.as_str(), rows[0].value)).collect();
        assert_eq!(
            values,
            [
                ("Mean latency (ms)", Some(20.0)),
                ("P50 latency (ms)", Some(18.0)),
                ("P95 latency (ms)", Some(52.0)),
                ("P99 latency (ms)", Some(90.0))
            ]
        );
        assert_eq!(panels[0].1[0].ends, None, "nothing says how sure they are");
        assert!(caption.contains("pooled"), "{caption}");
        let (caption, panels) = drawn(&[&[estimate(1, None)]]);
        assert_eq!(panels[0].1[0].ends, None, "one trial has no spread");
        assert!(caption.contains("The only valid trial"), "{caption}");
    }
}
