//! The results table, and the numbers behind it: bounds, shares, kinds of requests, CPU time.

use super::{Cell, Table, Tone};
use crate::ranking::Ranking;
use crate::spread::Whiskers;
use crate::text::{BEST_POSSIBLE, NONE, fixed, millis, percent, spread_text};
use crate::trial_faults::{NO_VALID_TRIAL, labels_without_valid_trial};
use lb_results::{AlgorithmSummary, Latency, Metric, OracleSummary, ScenarioSummary};

/// The columns of the main table, in the reports and in the full tables of the console.
const RESULTS: [&str; 9] = [
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

/// The columns of latency in [`RESULTS`].
const LATENCIES: [Metric; 4] = [Metric::Mean, Metric::P50, Metric::P95, Metric::P99];

/// Tabulates one row per algorithm, best first, then the bound from policies that know what no load balancer
/// can know.
pub(crate) fn results(scenario: &ScenarioSummary) -> Option<Table> {
    let ranking = Ranking::of(scenario);
    let mut table = Table::new(results_caption(ranking.whiskers()), &RESULTS);
    for algorithm in &ranking.algorithms {
        let latency =
            LATENCIES.map(|metric| spread_text(metric, ranking.value(algorithm, metric), ranking.whiskers()));
        let mut cells = vec![
            Cell::badged(&algorithm.name, ranking.standing(&algorithm.name).badge()),
            algorithm.total_requests.to_string().into(),
            format!("{:.2}", algorithm.throughput_rps).into(),
        ];
        cells.extend(latency.map(Cell::from));
        cells.extend([percent(algorithm.success_rate, 2), percent(algorithm.error_rate, 2)].map(Cell::from));
        table.add_toned(Tone::Plain, cells);
    }
    for label in labels_without_valid_trial(scenario) {
        let dashes = std::iter::repeat_n(NONE.to_owned(), RESULTS.len() - 2);
        let cells = [label.to_owned(), NO_VALID_TRIAL.to_owned()].into_iter().chain(dashes);
        table.add_toned(Tone::Bad, cells.map(Cell::from).collect());
    }
    if table.rows.is_empty() {
        return None;
    }
    if let Some(oracle) = ranking.bound() {
        table.add_toned(Tone::Apart, bound(oracle, BEST_POSSIBLE.to_owned()));
    }
    Some(table)
}

const fn results_caption(whiskers: Whiskers) -> &'static str {
    match whiskers {
        Whiskers::Interval => {
            "Results by algorithm, best first. Latency: the estimate over the valid trials (Hodges–Lehmann), with its \
             95 % interval; counts and rates over all of them"
        }
        Whiskers::Range => {
            "Results by algorithm, best first. Latency: the estimate over the valid trials (Hodges–Lehmann), with the \
             smallest and the largest trial, because they are too few for an interval; counts and rates over all of \
             them"
        }
        Whiskers::Single => "Results by algorithm, best first: one valid trial each",
        Whiskers::None => "Results by algorithm, best first: all requests of the valid trials, pooled",
    }
}

/// Tabulates the bounds if there are several: what each policy knows and what it reaches.
pub(crate) fn bounds(scenario: &ScenarioSummary) -> Option<Table> {
    let mut header = RESULTS.to_vec();
    header[0] = "Bound";
    header.drain(1..3);
    let mut table = Table::new(
        "Simulated on the same schedules, by policies that know what no load balancer can know",
        &header,
    );
    for oracle in &scenario.oracles {
        let mut cells = bound(oracle, format!("{} knows {}", oracle.name, oracle.knows));
        cells.drain(1..3);
        table.add_toned(Tone::Plain, cells);
    }
    table.unless_empty()
}

fn bound(oracle: &OracleSummary, name: String) -> Vec<Cell> {
    let mut cells = vec![name, NONE.to_owned(), NONE.to_owned()];
    cells.extend(latencies(oracle.latency_ms.as_ref()));
    cells.extend([percent(1.0 - oracle.error_rate, 2), percent(oracle.error_rate, 2)]);
    cells.into_iter().map(Cell::from).collect()
}

fn latencies(latency: Option<&Latency>) -> [String; 4] {
    let of = |pick: fn(&Latency) -> f64| millis(latency.map(pick));
    [of(|l| l.mean), of(|l| l.p50), of(|l| l.p95), of(|l| l.p99)]
}

/// Returns every backend of these algorithms, in order of first appearance.
pub(crate) fn backend_ids<'a>(algorithms: impl IntoIterator<Item = &'a AlgorithmSummary>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = Vec::new();
    for backend in algorithms.into_iter().flat_map(|algorithm| &algorithm.backends) {
        if !ids.contains(&backend.id.as_str()) {
            ids.push(&backend.id);
        }
    }
    ids
}

/// Tabulates the share of requests by backend and algorithm, with the most requests in flight at once.
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
    // The load balancer also counts its own error replies; both counts include the errors of the backend.
    let errors = match backend.errors.max(backend.balancer_errors.unwrap_or(0)) {
        0 => String::new(),
        1 => ", 1 error".to_owned(),
        errors => format!(", {errors} errors"),
    };
    percent(backend.share, 1) + &peak + &errors
}

/// Tabulates every kind of request under every algorithm.
pub(crate) fn requests(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = Table::new(
        "Requests by kind, slowest P95 first: all requests of the valid trials, pooled",
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

/// Tabulates the CPU time of the processes that took part.
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
