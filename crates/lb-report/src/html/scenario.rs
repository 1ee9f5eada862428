//! One scenario: results, statistics, charts, faults, then the evidence of validity.

use super::table::{class, scrolling};
use super::{figure, prose};
use crate::charts::figures;
use crate::spoken::spoken;
use crate::tables::{
    OVERHEAD_NEEDS, Table, aa, bounds, connections, connections_by_backend, exploratory, failures,
    fault_tables, max_rates, observed, overheads, overheads_are_missing, processes, recovery,
    recovery_sentences, requests, resources, results, shares, statistics, steering, switches, thresholds,
    tone, validity,
};
use crate::text::{count, percent, seconds, senders, verdict, words};
use lb_results::{Comparison, PairComparison, ScenarioSummary, Summary, Verdict};
use maud::{Markup, html};

/// The most pairs whose sentences and tables are shown unfolded.
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
                    p.sub {
                        "Latency covers requests that got the expected reply, up to its last byte."
                        @if !scenario.oracles.is_empty() {
                            " The last row is a bound: the best result, simulated on the same schedules, of \
                            policies that know what no load balancer can know."
                        }
                    }
                }
                None => p { "No algorithm has a valid trial." },
            }
            (details("Bounds in detail", bounds(scenario)))
            @if let Some(comparison) = &scenario.comparison { (statistics_of(comparison)) }
            (charts(&id, scenario))
            (scraped(scenario))
            (faults(scenario))
            (after_peak(scenario))
            (hits_and_misses(scenario))
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
    if let Some(spoken) = spoken(scenario) {
        text += &format!(" Spoken: {spoken}.");
    }
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

fn statistics_of(comparison: &Comparison) -> Markup {
    let open = comparison.pairs.len() <= OPEN_PAIRS;
    html! {
        @if !comparison.pairs.is_empty() {
            h3 { "Statistics" }
            p { (tally(comparison)) }
            @if open {
                (sentences(&comparison.pairs))
            } @else {
                details { summary { "Every pair in a sentence" } (sentences(&comparison.pairs)) }
            }
            (method(comparison))
            @for pair in &comparison.pairs {
                @if let Some(table) = statistics(pair) {
                    details open[open] {
                        summary {
                            (pair.candidate) " against " (pair.baseline) " "
                            span.badge.(class(tone(pair.verdict))) { (verdict(pair.verdict)) }
                        }
                        (scrolling(&table))
                        (details("Exploratory metrics", exploratory(pair)))
                    }
                } @else if let Some(table) = exploratory(pair) {
                    details { summary { (pair.candidate) " against " (pair.baseline) } (scrolling(&table)) }
                }
            }
        }
    }
}

fn sentences(pairs: &[PairComparison]) -> Markup {
    html! {
        ul.verdicts {
            @for pair in pairs {
                li { span.badge.(class(tone(pair.verdict))) { (verdict(pair.verdict)) } " " (prose(&pair.sentence)) }
            }
        }
    }
}

/// Counts the verdicts, so that folding the pairs hides nothing.
fn tally(comparison: &Comparison) -> String {
    let count_of = |verdict: Verdict| comparison.pairs.iter().filter(|pair| pair.verdict == verdict).count();
    let decided = count_of(Verdict::Better) + count_of(Verdict::Worse);
    let parts = [
        (decided, "in which one is better"),
        (count_of(Verdict::Mixed), "better in some metrics and worse in others"),
        (count_of(Verdict::Different), "different in metrics without a better direction"),
        (count_of(Verdict::Equivalent), "equivalent"),
        (count_of(Verdict::NotEnoughData), "undecided for lack of data"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    format!("{} of algorithms: {}.", count(comparison.pairs.len(), "pair"), parts.join("; "))
}

fn method(comparison: &Comparison) -> Markup {
    html! {
        details {
            summary { "How to read the tables" }
            p.sub {
                "The unit is the trial, and trials are paired by block. Effect: Hodges–Lehmann estimate, candidate \
                 against baseline; interval: paired bootstrap; p: exact paired permutation test"
                @if comparison.family > 0 {
                    ", adjusted by the step-down maximum method over " (count(comparison.family, "test"))
                    ", so the probability of any false alarm is at most " (percent(comparison.alpha, 0))
                }
                ". Exploratory metrics are tested individually and never make a winner. Equivalent: within ±"
                (percent(comparison.margin, 0))
                ". Minimum detectable: the smallest effect that this number of blocks detects with a probability of \
                 80 %. Blocks needed: the number that detects an effect as large as the margin."
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

fn scraped(scenario: &ScenarioSummary) -> Markup {
    html! {
        @if let Some(table) = resources(scenario) {
            h3 { "Resources and latency" }
            @for sentence in lb_analysis::resource_sentences(scenario) { p { (prose(&sentence)) } }
            (scrolling(&table))
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

fn after_peak(scenario: &ScenarioSummary) -> Markup {
    html! {
        @if let Some(table) = recovery(scenario) {
            h3 { "Recovery" }
            @for sentence in recovery_sentences(scenario) { p { (prose(&sentence)) } }
            (scrolling(&table))
        }
    }
}

fn hits_and_misses(scenario: &ScenarioSummary) -> Markup {
    html! {
        @if let Some(tables) = observed(scenario) {
            h3 { "Hits and misses" }
            @for sentence in &tables.sentences { p { (prose(sentence)) } }
            @if let Some(hits) = &tables.hits { (scrolling(hits)) }
            (details("Replies by value", Some(tables.values)))
        }
    }
}

fn evidence(summary: &Summary, scenario: &ScenarioSummary) -> Markup {
    let held = thresholds(summary.thresholds.iter().filter(|threshold| threshold.scenario == scenario.name));
    html! {
        @if overheads_are_missing(scenario) {
            h3 { "Overhead of load balancers" }
            p { (OVERHEAD_NEEDS) }
        } @else if let Some(table) = overheads(scenario) {
            h3 { "Overhead of load balancers" }
            (scrolling(&table))
        }
        @if let Some(table) = steering(scenario) { h3 { "Steering" } (scrolling(&table)) }
        @if let Some(table) = connections(scenario) { h3 { "Connections" } (scrolling(&table)) }
        @if let Some(table) = connections_by_backend(scenario) { h3 { "Connections by backend" } (scrolling(&table)) }
        @if let Some(table) = failures(scenario) { h3 { "Failures" } (scrolling(&table)) }
        @if let Some(table) = switches(scenario) { h3 { "Switches" } (scrolling(&table)) }
        @if let Some(table) = validity(scenario) { h3 { "Trials" } (scrolling(&table)) }
        @if let Some(table) = held { h3 { "Thresholds" } (scrolling(&table)) }
        @if let Some((highest, probes)) = max_rates(&scenario.max_rates) {
            h3 { "Highest rates" }
            (scrolling(&highest))
            @for sentence in lb_analysis::rate_sentences(&scenario.max_rates) { p { (sentence) } }
            (details("Rates that were tried", Some(probes)))
        }
        @if !scenario.noise.is_empty() { h3 { "A/A comparison" } }
        @for noise in &scenario.noise {
            @let (sentence, table) = aa(noise);
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
