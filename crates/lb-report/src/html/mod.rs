//! The HTML report: one file that needs no network, verdicts first.
//!
//! Tables are plain HTML; charts are Plotly specifications in `<script type="application/json">`, drawn
//! by `page.js` with the Plotly that the `plotly` crate carries. A Content-Security-Policy forbids every
//! request to elsewhere. Text goes through `maud`, which escapes it; JSON has its `<` escaped.

mod head;
mod scenario;
mod table;

use super::caveats::{Caveat, Weight, caveats, nothing_compared};
use super::charts::{Figure, Panel};
use super::tables::{Tone, environment, tone};
use super::text::{command_line, moment, verdict};
use lb_results::{Comparison, PairComparison, Summary};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use plotly::Plot;
use table::class;

pub use table::scrolling;

const SCRIPT: &str = include_str!("page.js");

/// With more verdicts than this, those without a difference are folded.
const OPEN_VERDICTS: usize = 12;

/// Renders the report as one HTML document.
pub fn render_html(summary: &Summary) -> String {
    let title = format!("Load balancing report: {}", summary.run_id);
    let body = html! {
        (verdicts(summary))
        (voids(summary))
        (contents(summary))
        @for (number, scenario) in summary.scenarios.iter().enumerate() {
            (scenario::section(summary, number, scenario))
        }
        (repeat(summary))
    };
    page(&title, &subtitle(summary), &body)
}

/// Renders a whole page around `body`: style, heading, and the scripts that draw its charts.
pub fn page(title: &str, subtitle: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head::head(title))
            body {
                header { h1 { (title) } p.sub { (subtitle) } }
                main { (body) }
                (plotly_script())
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn subtitle(summary: &Summary) -> String {
    format!(
        "{} · {} engine · {} · seed {} · bench {}",
        moment(&summary.started_at),
        summary.engine,
        summary.load_balancer,
        summary.seed,
        summary.version
    )
}

/// Renders the verdicts, which come before any number.
fn verdicts(summary: &Summary) -> Markup {
    html! {
        section #verdicts aria-labelledby="verdicts-title" {
            h2 #verdicts-title { "Verdict" }
            @for scenario in &summary.scenarios {
                @if summary.scenarios.len() > 1 { h3 { (scenario.name) } }
                @match &scenario.comparison {
                    Some(comparison) if !comparison.pairs.is_empty() => (pairs(comparison)),
                    _ => p { (nothing_compared(scenario)) },
                }
            }
            @if summary.scenarios.is_empty() { p { "No scenario was completed, so there is nothing to report." } }
            @let broken = summary.thresholds.iter().filter(|threshold| !threshold.ok).count();
            @if broken > 0 {
                p { span.badge.bad { "failed" } " " (broken) " of " (summary.thresholds.len()) " threshold checks did not hold." }
            }
        }
    }
}

fn pairs(comparison: &Comparison) -> Markup {
    let says_something = |pair: &&PairComparison| tone(pair.verdict) != Tone::Plain;
    let item = |pair: &PairComparison| {
        html! {
            li { span.badge.(class(tone(pair.verdict))) { (verdict(pair.verdict)) } " " (pair.sentence) }
        }
    };
    if comparison.pairs.len() <= OPEN_VERDICTS {
        return html! { ul.verdicts { @for pair in &comparison.pairs { (item(pair)) } } };
    }
    let (said, unsaid): (Vec<_>, Vec<_>) = comparison.pairs.iter().partition(says_something);
    html! {
        ul.verdicts { @for pair in said { (item(pair)) } }
        @if !unsaid.is_empty() {
            details {
                summary { (unsaid.len()) " pairs without a clear difference" }
                ul.verdicts { @for pair in unsaid { (item(pair)) } }
            }
        }
    }
}

fn voids(summary: &Summary) -> Markup {
    let badge = |caveat: &Caveat| match caveat.weight {
        Weight::Serious => "bad",
        Weight::Know => "care",
        Weight::Fine => "good",
    };
    html! {
        section #voids aria-labelledby="voids-title" {
            h2 #voids-title { "Caveats" }
            ul.verdicts {
                @for caveat in caveats(summary) {
                    li { span.badge.(badge(&caveat)) { (caveat.weight.word()) } " " (caveat.text) }
                }
            }
        }
    }
}

fn contents(summary: &Summary) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @for (number, scenario) in summary.scenarios.iter().enumerate() {
                    li { a href={ "#scenario-" (number + 1) } { "Scenario " (scenario.name) } }
                }
                li { a href="#repeat" { "Repeat this run" } }
            }
        }
    }
}

fn repeat(summary: &Summary) -> Markup {
    let config = serde_json::to_string_pretty(&summary.config.content).unwrap_or_default();
    html! {
        section #repeat aria-labelledby="repeat-title" {
            h2 #repeat-title { "Repeat this run" }
            pre.command tabindex="0" { code { (command_line(&summary.command)) } }
            (scrolling(&environment(summary)))
            details {
                summary { "Config " (summary.config.name) }
                pre tabindex="0" { code { (config) } }
            }
        }
    }
}

/// Renders a figure with its panels and their specifications; `prefix` makes its id unique on the page.
pub fn figure(prefix: &str, figure: &Figure) -> Markup {
    let id = format!("{prefix}-{}", figure.id);
    html! {
        figure #(id) {
            figcaption { strong { (figure.title) } " " span.sub { (figure.caption) } }
            @if !figure.legend.is_empty() {
                ul.legend {
                    @for (name, colour) in &figure.legend {
                        li { span.swatch style={ "background:" (colour) } {} (name) }
                    }
                }
            }
            div.panels.many[figure.panels.len() > 1] {
                @for panel in &figure.panels { (self::panel(panel)) }
            }
            noscript { p { "Charts need JavaScript. The tables hold the numbers." } }
        }
    }
}

fn panel(panel: &Panel) -> Markup {
    // `<` is the only character that could end the script element or open a comment in it.
    let spec = panel.spec.to_string().replace('<', "\\u003c");
    html! {
        div.panel {
            @if let Some(title) = &panel.title { h5 { (title) } }
            div.chart role="img" aria-label=(panel.alt) style={ "height:" (panel.height) "px" } {
                script type="application/json" { (PreEscaped(spec)) }
            }
        }
    }
}

/// Returns the script of Plotly alone: the crate's sources also hold MathJax, which no chart needs.
fn plotly_script() -> Markup {
    let sources = Plot::offline_js_sources();
    let end = "</script>";
    let scripts = sources.split_inclusive(end).map(str::trim);
    let plotly = scripts.filter(|script| script.contains("plotly.js v")).collect::<String>();
    html! { (PreEscaped(plotly)) }
}
