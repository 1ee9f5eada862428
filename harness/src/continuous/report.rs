//! What a load without end did, as tables: on the console and in Markdown. The page has the same tables.

use lb_continuous::{Change, ContinuousDocument, Ending, Finding, MarkSummary, Measure, Totals};
use lb_core::plain;
use lb_report::parts::{Cell, Table, Tone, captioned, escape, observed_alone, on_console, percent};
use std::fmt::Write;

/// The most kinds of failures that are listed.
const MOST_FAILURES: usize = 20;
/// What replies are called that are not told apart by algorithm.
const ALL: &str = "load";

/// Describes the load for a terminal.
pub fn render_console(document: &ContinuousDocument) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}\n", headline(document));
    for table in tables(document) {
        let drawn = on_console(&table);
        if !drawn.is_empty() {
            let _ = writeln!(out, "{drawn}");
        }
    }
    for mark in &document.marks {
        let _ = writeln!(out, "mark `{}`: {}", plain::line(&mark.name), plain::line(&mark.sentence));
    }
    for change in changes_made(document) {
        let _ = writeln!(out, "{}", plain::line(&change));
    }
    for finding in findings(document) {
        let _ = writeln!(out, "{}", plain::line(&finding));
    }
    for note in &document.notes {
        let _ = writeln!(out, "note: {}", plain::line(note));
    }
    out.trim_end().to_owned()
}

/// Describes the load as Markdown.
pub fn render_markdown(document: &ContinuousDocument) -> String {
    let mut out =
        format!("# Continuous load: {}\n\n{}\n", escape(&document.run_id), escape(&headline(document)));
    for mark in &document.marks {
        let _ = write!(out, "\n- Mark `{}`: {}", escape(&mark.name), escape(&mark.sentence));
    }
    let made = changes_made(document);
    for change in &made {
        let _ = write!(out, "\n- {}", escape(change));
    }
    let findings = findings(document);
    for finding in &findings {
        let _ = write!(out, "\n- {}", escape(finding));
    }
    for note in &document.notes {
        let _ = write!(out, "\n- Note: {}", escape(note));
    }
    let lists = [document.marks.is_empty(), document.notes.is_empty(), findings.is_empty(), made.is_empty()];
    if lists.contains(&false) {
        out.push('\n');
    }
    for table in tables(document) {
        let drawn = captioned(&table);
        if !drawn.is_empty() {
            let _ = write!(out, "\n{drawn}");
        }
    }
    plain::lines(&out).into_owned()
}

/// Says in one line what was sent where, for how long, and with which result.
pub(super) fn headline(document: &ContinuousDocument) -> String {
    let Totals { requests, errors, error_rate, requests_per_s, p95_ms, .. } = &document.totals;
    let ended = match document.ending {
        Ending::Running => "has been running for",
        Ending::Stopped => "ran for",
        Ending::Failed => "failed after",
    };
    let p95 = p95_ms.map_or_else(|| "no latency".to_owned(), |ms| format!("p95 {ms:.1} ms"));
    let algorithm = document.algorithm.as_ref().map_or_else(String::new, |name| format!(", {name}"));
    format!(
        "\"{}\" {ended} {}: {requests} requests, {requests_per_s:.1} per second, {errors} errors ({}), {p95}; target: {}{algorithm}",
        plain::line(&document.scenario),
        length(document.seconds),
        percent(*error_rate, 2),
        plain::line(&document.target),
    )
}

