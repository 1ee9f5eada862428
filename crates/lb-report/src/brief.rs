//! The results of a scenario in one table that fits a terminal.

use super::console_table::{bare, fitting};
use super::ranking::{Ranking, Standing};
use super::spread::{Whiskers, latency_of};
use super::text::{BEST_POSSIBLE, WIDTH, wrapped};
use super::trial_faults::{NO_VALID_TRIAL, labels_without_valid_trial};
use comfy_table::CellAlignment;
use lb_results::{AlgorithmSummary, Metric, OracleSummary, ScenarioSummary};

/// The marker in front of algorithms that lead.
const LEADING: &str = "> ";

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Rate,
    Latency(Metric),
    Errors,
}

/// The columns that are left out, in this order, if the table is too wide.
const DISPENSABLE: [Column; 3] =
    [Column::Latency(Metric::P50), Column::Latency(Metric::Mean), Column::Latency(Metric::P99)];

/// Draws the results, best first, with a line below that explains the numbers. `None` without any trial.
pub(super) fn results(scenario: &ScenarioSummary) -> Option<String> {
    let ranking = Ranking::of(scenario);
    let lost = labels_without_valid_trial(scenario);
    if ranking.algorithms.is_empty() && lost.is_empty() {
        return None;
    }
    let latencies = [Metric::Mean, Metric::P50, Metric::P95, Metric::P99].map(Column::Latency);
    let mut columns = vec![Column::Name, Column::Rate];
    columns.extend(latencies);
    columns.push(Column::Errors);
    let judged = judged(&ranking);
    let mut dispensable = DISPENSABLE.into_iter().filter(|column| *column != Column::Latency(judged));
    let table = loop {
        let drawn = draw(&ranking, &columns, &lost);
        if drawn.lines().all(|line| line.chars().count() <= WIDTH) {
            break drawn;
        }
        match dispensable.next() {
            Some(next) => columns.retain(|column| *column != next),
            None => break draw_narrow(&ranking, &columns, &lost),
        }
    };
    Some(format!("{table}\n{}", wrapped(&legend(&ranking), "", WIDTH)))
}

/// Returns the latency metric that is shown with its interval.
fn judged(ranking: &Ranking<'_>) -> Metric {
    let shown = [Metric::Mean, Metric::P50, Metric::P95, Metric::P99].contains(&ranking.metric);
    if shown { ranking.metric } else { Metric::P95 }
}

fn draw(ranking: &Ranking<'_>, columns: &[Column], lost: &[&str]) -> String {
    let (header, rows) = cells(ranking, columns, lost);
    bare(&header, &rows, &alignments(columns))
}

fn draw_narrow(ranking: &Ranking<'_>, columns: &[Column], lost: &[&str]) -> String {
    let (header, rows) = cells(ranking, columns, lost);
    fitting(&header, &rows, &alignments(columns))
}

fn alignments(columns: &[Column]) -> Vec<CellAlignment> {
    let of = |column: &Column| match column {
        Column::Name => CellAlignment::Left,
        _ => CellAlignment::Right,
    };
    columns.iter().map(of).collect()
}

fn cells(ranking: &Ranking<'_>, columns: &[Column], lost: &[&str]) -> (Vec<String>, Vec<Vec<String>>) {
    let judged = judged(ranking);
    let around = match ranking.whiskers() {
        Whiskers::Interval => " [95 %]",
        Whiskers::Range => " (range)",
        Whiskers::Single | Whiskers::None => "",
    };
    let heading = |column: &Column| match column {
        Column::Name => "  Algorithm".to_owned(),
        Column::Rate => "Req/s".to_owned(),
        Column::Latency(metric) => {
            let name =
                if *metric == Metric::Mean { "Mean".to_owned() } else { metric.label().to_uppercase() };
            format!("{name} ms{}", if *metric == judged { around } else { "" })
        }
        Column::Errors => "Errors".to_owned(),
    };
    let row = |cell: &dyn Fn(&Column) -> String| columns.iter().map(cell).collect::<Vec<String>>();
    let mut rows: Vec<Vec<String>> = ranking
        .algorithms
        .iter()
        .map(|algorithm| row(&|column| measured(ranking, algorithm, *column, judged)))
        .collect();
    rows.extend(lost.iter().map(|label| {
        row(&|column| match column {
            Column::Name => format!("  {label}: {NO_VALID_TRIAL}"),
            _ => "-".to_owned(),
        })
    }));
    if let Some(oracle) = ranking.bound() {
        rows.push(row(&|column| simulated(oracle, *column)));
    }
    (columns.iter().map(heading).collect(), rows)
}

fn measured(ranking: &Ranking<'_>, algorithm: &AlgorithmSummary, column: Column, judged: Metric) -> String {
    match column {
        Column::Name => {
            let leads = ranking.standing(&algorithm.name).leads();
            format!("{}{}", if leads { LEADING } else { "  " }, algorithm.name)
        }
        Column::Rate => short(algorithm.throughput_rps),
        Column::Latency(metric) => {
            let Some((value, ends)) = ranking.value(algorithm, metric) else { return "-".to_owned() };
            match (ends.filter(|_| metric == judged), ranking.whiskers()) {
                (Some([low, high]), Whiskers::Interval) => {
                    format!("{} [{}, {}]", short(value), short(low), short(high))
                }
                (Some([low, high]), _) => format!("{} ({} to {})", short(value), short(low), short(high)),
                (None, _) => short(value),
            }
        }
        Column::Errors => format!("{:.2} %", algorithm.error_rate * 100.0),
    }
}

