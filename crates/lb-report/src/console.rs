//! The tables on the console: the comparison, the shares per backend, the slowest requests.

use super::console_table::{add, draw, millis, percent, table};
use super::evidence;
use super::tables::{RESULTS, backend_ids, estimates, overheads, steering, switches};
use super::text::{count, guards, senders, trimmed};
use comfy_table::Table;
use lb_results::{AlgorithmSummary, Latency, LoadModel, ScenarioSummary, Summary};
use std::fmt::Write;

/// Requests of each algorithm that the table of slow requests shows.
const SLOWEST_ACTIONS: usize = 3;

/// Renders the whole report of a run for a terminal.
pub fn render_summary(summary: &Summary) -> String {
    let mut out = String::new();
    for scenario in &summary.scenarios {
        out.push_str(&scenario_tables(scenario));
    }
    if let Some(table) = evidence::thresholds(&summary.thresholds) {
        let _ = writeln!(out, "\nThresholds\n{table}");
    }
    for note in &summary.notes {
        let _ = writeln!(out, "note: {note}");
    }
    if summary.interrupted {
        out.push_str("interrupted: the tables cover only the trials that were completed\n");
    }
    let _ = writeln!(out, "seed {}, schedule {}", summary.seed, summary.schedule_sha256);
    out
}

/// Renders the tables of one scenario for a terminal.
pub fn scenario_tables(scenario: &ScenarioSummary) -> String {
    let mut out = String::new();
    let trials = scenario.algorithms.iter().map(|algorithm| algorithm.trials).max().unwrap_or(0);
    let _ = write!(
        out,
        "\nScenario \"{}\": {} s, {}, topology {}",
        scenario.name,
        trimmed(scenario.duration_s, 1),
        senders(scenario),
        scenario.topology,
    );
    let _ = match trials {
        0 => writeln!(out),
        trials => writeln!(out, ", {} per algorithm", count(trials as usize, "trial")),
    };
    if !scenario.algorithms.is_empty() {
        let _ = writeln!(out, "{}", comparison(scenario));
        let _ = writeln!(out, "{}", model(scenario.model));
        out.push_str(&evidence::oracles(scenario));
        out.push_str(&evidence::verdicts(scenario));
        for algorithm in &scenario.algorithms {
            if let Some(line) = guards(algorithm) {
                let _ = writeln!(out, "{}: {line}", algorithm.name);
            }
        }
        if let Some(table) = evidence::statistics(scenario) {
            let _ = writeln!(out, "\n{table}");
        }
        if let Some(report) = estimates(scenario) {
            let _ = writeln!(out, "\n{}\n{}", report.caption, draw(&report));
        }
        let more = [
            ("Overhead", overheads(scenario)),
            ("Steering", steering(scenario)),
            ("Switches", switches(scenario)),
        ];
        for (title, report) in more {
            if let Some(report) = report {
                let _ = writeln!(out, "\n{title}: {}\n{}", report.caption, draw(&report));
            }
        }
        if let Some(table) = evidence::faults(scenario) {
            let _ = writeln!(out, "\nFaults\n{table}");
        }
        if scenario.algorithms.iter().any(|algorithm| !algorithm.backends.is_empty()) {
            let _ = writeln!(
                out,
                "\nShare of requests per backend (and most in flight at once)\n{}",
                shares(scenario)
            );
        }
        let _ = writeln!(out, "\nSlowest requests by P95\n{}", slowest(scenario));
        let failing = failures(scenario);
        if !failing.is_empty() {
            let _ = writeln!(out, "\nFailures\n{failing}");
        }
    }
    if let Some(table) = evidence::max_rates(&scenario.max_rates) {
        let _ = writeln!(out, "\nHighest rates that kept the objective\n{table}");
    }
    if let Some(aa) = &scenario.aa {
        let _ = writeln!(out, "\nNoise of {} over {} pairs\n{}", aa.algorithm, aa.pairs, evidence::noise(aa));
        let _ = writeln!(out, "{}", lb_analysis::aa_sentence(aa));
    }
    let invalid = evidence::invalid(scenario);
    if !invalid.is_empty() {
        let _ = writeln!(out, "\nInvalid trials\n{}", invalid.trim_end());
    }
    for skipped in &scenario.skipped {
        let _ = writeln!(out, "{}: skipped, {}", skipped.name, skipped.reason);
    }
    out
}

/// Says from when to when latency counts under a model of load.
fn model(model: LoadModel) -> &'static str {
    match model {
        LoadModel::Open => {
            "Latency of successful requests from when they were due to the last byte; arrivals do not wait for earlier replies (open model)."
        }
        LoadModel::Mixed => {
            "Latency of successful requests to the last byte: of arrivals from when they were due (open model), of users from sending, since they wait for each reply (closed model)."
        }
        LoadModel::Closed => {
            "Latency of successful requests from sending to the last byte; users wait for each reply (closed model), so a slow algorithm gets fewer requests."
        }
    }
}

fn comparison(scenario: &ScenarioSummary) -> Table {
    let mut table = table(&RESULTS);
    for algorithm in &scenario.algorithms {
        let of = |pick: fn(&Latency) -> f64| millis(algorithm.latency_ms.as_ref().map(pick));
        add(
            &mut table,
            vec![
                algorithm.name.clone(),
                algorithm.total_requests.to_string(),
                format!("{:.2}", algorithm.throughput_rps),
                of(|latency| latency.mean),
                of(|latency| latency.p50),
                of(|latency| latency.p95),
                of(|latency| latency.p99),
                percent(algorithm.success_rate, 2),
                percent(algorithm.error_rate, 2),
            ],
        );
    }
    for oracle in &scenario.oracles {
        add(&mut table, evidence::oracle_row(oracle));
    }
    table
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

/// `12.3% (4)`, and what went wrong there: `12.3% (4), 7 errors`.
fn share(algorithm: &AlgorithmSummary, id: &str) -> String {
    let Some(backend) = algorithm.backends.iter().find(|backend| backend.id == id) else {
        return "-".to_owned();
    };
    let mut cell = percent(backend.share, 1);
    if let Some(peak) = backend.peak_in_flight {
        let _ = write!(cell, " ({peak})");
    }
    // The load balancer also counts what it answered itself; both count the errors of the backend.
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

/// Lists the algorithms that have unexpected outcomes, one line each.
fn failures(scenario: &ScenarioSummary) -> String {
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
        }
    }
    lines.join("\n")
}
