//! The share of each backend over time, one small panel per algorithm.

use super::kit::{Area, Arrangement, Axis, Chart, Colour, Figure, Key, Panel, Plane, Scale};
use super::marks;
use super::series::{middle, time_axis};
use crate::tables::backend_ids;
use lb_results::{AlgorithmSummary, ScenarioSummary};

/// The most points per panel: small panels do not have more pixels.
const MOST_POINTS: usize = 120;

/// The number of backends after which colours repeat; stripes then distinguish them.
const COLOURS: usize = 10;

/// Draws stacked areas that add up to all requests.
pub(super) fn shares(scenario: &ScenarioSummary) -> Option<Figure> {
    let drawn = || {
        scenario
            .algorithms
            .iter()
            .filter(|algorithm| algorithm.series.iter().any(|point| !point.shares.is_empty()))
    };
    let backends = backend_ids(drawn());
    let panels: Vec<Panel> = drawn().map(|algorithm| panel(scenario, algorithm, &backends)).collect();
    if panels.is_empty() || backends.is_empty() {
        return None;
    }
    Some(Figure {
        id: "shares",
        title: "Share of requests per backend over time".to_owned(),
        caption: format!(
            "Areas are stacked in the order of the legend, the first backend at the bottom.{}",
            marks::legend(scenario)
        ),
        legend: legend(&backends),
        arrangement: Arrangement::Grid,
        panels,
    })
}

/// Returns the legend entries of backends.
pub(super) fn legend(backends: &[&str]) -> Vec<Key> {
    backends.iter().enumerate().map(|(number, id)| Key::area(*id, Colour::of(number))).collect()
}

fn panel(scenario: &ScenarioSummary, algorithm: &AlgorithmSummary, order: &[&str]) -> Panel {
    let points = algorithm.series.iter().filter(|point| !point.shares.is_empty());
    let points: Vec<(f64, Vec<f64>)> = points
        .map(|point| {
            let share_of = |id: &&str| {
                let place = algorithm.backends.iter().position(|backend| backend.id == **id)?;
                point.shares.get(place).copied()
            };
            (middle(point), order.iter().map(|id| share_of(id).unwrap_or(0.0)).collect())
        })
        .collect();
    let (spans, rules) = marks::marks(scenario);
    let plane = Plane { spans, rules, ..stacked(scenario, order, &points) };
    let alt = format!("Stacked areas over time: the share of each backend under {}.", algorithm.name);
    Panel::new(alt, Chart::Plane(plane)).titled(&algorithm.name)
}

/// Stacks the shares of the backends at each point in time.
pub(super) fn stacked(scenario: &ScenarioSummary, ids: &[&str], points: &[(f64, Vec<f64>)]) -> Plane {
    let thinned: Vec<&(f64, Vec<f64>)> =
        points.iter().step_by(points.len().div_ceil(MOST_POINTS).max(1)).collect();
    let area = |(number, id): (usize, &&str)| Area {
        name: (*id).to_owned(),
        colour: Colour::of(number),
        striped: (number / COLOURS) % 2 == 1,
        ends: thinned
            .iter()
            .map(|(at, shares)| {
                let below: f64 = shares[..number].iter().sum();
                (*at, [below, below + shares[number]])
            })
            .collect(),
    };
    let percentages = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{} %", 100.0 * share)));
    Plane {
        height: 170,
        x: time_axis(scenario),
        y: Axis::new("", Scale::Linear).between(0.0, 1.0).with_ticks(percentages.into()),
        areas: ids.iter().enumerate().map(area).collect(),
        ..Plane::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_stacked_up_to_the_whole() {
        let points: Vec<(f64, Vec<f64>)> =
            (0..300).map(|second| (f64::from(second), vec![0.25, 0.5, 0.25])).collect();
        let plane = stacked(&ScenarioSummary::default(), &["a", "b", "c"], &points);
        let ends: Vec<[f64; 2]> = plane.areas.iter().map(|area| area.ends[0].1).collect();
        assert_eq!(ends, [[0.0, 0.25], [0.25, 0.75], [0.75, 1.0]]);
        assert!(plane.areas[0].ends.len() <= MOST_POINTS, "no more points than pixels");
    }
}
