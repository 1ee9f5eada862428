//! The trend page: every series over its runs, with a mark where it changed. One file that loads nothing and runs no scripts;
//! each chart has its values as a table.

mod chart;
mod experiment;
mod values;

pub use values::MOST_ROWS;

use crate::changes::SeriesChange;
use crate::series::Series;
use experiment::{Experiment, experiments};
use lb_core::plain;
use lb_report::parts::{count, page};
use maud::{Markup, html};

/// Draws series with their changes, which are numbered in this order. `history` is named in the heading.
pub fn render_trend(history: &str, series: &[Series], changes: &[SeriesChange]) -> String {
    let marks: Vec<Mark<'_>> =
        (1..).zip(changes).map(|(number, change)| Mark { name: format!("C{number}"), change }).collect();
    let experiments = experiments(series, &marks);
    let runs: usize = experiments.iter().map(|experiment| experiment.runs.len()).sum();
    let about = format!(
        "{} series of {}, {} in {history}",
        series.len(),
        count(runs, "run"),
        count(changes.len(), "marked change"),
    );
    let body = html! {
        @if experiments.len() > 1 {
            nav aria-label="Contents" {
                ul {
                    @for (number, experiment) in experiments.iter().enumerate() {
                        li { a href={ "#e" (number) } { (experiment.title()) } }
                    }
                }
            }
        }
        section aria-labelledby="changes" {
            h2 #changes { "Changes" }
            (list(&marks))
        }
        @for (number, experiment) in experiments.iter().enumerate() { (section(number, experiment)) }
    };
    plain::lines(&page("Trend", &about, &body)).into_owned()
}

/// A change with the name that it has on the page.
#[derive(Clone, Debug)]
struct Mark<'a> {
    name: String,
    change: &'a SeriesChange,
}

impl Mark<'_> {
    /// Returns what the change is, and the class of its badge.
    fn kind(&self) -> (&'static str, &'static str) {
        match self.change.worse {
            Some(true) => ("worse", "bad"),
            Some(false) => ("better", "good"),
            None => ("different", "plain"),
        }
    }
}

fn list(marks: &[Mark<'_>]) -> Markup {
    html! {
        @if marks.is_empty() {
            p { "Nothing changed by more than what runs differ by anyway." }
        } @else {
            ul.verdicts {
                @for mark in marks {
                    @let (word, class) = mark.kind();
                    li { strong { (mark.name) } " " span.badge.(class) { (word) } " " (mark.change.sentence) }
                }
            }
        }
    }
}

fn section(number: usize, experiment: &Experiment<'_>) -> Markup {
    let id = format!("e{number}");
    html! {
        section #(id) aria-labelledby={ (id) "-title" } {
            h2 #{ (id) "-title" } { (experiment.title()) }
            p.sub { (experiment.about()) }
            @for (place, (scenario, metrics)) in experiment.scenarios().into_iter().enumerate() {
                h3 { (scenario) }
                @for series in metrics.values() {
                    (chart::draw(&format!("{id}-s{place}"), experiment, series))
                    (values::table(experiment, series))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
