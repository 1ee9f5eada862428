//! Renders an inspection for the console.

use super::report::{Count, Format, Report};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use std::fmt::Write;

/// Renders the whole report.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let format = match report.format {
        Format::Parquet => "Parquet",
        Format::JsonLines => "JSON lines",
    };
    let files = if report.files == 1 { String::new() } else { format!(" in {} files", report.files) };
    let _ = writeln!(out, "{}: {} experiences{files} ({format})", report.path, report.experiences);
    let completeness = &report.completeness;
    let _ = writeln!(out, "Completeness {:.1} % {}", completeness.score, completeness.verdict.name());
    let _ = writeln!(out, "{}", fields(report));
    counts(&mut out, "Policies", &report.policies);
    if !report.actions.is_empty() {
        let _ = writeln!(out, "\nActions\n{}", actions(report));
    }
    rewards(&mut out, report);
    counts(&mut out, "Outcomes", &report.outcomes);
    if report.format == Format::Parquet {
        let _ = writeln!(out, "Censored: {}", report.censored);
    }
    if let Some(exploration) = report.exploration {
        let _ = writeln!(out, "Random decisions: {:.2} %", exploration * 100.0);
    }
    if let Some(propensities) = report.propensities {
        let _ = writeln!(
            out,
            "Propensities: {} missing, {} at most 0, {} above 1",
            propensities.missing, propensities.not_positive, propensities.above_one
        );
    }
    if !report.features.is_empty() {
        let _ = writeln!(out, "\nWhat policies saw\n{}", features(report));
    }
    for line in &report.malformed.first {
        let _ = writeln!(out, "malformed: `{}`, line {}: {}", line.file, line.line, line.problem);
    }
    for warning in &report.warnings {
        let kind = if warning.unfit { "unfit" } else { "warning" };
        let _ = writeln!(out, "{kind}: {}\n  {}", warning.problem, warning.advice);
    }
    let _ = writeln!(
        out,
        "\n{}",
        if report.fit_for_training { "Fit for training." } else { "Not fit for training." }
    );
    out
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn fields(report: &Report) -> Table {
    let mut table = table(&["field", "columns", "present", "share"]);
    for field in &report.completeness.fields {
        let share = field.present as f64 / report.experiences.max(1) as f64;
        table.add_row([
            Cell::new(field.field),
            Cell::new(field.columns.join(", ")),
            right(field.present.to_string()),
            right(format!("{:.1} %", share * 100.0)),
        ]);
    }
    table
}

fn counts(out: &mut String, title: &str, counts: &[Count]) {
    if counts.is_empty() {
        return;
    }
    let text = |count: &Count| format!("{} {} ({:.1} %)", count.name, count.count, count.share * 100.0);
    let _ = writeln!(out, "{title}: {}", counts.iter().map(text).collect::<Vec<_>>().join(", "));
}

fn actions(report: &Report) -> Table {
    let mut table = table(&["action", "chosen", "share", "smallest propensity", "effective sample size"]);
    for action in &report.actions {
        let known = |value: Option<f64>, digits: usize| {
            right(value.map_or("-".to_owned(), |value| format!("{value:.digits$}")))
        };
        table.add_row([
            Cell::new(&action.action),
            right(action.count.to_string()),
            right(format!("{:.2} %", action.share * 100.0)),
            known(action.smallest_propensity, 4),
            known(action.effective_sample_size, 0),
        ]);
    }
    table
}

fn rewards(out: &mut String, report: &Report) {
    let Some(rewards) = &report.rewards else {
        return;
    };
    let _ = writeln!(
        out,
        "Rewards: min {:.4}, mean {:.4}, max {:.4}; {} positive, {} negative, {} zero",
        rewards.min, rewards.mean, rewards.max, rewards.positive, rewards.negative, rewards.zero
    );
    let quantiles = rewards.quantiles.iter();
    let quantiles = quantiles.map(|one| format!("p{:.0} {:.4}", one.quantile * 100.0, one.value));
    let _ = writeln!(out, "  {}", quantiles.collect::<Vec<_>>().join(", "));
}

fn features(report: &Report) -> Table {
    let mut table = table(&["number", "min", "max", "cut off", ""]);
    for feature in &report.features {
        table.add_row([
            Cell::new(&feature.feature),
            right(format!("{:.3}", feature.min)),
            right(format!("{:.3}", feature.max)),
            right(feature.clamped.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0))),
            Cell::new(if feature.constant { "always the same" } else { "" }),
        ]);
    }
    table
}
