//! The console report of a run: the answer and one table, or all tables.

use super::console_table::{add, draw, fit, millis, percent, table};
use super::detail::Detail;
use super::notes::notes;
use super::pinning::pinned;
use super::spoken::spoken;
use super::tables::{
    OVERHEAD_NEEDS, backend_ids, connections, connections_by_backend, max_rates, observed, overheads,
    overheads_are_missing, recovery, recovery_sentences, resources, results, steering, switches,
};
use super::text::{
    UNVERIFIED_TLS, WIDTH, capitalised, count, guards, index_left_out, retries, senders, trimmed, wrapped,
};
use super::trial_faults::busy_machine;
use super::{brief, evidence};
use comfy_table::Table;
use lb_core::plain;
use lb_results::{AlgorithmSummary, Latency, LoadModel, ScenarioSummary, Summary};
use std::fmt::Write;

/// Number of requests per algorithm in the table of slow requests.
const SLOWEST_ACTIONS: usize = 3;

/// Number of kinds of failures per algorithm that are described.
const EXPLAINED_FAILURES: usize = 5;

/// Number of scraped series that a brief report says to move with latency.
const BRIEF_RESOURCES: usize = 3;

/// The note on what a brief report leaves out.
const LEFT_OUT: &str = "Left out here: every pair, all metrics, faults, shares of backends, switches, slowest requests. \
                        --verbose prints them, and the page has them.";

/// The number of columns of the highest rates in a brief report: algorithm, rank, rate and interval.
const RATE_COLUMNS: usize = 4;

/// Renders the report of a run for a terminal.
pub fn render_summary(summary: &Summary, detail: Detail) -> String {
    let mut out = Lines { text: String::new(), detail };
    for scenario in &summary.scenarios {
        out.text.push_str(&scenario_tables(scenario, detail));
    }
    if let Some(table) = evidence::thresholds(&summary.thresholds) {
        out.table("Thresholds", table);
    }
    if let Some(busy) = busy_machine(summary) {
        out.blank();
        out.line(&busy, "");
    }
    if summary.unverified_tls {
        out.blank();
        out.line(&format!("WARNING: {UNVERIFIED_TLS}"), "  ");
    }
    for note in notes(summary) {
        out.line(&format!("note: {note}"), "  ");
    }
    if summary.interrupted {
        out.line("interrupted: the tables cover only the trials that were completed", "");
    }
    if detail == Detail::Brief && summary.scenarios.iter().any(|scenario| !scenario.algorithms.is_empty()) {
        out.blank();
        out.line(LEFT_OUT, "");
    }
    let schedule = match summary.schedule_sha256.as_str() {
        "" => String::new(),
        sha256 => format!(", schedule {sha256}"),
    };
    out.line(&format!("seed {}{schedule}", summary.seed), "");
    out.text
}

/// Renders the tables of one scenario for a terminal.
pub fn scenario_tables(scenario: &ScenarioSummary, detail: Detail) -> String {
    let mut out = Lines { text: String::new(), detail };
    out.blank();
    out.line(&heading(scenario), "");
    if let Some(answer) = &scenario.answer {
        out.blank();
        let title = if answer.title.is_empty() { String::new() } else { format!("{}. ", answer.title) };
        for (number, sentence) in answer.sentences.iter().enumerate() {
            let title = if number == 0 { title.as_str() } else { "" };
            out.line(&format!("{title}{sentence}"), "  ");
        }
    }
    match detail {
        Detail::Brief => {
            if let Some(results) = brief::results(scenario) {
                let _ = write!(out.text, "\n{results}\n");
            }
        }
        Detail::Full => {
            if let Some(results) = results(scenario) {
                let _ = writeln!(out.text, "\n{}", draw(&results));
                out.line(&format!("{}.", results.caption), "");
            }
        }
    }
    if !scenario.algorithms.is_empty() {
        out.line(model(scenario.model), "");
        for line in evidence::oracles(scenario).lines().filter(|_| detail == Detail::Full) {
            out.line(line, "  ");
        }
        for algorithm in &scenario.algorithms {
            for line in [guards(algorithm), retries(algorithm), pinned(algorithm)].into_iter().flatten() {
                out.line(&format!("{}: {line}", algorithm.name), "  ");
            }
        }
        balancers(&mut out, scenario);
        after_peak(&mut out, scenario);
        hits_and_misses(&mut out, scenario);
        scraped(&mut out, scenario);
        if detail == Detail::Full {
            all_tables(&mut out, scenario);
        }
        let failing = failures(scenario);
        if !failing.is_empty() {
            out.blank();
            out.line("Failures", "");
            for line in failing {
                out.line(&line, "    ");
            }
        }
    }
    if let Some((mut highest, _)) = max_rates(&scenario.max_rates) {
        if detail == Detail::Brief {
            highest.keep_columns(RATE_COLUMNS);
        }
        out.table(&format!("Highest rates: {}", highest.caption), draw(&highest));
        for sentence in lb_analysis::rate_sentences(&scenario.max_rates) {
            out.line(&sentence, "  ");
        }
    }
    for aa in &scenario.noise {
        out.table(
            &format!("Noise of {} over {}", aa.algorithm, count(aa.pairs, "pair")),
            evidence::noise(aa),
        );
        out.line(&lb_analysis::aa_sentence(aa), "");
    }
    let invalid = evidence::invalid(scenario);
    if !invalid.is_empty() {
        out.blank();
        out.line("Invalid trials", "");
        for line in invalid.lines() {
            out.line(line, "    ");
        }
    }
    for skipped in &scenario.skipped {
        out.line(&format!("{}: skipped, {}", skipped.name, skipped.reason), "  ");
    }
    out.text
}

