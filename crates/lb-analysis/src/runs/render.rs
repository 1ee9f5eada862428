//! Renders the comparison of two runs as text.

use super::{FolderComparison, FolderVerdict, NEW, ScenarioComparison, is_regression};
use crate::compare::sentence::signed;
use comfy_table::{CellAlignment, Table, presets};
use lb_results::{Metric, MetricComparison};
use std::fmt::Write;

/// Renders the comparison for a terminal or a log.
pub fn render(comparison: &FolderComparison) -> String {
    let mut text = String::new();
    let FolderComparison { base, new, .. } = comparison;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "base {} ({})\nnew  {} ({})",
        base.run_id, base.started_at, new.run_id, new.started_at
    );
    for scenario in &comparison.scenarios {
        let _ = writeln!(text, "\n{}\n{}", scenario.name, table(scenario));
        for pair in &scenario.comparison.pairs {
            let _ = writeln!(text, "{}", pair.sentence);
        }
    }
    if !comparison.notes.is_empty() {
        text.push('\n');
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = writeln!(text, "\n{}", conclusion(comparison));
    text
}

fn conclusion(comparison: &FolderComparison) -> String {
    match comparison.verdict {
        FolderVerdict::Regression => {
            let worse: Vec<String> = comparison
                .scenarios
                .iter()
                .flat_map(|scenario| scenario.comparison.pairs.iter().map(move |pair| (scenario, pair)))
                .filter(|(_, pair)| pair.metrics.iter().any(is_regression))
                .map(|(scenario, pair)| format!("{} in {}", pair.candidate, scenario.name))
                .collect();
            format!("regression: {}", worse.join(", "))
        }
        FolderVerdict::NoRegression => "no regression was found".to_owned(),
        FolderVerdict::NotEnoughData => {
            "not enough data: no metric has a verdict, so a regression would not have been found".to_owned()
        }
    }
}

fn table(scenario: &ScenarioComparison) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "Algorithm",
        "Metric",
        "Base",
        "New",
        "Change",
        "95 % interval",
        "p (Holm)",
        "Verdict",
    ]);
    for pair in &scenario.comparison.pairs {
        let name = pair.candidate.trim_end_matches(NEW);
        for (row, judged) in pair.metrics.iter().enumerate() {
            let name = if row == 0 { name } else { "" };
            table.add_row(cells(name, judged));
        }
    }
    for column in table.column_iter_mut().skip(2).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cells(name: &str, judged: &MetricComparison) -> [String; 8] {
    let metric = judged.metric;
    let none = || "-".to_owned();
    let interval = judged.interval.map(|ends| ends.map(|end| signed(metric, end)));
    [
        name.to_owned(),
        metric.label().to_owned(),
        value(metric, judged.baseline),
        value(metric, judged.candidate),
        signed(metric, judged.effect),
        interval.map_or_else(none, |[low, high]| format!("{low} to {high}")),
        judged.p_adjusted.map_or_else(none, |p| format!("{p:.4}")),
        judged.verdict.label().to_owned(),
    ]
}

fn value(metric: Metric, value: f64) -> String {
    match metric {
        Metric::ErrorRate => format!("{:.2} %", 100.0 * value),
        Metric::JainIndex => format!("{value:.3}"),
        Metric::Goodput => format!("{value:.1}/s"),
        _ => format!("{value:.2} ms"),
    }
}
