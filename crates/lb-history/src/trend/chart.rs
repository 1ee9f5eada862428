//! One metric of a scenario over the runs: a line for each algorithm, a dotted line at each change.

use super::experiment::Experiment;
use crate::series::Series;
use lb_report::parts::{
    Arrangement, Axis, Chart, Figure, Key, Line, Mark, Panel, Plane, Rule, Scale, Style, figure,
};
use maud::Markup;

const HEIGHT: usize = 170;

/// The most dates below a chart; fewer fit on a phone.
const MOST_DATES: usize = 6;

pub(super) fn draw(prefix: &str, experiment: &Experiment<'_>, series: &[&Series]) -> Markup {
    let metric = series[0].metric;
    let unit = metric.unit();
    let label = metric.0.label();
    let title = if unit.is_empty() { label.to_owned() } else { format!("{label} ({unit})") };
    let marks = experiment.marks_of(series);
    let rules = marks.iter().filter_map(|mark| {
        let place = experiment.place(&mark.change.first.run_id)?;
        Some(Rule { label: mark.name.clone(), at: Mark::X(place as f64 - 0.5) })
    });
    let plane = Plane {
        height: HEIGHT,
        x: Axis::new("", Scale::Linear)
            .between(-0.5, experiment.runs.len() as f64 - 0.5)
            .with_ticks(dates(experiment)),
        y: Axis::new(title, Scale::Linear),
        lines: (0..).zip(series).map(|(number, one)| line(experiment, one, number)).collect(),
        rules: rules.collect(),
        ..Plane::default()
    };
    let names: Vec<&str> = series.iter().map(|one| one.algorithm.as_str()).collect();
    let told = match marks.len() {
        0 => "no change".to_owned(),
        _ => {
            marks.iter().map(|mark| format!("{} {}", mark.name, mark.kind().0)).collect::<Vec<_>>().join(", ")
        }
    };
    let alt = format!(
        "{label} of {} over {} runs: {told}. The values are in the table below.",
        names.join(", "),
        experiment.runs.len()
    );
    let legend = (0..).zip(series).map(|(number, one)| Key::line(&one.algorithm, Style::of(number)));
    let better = match metric.better() {
        "" => String::new(),
        which => format!("{which} is better"),
    };
    figure(
        prefix,
        &Figure {
            id: metric.name(),
            title: format!("{label} over runs"),
            caption: better,
            legend: legend.collect(),
            arrangement: Arrangement::Stacked,
            panels: vec![Panel::new(alt, Chart::Plane(plane))],
        },
    )
}

fn line(experiment: &Experiment<'_>, series: &Series, number: usize) -> Line {
    let mut points: Vec<(f64, Option<f64>)> =
        (0..experiment.runs.len()).map(|place| (place as f64, None)).collect();
    for point in &series.points {
        if let Some(place) = experiment.place(&point.run_id) {
            points[place].1 = Some(point.value);
        }
    }
    // A run that lacks the algorithm leaves no gap: a night on which it was left out tells nothing.
    points.retain(|(_, value)| value.is_some());
    Line { name: series.algorithm.clone(), style: Style::of(number), points }
}

/// Returns dates at even distances, away from the ends, where they would not fit.
fn dates(experiment: &Experiment<'_>) -> Vec<(f64, String)> {
    let runs = &experiment.runs;
    let count = runs.len().min(MOST_DATES);
    let date = |number: usize| {
        let place = (2 * number + 1) * runs.len() / (2 * count);
        let text = &runs[place].started_at;
        (place as f64, text.get(..10).unwrap_or(text).to_owned())
    };
    let mut dates: Vec<(f64, String)> = (0..count).map(date).collect();
    // Several runs of one day share its date.
    dates.dedup_by(|one, other| one.1 == other.1);
    dates
}
