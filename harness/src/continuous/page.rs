//! The page of a load without end: windows as charts, with marks, above the tables of the report.

use super::report::{changes_made, findings, headline, tables};
use lb_continuous::{ContinuousDocument, WindowFigures};
use lb_core::plain;
use lb_report::parts::{
    Arrangement, Axis, Chart, Figure, Key, Line, Mark, Panel, Plane, Rule, Scale, Style, figure, page, prose,
    scrolling,
};
use maud::html;

/// A line of a chart: its name, and the value of a window.
type Course = (&'static str, fn(&WindowFigures) -> Option<f64>);

/// Renders one HTML document without scripts.
pub fn render_page(document: &ContinuousDocument) -> String {
    let body = html! {
        section #load aria-labelledby="load-title" {
            h2 #load-title { "Load" }
            p { (prose(&plain::line(&headline(document)))) }
            ul {
                @for mark in &document.marks { li { "Mark " (plain::line(&mark.name)) ": " (prose(&plain::line(&mark.sentence))) } }
                @for change in changes_made(document) { li { (prose(&plain::line(&change))) } }
                @for finding in findings(document) { li { (prose(&plain::line(&finding))) } }
                @for note in &document.notes { li { (prose(&plain::line(note))) } }
            }
        }
        section #windows aria-labelledby="windows-title" {
            h2 #windows-title { "Windows" }
            @for one in figures(document) { (figure("continuous", &one)) }
        }
        section #tables aria-labelledby="tables-title" {
            h2 #tables-title { "Tables" }
            @for table in tables(document).iter().filter(|table| !table.rows.is_empty()) { (scrolling(table)) }
        }
    };
    let subtitle = format!("Started {}, written {}.", document.started_at, document.written_at);
    page(&format!("Continuous load: {}", plain::line(&document.run_id)), &subtitle, &body)
}

/// Draws the windows that are kept one by one, and the hours before them.
fn figures(document: &ContinuousDocument) -> Vec<Figure> {
    let recent = chart("recent", "The last 70 minutes, window by window", document, &document.recent);
    let hours = chart("hours", "All complete hours", document, &document.hours);
    recent.into_iter().chain(hours).collect()
}

fn chart(
    id: &'static str,
    title: &str,
    document: &ContinuousDocument,
    windows: &[WindowFigures],
) -> Option<Figure> {
    let (first, last) = (windows.first()?, windows.last()?);
    let ends = [first.start_s / 60.0, last.end_s() / 60.0];
    let marks = || document.marks.iter().enumerate();
    let changes = document.changes.iter().enumerate();
    let rules: Vec<Rule> = marks()
        .map(|(number, mark)| Rule { label: format!("M{}", number + 1), at: Mark::X(mark.at_s / 60.0) })
        .chain(changes.map(|(number, change)| Rule {
            label: format!("C{}", number + 1),
            at: Mark::X(change.at_s / 60.0),
        }))
        .filter(|rule| matches!(rule.at, Mark::X(at) if ends[0] <= at && at <= ends[1]))
        .collect();
    let mut named: Vec<String> =
        marks().map(|(number, mark)| format!("M{} is `{}`", number + 1, plain::line(&mark.name))).collect();
    if !document.changes.is_empty() {
        named.push("C1 and so on are what commands changed, in the order of the list".to_owned());
    }
    let panel = |title: &'static str, scale: Scale, courses: &[Course]| {
        let line = |(number, (name, value)): (usize, &Course)| Line {
            name: (*name).to_owned(),
            style: Style::of(number),
            points: windows
                .iter()
                .map(|window| ((window.start_s + window.length_s / 2.0) / 60.0, value(window)))
                .collect(),
        };
        let plane = Plane {
            height: 150,
            x: Axis::new("", Scale::Linear).with_suffix(" min").between(ends[0], ends[1]),
            y: Axis::new(title, scale),
            lines: courses.iter().enumerate().map(line).collect(),
            rules: rules.clone(),
            ..Plane::default()
        };
        Panel::new(format!("Lines over time: {title}."), Chart::Plane(plane))
    };
    const LATENCY: [Course; 3] =
        [("p50", |window| window.p50_ms), ("p95", |window| window.p95_ms), ("p99", |window| window.p99_ms)];
    let failing = windows.iter().any(|window| window.errors > 0);
    let mut panels = vec![
        panel("Latency (ms)", Scale::Logarithmic, &LATENCY),
        panel("Requests/s", Scale::FromZero, &[("requests", |window| Some(window.requests_per_s))]),
    ];
    if failing {
        let errors: [Course; 1] = [("errors", |window| Some(100.0 * window.error_rate))];
        panels.push(panel("Errors (%)", Scale::FromZero, &errors));
    }
    Some(Figure {
        id,
        title: title.to_owned(),
        caption: format!(
            "Latency of successful requests is logarithmic.{}{}",
            if failing { "" } else { " There were no errors." },
            if named.is_empty() {
                String::new()
            } else {
                format!(" Dotted lines are marks: {}.", named.join(", "))
            }
        ),
        legend: LATENCY
            .iter()
            .enumerate()
            .map(|(number, (name, _))| Key::line(*name, Style::of(number)))
            .collect(),
        arrangement: Arrangement::Stacked,
        panels,
    })
}
