//! Latency and throughput over time, one panel each above a shared time axis, with faults and stages.

use super::kit::{Arrangement, Axis, Chart, Figure, Key, Line, Panel, Plane, Scale};
use super::marks;
use super::palette::Palette;
use lb_results::{AlgorithmSummary, ScenarioSummary, SeriesPoint};

/// The content of a panel.
struct Course {
    title: &'static str,
    scale: Scale,
    value: fn(&SeriesPoint) -> Option<f64>,
}

/// The panels from top to bottom. Latencies of good and bad algorithms are far apart, so their scale is
/// logarithmic.
const COURSES: [Course; 5] = [
    Course { title: "P50 latency (ms)", scale: Scale::Logarithmic, value: |point| point.p50_ms },
    Course { title: "P95 latency (ms)", scale: Scale::Logarithmic, value: |point| point.p95_ms },
    Course { title: "P99 latency (ms)", scale: Scale::Logarithmic, value: |point| point.p99_ms },
    Course { title: "Requests/s", scale: Scale::FromZero, value: |point| Some(point.throughput_rps) },
    Course { title: "Errors/s", scale: Scale::FromZero, value: |point| Some(point.errors_rps) },
];

/// Draws one line per algorithm in each panel. The panel of errors is left out if there are none.
pub(super) fn series(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let drawn: Vec<&AlgorithmSummary> =
        scenario.algorithms.iter().filter(|algorithm| !algorithm.series.is_empty()).collect();
    if drawn.is_empty() {
        return None;
    }
    let failing = drawn.iter().flat_map(|algorithm| &algorithm.series).any(|point| point.errors_rps > 0.0);
    let courses = COURSES.iter().filter(|course| failing || course.title != "Errors/s");
    let panels: Vec<Panel> = courses.map(|course| panel(scenario, &drawn, palette, course)).collect();
    let legend = drawn.iter().map(|algorithm| Key::line(&algorithm.name, palette.style(&algorithm.name)));
    Some(Figure {
        id: "series",
        title: "Latency, throughput and errors over time".to_owned(),
        caption: format!(
            "All requests of an algorithm's valid trials, pooled; counts per trial. Latency is logarithmic.{}{}",
            if failing { "" } else { " There were no errors." },
            marks::legend(scenario)
        ),
        legend: legend.collect(),
        arrangement: Arrangement::Stacked,
        panels,
    })
}

fn panel(
    scenario: &ScenarioSummary,
    drawn: &[&AlgorithmSummary],
    palette: &Palette,
    course: &Course,
) -> Panel {
    let (spans, rules) = marks::marks(scenario);
    let lines = drawn.iter().map(|algorithm| Line {
        name: algorithm.name.clone(),
        style: palette.style(&algorithm.name),
        points: algorithm.series.iter().map(|point| (middle(point), (course.value)(point))).collect(),
    });
    let plane = Plane {
        height: 150,
        x: time_axis(scenario),
        y: Axis::new(course.title, course.scale),
        lines: lines.collect(),
        spans,
        rules,
        ..Plane::default()
    };
    Panel::new(format!("Lines over time: {}, one per algorithm.", course.title), Chart::Plane(plane))
}

/// Returns the time axis.
pub(super) fn time_axis(scenario: &ScenarioSummary) -> Axis {
    let axis = Axis::new("", Scale::Linear).with_suffix(" s");
    if scenario.duration_s > 0.0 { axis.between(0.0, scenario.duration_s) } else { axis }
}

/// Returns the middle of a point's interval, in seconds.
pub(super) fn middle(point: &SeriesPoint) -> f64 {
    point.at_s + point.length_s / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_over_time_is_logarithmic_and_empty_panels_are_left_out() {
        let point = SeriesPoint {
            at_s: 0.0,
            length_s: 1.0,
            throughput_rps: 10.0,
            errors_rps: 0.0,
            mean_ms: Some(4.0),
            p50_ms: Some(4.0),
            p95_ms: Some(9.0),
            p99_ms: None,
            shares: Vec::new(),
        };
        let algorithm =
            AlgorithmSummary { name: "p2c".to_owned(), series: vec![point], ..AlgorithmSummary::default() };
        let mut scenario =
            ScenarioSummary { algorithms: vec![algorithm], duration_s: 1.0, ..ScenarioSummary::default() };
        let scales = |scenario: &ScenarioSummary| -> Vec<(String, Scale)> {
            let figure = series(scenario, &Palette::of(scenario)).expect("there is a series");
            let of = |panel: Panel| match panel.chart {
                Chart::Plane(plane) => (plane.y.title, plane.y.scale),
                _ => panic!("series are planes"),
            };
            figure.panels.into_iter().map(of).collect()
        };
        let drawn = scales(&scenario);
        assert_eq!(drawn.len(), 4, "without errors there is no panel of errors");
        assert!(drawn[..3].iter().all(|(_, scale)| *scale == Scale::Logarithmic), "{drawn:?}");
        scenario.algorithms[0].series[0].errors_rps = 1.0;
        assert_eq!(scales(&scenario).len(), 5);
    }
}
