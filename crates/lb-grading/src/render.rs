//! Renders an analysis as text, for a terminal or a log.

use crate::analyze::Analysis;
use crate::compare::of_test;
use crate::gate::Gate;
use crate::grade::Grade;
use crate::stats::Stats;
use crate::test::Test;
use crate::units;
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;

/// The placeholder for an unknown number.
pub(crate) const NONE: &str = "-";

/// Maximum number of kinds of failure that a report lists.
const LISTED: usize = 10;

/// Renders the analysis for a terminal or a log: a report on each test, and a table of all tests if there are
/// several. Thresholds that the tests were held against come last.
pub fn render(analysis: &Analysis, gates: &[Gate]) -> String {
    let mut reports: Vec<String> = analysis.tests.iter().map(report).collect();
    if analysis.tests.len() > 1 {
        let names = ["Test"].map(str::to_owned);
        let rows = analysis.tests.iter().map(|test| (vec![test.name.clone()], &test.summary));
        reports.push(format!("ALL TESTS\n{}\n", breakdown(&names, rows)));
    }
    reports.extend(analysis.notes.iter().map(|note| format!("note: {note}\n")));
    if !gates.is_empty() {
        let lines: String = gates.iter().map(|gate| format!("- {}\n", gate.words())).collect();
        reports.push(format!("THRESHOLDS\n{lines}"));
    }
    reports.join("\n")
}

fn report(test: &Test) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "test  {}\nfile  {} ({})", test.name, test.file, test.format);
    if let Some(time) = when(test) {
        let _ = writeln!(text, "time  {time}");
    }
    let _ = writeln!(text, "\nOVERALL SUMMARY\n{}", overall(&test.summary));
    let quick = test.quick.words(&test.summary);
    if !quick.is_empty() {
        let _ = writeln!(text, "at a glance: {quick}");
    }
    for note in &test.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !test.missing.is_empty() {
        let _ = writeln!(text, "missing, so neither graded nor judged: {}", test.missing.join(", "));
    }
    if !test.endpoints.is_empty() {
        let header = ["Method", "Endpoint"].map(str::to_owned);
        let rows = test
            .endpoints
            .iter()
            .map(|endpoint| (vec![endpoint.method.clone(), endpoint.name.clone()], &endpoint.stats));
        let _ = writeln!(text, "\nENDPOINT BREAKDOWN\n{}", breakdown(&header, rows));
    }
    failures(&mut text, test);
    own_limits(&mut text, test);
    let findings = of_test(test);
    if !findings.is_empty() {
        let _ = writeln!(text, "\nFINDINGS");
        for finding in findings {
            let _ = writeln!(text, "- {finding}");
        }
    }
    let _ = writeln!(text, "\nIDENTIFIED BOTTLENECKS");
    for bottleneck in &test.bottlenecks {
        let _ = writeln!(text, "- {}", bottleneck.message);
    }
    if test.bottlenecks.is_empty() {
        let _ = writeln!(text, "none");
    }
    let _ = writeln!(text, "\nRECOMMENDATIONS");
    for recommendation in test.recommendations() {
        let _ = writeln!(text, "- {recommendation}");
    }
    text
}

fn when(test: &Test) -> Option<String> {
    let timing = &test.timing;
    let began = match (&timing.started_at, &timing.written_at) {
        (Some(started), _) => Some(format!("began {started}")),
        (None, written) => written.as_ref().map(|written| format!("file written {written}")),
    };
    let length = timing.duration_s.map(|seconds| format!("{seconds:.0} s measured"));
    let users = timing.peak_users.map(|users| format!("up to {users} users"));
    let parts: Vec<String> = [began, length, users].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn overall(stats: &Stats) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["", "Value", "Grade"]);
    let success = stats.error_rate.map(|rate| 100.0 - rate);
    let rows = [
        ("Requests", count(stats.total_requests), None),
        ("Failures", count(stats.total_failures), None),
        ("Success rate", with_unit(success, 2, "%"), None),
        ("Error rate", with_unit(stats.error_rate, 2, "%"), Some(stats.error_grade)),
        ("Throughput", with_unit(stats.rps, 2, "req/s"), None),
        ("Mean", milliseconds(stats.avg_response_time), None),
        ("Standard deviation", milliseconds(stats.std_response_time), None),
        ("Minimum", milliseconds(stats.min_response_time), None),
        ("P50", milliseconds(stats.p50), None),
        ("P95", milliseconds(stats.p95), Some(stats.performance_grade)),
        ("P99", milliseconds(stats.p99), None),
        ("Maximum", milliseconds(stats.max_response_time), None),
    ];
    for (name, value, graded) in rows {
        table.add_row([name.to_owned(), value, graded.map_or_else(String::new, grade)]);
    }
    align_right(&mut table, 1, 1);
    table
}

