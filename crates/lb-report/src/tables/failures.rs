//! The table of failed requests.

use super::Table;
use crate::text::fixed;
use lb_results::{FailureSummary, ScenarioSummary};

/// The most rows for each algorithm; `_failures.csv` has all of them.
const MOST_ROWS: usize = 20;

/// Tabulates the failed requests of each algorithm by kind, the most frequent first. `None` if none failed.
pub(crate) fn failures(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = Table::new(
        "Failed requests by kind, the most frequent first: what was wrong, and when the first and the last of them \
         ended, in seconds after the beginning of the measured phase of their trial. The `_failures.csv` files list all \
         of them",
        &["Algorithm", "Request", "Outcome", "Status", "Message", "Count", "First (s)", "Last (s)"],
    );
    for algorithm in &scenario.algorithms {
        let mut kinds: Vec<&FailureSummary> = algorithm.failures.iter().collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
        for kind in kinds.into_iter().take(MOST_ROWS) {
            table.add(vec![
                algorithm.name.clone(),
                kind.name.clone(),
                kind.outcome.clone(),
                kind.status.map_or_else(|| "–".to_owned(), |status| status.to_string()),
                kind.message.clone().unwrap_or_else(|| "–".to_owned()),
                kind.count.to_string(),
                fixed(Some(kind.first_s), 1),
                fixed(Some(kind.last_s), 1),
            ]);
        }
    }
    table.unless_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::AlgorithmSummary;

    #[test]
    fn the_most_frequent_failures_come_first_and_the_rarest_are_left_out() {
        let kind = |number: u64, message: Option<&str>| FailureSummary {
            name: format!("kind {number}"),
            method: "GET".to_owned(),
            outcome: if message.is_some() { "check_failed" } else { "reset" }.to_owned(),
            status: message.map(|_| 200),
            message: message.map(str::to_owned),
            count: number,
            first_s: 0.25,
            last_s: 9.0,
        };
        let mut failures_of_one: Vec<FailureSummary> = (1..30).map(|number| kind(number, None)).collect();
        failures_of_one.push(kind(500, Some("body does not contain `ada`")));
        let of = |name: &str, failures| AlgorithmSummary {
            name: name.to_owned(),
            failures,
            ..AlgorithmSummary::default()
        };
        let mut scenario =
            ScenarioSummary { algorithms: vec![of("a", Vec::new())], ..ScenarioSummary::default() };
        assert_eq!(failures(&scenario), None);
        scenario.algorithms.push(of("b", failures_of_one));
        let table = failures(&scenario).expect("some failed");
        let row = |number: usize| -> Vec<&str> {
            table.rows[number].cells.iter().map(|cell| cell.text.as_str()).collect()
        };
        let first =
            ["b", "kind 500", "check_failed", "200", "body does not contain `ada`", "500", "0.2", "9.0"];
        assert_eq!(row(0), first);
        assert_eq!(row(1), ["b", "kind 29", "reset", "–", "–", "29", "0.2", "9.0"]);
        assert_eq!(table.rows.len(), MOST_ROWS);
    }
}
