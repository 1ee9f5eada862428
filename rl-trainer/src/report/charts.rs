//! The figures of the page: the progress of training, and how policies compare in each case.

use super::data::{RunReport, TrainingReport};
use super::lists::Judged;
use super::numbers::estimate;
use crate::curves::Update;
use crate::evaluate::goals::{Goals, SituationGoal};
use crate::evaluate::{CaseStanding, Estimate};
use lb_report::parts::{
    Arrangement, Axis, Chart, ChartRow, Dash, Figure, Key, Line, Mark, Panel, Plane, Rows, Rule, Scale, Style,
};

/// The training curves: column and title of the panel.
const CURVES: [(&str, &str); 11] = [
    ("validation_mean_ratio", "Validation: mean to baseline"),
    ("validation_p99_ratio", "Validation: p99 to baseline"),
    ("mean_reward", "Mean reward"),
    ("policy_loss", "Loss of the policy"),
    ("value_loss", "Loss of the critic"),
    ("explained_variance", "Explained variance"),
    ("kl", "Approximate KL divergence"),
    ("clip_fraction", "Clip fraction"),
    ("entropy", "Entropy (nats)"),
    ("evolution_cost", "Evolution: cost of nudges"),
    ("lesson_cost", "Lessons: cost of decisions"),
];

/// Upper limit of points per line: about as many as a panel has pixels.
const MOST_POINTS: usize = 400;

/// Draws the curves of all training runs, one panel per value, one colour per seed.
pub(super) fn training(run: &RunReport) -> Option<Figure> {
    let panels: Vec<Panel> = CURVES.iter().filter_map(|(column, title)| curve(run, column, title)).collect();
    let legend = run.trainings.iter().enumerate();
    let legend = legend.map(|(number, training)| Key::line(line_name(training), plain(number)));
    (!panels.is_empty()).then(|| Figure {
        id: "training",
        title: "Training".to_owned(),
        caption: "Progress of each training run. The horizontal axis counts millions of decisions; a round \
            of evolution counts as many as a PPO update. Dotted: as good as the baseline."
            .to_owned(),
        legend: legend.collect(),
        arrangement: Arrangement::Grid,
        panels,
    })
}

fn curve(run: &RunReport, column: &str, title: &str) -> Option<Panel> {
    let point = |update: &Update| {
        let (_, value) = update.values.iter().find(|(name, _)| name == column)?;
        value.is_finite().then_some((update.step as f64 / 1e6, Some(*value)))
    };
    let mut lines = Vec::new();
    for (number, training) in run.trainings.iter().enumerate() {
        let points: Vec<(f64, Option<f64>)> = training.curve.iter().filter_map(point).collect();
        if points.is_empty() {
            continue;
        }
        let step = points.len().div_ceil(MOST_POINTS);
        lines.push(Line {
            name: line_name(training),
            style: plain(number),
            points: points.into_iter().step_by(step).collect(),
        });
    }
    if lines.is_empty() {
        return None;
    }
    let plane = Plane {
        height: 150,
        x: Axis::new("", Scale::Linear).with_suffix(" M"),
        y: Axis::new("", Scale::Linear),
        lines,
        rules: if column.starts_with("validation") { vec![baseline()] } else { Vec::new() },
        ..Plane::default()
    };
    let alt = format!("Lines over decisions: {title}, one per seed.");
    Some(Panel::new(alt, Chart::Plane(plane)).titled(title))
}

/// Returns the name of a training run's line.
fn line_name(training: &TrainingReport) -> String {
    match training.of.as_str() {
        "general" => format!("seed {}", training.seed),
        special => format!("seed {}, {special}", training.seed),
    }
}

/// Returns a solid line style. The few seeds are distinguished by colour alone.
fn plain(number: usize) -> Style {
    Style { dash: Dash::Solid, ..Style::of(number) }
}

