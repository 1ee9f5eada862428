//! The table that Locust prints on the console, with its columns and widths, so that who knows Locust finds each figure
//! where it has always been.
//!
//! Times are whole milliseconds and cover failed requests as well, as Locust's do; the other tables cover successful
//! ones alone. Rows are ordered by name and method.

use lb_core::plain;
use lb_results::{AlgorithmSummary, Latency, Summary};
use std::fmt::Write;

/// Width of the column with the method.
const TYPE_WIDTH: usize = 8;
/// Width of the column with the name. Longer names stretch the column.
const NAME_WIDTH: usize = 40;

/// One line of the table.
struct Line<'a> {
    kind: &'a str,
    name: &'a str,
    requests: u64,
    failures: u64,
    latency: Option<&'a Latency>,
}

/// Renders the requests of each algorithm of each scenario as Locust does.
pub fn render_locust_stats(summary: &Summary) -> String {
    let mut out = String::new();
    for scenario in &summary.scenarios {
        for algorithm in &scenario.algorithms {
            let _ = writeln!(
                out,
                "\nScenario \"{}\", {}",
                plain::line(&scenario.name),
                plain::line(&algorithm.name)
            );
            out.push_str(&table(algorithm));
        }
    }
    out
}

fn table(algorithm: &AlgorithmSummary) -> String {
    let mut lines: Vec<Line<'_>> = algorithm
        .actions
        .iter()
        .map(|action| Line {
            kind: &action.method,
            name: &action.name,
            requests: action.requests,
            failures: action.errors,
            latency: action.latency_all_ms.as_ref().or(action.latency_ms.as_ref()),
        })
        .collect();
    lines.sort_by_key(|line| (line.name, line.kind));
    let failed = |line: &Line<'_>| line.failures;
    let total = Line {
        kind: "",
        name: "Aggregated",
        requests: algorithm.total_requests,
        failures: lines.iter().map(failed).sum(),
        latency: algorithm.latency_all_ms.as_ref(),
    };
    let longest = lines.iter().map(|line| plain::line(line.name).chars().count()).max().unwrap_or(0);
    let width = longest.max(NAME_WIDTH);
    let mut out = format!(
        "{:<TYPE_WIDTH$} {:<width$} {:>7} {:>13} |{:>7} {:>7} {:>7} {:>7} |{:>8} {:>11}\n",
        "Type", "Name", "# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s"
    );
    let dashes =
        [TYPE_WIDTH, width, 7, 14, 7, 7, 7, 8, 8, 11].map(|length| "-".repeat(length)).join("|") + "\n";
    out += &dashes;
    for line in &lines {
        out += &row(line, algorithm.measured_s, width);
    }
    out += &dashes;
    out += &row(&total, algorithm.measured_s, width);
    out
}

fn row(line: &Line<'_>, measured_s: f64, width: usize) -> String {
    let share = 100.0 * line.failures as f64 / line.requests.max(1) as f64;
    let failures = format!("{}({share:.2}%)", line.failures);
    let per_second = |count: u64| if measured_s > 0.0 { count as f64 / measured_s } else { 0.0 };
    let of = |pick: fn(&Latency) -> f64| line.latency.map_or(0.0, pick);
    format!(
        "{:<TYPE_WIDTH$} {:<width$} {:>7} {failures:>13} |{:>7.0} {:>7.0} {:>7.0} {:>7.0} |{:>8.2} {:>11.2}\n",
        plain::line(line.kind),
        plain::line(line.name),
        line.requests,
        of(|one| one.mean),
        of(|one| one.min),
        of(|one| one.max),
        of(|one| one.p50),
        per_second(line.requests),
        per_second(line.failures),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{ActionSummary, Engine, ScenarioSummary};

    #[test]
    fn columns_and_order_are_those_of_locust() {
        let latency = |mean: f64| {
            Some(Latency {
                mean,
                min: 2.0,
                p50: 9.0,
                p90: 11.0,
                p95: 12.0,
                p99: 13.0,
                p999: 14.0,
                max: 250.4,
            })
        };
        let action = |name: &str, method: &str, requests, errors| ActionSummary {
            name: name.to_owned(),
            method: method.to_owned(),
            set_up: false,
            requests,
            errors,
            latency_ms: latency(1.0),
            latency_all_ms: latency(10.6),
        };
        let algorithm = AlgorithmSummary {
            name: "p2c".to_owned(),
            measured_s: 10.0,
            total_requests: 150,
            latency_all_ms: latency(10.6),
            actions: vec![
                action("/users", "POST", 50, 5),
                action("/health", "GET", 60, 0),
                action("/users", "GET", 40, 0),
            ],
            ..AlgorithmSummary::default()
        };
        let mut summary = Summary::empty("run", Engine::Sim);
        summary.scenarios.push(ScenarioSummary {
            name: "basic".to_owned(),
            algorithms: vec![algorithm],
            ..ScenarioSummary::default()
        });
        let text = render_locust_stats(&summary);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "Scenario \"basic\", p2c");
        let words =
            |line: &str| line.replace('|', " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let header = "Type Name # reqs # fails Avg Min Max Med req/s failures/s";
        assert_eq!(words(lines[2]).join(" "), header);
        assert_eq!(words(lines[4]).join(" "), "GET /health 60 0(0.00%) 11 2 250 9 6.00 0.00");
        assert_eq!(words(lines[5]).join(" "), "GET /users 40 0(0.00%) 11 2 250 9 4.00 0.00");
        assert_eq!(words(lines[6]).join(" "), "POST /users 50 5(10.00%) 11 2 250 9 5.00 0.50");
        assert_eq!(words(lines[8]).join(" "), "Aggregated 150 5(3.33%) 11 2 250 9 15.00 0.50");
        let widths: Vec<usize> = lines[2..].iter().map(|line| line.chars().count()).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "columns are aligned: {widths:?}");
    }
}
