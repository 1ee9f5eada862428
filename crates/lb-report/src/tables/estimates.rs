//! Latency over trials: the numbers that the chart of percentiles draws.

use super::Table;
use crate::spread::{Spreads, Whiskers};
use crate::text::NONE;
use lb_results::{AlgorithmSummary, Metric, ScenarioSummary};

/// One row per algorithm, one column per latency metric. `None` where no algorithm has more than one trial.
pub(crate) fn estimates(scenario: &ScenarioSummary) -> Option<Table> {
    let spreads = Spreads::of(scenario);
    let around = match spreads.whiskers() {
        Whiskers::Interval => "its 95 % interval",
        Whiskers::Range => "the smallest and the largest trial (too few trials for an interval)",
        Whiskers::Single | Whiskers::None => return None,
    };
    let headings: Vec<String> = spreads.metrics().iter().map(|metric| heading(*metric)).collect();
    let mut header = vec!["Algorithm", "Trials"];
    header.extend(headings.iter().map(String::as_str));
    let mut table =
        Table::new(format!("Latency over trials: Hodges–Lehmann estimate, with {around}"), &header);
    for algorithm in scenario.algorithms.iter().filter(|algorithm| !algorithm.estimates.is_empty()) {
        let mut row = vec![algorithm.name.clone(), trials(algorithm).to_string()];
        row.extend(spreads.metrics().iter().map(|metric| cell(spreads.spread(algorithm, *metric))));
        table.add(row);
    }
    table.unless_empty()
}

fn heading(metric: Metric) -> String {
    match metric {
        Metric::Mean => "Mean (ms)".to_owned(),
        metric => format!("{} (ms)", metric.label().to_uppercase()),
    }
}

/// Counts the trials of the metric that most of them have.
fn trials(algorithm: &AlgorithmSummary) -> u32 {
    algorithm.estimates.iter().map(|estimate| estimate.trials).max().unwrap_or(0)
}

/// `41.2 [39.8, 43.1]`.
fn cell(spread: Option<(f64, Option<[f64; 2]>)>) -> String {
    match spread {
        Some((estimate, Some([low, high]))) => format!("{estimate:.1} [{low:.1}, {high:.1}]"),
        Some((estimate, None)) => format!("{estimate:.1}"),
        None => NONE.to_owned(),
    }
}
