//! The table of scraped series: their values, and whether they move with latency.

use super::{Cell, Table, Tone};
use crate::text::{NONE, p_value, trimmed};
use lb_results::{ResourceCorrelation, ResourceSummary, ScenarioSummary};

/// Lists the series of a scenario by target and name: those that move with latency first, then those that change, the
/// clearest of each before the others, and last those that do not change, as they were scraped.
pub(crate) fn resource_names(scenario: &ScenarioSummary) -> Vec<(&str, &str)> {
    // Numbers above 1, which no p value is, come after all p values.
    let rank = |one: &ResourceSummary| match &one.correlation {
        Some(correlation) if correlation.moves => correlation.p,
        Some(correlation) => 2.0 + correlation.p,
        None => f64::INFINITY,
    };
    let mut names: Vec<(&str, &str, f64)> = Vec::new();
    for one in scenario.algorithms.iter().flat_map(|algorithm| &algorithm.resources) {
        match names.iter_mut().find(|(target, name, _)| *target == one.target && *name == one.name) {
            Some((_, _, least)) => *least = least.min(rank(one)),
            None => names.push((&one.target, &one.name, rank(one))),
        }
    }
    names.sort_by(|one, other| one.2.total_cmp(&other.2));
    names.into_iter().map(|(target, name, _)| (target, name)).collect()
}

/// Tabulates each series under each algorithm. `None` if nothing was scraped.
pub(crate) fn resources(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = Table::new(
        "What was scraped beside the load, over the valid trials. Correlation: Spearman\'s rank correlation with the \
         latency of the same parts of a trial or of later ones, with its 95 % interval; p: adjusted for all series, \
         algorithms and lags. A correlation does not tell what causes what",
        &[
            "Series",
            "Algorithm",
            "Unit",
            "Mean",
            "Min",
            "Max",
            "Moves with",
            "Lag (s)",
            "Correlation",
            "Interval",
            "p",
        ],
    );
    for (target, name) in resource_names(scenario) {
        for algorithm in &scenario.algorithms {
            let is_it = |one: &&ResourceSummary| one.target == target && one.name == name;
            let Some(one) = algorithm.resources.iter().find(is_it) else { continue };
            let correlation = one.correlation.as_ref();
            let moves = correlation.is_some_and(|correlation| correlation.moves);
            let of =
                |show: fn(&ResourceCorrelation) -> String| correlation.map_or_else(|| NONE.to_owned(), show);
            let mut cells: Vec<Cell> = vec![
                name.to_owned().into(),
                algorithm.name.clone().into(),
                one.unit.clone().into(),
                value(one.mean).into(),
                value(one.min).into(),
                value(one.max).into(),
            ];
            let with = if moves { of(|one| one.latency.clone()) } else { NONE.to_owned() };
            cells.push(Cell::toned(with, if moves { Tone::Care } else { Tone::Plain }));
            cells.extend([
                of(|one| trimmed(one.lag_s, 0)).into(),
                of(|one| trimmed(one.r, 2)).into(),
                of(|one| format!("{} to {}", trimmed(one.interval[0], 2), trimmed(one.interval[1], 2)))
                    .into(),
                of(|one| p_value(Some(one.p_adjusted))).into(),
            ]);
            table.add_toned(Tone::Plain, cells);
        }
    }
    table.unless_empty()
}

/// Formats a value of unknown size with four digits or so; large ones in powers of a thousand.
fn value(value: Option<f64>) -> String {
    let Some(value) = value else { return NONE.to_owned() };
    let steps = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")];
    for (least, letter) in steps {
        if value.abs() >= least {
            let unit = if letter == " k" { 1e3 } else { least };
            return format!("{}{letter}", trimmed(value / unit, 2));
        }
    }
    match value.abs() {
        size if size >= 100.0 => trimmed(value, 1),
        size if size >= 1.0 || value == 0.0 => trimmed(value, 2),
        _ => trimmed(value, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::AlgorithmSummary;

    #[test]
    fn series_that_move_come_first_and_say_with_what() {
        let correlation = |p, moves| {
            Some(ResourceCorrelation {
                latency: "p95".to_owned(),
                part_s: 1.0,
                lag_s: 1.0,
                r: 0.7123,
                interval: [0.5, 0.849],
                p,
                p_adjusted: p * 2.0,
                moves,
                parts: 60,
            })
        };
        let series = |name: &str, mean, correlation| ResourceSummary {
            name: name.to_owned(),
            target: "lb".to_owned(),
            unit: "bytes".to_owned(),
            mean: Some(mean),
            correlation,
            ..ResourceSummary::default()
        };
        let scraped = vec![
            series("flat", 1.5e9, None),
            series("idle", 12_345.0, correlation(0.4, false)),
            series("cpu", 0.25, correlation(0.001, true)),
        ];
        let algorithm =
            AlgorithmSummary { name: "p2c".to_owned(), resources: scraped, ..AlgorithmSummary::default() };
        let scenario = ScenarioSummary { algorithms: vec![algorithm], ..ScenarioSummary::default() };
        assert_eq!(resource_names(&scenario), [("lb", "cpu"), ("lb", "idle"), ("lb", "flat")]);
        let table = resources(&scenario).expect("there are series");
        let rows: Vec<Vec<&str>> =
            table.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_str()).collect()).collect();
        assert_eq!(
            rows,
            [
                ["cpu", "p2c", "bytes", "0.25", "–", "–", "p95", "1", "0.71", "0.5 to 0.85", "0.0020"],
                ["idle", "p2c", "bytes", "12.35 k", "–", "–", "–", "1", "0.71", "0.5 to 0.85", "0.8000"],
                ["flat", "p2c", "bytes", "1.5 G", "–", "–", "–", "–", "–", "–", "–"],
            ]
        );
        assert_eq!(resources(&ScenarioSummary::default()), None, "nothing was scraped");
    }
}
