//! The scraped series below the latency, one panel each on the same time axis, with a line per algorithm.

use super::kit::{Arrangement, Axis, Chart, Figure, Key, Line, Panel, Plane, Scale};
use super::marks;
use super::palette::Palette;
use super::series::time_axis;
use crate::tables::resource_names;
use lb_results::{AlgorithmSummary, ResourceSummary, ScenarioSummary};

/// The most panels; the table lists all series.
const MOST_PANELS: usize = 12;

/// Draws one panel per series, those that move with latency first. `None` if nothing was scraped.
pub(super) fn resources(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let names = resource_names(scenario);
    let drawn = names.iter().take(MOST_PANELS);
    let panels: Vec<Panel> = drawn.map(|(target, name)| panel(scenario, palette, target, name)).collect();
    if panels.is_empty() {
        return None;
    }
    let has = |algorithm: &&AlgorithmSummary| !algorithm.resources.is_empty();
    let legend = scenario.algorithms.iter().filter(has);
    let left_out = match names.len().saturating_sub(MOST_PANELS) {
        0 => String::new(),
        more => format!(" The table has {more} more."),
    };
    Some(Figure {
        id: "resources",
        title: "Scraped series over time".to_owned(),
        caption: format!(
            "Means over the valid trials of an algorithm, on the time axis of the latency above. Series that move with \
             latency come first.{left_out}{}",
            marks::legend(scenario)
        ),
        legend: legend.map(|one| Key::line(&one.name, palette.style(&one.name))).collect(),
        arrangement: Arrangement::Stacked,
        panels,
    })
}

fn panel(scenario: &ScenarioSummary, palette: &Palette, target: &str, name: &str) -> Panel {
    let (spans, rules) = marks::marks(scenario);
    let of = |algorithm: &AlgorithmSummary| {
        let is_it = |one: &&ResourceSummary| one.target == target && one.name == name;
        algorithm.resources.iter().find(is_it).cloned()
    };
    let found = scenario.algorithms.iter().filter_map(|algorithm| Some((algorithm, of(algorithm)?)));
    let found: Vec<(&AlgorithmSummary, ResourceSummary)> = found.collect();
    let unit = found.iter().map(|(_, one)| one.unit.as_str()).find(|unit| !unit.is_empty());
    let title = unit.map_or_else(|| name.to_owned(), |unit| format!("{name} ({unit})"));
    let lines = found.iter().map(|(algorithm, one)| Line {
        name: algorithm.name.clone(),
        style: palette.style(&algorithm.name),
        points: with_gaps(&one.points),
    });
    let plane = Plane {
        height: 110,
        x: time_axis(scenario),
        y: Axis::new(title, Scale::FromZero),
        lines: lines.collect(),
        spans,
        rules,
        ..Plane::default()
    };
    Panel::new(format!("Lines over time: {name}, one per algorithm."), Chart::Plane(plane))
}

/// Returns the points of a line, with a gap where some are missing.
fn with_gaps(points: &[[f64; 2]]) -> Vec<(f64, Option<f64>)> {
    let usual = points.windows(2).map(|pair| pair[1][0] - pair[0][0]).fold(f64::INFINITY, f64::min);
    let mut drawn: Vec<(f64, Option<f64>)> = Vec::with_capacity(points.len());
    for &[at_s, value] in points {
        if drawn.last().is_some_and(|(last, _)| at_s - last > 1.5 * usual) {
            drawn.push((at_s - usual, None));
        }
        drawn.push((at_s, Some(value)));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_points_are_gaps() {
        let points = [[0.5, 1.0], [1.5, 2.0], [4.5, 3.0]];
        assert_eq!(with_gaps(&points), [(0.5, Some(1.0)), (1.5, Some(2.0)), (3.5, None), (4.5, Some(3.0))]);
        assert_eq!(with_gaps(&points[..1]), [(0.5, Some(1.0))]);
    }

    #[test]
    fn each_series_has_a_panel_on_the_time_axis_of_the_scenario() {
        let series = |name: &str| ResourceSummary {
            name: name.to_owned(),
            unit: "cores".to_owned(),
            points: vec![[0.5, 1.0]],
            ..ResourceSummary::default()
        };
        let resources = (0..14).map(|number| series(&format!("s{number}"))).collect();
        let algorithm = AlgorithmSummary { name: "p2c".to_owned(), resources, ..AlgorithmSummary::default() };
        let scenario =
            ScenarioSummary { algorithms: vec![algorithm], duration_s: 30.0, ..ScenarioSummary::default() };
        let figure = super::resources(&scenario, &Palette::of(&scenario)).expect("there are series");
        assert_eq!(figure.panels.len(), MOST_PANELS);
        assert!(figure.caption.contains("The table has 2 more."), "{}", figure.caption);
        let Chart::Plane(plane) = &figure.panels[0].chart else { panic!("it is a plane") };
        assert_eq!((plane.y.title.as_str(), plane.x.ends), ("s0 (cores)", Some([0.0, 30.0])));
        assert!(super::resources(&ScenarioSummary::default(), &Palette::of(&scenario)).is_none());
    }
}
