//! The deciding metric of each trial in running order, which shows drift of the machine and carry-over.

use super::kit::{
    Arrangement, Axis, Chart, Figure, Key, Mark, Panel, Plane, Point, Rule, Scale, Style, Symbol,
};
use super::palette::Palette;
use crate::ranking::Ranking;
use crate::text::{metric_name, metric_value};
use lb_results::{ScenarioSummary, TrialSummary};

/// Draws one marker per trial; invalid trials are crosses.
pub(super) fn order(scenario: &ScenarioSummary, palette: &Palette) -> Option<Figure> {
    let metric = Ranking::of(scenario).metric;
    let placed: Vec<(usize, f64, &TrialSummary)> = scenario
        .trials
        .iter()
        .enumerate()
        .filter_map(|(number, trial)| Some((number + 1, trial.metric(metric)?, trial)))
        .collect();
    if placed.is_empty() {
        return None;
    }
    let points = placed.iter().map(|(number, value, trial)| {
        let style = palette.style(&trial.label);
        let invalid = if trial.is_valid() { "" } else { ", invalid" };
        Point {
            text: format!("trial {number}: {}{invalid}, {}", trial.label, metric_value(metric, *value)),
            colour: style.colour,
            symbol: if trial.is_valid() { style.symbol } else { Symbol::Cross },
            x: *number as f64,
            y: *value,
        }
    });
    let blocks = scenario.trials.windows(2).enumerate().filter(|(_, pair)| pair[0].block != pair[1].block);
    let rules = blocks.map(|(number, _)| Rule { label: String::new(), at: Mark::X(number as f64 + 1.5) });
    let invalid = placed.iter().any(|(_, _, trial)| !trial.is_valid());
    let legend =
        palette.names().iter().filter(|name| placed.iter().any(|(_, _, trial)| trial.label == **name));
    let mut legend: Vec<Key> = legend.map(|name| Key::marker(name, palette.style(name))).collect();
    legend.extend(invalid.then(|| {
        Key::marker(
            "invalid, in the colour of its algorithm",
            Style { symbol: Symbol::Cross, ..Style::of(9) },
        )
    }));
    let plane = Plane {
        height: 260,
        x: Axis::new("Trial, in order of running", Scale::Linear)
            .between(0.5, scenario.trials.len() as f64 + 0.5),
        y: Axis::new(metric_name(metric), Scale::FromZero),
        points: points.collect(),
        rules: rules.collect(),
        ..Plane::default()
    };
    let alt = format!(
        "Markers: {} of each trial by its position in the run. The table of trials has the numbers.",
        metric_name(metric)
    );
    Some(Figure {
        id: "order",
        title: format!("{} of each trial in order of running", metric_name(metric)),
        caption: "Dotted lines separate the blocks. A slope over all trials is drift of the machine rather than an \
                  effect of an algorithm."
            .to_owned(),
        legend,
        arrangement: Arrangement::Stacked,
        panels: vec![Panel::new(alt, Chart::Plane(plane))],
    })
}