/// Text for a terminal. In a brief report, its lines and tables fit into 80 columns.
struct Lines {
    text: String,
    detail: Detail,
}

impl Lines {
    fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Adds a line, wrapped between words; continuation lines are indented.
    fn line(&mut self, line: &str, indent: &str) {
        let _ = writeln!(self.text, "{}", wrapped(line, indent, WIDTH));
    }

    fn table(&mut self, title: &str, table: Table) {
        let table = if self.detail == Detail::Brief { fit(table) } else { table };
        self.blank();
        self.line(title, "");
        let _ = writeln!(self.text, "{table}");
    }
}

fn heading(scenario: &ScenarioSummary) -> String {
    let trials = scenario.algorithms.iter().map(|algorithm| algorithm.trials).max().unwrap_or(0);
    let trials = match trials {
        0 => String::new(),
        trials => format!(", {} per algorithm", count(trials as usize, "trial")),
    };
    let spoken = spoken(scenario).map_or_else(String::new, |spoken| format!(", {spoken}"));
    format!(
        "Scenario \"{}\": {} s, {}, topology {}{trials}{spoken}",
        plain::line(&scenario.name),
        trimmed(scenario.duration_s, 1),
        senders(scenario),
        scenario.topology,
    )
}

/// Writes what load balancers add to a request, or why that is unknown.
fn balancers(out: &mut Lines, scenario: &ScenarioSummary) {
    if overheads_are_missing(scenario) {
        out.line(OVERHEAD_NEEDS, "  ");
    } else if let Some(report) = overheads(scenario) {
        out.table(&format!("Overhead: {}", report.caption), draw(&report));
    }
}

/// Writes how long algorithms take to recover from the peak of the load.
fn after_peak(out: &mut Lines, scenario: &ScenarioSummary) {
    let Some(report) = recovery(scenario) else { return };
    if out.detail == Detail::Full {
        out.table(&format!("Recovery: {}", report.caption), draw(&report));
        return;
    }
    out.blank();
    out.line("Recovery", "");
    for sentence in recovery_sentences(scenario) {
        out.line(&format!("  {sentence}"), "    ");
    }
}

/// Writes hits and misses, as the observed header tells them.
fn hits_and_misses(out: &mut Lines, scenario: &ScenarioSummary) {
    let Some(report) = observed(scenario) else { return };
    out.blank();
    out.line("Hits and misses", "");
    for sentence in &report.sentences {
        out.line(&format!("  {sentence}"), "    ");
    }
    if let Some(hits) = report.hits.filter(|_| out.detail == Detail::Full) {
        out.table(&format!("{}.", hits.caption), draw(&hits));
    }
    if out.detail == Detail::Full {
        out.table(&format!("{}.", report.values.caption), draw(&report.values));
    }
}

/// Says which scraped series move with latency; in a brief report, the clearest ones.
fn scraped(out: &mut Lines, scenario: &ScenarioSummary) {
    let sentences = lb_analysis::resource_sentences(scenario);
    let shown = if out.detail == Detail::Brief { BRIEF_RESOURCES } else { usize::MAX };
    for sentence in sentences.iter().take(shown) {
        out.line(sentence, "  ");
    }
    if sentences.len() > shown {
        let more = sentences.len() - shown;
        out.line(&format!("{more} more such findings: --verbose prints them."), "  ");
    }
}

