//! Writes trials as lines of the Go benchmark data format (Go proposal 14313), so that `benchstat` can
//! compare algorithms: `benchstat -col /algo benchmark.txt`.
//!
//! There is one line per valid trial, because benchstat treats lines with the same name as samples. A line
//! has a name, a count of iterations, and pairs of value and unit; `key: value` lines apply to all lines
//! below them.

use lb_results::{Metric, ScenarioSummary, Summary, TrialSummary};
use std::fmt::Write;

/// Metrics of a line with their units. The unit names the metric, because benchstat makes a table per unit.
const UNITS: [(Metric, &str); 8] = [
    (Metric::Mean, "ms/avg"),
    (Metric::P50, "p50-ms"),
    (Metric::P95, "p95-ms"),
    (Metric::P99, "p99-ms"),
    (Metric::P999, "p99.9-ms"),
    (Metric::ErrorRate, "error-ratio"),
    (Metric::Goodput, "req/s"),
    (Metric::JainIndex, "jain-index"),
];

/// Renders the valid trials as benchmark lines.
pub fn render_go_benchmark(summary: &Summary) -> String {
    let mut out = String::new();
    let (os, architecture) = summary.host.os.split_once('-').unwrap_or((&summary.host.os, "unknown"));
    let settings = [
        ("goos", os),
        ("goarch", architecture),
        ("pkg", "bench"),
        ("cpu", &summary.host.cpu),
        ("run", &summary.run_id),
        ("commit", &summary.commit),
        ("engine", summary.engine.name()),
        ("fingerprint", &summary.fingerprint),
        ("schedule", &summary.schedule_sha256),
    ];
    for (key, value) in settings {
        let _ = writeln!(out, "{key}: {}", one_line(value));
    }
    for unit in UNITS.iter().filter(|(metric, _)| metric.has_direction()) {
        let better = if unit.0.higher_is_better() { "higher" } else { "lower" };
        let _ = writeln!(out, "Unit {} better={better}", unit.1);
    }
    out.push('\n');
    for scenario in &summary.scenarios {
        for trial in scenario.trials.iter().filter(|trial| trial.is_valid()) {
            line(&mut out, scenario, trial);
        }
    }
    out
}

fn line(out: &mut String, scenario: &ScenarioSummary, trial: &TrialSummary) {
    let values = UNITS.iter().filter_map(|(metric, unit)| Some((trial.metric(*metric)?, *unit)));
    let values: Vec<String> = values
        .filter(|(value, _)| value.is_finite())
        .map(|(value, unit)| format!("{value} {unit}"))
        .collect();
    if !values.is_empty() {
        let _ = writeln!(
            out,
            "BenchmarkLB/algo={}/scenario={} 1 {}",
            sanitised(&trial.label),
            sanitised(&scenario.name),
            values.join(" ")
        );
    }
}

/// Returns a name without white space, and without `/` and `=`, which separate the keys of a name. A final
/// `-<digits>` would be read as GOMAXPROCS, so its `-` becomes `_`.
fn sanitised(name: &str) -> String {
    let mut clean: String = name
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() || "/=".contains(c) { '_' } else { c })
        .collect();
    if let Some(dash) = clean.rfind('-').filter(|&dash| {
        let digits = &clean[dash + 1..];
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    }) {
        clean.replace_range(dash..=dash, "_");
    }
    if clean.is_empty() { "_".to_owned() } else { clean }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
