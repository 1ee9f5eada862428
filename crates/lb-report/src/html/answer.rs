//! The top of the page: which algorithm to choose, with a chart.

use super::{panel, prose, small_print};
use crate::charts;
use crate::headline::{Headline, headline};
use crate::text::count;
use lb_results::{ScenarioSummary, Summary};
use maud::{Markup, html};

/// Returns the answer of the run in a few words.
pub(super) fn title(summary: &Summary) -> String {
    let mut titles: Vec<String> = Vec::new();
    for scenario in &summary.scenarios {
        let title = headline(scenario).title;
        if !titles.contains(&title) {
            titles.push(title);
        }
    }
    match titles.as_slice() {
        [] => "No result".to_owned(),
        [one] => one.clone(),
        _ => format!("Answers for {}", count(summary.scenarios.len(), "scenario")),
    }
}

/// Renders the answer of each scenario.
pub(super) fn section(summary: &Summary) -> Markup {
    let several = summary.scenarios.len() > 1;
    html! {
        section #answer aria-labelledby="answer-title" {
            @if summary.scenarios.is_empty() {
                h1 #answer-title { (title(summary)) }
                p { "No scenario was completed, so there is nothing to report." }
            }
            @if several { h1 #answer-title { (title(summary)) } (thresholds(summary)) }
            @for (number, scenario) in summary.scenarios.iter().enumerate() {
                (answer(summary, number, scenario, several))
            }
            p.sub.run { (small_print(summary)) }
        }
    }
}

fn answer(summary: &Summary, number: usize, scenario: &ScenarioSummary, several: bool) -> Markup {
    let Headline { title, sentence, more, open } = headline(scenario);
    html! {
        div.answer.open[open] {
            div.lead {
                @if several {
                    h2 { (scenario.name) ": " (title) }
                } @else {
                    h1 #answer-title { (title) }
                    (thresholds(summary))
                }
                @if !sentence.is_empty() { p.sentence { (prose(&sentence)) } }
            }
            div.more {
                @for sentence in &more { p { (prose(sentence)) } }
                @if several { p { a href={ "#scenario-" (number + 1) } { "All results of " (scenario.name) } } }
            }
            div.picture { @if let Some(chart) = charts::answer(scenario) { (panel(&chart)) } }
        }
    }
}

/// Renders what else matters: an interruption, and thresholds that did not hold.
fn thresholds(summary: &Summary) -> Markup {
    let broken = summary.thresholds.iter().filter(|threshold| !threshold.ok).count();
    html! {
        @if summary.interrupted {
            p { span.badge.care { "interrupted" } " Only the trials that were completed by then count." }
        }
        @if broken > 0 {
            p {
                span.badge.bad { "failed" } " " (broken) " of "
                (count(summary.thresholds.len(), "threshold check")) " did not hold."
            }
        }
    }
}
