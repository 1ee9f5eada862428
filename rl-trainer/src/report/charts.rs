//! The figures of the page: the progress of trainings, and how policies compare in each case.

use super::data::RunReport;
use super::lists::Judged;
use crate::curves::Update;
use crate::evaluate::goals::{Goals, SituationGoal};
use crate::evaluate::{CaseStanding, Estimate};
use lb_report::parts::{Figure, Panel, axis, colour, label, layout};
use serde_json::{Value, json};

/// Curves of a training: column, title of the panel.
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

const GRID: &str = "rgba(127, 135, 148, 0.8)";

/// Curves of all trainings, one panel per value, one colour per seed.
pub(super) fn training(run: &RunReport) -> Option<Figure> {
    let panels: Vec<Panel> = CURVES.iter().filter_map(|(column, title)| curve(run, column, title)).collect();
    let legend = run.trainings.iter().enumerate();
    let legend = legend.map(|(number, training)| (format!("seed {}", training.seed), colour(number)));
    (!panels.is_empty()).then(|| Figure {
        id: "training",
        title: "Training".to_owned(),
        caption: "Progress of each training; the horizontal axis counts millions of decisions, rounds of \
                  evolution as many as an update of PPO. Dotted: as good as the baseline."
            .to_owned(),
        legend: legend.collect(),
        panels,
    })
}

fn curve(run: &RunReport, column: &str, title: &str) -> Option<Panel> {
    let point = |update: &Update| {
        let (_, value) = update.values.iter().find(|(name, _)| name == column)?;
        value.is_finite().then_some((short(update.step as f64 / 1e6), short(*value)))
    };
    let mut data = Vec::new();
    for (number, training) in run.trainings.iter().enumerate() {
        let points: Vec<(f64, f64)> = training.curve.iter().filter_map(point).collect();
        if points.is_empty() {
            continue;
        }
        let step = points.len().div_ceil(MOST_POINTS);
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().step_by(step).unzip();
        data.push(json!({
            "type": "scatter", "mode": if x.len() < 40 { "lines+markers" } else { "lines" },
            "name": format!("seed {}", training.seed), "x": x, "y": y, "showlegend": false,
            "line": { "color": colour(number), "width": 1.6 }, "marker": { "size": 4 },
            "hovertemplate": "%{x:.2f} M: %{y:.4g}<extra>%{fullData.name}</extra>",
        }));
    }
    if data.is_empty() {
        return None;
    }
    let shapes = if column.starts_with("validation") { vec![horizontal(1.0)] } else { Vec::new() };
    let layout = layout(json!({
        "xaxis": axis("", json!({ "ticksuffix": " M" })), "yaxis": axis("", json!({ "nticks": 5 })),
        "shapes": shapes,
    }));
    let mut panel = Panel::new(format!("Lines over decisions: {title}, one per seed."), 210, data, layout);
    panel.title = Some(title.to_owned());
    Some(panel)
}

