//! One scenario: results, statistics, charts, faults, then what their validity rests on.

use super::table::scrolling;
use super::{class, figure};
use crate::charts::figures;
use crate::tables::{
    Table, aa, estimates, fault_tables, max_rates, overheads, processes, requests, results, shares,
    statistics, steering, switches, thresholds, tone, validity,
};
use crate::text::{count, percent, seconds, senders, verdict, words};
use lb_results::{Comparison, ScenarioSummary, Summary};
use maud::{Markup, html};

/// More pairs than this are folded in the statistics.
const OPEN_PAIRS: usize = 3;

pub(super) fn section(summary: &Summary, number: usize, scenario: &ScenarioSummary) -> Markup {
    let id = format!("scenario-{}", number + 1);
    html! {
        section #(id) aria-labelledby={ (id) "-title" } {
            h2 #{ (id) "-title" } { "Scenario " (scenario.name) }
            p { (description(scenario)) }
            h3 { "Results" }
            @match results(scenario) {
                Some(table) => {
                    (scrolling(&table))
                    p.sub { (latency_note(scenario)) }
                }
                None => p { "No algorithm has a valid trial." },
            }
            @if let Some(table) = estimates(scenario) { (scrolling(&table)) }
            @if let Some(comparison) = &scenario.comparison { (statistics_of(comparison)) }
            (charts(&id, scenario))
            (faults(scenario))
            (evidence(summary, scenario))
            (details("Share of requests per backend", shares(scenario)))
            (details("All kinds of requests", requests(scenario)))
            (details("CPU time per process", processes(scenario)))
        }
    }
}

fn description(scenario: &ScenarioSummary) -> String {
    let mut text = format!(
        "{} measured, {} model, {}, topology {}, warm-up {}.",
        seconds(scenario.duration_s),
        scenario.model,
        senders(scenario),
        scenario.topology,
        scenario.warm_up,
    );
    if scenario.stages.len() > 1 {
        let stages: Vec<String> = scenario
            .stages
            .iter()
            .map(|stage| {
                format!("{} ({} to {})", words(&stage.name), seconds(stage.start_s), seconds(stage.end_s))
            })
            .collect();
        text += &format!(" Stages: {}.", stages.join(", "));
    }
    text
}

fn latency_note(scenario: &ScenarioSummary) -> String {
    let mut text =
        "Latency is that of requests that got the expected reply, to the last byte of it.".to_owned();
    if !scenario.oracles.is_empty() {
        let oracles: Vec<String> =
            scenario.oracles.iter().map(|oracle| format!("{} knows {}", oracle.name, oracle.knows)).collect();
        text += &format!(
            " Rows set apart are bounds, simulated on the same schedules: they know what no load balancer can know. {}.",
            oracles.join("; ")
        );
    }
    text
}

fn statistics_of(comparison: &Comparison) -> Markup {
    let open = comparison.pairs.len() <= OPEN_PAIRS;
    html! {
        h3 { "Statistics" }
        p.sub {
            "The unit is the trial, and trials are paired by block. Effect: Hodges–Lehmann estimate, candidate against \
             baseline; interval: paired bootstrap; p: exact paired permutation test, adjusted by Holm's method over "
            (count(comparison.family, "test")) ", so that a false alarm anywhere has a probability of at most "
            (percent(comparison.alpha, 0)) ". Equivalent: within ±" (percent(comparison.margin, 0))
            ". Minimum detectable: the smallest effect that this number of blocks detects with a probability of 80 %. \
             Blocks needed: the number that detects an effect as large as the margin."
        }
        @for pair in &comparison.pairs {
            @if let Some(table) = statistics(pair) {
                details open[open] {
                    summary {
                        (pair.candidate) " against " (pair.baseline) " "
                        span.badge.(class(tone(pair.verdict))) { (verdict(pair.verdict)) }
                    }
                    (scrolling(&table))
                }
            }
        }
    }
}

fn charts(id: &str, scenario: &ScenarioSummary) -> Markup {
    let figures = figures(scenario);
    html! {
        @if !figures.is_empty() {
            h3 { "Charts" }
            @for one in &figures { (figure(id, one)) }
        }
    }
}

fn faults(scenario: &ScenarioSummary) -> Markup {
    let faults = fault_tables(scenario);
    html! {
        @if !faults.is_empty() {
            h3 { "Faults" }
            p.sub {
                "Time to avoid: from the start of the fault until the share of the faulty backends stayed below half \
                 of what it was. Time to return: from its end until the share was back above \
                 four fifths."
            }
            @for fault in &faults {
                h4 { (fault.title) }
                @if fault.response.rows.is_empty() { p { "Nothing was measured around this fault." } }
                @else { (scrolling(&fault.response)) (scrolling(&fault.phases)) }
            }
        }
    }
}

fn evidence(summary: &Summary, scenario: &ScenarioSummary) -> Markup {
    let held = thresholds(summary.thresholds.iter().filter(|threshold| threshold.scenario == scenario.name));
    html! {
        @if let Some(table) = overheads(scenario) { h3 { "Overhead of load balancers" } (scrolling(&table)) }
        @if let Some(table) = steering(scenario) { h3 { "Steering" } (scrolling(&table)) }
        @if let Some(table) = switches(scenario) { h3 { "Switches" } (scrolling(&table)) }
        @if let Some(table) = validity(scenario) { h3 { "Trials" } (scrolling(&table)) }
        @if let Some(table) = held { h3 { "Thresholds" } (scrolling(&table)) }
        @if let Some((highest, probes)) = max_rates(&scenario.max_rates) {
            h3 { "Highest rates" }
            (scrolling(&highest))
            (details("Rates that were tried", Some(probes)))
        }
        @if let Some(noise) = &scenario.aa {
            @let (sentence, table) = aa(noise);
            h3 { "A/A comparison" }
            p { (sentence) }
            (scrolling(&table))
        }
    }
}

fn details(title: &str, table: Option<Table>) -> Markup {
    html! {
        @if let Some(table) = table {
            details { summary { (title) } (scrolling(&table)) }
        }
    }
}
