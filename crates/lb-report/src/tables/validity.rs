//! Every trial in the order in which they ran, with the evidence of its validity.

use super::{Cell, Table, Tone};
use crate::text::{NONE, fixed, millis, percent, seconds};
use lb_results::{GeneratorSummary, Metric, ScenarioSummary, TrialSummary};

/// Tabulates one row per trial.
pub(crate) fn validity(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = Table::new(
        "All trials in the order in which they ran",
        &[
            "Trial",
            "Block",
            "Algorithm",
            "P95 (ms)",
            "Achieved / offered (per s)",
            "Dropped",
            "Lateness p99 (ms)",
            "CPU wait",
            "CPUs busy",
            "Warm-up cut",
            "Valid",
        ],
    );
    for (number, trial) in scenario.trials.iter().enumerate() {
        let tone = if trial.is_valid() && !trial.is_accepted() { Tone::Plain } else { Tone::Bad };
        table.add_toned(tone, row(number, trial));
    }
    table.unless_empty()
}

fn row(number: usize, trial: &TrialSummary) -> Vec<Cell> {
    let generator = &trial.generator;
    let share = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |share| percent(share, 1));
    let attempt = if trial.attempt > 0 { " (repeated)" } else { "" };
    let mut cells: Vec<Cell> = [
        (number + 1).to_string(),
        (trial.block + 1).to_string(),
        format!("{}{attempt}", trial.label),
        millis(trial.metric(Metric::P95)),
        rates(generator),
        generator.dropped.to_string(),
        fixed(generator.lateness_p99_ms, 2),
        share(generator.cpu_wait_share),
        share(generator.machine_busy_share),
        seconds(trial.cut_s),
    ]
    .map(Cell::from)
    .into();
    cells.push(match trial.is_valid() {
        true if trial.is_accepted() => {
            Cell::toned(format!("no, but counted: {}", trial.accepted.join("; ")), Tone::Bad)
        }
        true => Cell::from("yes".to_owned()),
        false => Cell::toned(format!("no: {}", trial.problems.join("; ")), Tone::Bad),
    });
    cells
}

fn rates(generator: &GeneratorSummary) -> String {
    match (generator.achieved_per_s, generator.offered_per_s) {
        (None, None) => NONE.to_owned(),
        (achieved, offered) => format!("{} / {}", fixed(achieved, 1), fixed(offered, 1)),
    }
}