/// Renders a table with one row for each part, named by its first columns.
fn breakdown<'a>(names: &[String], rows: impl Iterator<Item = (Vec<String>, &'a Stats)>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let header = [
        "Requests",
        "Errors (%)",
        "Req/s",
        "Mean (ms)",
        "Std dev",
        "P50",
        "P95",
        "P99",
        "P95 grade",
        "Error grade",
    ];
    table.set_header(names.iter().map(String::as_str).chain(header));
    for (mut cells, stats) in rows {
        cells.push(count(stats.total_requests));
        cells.push(number(stats.error_rate, 2));
        cells.push(number(stats.rps, 2));
        let times = [stats.avg_response_time, stats.std_response_time, stats.p50, stats.p95, stats.p99];
        cells.extend(times.map(time));
        cells.extend([stats.performance_grade, stats.error_grade].map(grade));
        table.add_row(cells);
    }
    align_right(&mut table, names.len(), 8);
    table
}

fn failures(text: &mut String, test: &Test) {
    if test.failures.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nFAILURES");
    for failure in test.failures.iter().take(LISTED) {
        let place =
            if failure.endpoint.is_empty() { String::new() } else { format!("{}: ", failure.endpoint) };
        let _ = writeln!(text, "- {} × {place}{}", failure.occurrences, failure.error);
    }
    let more = test.failures.len().saturating_sub(LISTED);
    if more > 0 {
        let _ = writeln!(text, "- and {more} more kinds");
    }
}

/// Names the thresholds of the test's own that were crossed, and its checks that failed.
fn own_limits(text: &mut String, test: &Test) {
    if test.crossed().next().is_some() {
        let _ = writeln!(text, "\nCROSSED THRESHOLDS OF THE TEST");
        for threshold in test.crossed() {
            let _ = writeln!(text, "- {}: {}", threshold.metric, threshold.condition);
        }
    }
    if test.failing_checks().next().is_some() {
        let _ = writeln!(text, "\nFAILED CHECKS OF THE TEST");
        for check in test.failing_checks() {
            let all = check.passes.saturating_add(check.fails);
            let passed = 100.0 * check.passes as f64 / all as f64;
            let _ = writeln!(text, "- {}: {passed:.1} % passed ({} of {all})", check.name, check.passes);
        }
    }
}

fn align_right(table: &mut Table, skip: usize, take: usize) {
    for column in table.column_iter_mut().skip(skip).take(take) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn grade(grade: Option<Grade>) -> String {
    grade.map_or(NONE, Grade::name).to_owned()
}

pub(crate) fn count(value: Option<u64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

/// Formats a value; an unknown one is a dash.
pub(crate) type Show = fn(Option<f64>) -> String;

/// Formats a whole number.
pub(crate) fn whole(value: Option<f64>) -> String {
    number(value, 0)
}

/// Formats a rate or a share with two decimals.
pub(crate) fn hundredths(value: Option<f64>) -> String {
    number(value, 2)
}

/// Formats a time in milliseconds, without its unit.
pub(crate) fn time(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), units::ms)
}

fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{} ms", units::ms(value)))
}

pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))
}

fn with_unit(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$} {unit}"))
}