/// Writes a length of time in its two largest units.
fn length(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds:.1} s"),
        (0, 0, _) => format!("{minutes} min {} s", whole % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// Returns the tables of a report.
pub(super) fn tables(document: &ContinuousDocument) -> Vec<Table> {
    let mut tables = vec![requests(document), backends(document)];
    tables.extend(document.marks.iter().map(changes));
    tables.extend(document.observed.iter().flat_map(|observed| observed_alone(ALL, observed).0));
    tables.extend([failures(document), hours(document)]);
    tables
}

/// Says what commands changed and when, and what that means for marks.
pub(super) fn changes_made(document: &ContinuousDocument) -> Vec<String> {
    let changes = document.changes.iter();
    let mut said: Vec<String> =
        changes.map(|change| format!("changed after {}: {}", length(change.at_s), change.text)).collect();
    if !said.is_empty() && !document.marks.is_empty() {
        said.push("verdicts of marks do not know what commands changed before or after them".to_owned());
    }
    said
}

/// Returns what follows from the observed header, in sentences.
pub(super) fn findings(document: &ContinuousDocument) -> Vec<String> {
    document.observed.as_ref().map_or_else(Vec::new, |observed| observed_alone(ALL, observed).1)
}

fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

fn requests(document: &ContinuousDocument) -> Table {
    const HEADER: [&str; 10] = [
        "Request",
        "Method",
        "Requests",
        "Errors",
        "Error rate",
        "Mean ms",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "Max ms",
    ];
    let mut table = Table::new("Requests since the load began; latencies are those of successes", &HEADER);
    let row = |name: &str, method: &str, totals: &Totals| {
        vec![
            name.to_owned(),
            method.to_owned(),
            totals.requests.to_string(),
            totals.errors.to_string(),
            percent(totals.error_rate, 2),
            millis(totals.mean_ms),
            millis(totals.p50_ms),
            millis(totals.p95_ms),
            millis(totals.p99_ms),
            millis(totals.max_ms),
        ]
    };
    for request in &document.requests {
        table.add(row(&request.name, &request.method, &request.totals));
    }
    if document.requests.len() > 1 {
        table.add(row("all", "", &document.totals));
    }
    table
}

fn backends(document: &ContinuousDocument) -> Table {
    let mut table = Table::new(
        "Backends by their replies",
        &["Backend", "Replies", "Share", "Errors", "Mean ms", "p95 ms"],
    );
    for backend in document.backends.iter().filter(|_| document.backends.iter().any(|one| one.replies > 0)) {
        table.add(vec![
            backend.name.clone(),
            backend.replies.to_string(),
            percent(backend.share, 1),
            backend.errors.to_string(),
            millis(backend.mean_ms),
            millis(backend.p95_ms),
        ]);
    }
    table
}

fn failures(document: &ContinuousDocument) -> Table {
    let mut table = Table::new(
        "Failed requests, the most frequent first",
        &["Request", "Outcome", "Status", "Found", "Count"],
    );
    for failure in document.failures.iter().take(MOST_FAILURES) {
        table.add(vec![
            failure.request.clone(),
            failure.outcome.clone(),
            failure.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            failure.message.clone().unwrap_or_default(),
            failure.count.to_string(),
        ]);
    }
    table
}

fn hours(document: &ContinuousDocument) -> Table {
    let mut table = Table::new(
        "Complete hours",
        &["From hour", "Requests", "Requests/s", "Error rate", "Mean ms", "p95 ms", "p99 ms"],
    );
    for hour in &document.hours {
        table.add(vec![
            format!("{:.0}", hour.start_s / 3600.0),
            hour.requests.to_string(),
            format!("{:.1}", hour.requests_per_s),
            percent(hour.error_rate, 2),
            millis(hour.mean_ms),
            millis(hour.p95_ms),
            millis(hour.p99_ms),
        ]);
    }
    table
}

/// Returns the table of the changes since a mark.
fn changes(mark: &MarkSummary) -> Table {
    let caption = format!(
        "Before and after `{}` ({} and {} windows): {}",
        mark.name,
        mark.before_windows,
        mark.after_windows,
        finding(mark.verdict)
    );
    changes_table(&caption, &mark.changes)
}

/// Returns a table of changes.
pub(super) fn changes_table(caption: &str, changes: &[Change]) -> Table {
    let mut table =
        Table::new(caption, &["Measure", "Before", "After", "Change", "Interval", "p value", "Finding"]);
    for change in changes {
        let mut cells: Vec<Cell> = row(change).into_iter().map(Cell::from).collect();
        cells.push(Cell::toned(finding(change.finding), tone(change.finding)));
        table.add_toned(Tone::Plain, cells);
    }
    table
}

fn row(change: &Change) -> Vec<String> {
    let none = || "-".to_owned();
    let value = |value: f64| match change.measure {
        Measure::ErrorRate => percent(value, 2),
        Measure::Throughput => format!("{value:.1}/s"),
        _ => format!("{value:.1} ms"),
    };
    let unit = if change.measure.is_difference() { "points" } else { "%" };
    let more = |value: f64| format!("{:+.1}", 100.0 * value);
    vec![
        change.measure.name().to_owned(),
        change.before.map_or_else(none, value),
        change.after.map_or_else(none, value),
        change.change.map_or_else(none, |change| format!("{} {unit}", more(change))),
        change.interval.map_or_else(none, |[low, high]| format!("{} to {} {unit}", more(low), more(high))),
        change.p_value.map_or_else(none, |p| if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }),
    ]
}

fn finding(finding: Finding) -> &'static str {
    match finding {
        Finding::Worse => "worse",
        Finding::Better => "better",
        Finding::Equivalent => "no difference that matters",
        Finding::Undecided => "undecided",
        Finding::TooLittleData => "too little data",
    }
}

/// Returns the emphasis of a finding.
pub(super) fn tone(finding: Finding) -> Tone {
    match finding {
        Finding::Worse => Tone::Bad,
        Finding::Better => Tone::Good,
        Finding::Equivalent | Finding::Undecided | Finding::TooLittleData => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn lengths_are_written_in_two_units() {
        let written = [7.25, 75.0, 3_700.0, 90_000.0].map(length);
        assert_eq!(written, ["7.2 s", "1 min 15 s", "1 h 1 min", "1 d 1 h"]);
    }
}
