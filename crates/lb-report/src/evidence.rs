//! Renders the evidence on the console: verdicts, bounds, responses to faults, invalid trials, thresholds.

use super::console_table::{add, millis, percent, table};
use super::text::{time_to_avoid, time_to_return};
use super::trial_faults::{lines, tally};
use comfy_table::Table;
use lb_analysis::signed;
use lb_results::{
    AaSummary, AlgorithmSummary, FaultMark, FaultPhase, FaultResponse, Metric, MetricComparison,
    ScenarioSummary, ThresholdResult,
};
use std::fmt::Write;

/// Renders one sentence per pair, and the tests behind the sentences. Empty with a single algorithm.
pub(super) fn verdicts(scenario: &ScenarioSummary) -> String {
    let mut out = String::new();
    let Some(comparison) = &scenario.comparison else { return out };
    if comparison.pairs.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\nVerdicts");
    for pair in &comparison.pairs {
        let _ = writeln!(out, "  {}", pair.sentence);
    }
    let tested: Vec<&MetricComparison> =
        comparison.pairs.iter().flat_map(|pair| &pair.metrics).filter(|m| m.p_adjusted.is_some()).collect();
    if !tested.is_empty() {
        let _ = writeln!(
            out,
            "  ({} tests, at most {:.0} % chance of any false alarm; paired blocks, exact permutation tests, step-down maximum method; {})",
            comparison.family,
            comparison.alpha * 100.0,
            match &comparison.noise_source {
                Some(run) => format!("noise floor of {run}"),
                None if !scenario.noise.is_empty() => "the noise floor follows".to_owned(),
                None => "noise floor unknown; measure it with `bench aa`".to_owned(),
            }
        );
    }
    out
}

/// Tabulates every pair and metric, the primary metrics first. `None` if there is nothing to test.
pub(super) fn statistics(scenario: &ScenarioSummary) -> Option<Table> {
    let comparison = scenario.comparison.as_ref()?;
    let mut table =
        table(&["Pair", "Metric", "Effect", "95 % interval", "p (adjusted)", "Detectable", "Verdict"]);
    let mut rows = 0;
    for pair in &comparison.pairs {
        let tested = || pair.metrics.iter().filter(|metric| metric.p_value.is_some() && pair.blocks > 1);
        let primary = tested().filter(|metric| !metric.exploratory);
        for metric in primary.chain(tested().filter(|metric| metric.exploratory)) {
            rows += 1;
            add(&mut table, statistics_row(&format!("{} vs {}", pair.candidate, pair.baseline), metric));
        }
    }
    (rows > 0).then_some(table)
}

fn statistics_row(pair: &str, comparison: &MetricComparison) -> Vec<String> {
    let metric = comparison.metric;
    let dash = || "-".to_owned();
    vec![
        pair.to_owned(),
        match comparison.exploratory {
            true => format!("{} (exploratory)", metric.label()),
            false => metric.label().to_owned(),
        },
        signed(metric, comparison.effect),
        interval(metric, comparison.interval),
        match (comparison.p_adjusted, comparison.p_value) {
            (Some(p), _) => format!("{p:.4}"),
            (None, Some(p)) => format!("{p:.4} alone"),
            (None, None) => dash(),
        },
        comparison.minimum_detectable.map_or_else(dash, |least| either_way(metric, least)),
        comparison.verdict.label().to_owned(),
    ]
}

/// Formats the interval of an effect.
fn interval(metric: Metric, interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |[low, high]| format!("[{}, {}]", signed(metric, low), signed(metric, high)),
    )
}

/// Formats an effect without direction, such as `±3.1 %`.
fn either_way(metric: Metric, size: f64) -> String {
    signed(metric, size).replace('+', "±")
}

/// Describes what the bounds know. Empty without bounds.
pub(super) fn oracles(scenario: &ScenarioSummary) -> String {
    let known = scenario.oracles.iter().map(|oracle| format!("{} knows {}", oracle.name, oracle.knows));
    let known: Vec<String> = known.collect();
    if known.is_empty() {
        return String::new();
    }
    format!("Best possible, simulated on the same schedules: {}.\n", known.join("; "))
}

/// Tabulates the response of each algorithm to each fault. `None` without faults.
pub(super) fn faults(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = table(&[
        "Fault",
        "Algorithm",
        "P95 before (ms)",
        "during",
        "after",
        "Errors during",
        "Share before",
        "during",
        "Time to avoid",
        "Time to return",
    ]);
    for (number, mark) in scenario.faults.iter().enumerate() {
        for algorithm in &scenario.algorithms {
            if let Some(response) = algorithm.fault_responses.iter().find(|response| response.fault == number)
            {
                add(&mut table, fault_row(mark, algorithm, response, scenario.duration_s));
            }
        }
    }
    (!scenario.faults.is_empty()).then_some(table)
}

fn fault_row(
    mark: &FaultMark,
    algorithm: &AlgorithmSummary,
    response: &FaultResponse,
    duration_s: f64,
) -> Vec<String> {
    let phase = |name: FaultPhase| response.phases.iter().find(|phase| phase.name == name);
    let p95 = |name: FaultPhase| millis(phase(name).and_then(|phase| phase.p95_ms));
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| percent(share, 1));
    vec![
        format!("{} {} {:.0}-{:.0} s", mark.fault, mark.target(), mark.start_s, mark.end_s),
        algorithm.name.clone(),
        p95(FaultPhase::Before),
        p95(FaultPhase::During),
        p95(FaultPhase::After),
        phase(FaultPhase::During).map_or_else(|| "-".to_owned(), |phase| percent(phase.error_rate, 2)),
        share(response.share_before),
        share(response.share_during),
        time_to_avoid(response).unwrap_or_else(|| "-".to_owned()),
        time_to_return(response, mark.end_s < duration_s).unwrap_or_else(|| "-".to_owned()),
    ]
}

/// Lists the invalid trials by problem. Empty when all are valid.
pub(super) fn invalid(scenario: &ScenarioSummary) -> String {
    let mut out = String::new();
    if let Some(tally) = tally(scenario) {
        let _ = writeln!(out, "  {tally}");
    }
    for line in lines(scenario) {
        let _ = writeln!(out, "  {line}");
    }
    out
}

/// Tabulates the thresholds of a run. `None` without any.
pub(super) fn thresholds(results: &[ThresholdResult]) -> Option<Table> {
    let mut table = table(&["Scenario", "Algorithm", "Threshold", "Observed", "Held"]);
    for result in results {
        let observed =
            result.observed.map_or_else(|| "nothing measured".to_owned(), |value| format!("{value:.4}"));
        add(
            &mut table,
            vec![
                result.scenario.clone(),
                result.algorithm.clone(),
                result.threshold.clone(),
                observed,
                if result.ok { "yes" } else { "NO" }.to_owned(),
            ],
        );
    }
    (!results.is_empty()).then_some(table)
}

/// Tabulates the noise that an A/A comparison measured.
pub(super) fn noise(aa: &AaSummary) -> Table {
    let mut table = table(&["Metric", "Effect", "95 % interval", "Largest pair", "Noise floor"]);
    for metric in &aa.metrics {
        let kind = metric.metric;
        add(
            &mut table,
            vec![
                kind.label().to_owned(),
                signed(kind, metric.effect),
                interval(kind, metric.interval),
                either_way(kind, metric.largest_pair),
                either_way(kind, metric.noise_floor),
            ],
        );
    }
    table
}
