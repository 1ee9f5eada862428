//! The results table with the console's columns, and the numbers behind it: shares, kinds of requests,
//! CPU time.

use super::{Cell, Table, Tone};
use crate::text::{NONE, fixed, millis, percent};
use lb_results::{AlgorithmSummary, Latency, ScenarioSummary};

/// The columns of the main table, on the console as in the reports.
pub(crate) const RESULTS: [&str; 9] = [
    "Algorithm",
    "Total Requests",
    "Throughput (req/s)",
    "Avg Latency (ms)",
    "P50 (ms)",
    "P95 Latency (ms)",
    "P99 (ms)",
    "Success Rate",
    "Error Rate",
];

/// Tabulates one row per algorithm, then the bounds by policies that know what no load balancer can know.
pub(crate) fn results(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = Table::new("Results by algorithm, over all valid trials", &RESULTS);
    for algorithm in &scenario.algorithms {
        let mut cells = vec![
            algorithm.name.clone(),
            algorithm.total_requests.to_string(),
            format!("{:.2}", algorithm.throughput_rps),
        ];
        cells.extend(latencies(algorithm.latency_ms.as_ref()));
        cells.extend([percent(algorithm.success_rate, 2), percent(algorithm.error_rate, 2)]);
        table.add(cells);
    }
    for oracle in &scenario.oracles {
        let mut cells =
            vec![format!("best possible (simulated): {}", oracle.name), NONE.to_owned(), NONE.to_owned()];
        cells.extend(latencies(oracle.latency_ms.as_ref()));
        cells.extend([percent(1.0 - oracle.error_rate, 2), percent(oracle.error_rate, 2)]);
        table.add_toned(Tone::Apart, cells.into_iter().map(Cell::from).collect());
    }
    table.unless_empty()
}

fn latencies(latency: Option<&Latency>) -> [String; 4] {
    let of = |pick: fn(&Latency) -> f64| millis(latency.map(pick));
    [of(|l| l.mean), of(|l| l.p50), of(|l| l.p95), of(|l| l.p99)]
}

/// Every backend of these algorithms, in order of first appearance.
pub(crate) fn backend_ids<'a>(algorithms: impl IntoIterator<Item = &'a AlgorithmSummary>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = Vec::new();
    for backend in algorithms.into_iter().flat_map(|algorithm| &algorithm.backends) {
        if !ids.contains(&backend.id.as_str()) {
            ids.push(&backend.id);
        }
    }
    ids
}

/// Share of requests by backend and algorithm, with the most requests in flight at once.
pub(crate) fn shares(scenario: &ScenarioSummary) -> Option<Table> {
    let mut header = vec!["Backend"];
    header.extend(scenario.algorithms.iter().map(|algorithm| algorithm.name.as_str()));
    let mut table = Table::new("Share of requests per backend (and most in flight at once)", &header);
    let ids = backend_ids(&scenario.algorithms);
    if ids.is_empty() {
        return None;
    }
    for id in ids {
        let mut row = vec![id.to_owned()];
        row.extend(scenario.algorithms.iter().map(|algorithm| share(algorithm, id)));
        table.add(row);
    }
    let mut row = vec!["Jain's index".to_owned()];
    row.extend(scenario.algorithms.iter().map(|algorithm| fixed(algorithm.jain_index, 3)));
    table.add(row);
    Some(table)
}

fn share(algorithm: &AlgorithmSummary, id: &str) -> String {
    let Some(backend) = algorithm.backends.iter().find(|backend| backend.id == id) else {
        return NONE.to_owned();
    };
    let peak = backend.peak_in_flight.map_or_else(String::new, |peak| format!(" ({peak})"));
    // The load balancer also counts what it answered itself; both count the errors of the backend.
    let errors = match backend.errors.max(backend.balancer_errors.unwrap_or(0)) {
        0 => String::new(),
        1 => ", 1 error".to_owned(),
        errors => format!(", {errors} errors"),
    };
    percent(backend.share, 1) + &peak + &errors
}

/// Every kind of request under every algorithm.
pub(crate) fn requests(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = Table::new(
        "Requests by kind, slowest P95 first",
        &["Algorithm", "Request", "Requests", "Avg (ms)", "P50 (ms)", "P95 (ms)", "P99 (ms)", "Errors"],
    );
    for algorithm in &scenario.algorithms {
        for action in &algorithm.actions {
            let mut cells = vec![
                algorithm.name.clone(),
                format!("{} {}", action.method, action.name),
                action.requests.to_string(),
            ];
            cells.extend(latencies(action.latency_ms.as_ref()));
            cells.push(action.errors.to_string());
            table.add(cells);
        }
    }
    table.unless_empty()
}

/// CPU time of the processes that took part.
pub(crate) fn processes(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table =
        Table::new("CPU time over the measured phases", &["Algorithm", "Process", "CPU (s)", "Cores in use"]);
    for algorithm in &scenario.algorithms {
        for process in &algorithm.processes {
            table.add(vec![
                algorithm.name.clone(),
                process.name.clone(),
                format!("{:.2}", process.cpu_s),
                format!("{:.2}", process.cores),
            ]);
        }
    }
    table.unless_empty()
}