fn simulated(oracle: &OracleSummary, column: Column) -> String {
    match column {
        Column::Name => format!("  {BEST_POSSIBLE}"),
        Column::Rate => "-".to_owned(),
        Column::Latency(metric) => oracle
            .latency_ms
            .as_ref()
            .map_or_else(|| "-".to_owned(), |latency| short(latency_of(latency, metric))),
        Column::Errors => format!("{:.2} %", oracle.error_rate * 100.0),
    }
}

/// Formats a number with three significant digits, or more before the decimal point.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn legend(ranking: &Ranking<'_>) -> String {
    let standings = || ranking.algorithms.iter().map(|one| ranking.standing(&one.name));
    let leading = if standings().any(|one| one == Standing::Winner) {
        "> winner. "
    } else if standings().any(|one| one == Standing::Best) {
        "> the best and those that cannot be distinguished from it. "
    } else {
        ""
    };
    let latency = match ranking.whiskers() {
        Whiskers::Interval => "Latency: estimate over the trials [95 % interval].",
        Whiskers::Range => {
            "Latency: estimate over the trials (smallest to largest trial: too few for an interval)."
        }
        Whiskers::Single => "Latency: the only valid trial of each algorithm.",
        Whiskers::None => "Latency: all requests of the valid trials.",
    };
    format!("{leading}{latency}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{Answer, Latency, Lead, MetricEstimate, TrialSummary};

    fn algorithm(name: &str, scale: f64) -> AlgorithmSummary {
        let estimate = |(metric, value): (Metric, f64)| MetricEstimate {
            metric,
            trials: 12,
            estimate: value * scale,
            interval: Some([value * scale * 0.97, value * scale * 1.03]),
            range: [value * scale * 0.9, value * scale * 1.1],
        };
        let values = [(Metric::Mean, 31.0), (Metric::P50, 18.7), (Metric::P95, 97.3), (Metric::P99, 201.6)];
        AlgorithmSummary {
            name: name.to_owned(),
            throughput_rps: 187.6,
            error_rate: 0.0012,
            estimates: values.map(estimate).into(),
            ..AlgorithmSummary::default()
        }
    }

    fn scenario(names: [&str; 2]) -> ScenarioSummary {
        let latency = Latency {
            mean: 24.0,
            min: 1.0,
            p50: 16.7,
            p90: 50.0,
            p95: 66.8,
            p99: 120.0,
            p999: 130.0,
            max: 140.0,
        };
        let oracle = |name: &str, factor: f64| OracleSummary {
            name: name.to_owned(),
            knows: "everything".to_owned(),
            latency_ms: Some(Latency { p95: latency.p95 * factor, ..latency.clone() }),
            error_rate: 0.0,
        };
        let lost = TrialSummary {
            label: "rl".to_owned(),
            problems: vec!["late".to_owned()],
            ..TrialSummary::default()
        };
        ScenarioSummary {
            algorithms: vec![algorithm(names[0], 6.5), algorithm(names[1], 1.0)],
            oracles: vec![oracle("one", 1.1), oracle("two", 1.0)],
            trials: vec![lost],
            answer: Some(Answer {
                metric: Metric::P95,
                leader: names[1].to_owned(),
                tied: Vec::new(),
                beaten: vec![Lead { label: names[0].to_owned(), effect: -0.85, interval: None }],
                blocks: 12,
                title: String::new(),
                sentences: Vec::new(),
            }),
            ..ScenarioSummary::default()
        }
    }

    #[test]
    fn the_table_is_best_first_with_the_winner_marked_and_one_row_of_bounds() {
        let drawn = results(&scenario(["round-robin", "least-connections"])).expect("there are results");
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines[0].starts_with("  Algorithm") && lines[0].contains("P95 ms [95 %]"), "{drawn}");
        assert!(
            lines[1].starts_with("> least-connections") && lines[1].contains("97.3 [94.4, 100]"),
            "{drawn}"
        );
        assert!(lines[2].starts_with("  round-robin") && lines[2].contains("632 [613, 651]"), "{drawn}");
        assert!(lines[3].starts_with("  rl: no valid trial"), "{drawn}");
        assert!(lines[4].starts_with("  best possible (simulated)") && lines[4].contains("66.8"), "{drawn}");
        assert!(lines[5].starts_with("> winner."), "{drawn}");
    }

    #[test]
    fn the_table_fits_a_terminal_whatever_the_names() {
        for length in [3, 20, 35, 60, 120] {
            let name = "very-long-name-of-an-algorithm-".repeat(4)[..length].to_owned();
            let drawn = results(&scenario([&name, "p2c"])).expect("there are results");
            assert!(drawn.lines().all(|line| line.chars().count() <= WIDTH), "{length}:\n{drawn}");
            assert!(drawn.contains("P95 ms [95 %]"), "the metric that decides stays: {drawn}");
        }
    }
}