/// Writes the tables that only a full report has.
fn all_tables(out: &mut Lines, scenario: &ScenarioSummary) {
    for line in evidence::verdicts(scenario).lines() {
        out.line(line, "    ");
    }
    if let Some(table) = evidence::statistics(scenario) {
        let _ = writeln!(out.text, "\n{table}");
    }
    let more = [
        ("Connections", connections(scenario)),
        ("Connections by backend", connections_by_backend(scenario)),
        ("Steering", steering(scenario)),
        ("Resources", resources(scenario)),
        ("Switches", switches(scenario)),
    ];
    for (title, report) in more {
        if let Some(report) = report {
            out.table(&format!("{title}: {}", report.caption), draw(&report));
        }
    }
    if let Some(table) = evidence::faults(scenario) {
        out.table("Faults", table);
    }
    if scenario.algorithms.iter().any(|algorithm| !algorithm.backends.is_empty()) {
        out.table("Share of requests per backend (and most in flight at once)", shares(scenario));
        if let Some(line) = scenario.algorithms.iter().find_map(index_left_out) {
            out.line(&capitalised(line), "");
        }
    }
    out.table("Slowest requests by P95", slowest(scenario));
}

/// Describes what latency measures under a load model.
fn model(model: LoadModel) -> &'static str {
    match model {
        LoadModel::Open => {
            "Latency of successful requests from when they were due to the last byte; arrivals do not wait for earlier replies (open model)."
        }
        LoadModel::Mixed => {
            "Latency of successful requests to the last byte: for arrivals from when they were due (open model), for users from sending, since they wait for each reply (closed model)."
        }
        LoadModel::Closed => {
            "Latency of successful requests from sending to the last byte; users wait for each reply (closed model), so a slow algorithm gets fewer requests."
        }
    }
}

fn shares(scenario: &ScenarioSummary) -> Table {
    let mut header = vec!["Backend"];
    header.extend(scenario.algorithms.iter().map(|algorithm| algorithm.name.as_str()));
    let mut table = table(&header);
    for id in backend_ids(&scenario.algorithms) {
        let mut row = vec![id.to_owned()];
        row.extend(scenario.algorithms.iter().map(|algorithm| share(algorithm, id)));
        add(&mut table, row);
    }
    let mut row = vec!["Jain's index".to_owned()];
    row.extend(
        scenario.algorithms.iter().map(|algorithm| {
            algorithm.jain_index.map_or_else(|| "-".to_owned(), |index| format!("{index:.3}"))
        }),
    );
    add(&mut table, row);
    table
}

/// Formats a share as `12.3% (4)`, with the number of errors if there are any: `12.3% (4), 7 errors`.
fn share(algorithm: &AlgorithmSummary, id: &str) -> String {
    let Some(backend) = algorithm.backends.iter().find(|backend| backend.id == id) else {
        return "-".to_owned();
    };
    let mut cell = percent(backend.share, 1);
    if let Some(peak) = backend.peak_in_flight {
        let _ = write!(cell, " ({peak})");
    }
    // The load balancer also counts its own error replies; both counts include the errors of the backend.
    let errors = backend.errors.max(backend.balancer_errors.unwrap_or(0));
    if errors > 0 {
        let _ = write!(cell, ", {errors} {}", if errors == 1 { "error" } else { "errors" });
    }
    cell
}

fn slowest(scenario: &ScenarioSummary) -> Table {
    let mut table =
        table(&["Algorithm", "Request", "Requests", "Avg (ms)", "P95 (ms)", "P99 (ms)", "Errors"]);
    for algorithm in &scenario.algorithms {
        for action in algorithm.actions.iter().take(SLOWEST_ACTIONS) {
            let of = |pick: fn(&Latency) -> f64| millis(action.latency_ms.as_ref().map(pick));
            add(
                &mut table,
                vec![
                    algorithm.name.clone(),
                    format!("{} {}", action.method, action.name),
                    action.requests.to_string(),
                    of(|latency| latency.mean),
                    of(|latency| latency.p95),
                    of(|latency| latency.p99),
                    action.errors.to_string(),
                ],
            );
        }
    }
    table
}

/// Describes the most frequent failures of which more is known than how they ended, one line each.
fn explained(algorithm: &AlgorithmSummary) -> impl Iterator<Item = String> {
    let known = algorithm.failures.iter().filter(|one| one.status.is_some() || one.message.is_some());
    known.take(EXPLAINED_FAILURES).map(|one| {
        let status = one.status.map_or_else(String::new, |status| format!(" got {status}"));
        let message =
            one.message.as_ref().map_or_else(String::new, |text| format!(": {}", plain::line(text)));
        format!("    {} × {} {}{status}{message}", one.count, one.method, one.name)
    })
}

/// Lists the algorithms that have unexpected outcomes, one line each.
fn failures(scenario: &ScenarioSummary) -> Vec<String> {
    let mut lines = Vec::new();
    for algorithm in &scenario.algorithms {
        let kinds: Vec<String> = algorithm
            .outcomes
            .iter()
            .filter(|(name, count)| **count > 0 && !matches!(name.as_str(), "ok" | "expected_error"))
            .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
            .collect();
        if !kinds.is_empty() {
            lines.push(format!("  {}: {}", algorithm.name, kinds.join(", ")));
            lines.extend(explained(algorithm));
        }
    }
    lines
}