/// Ratios of each situation with intervals, and their targets where goals were given.
pub(super) fn situations(judged: &Judged<'_>, targets: Option<&Goals>) -> Figure {
    let targets = targets.and_then(|goals| goals.situations.as_ref());
    let cases = &judged.standing.cases;
    type TargetOf = fn(&SituationGoal) -> f64;
    let panel = |title: &str, of: fn(&CaseStanding) -> Estimate, target: TargetOf, hue: usize| {
        let names: Vec<String> = cases.iter().map(|case| label(&case.case)).collect();
        let (up, down): (Vec<f64>, Vec<f64>) = cases
            .iter()
            .map(|case| {
                let Estimate { ratio, interval } = of(case);
                let [low, high] = interval.unwrap_or([ratio, ratio]);
                (short(high - ratio), short(ratio - low))
            })
            .unzip();
        let ratios: Vec<f64> = cases.iter().map(|case| short(of(case).ratio)).collect();
        let mut data = vec![json!({
                "type": "scatter", "mode": "markers", "name": "measured", "x": ratios, "y": names,
                "error_x": { "type": "data", "symmetric": false, "array": up, "arrayminus": down },
                "marker": { "color": colour(hue), "size": 9 },
        })];
        if let Some(goals) = targets {
            let limits: Vec<Option<f64>> =
                cases.iter().map(|case| goals.cases.get(&case.case).map(target)).collect();
            data.push(json!({
                "type": "scatter", "mode": "markers", "name": "target", "x": limits, "y": names,
                "marker": { "color": GRID, "symbol": "line-ns-open", "size": 14, "line": { "width": 2 } },
            }));
        }
        let layout = layout(json!({
            "xaxis": axis("Ratio to the baseline", json!({ "rangemode": "tozero" })),
            "yaxis": axis("", json!({ "type": "category", "autorange": "reversed" })),
            "shapes": [vertical(1.0)],
        }));
        let tick = if targets.is_some() { ", and the target as a tick" } else { "" };
        let alt = format!("Dots with intervals: {title} of each situation to the baseline{tick}.");
        let mut panel = Panel::new(alt, 90 + 30 * cases.len(), data, layout);
        panel.title = Some(title.to_owned());
        panel
    };
    Figure {
        id: "situations",
        title: "Situations".to_owned(),
        caption: format!(
            "Left of the dotted line is better than the baseline{}. Bars: 95 % intervals over replications and training \
             seeds.",
            if targets.is_some() { "; left of its tick a target is met" } else { "" }
        ),
        legend: Vec::new(),
        panels: vec![
            panel("Mean latency", |case| case.mean, |target| target.mean, 0),
            panel("99th percentile", |case| case.p99, |target| target.p99, 1),
        ],
    }
}

/// Ratios of all cases of a list to their best classical algorithm, in order of size: an average hides the
/// cases that pay for it.
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
    let lines = metrics.iter().enumerate().map(|(number, (name, of))| {
        let mut ranked: Vec<(f64, &str)> = cases.iter().map(|case| (of(case), case.case.as_str())).collect();
        ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
        json!({
            "type": "scatter", "mode": "lines+markers", "name": name,
            "x": (1..=ranked.len()).collect::<Vec<_>>(),
            "y": ranked.iter().map(|(ratio, _)| short(*ratio)).collect::<Vec<_>>(),
            "text": ranked.iter().map(|(_, name)| label(name)).collect::<Vec<_>>(),
            "line": { "color": colour(number), "width": 1.4, "dash": if number < 2 { "solid" } else { "dot" } },
            "marker": { "size": 4 },
            "hovertemplate": "%{text}: %{y:.3f}<extra>%{fullData.name}</extra>",
        })
    });
    let layout = layout(json!({
        "xaxis": axis("Cases, in order of their ratio", json!({})),
        "yaxis": axis("Ratio (logarithmic)", json!({ "type": "log", "tickvals": [0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0] })),
        "shapes": [horizontal(1.0)],
    }));
    let alt = "Lines: ratios of all cases to the baseline and to the best classical algorithm, sorted.";
    Some(Figure {
        id: "regret",
        title: "Regret, case by case".to_owned(),
        caption: "Below the dotted line trained policies are better. Each line is sorted on its own."
            .to_owned(),
        legend: Vec::new(),
        panels: vec![Panel::new(alt.to_owned(), 380, lines.collect::<Vec<Value>>(), layout)],
    })
}

fn horizontal(at: f64) -> Value {
    json!({
        "type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": at, "y1": at, "layer": "below",
        "line": { "width": 1, "dash": "dot", "color": GRID },
    })
}

fn vertical(at: f64) -> Value {
    json!({
        "type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "layer": "below",
        "line": { "width": 1, "dash": "dot", "color": GRID },
    })
}

/// Five significant digits: a page need not carry more.
fn short(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
