//! Renders a comparison as text, for a terminal or a log.

use super::change::{METRICS, joined, percent};
use super::pair::{Comparison, Pair};
use crate::gate::Gate;
use crate::render::{NONE, Show, hundredths, time, whole};
use crate::stats::Stats;
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;

/// The names of the values that are compared, in the order of [`METRICS`], and how they are shown.
pub(crate) const NAMES: [(&str, Show); METRICS.len()] = [
    ("Requests", whole),
    ("Requests/s", hundredths),
    ("Errors (%)", hundredths),
    ("Mean (ms)", time),
    ("Standard deviation (ms)", time),
    ("Minimum (ms)", time),
    ("P50 (ms)", time),
    ("P95 (ms)", time),
    ("P99 (ms)", time),
    ("Maximum (ms)", time),
];

/// Renders both sides of each pair with the change, and what they show.
pub fn render_comparison(comparison: &Comparison, gates: &[Gate]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "baseline  {}\nimproved  {}", comparison.baseline, comparison.improved);
    for pair in &comparison.pairs {
        render_pair(&mut text, pair);
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !gates.is_empty() {
        let _ = writeln!(text, "\nTHRESHOLDS");
        for gate in gates {
            let _ = writeln!(text, "- {}", gate.words());
        }
    }
    text
}

fn render_pair(text: &mut String, pair: &Pair) {
    let (before, after) = (&pair.baseline, &pair.improved);
    let _ = writeln!(text, "\ntest  {} ({}; {})", pair.name, before.format, after.format);
    let mut table = started(&["", "Baseline", "Improved", "Change"]);
    for (row, (name, show)) in METRICS.iter().zip(NAMES) {
        let (old, new) = ((row.1)(&before.summary), (row.1)(&after.summary));
        table.add_row([name.to_owned(), show(old), show(new), change(old, new)]);
    }
    align_right(&mut table, 1);
    let _ = writeln!(text, "{table}");
    let endpoints = joined(before, after);
    if !endpoints.is_empty() {
        let header = [
            "Endpoint",
            "Requests",
            "after",
            "Mean (ms)",
            "after",
            "Change",
            "P95 (ms)",
            "after",
            "Change",
            "Req/s",
            "after",
            "Errors (%)",
            "after",
        ];
        let mut table = started(&header);
        for (label, old, new) in endpoints {
            table.add_row(row(label, old.map(|one| &one.stats), new.map(|one| &one.stats)));
        }
        align_right(&mut table, 1);
        let _ = writeln!(text, "\nENDPOINTS\n{table}");
    }
    let _ = writeln!(text, "\nFINDINGS");
    for finding in &pair.findings {
        let _ = writeln!(text, "- {finding}");
    }
    if pair.findings.is_empty() {
        let _ = writeln!(text, "- The two tests have no value in common.");
    }
    for (side, test) in [("baseline", before), ("improved", after)] {
        for threshold in test.crossed() {
            let _ = writeln!(
                text,
                "- {side} crossed its own threshold {}: {}",
                threshold.metric, threshold.condition
            );
        }
        for note in &test.notes {
            let _ = writeln!(text, "note: {side}: {note}");
        }
    }
}

fn row(label: String, old: Option<&Stats>, new: Option<&Stats>) -> Vec<String> {
    let both = |value: fn(&Stats) -> Option<f64>| (old.and_then(value), new.and_then(value));
    let (requests, more) = both(|stats| stats.total_requests.map(|count| count as f64));
    let (mean, new_mean) = both(|stats| stats.avg_response_time);
    let (p95, new_p95) = both(|stats| stats.p95);
    let (rps, new_rps) = both(|stats| stats.rps);
    let (errors, new_errors) = both(|stats| stats.error_rate);
    vec![
        label,
        whole(requests),
        whole(more),
        time(mean),
        time(new_mean),
        change(mean, new_mean),
        time(p95),
        time(new_p95),
        change(p95, new_p95),
        hundredths(rps),
        hundredths(new_rps),
        hundredths(errors),
        hundredths(new_errors),
    ]
}

/// Formats a change in percent.
pub(crate) fn change(old: Option<f64>, new: Option<f64>) -> String {
    percent(old, new).map_or_else(|| NONE.to_owned(), |change| format!("{change:+.1} %"))
}

fn started(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
    table
}

fn align_right(table: &mut Table, skip: usize) {
    for column in table.column_iter_mut().skip(skip) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