/// Draws the ratios of each situation with intervals, and their targets if goals were given.
pub(super) fn situations(judged: &Judged<'_>, targets: Option<&Goals>) -> Figure {
    let targets = targets.and_then(|goals| goals.situations.as_ref());
    let cases = &judged.standing.cases;
    type TargetOf = fn(&SituationGoal) -> f64;
    let panel = |title: &str, of: fn(&CaseStanding) -> Estimate, target: TargetOf, hue: usize| {
        let row = |case: &CaseStanding| ChartRow {
            name: case.case.clone(),
            style: Some(Style::of(hue)),
            value: Some(of(case).ratio),
            ends: of(case).interval,
            target: targets.and_then(|goals| goals.cases.get(&case.case)).map(target),
            text: estimate(of(case)),
            ..ChartRow::default()
        };
        let rows = Rows {
            axis: Axis::new("Ratio to the baseline", Scale::FromZero),
            rows: cases.iter().map(row).collect(),
            rules: vec![(1.0, "as good as the baseline".to_owned())],
        };
        let tick = if targets.is_some() { ", and the target as a tick" } else { "" };
        let alt = format!("Dots with intervals: {title} of each situation to the baseline{tick}.");
        Panel::new(alt, Chart::Rows(rows)).titled(title)
    };
    Figure {
        id: "situations",
        title: "Situations".to_owned(),
        caption: format!(
            "Left of the dotted line is better than the baseline{}. Whiskers: 95 % intervals over replications and \
             training seeds.",
            if targets.is_some() { "; left of its tick a target is met" } else { "" }
        ),
        legend: Vec::new(),
        arrangement: Arrangement::Grid,
        panels: vec![
            panel("Mean latency", |case| case.mean, |target| target.mean, 0),
            panel("99th percentile", |case| case.p99, |target| target.p99, 1),
        ],
    }
}

/// Draws the ratios of all cases of a list to their best classical algorithm, in ascending order: an average
/// hides the cases that get worse.
pub(super) fn regret(judged: &Judged<'_>) -> Option<Figure> {
    let cases = &judged.standing.cases;
    if cases.len() < 2 {
        return None;
    }
    type Metric = fn(&CaseStanding) -> f64;
    let metrics: [(&str, Metric); 4] = [
        ("mean to best classical", |case| case.mean_regret),
        ("p99 to best classical", |case| case.p99_regret),
        ("mean to baseline", |case| case.mean.ratio),
        ("p99 to baseline", |case| case.p99.ratio),
    ];
    let style = |number: usize| Style {
        dash: if number < 2 { Dash::Solid } else { Dash::Dotted },
        ..Style::of(number)
    };
    let lines = metrics.iter().enumerate().map(|(number, (name, of))| {
        let mut ranked: Vec<f64> = cases.iter().map(of).collect();
        ranked.sort_by(f64::total_cmp);
        let points = ranked.into_iter().enumerate();
        Line {
            name: (*name).to_owned(),
            style: style(number),
            points: points.map(|(place, ratio)| ((place + 1) as f64, Some(ratio))).collect(),
        }
    });
    let plane = Plane {
        height: 300,
        x: Axis::new("Cases, in order of their ratio", Scale::Linear),
        y: Axis::new("Ratio (logarithmic)", Scale::Logarithmic),
        lines: lines.collect(),
        rules: vec![baseline()],
        ..Plane::default()
    };
    let alt = "Lines: ratios of all cases to the baseline and to the best classical algorithm, sorted.";
    let legend = metrics.iter().enumerate().map(|(number, (name, _))| Key::line(*name, style(number)));
    Some(Figure {
        id: "regret",
        title: "Regret, case by case".to_owned(),
        caption: "Below the dotted line, trained policies are better. Each line is sorted on its own."
            .to_owned(),
        legend: legend.collect(),
        arrangement: Arrangement::Stacked,
        panels: vec![Panel::new(alt, Chart::Plane(plane))],
    })
}

/// Returns the line at which a policy is as good as the baseline.
fn baseline() -> Rule {
    Rule { label: String::new(), at: Mark::Y(1.0) }
}
