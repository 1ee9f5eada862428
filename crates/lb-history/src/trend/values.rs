//! The values of a chart as a table, the last run first.

use super::experiment::Experiment;
use crate::metric::MetricName;
use crate::series::{Point, Series};
use lb_report::parts::{Cell, Row, Table, Tone, scrolling};
use lb_results::Metric;
use maud::{Markup, html};
use std::collections::HashMap;

/// The most runs in a table: a page over years would not load. `export --csv` has all of them.
pub const MOST_ROWS: usize = 100;

pub(super) fn table(experiment: &Experiment<'_>, series: &[&Series]) -> Markup {
    let metric = series[0].metric;
    let runs = &experiment.runs;
    let left_out = runs.len().saturating_sub(MOST_ROWS);
    let mut caption = format!("{} of {}, the last run first", metric.0.label(), series[0].scenario);
    if !metric.unit().is_empty() {
        caption += &format!(", in {}", metric.unit());
    }
    if left_out > 0 {
        caption += &format!("; {left_out} earlier runs are in `bench history export`");
    }
    let head = ["Run", "Began (UTC)", "Subject"].into_iter();
    let header: Vec<&str> = head.chain(series.iter().map(|one| one.algorithm.as_str())).collect();
    let mut table = Table::new(caption, &header);
    let columns: Vec<HashMap<&str, &Point>> = series
        .iter()
        .map(|one| one.points.iter().map(|point| (point.run_id.as_str(), point)).collect())
        .collect();
    let marks = experiment.marks_of(series);
    for run in runs.iter().rev().take(MOST_ROWS) {
        let began = run.started_at.get(..16).unwrap_or(&run.started_at).replace('T', " ");
        let subject = if run.subject.is_empty() { "–" } else { &run.subject };
        let mut cells =
            [run.run_id.as_str(), &began, subject].map(|text| Cell::toned(text, Tone::Plain)).to_vec();
        for (one, column) in series.iter().zip(&columns) {
            let mark = marks.iter().find(|mark| {
                mark.change.algorithm == one.algorithm && mark.change.first.run_id == run.run_id
            });
            let value =
                column.get(run.run_id.as_str()).map_or_else(|| "–".to_owned(), |point| text(metric, point));
            cells.push(match mark {
                Some(mark) => {
                    let (word, class) = mark.kind();
                    let tone = match class {
                        "bad" => Tone::Bad,
                        "good" => Tone::Good,
                        _ => Tone::Care,
                    };
                    Cell::toned(format!("{value}, {} {word}", mark.name), tone)
                }
                None => Cell::toned(value, Tone::Plain),
            });
        }
        table.rows.push(Row { cells, tone: Tone::Plain });
    }
    html! { details { summary { "Values of " (metric.0.label()) " in " (series[0].scenario) } (scrolling(&table)) } }
}

fn text(metric: MetricName, point: &Point) -> String {
    let number = |value: f64| match metric.0 {
        Metric::ErrorRate => format!("{:.2} %", 100.0 * value),
        Metric::JainIndex => format!("{value:.3}"),
        _ if value.abs() >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    };
    match point.interval {
        Some([low, high]) => format!("{} ({} to {})", number(point.value), number(low), number(high)),
        None => number(point.value),
    }
}
