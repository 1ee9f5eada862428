//! The HTML report: one file that starts with the answer and needs neither a network nor scripts.
//!
//! Tables are plain HTML, charts are SVG. A Content-Security-Policy forbids scripts and requests. Text goes
//! through `maud`, which escapes it.

mod answer;
mod head;
mod scenario;
mod table;

use super::caveats::{Caveat, Weight, caveats};
use super::charts::kit::{Arrangement, Figure, Panel, symbols};
use super::tables::environment;
use super::text::{Piece, command_line, moment, pieces};
use lb_results::Summary;
use maud::{DOCTYPE, Markup, html};

pub use table::scrolling;

/// Renders the report as one HTML document.
pub fn render_html(summary: &Summary) -> String {
    let title = format!("{}: {}", answer::title(summary), summary.config.name);
    let body = html! {
        main {
            (answer::section(summary))
            (contents(summary))
            (voids(summary))
            @for (number, scenario) in summary.scenarios.iter().enumerate() {
                (scenario::section(summary, number, scenario))
            }
            (repeat(summary))
        }
    };
    document(&title, &body)
}

/// Renders a whole page around `body`, with a heading and a line below it.
pub fn page(title: &str, subtitle: &str, body: &Markup) -> String {
    let body = html! {
        header { h1 { (title) } p.sub { (subtitle) } }
        main { (body) }
    };
    document(title, &body)
}

fn document(title: &str, body: &Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            (head::head(title))
            body { (symbols()) (body) }
        }
    };
    document.into_string()
}

/// Describes the run in one line of small print.
fn small_print(summary: &Summary) -> String {
    let bench =
        if summary.version.is_empty() { String::new() } else { format!(" · bench {}", summary.version) };
    format!(
        "{} · {} · {} engine · {} · seed {}{bench}",
        summary.run_id,
        moment(&summary.started_at),
        summary.engine,
        summary.load_balancer,
        summary.seed,
    )
}

/// Renders text; parts in backticks and flags such as `--users` become code.
pub fn prose(text: &str) -> Markup {
    html! {
        @for piece in pieces(text) {
            @match piece {
                Piece::Prose(text) => {
                    @for word in text.split_inclusive([' ', '(']) { (self::word(word)) }
                }
                Piece::Code(text) => { code { (text) } }
            }
        }
    }
}

/// Renders a word with the separator that follows it.
fn word(word: &str) -> Markup {
    let flag = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let end = word.find(|c| !flag(c)).unwrap_or(word.len());
    let is_flag = word.starts_with("--") && end > 2;
    html! {
        @if is_flag { code { (word[..end]) } (word[end..]) } @else { (word) }
    }
}

fn voids(summary: &Summary) -> Markup {
    let badge = |weight: Weight| match weight {
        Weight::Serious => "bad",
        Weight::Know => "care",
        Weight::Fine => "good",
    };
    let caveats = caveats(summary);
    let used = |weight: &Weight| caveats.iter().any(|caveat: &Caveat| caveat.weight == *weight);
    html! {
        section #voids aria-labelledby="voids-title" {
            h2 #voids-title { "Caveats" }
            p.sub.meanings {
                @for (place, weight) in Weight::ALL.into_iter().filter(used).enumerate() {
                    @if place > 0 { " · " }
                    span.badge.(badge(weight)) { (weight.word()) } " " (weight.meaning())
                }
            }
            ul.verdicts {
                @for caveat in &caveats {
                    li { span.badge.(badge(caveat.weight)) { (caveat.weight.word()) } " " (prose(&caveat.text)) }
                }
            }
        }
    }
}

fn contents(summary: &Summary) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                li { a href="#voids" { "Caveats" } }
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

/// Renders a figure with its panels; `prefix` makes its id unique on the page.
pub fn figure(prefix: &str, figure: &Figure) -> Markup {
    let id = format!("{prefix}-{}", figure.id);
    html! {
        figure #(id) {
            figcaption { strong { (figure.title) } " " span.sub { (figure.caption) } }
            @if !figure.legend.is_empty() {
                ul.legend { @for key in &figure.legend { (key.draw()) } }
            }
            div.panels.many[figure.arrangement == Arrangement::Grid] {
                @for panel in &figure.panels { (self::panel(panel)) }
            }
        }
    }
}

fn panel(panel: &Panel) -> Markup {
    html! {
        div.panel {
            @if let Some(title) = &panel.title { div.panel-title { (title) } }
            (panel.draw())
            @if !panel.note.is_empty() { p.sub { (panel.note) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_rendered_as_code_and_everything_is_escaped() {
        assert_eq!(prose("use `a<b` & more").into_string(), "use <code>a&lt;b</code> &amp; more");
        assert_eq!(prose("(--repetitions 6) -- a").into_string(), "(<code>--repetitions</code> 6) -- a");
    }
}
