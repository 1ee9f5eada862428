//! The response of each algorithm to each fault: figures before, during and after it, and how fast the
//! algorithm avoided the backends and returned to them.

use super::Table;
use crate::text::{NONE, millis, percent, seconds, time_to_avoid, time_to_return, words};
use lb_results::{FaultMark, FaultResponse, ScenarioSummary};

/// The two tables of one fault.
pub(crate) struct FaultTables {
    /// Description of the fault, in one line.
    pub(crate) title: String,
    /// Share of the faulty backends and the times of the response.
    pub(crate) response: Table,
    /// Throughput, latency and errors before, during and after the fault.
    pub(crate) phases: Table,
}

/// Makes the tables of each fault, in order of time.
pub(crate) fn fault_tables(scenario: &ScenarioSummary) -> Vec<FaultTables> {
    scenario.faults.iter().enumerate().map(|(number, fault)| tables(scenario, number, fault)).collect()
}

/// Formats a fault: `F1: latency factor on cart-1, 30 s to 60 s`.
pub(crate) fn fault_title(number: usize, fault: &FaultMark) -> String {
    format!(
        "F{}: {} on {}, {} to {}",
        number + 1,
        words(&fault.fault),
        fault.target(),
        seconds(fault.start_s),
        seconds(fault.end_s)
    )
}

fn tables(scenario: &ScenarioSummary, number: usize, fault: &FaultMark) -> FaultTables {
    let title = fault_title(number, fault);
    let mut response = Table::new(
        "Share of requests that the faulty backends got, and how fast it changed",
        &["Algorithm", "Share before", "Share during", "Time to avoid", "Time to return"],
    );
    let mut phases = Table::new(
        "Before, during and after the fault: all requests of the valid trials, pooled",
        &[
            "Algorithm",
            "Phase",
            "From",
            "To",
            "Throughput (req/s)",
            "Avg (ms)",
            "P95 (ms)",
            "P99 (ms)",
            "Error rate",
        ],
    );
    for algorithm in &scenario.algorithms {
        for one in algorithm.fault_responses.iter().filter(|response| response.fault == number) {
            response.add(response_row(&algorithm.name, one, fault.end_s < scenario.duration_s));
            for phase in &one.phases {
                phases.add(vec![
                    algorithm.name.clone(),
                    phase.name.to_string(),
                    seconds(phase.from_s),
                    seconds(phase.to_s),
                    format!("{:.2}", phase.throughput_rps),
                    millis(phase.mean_ms),
                    millis(phase.p95_ms),
                    millis(phase.p99_ms),
                    percent(phase.error_rate, 2),
                ]);
            }
        }
    }
    FaultTables { title, response, phases }
}

fn response_row(algorithm: &str, response: &FaultResponse, ended: bool) -> Vec<String> {
    let share = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |share| percent(share, 1));
    vec![
        algorithm.to_owned(),
        share(response.share_before),
        share(response.share_during),
        time_to_avoid(response).unwrap_or_else(|| NONE.to_owned()),
        time_to_return(response, ended).unwrap_or_else(|| NONE.to_owned()),
    ]
}
