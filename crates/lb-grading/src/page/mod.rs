//! Pages of an analysis and of a comparison: one HTML file that needs neither a network nor scripts, drawn with the kit
//! of `lb-report`.

mod bars;
mod figures;
mod lines;
mod side;
mod tables;

use crate::analyze::Analysis;
use crate::compare::{Comparison, of_test};
use crate::gate::Gate;
use crate::test::Test;
use figures::figures;
use lb_report::parts::{figure, page, prose, scrolling};
use maud::{Markup, html};
use side::Side;

/// Renders the page of an analysis: each test with its values, its findings and its charts.
pub fn render_page(analysis: &Analysis, gates: &[Gate]) -> String {
    let body = html! {
        @if analysis.tests.len() > 1 {
            section #all aria-labelledby="all-title" {
                h2 #all-title { "All tests" }
                (scrolling(&tables::tests(&analysis.tests)))
            }
        }
        @for (number, test) in analysis.tests.iter().enumerate() { (one(number, test)) }
        (ends(&analysis.notes, gates))
    };
    let kinds = if analysis.tests.len() == 1 {
        "1 test".to_owned()
    } else {
        format!("{} tests", analysis.tests.len())
    };
    page(&format!("Load test: {}", analysis.source), &format!("{kinds} · bench analyze"), &body)
}

/// Renders the page of a comparison: each pair with its findings first, then values and charts of both sides.
pub fn render_comparison_page(comparison: &Comparison, gates: &[Gate]) -> String {
    let body = html! {
        @for (number, pair) in comparison.pairs.iter().enumerate() {
            @let id = format!("pair-{number}");
            section #(id) aria-labelledby={ (id) "-title" } {
                h2 id={ (id) "-title" } { (pair.name) }
                (sentences(&pair.findings))
                (scrolling(&tables::totals(&pair.baseline, &pair.improved)))
                @if let Some(table) = tables::endpoints(&pair.baseline, &pair.improved) { (scrolling(&table)) }
                (drawn(&id, &[Side::new("baseline", &pair.baseline, 0), Side::new("improved", &pair.improved, 1)]))
                (own(&pair.baseline, "baseline: "))
                (own(&pair.improved, "improved: "))
            }
        }
        (ends(&comparison.notes, gates))
    };
    let title = format!("{} against {}", comparison.improved, comparison.baseline);
    page(&title, "Comparison of load tests · bench analyze", &body)
}

fn one(number: usize, test: &Test) -> Markup {
    let id = format!("test-{number}");
    html! {
        section #(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (test.name) }
            p.sub { (test.format) " · " (test.file) }
            (sentences(&of_test(test)))
            (scrolling(&tables::values(test)))
            @if let Some(table) = tables::breakdown(test) { (scrolling(&table)) }
            (drawn(&id, &[Side::new(&test.name, test, 0)]))
            (own(test, ""))
        }
    }
}

fn sentences(sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() { ul.verdicts { @for sentence in sentences { li { (prose(sentence)) } } } }
    }
}

fn drawn(id: &str, sides: &[Side<'_>]) -> Markup {
    html! { @for of in figures(sides) { (figure(id, &of)) } }
}

/// Renders what a test says of itself: thresholds, checks, notes.
fn own(test: &Test, side: &str) -> Markup {
    html! {
        @if let Some(table) = tables::own_limits(test, side) { (scrolling(&table)) }
        @if !test.notes.is_empty() {
            ul.sub { @for note in &test.notes { li { (prose(&format!("{side}{note}"))) } } }
        }
    }
}

fn ends(notes: &[String], gates: &[Gate]) -> Markup {
    html! {
        @if !gates.is_empty() {
            section #thresholds aria-labelledby="thresholds-title" {
                h2 #thresholds-title { "Thresholds" }
                (scrolling(&tables::gates(gates)))
            }
        }
        @if !notes.is_empty() {
            section #notes aria-labelledby="notes-title" {
                h2 #notes-title { "Notes" }
                ul { @for note in notes { li { (prose(note)) } } }
            }
        }
    }
}
