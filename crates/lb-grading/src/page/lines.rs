//! Charts over time: durations and errors by endpoint, throughput of all requests.

use super::side::{MOST_ENDPOINTS, Side, label};
use crate::course::Interval;
use lb_report::parts::{Arrangement, Axis, Chart, Figure, Key, Line, Panel, Plane, Scale};

/// How many points a line has at most; longer courses are thinned out.
const MOST_POINTS: usize = 240;

/// A value of an interval.
type Value = fn(&Interval) -> Option<f64>;

/// Draws the response time over time, a panel for each endpoint.
pub(super) fn durations(sides: &[Side<'_>], names: &[(&str, &str)]) -> Option<Figure> {
    let mean: Value = |interval| interval.mean_ms;
    let p95: Value = |interval| interval.p95_ms;
    // Locust's history has percentiles only.
    let has_means =
        sides.iter().any(|side| side.test.course.iter().any(|interval| interval.mean_ms.is_some()));
    let (what, value) = if has_means { ("mean", mean) } else { ("95th percentile", p95) };
    let mut panels = by_endpoint(sides, names, "Response time (ms)", value);
    if panels.is_empty() {
        let lines = lines(sides, |side| &side.test.course, value);
        panels.extend(panel("All requests".to_owned(), "Response time (ms)", lines));
    }
    let more = sides.iter().any(|side| side.test.endpoints.len() > MOST_ENDPOINTS);
    let more =
        if more { format!(" The {MOST_ENDPOINTS} busiest endpoints are drawn.") } else { String::new() };
    drawn(
        "durations",
        "Response time over time",
        format!("The {what} in each interval.{more}"),
        sides,
        panels,
    )
}

/// Draws the requests per second of all requests over time.
pub(super) fn throughput(sides: &[Side<'_>]) -> Option<Figure> {
    let lines = lines(sides, |side| &side.test.course, |interval| Some(interval.rps));
    let panels = panel(String::new(), "Requests/s", lines).into_iter().collect();
    drawn("throughput", "Throughput over time", "All requests that ended.".to_owned(), sides, panels)
}

/// Draws the error rate over time, a panel for each endpoint that had errors.
pub(super) fn errors(sides: &[Side<'_>], names: &[(&str, &str)]) -> Option<Figure> {
    let failing: Vec<(&str, &str)> = names
        .iter()
        .copied()
        .filter(|name| {
            let failures =
                |side: &Side<'_>| side.endpoint(*name).and_then(|endpoint| endpoint.stats.total_failures);
            sides.iter().any(|side| failures(side) > Some(0))
        })
        .collect();
    let mut panels = by_endpoint(sides, &failing, "Errors (%)", Interval::error_rate);
    if panels.is_empty()
        && sides.iter().any(|side| side.test.course.iter().any(|interval| interval.failures_rps > 0.0))
    {
        let lines = lines(sides, |side| &side.test.course, Interval::error_rate);
        panels.extend(panel("All requests".to_owned(), "Errors (%)", lines));
    }
    drawn(
        "errors",
        "Error rate over time",
        "Endpoints without errors are left out.".to_owned(),
        sides,
        panels,
    )
}

fn by_endpoint(sides: &[Side<'_>], names: &[(&str, &str)], axis: &str, value: Value) -> Vec<Panel> {
    let of = |name: &(&str, &str)| {
        let of_side = |side: &Side<'_>| line(side, &side.endpoint(*name)?.course, value);
        let lines = sides.iter().filter_map(of_side).collect();
        panel(label(*name), axis, lines)
    };
    names.iter().filter_map(of).collect()
}

fn lines<'a>(sides: &[Side<'a>], course: fn(&Side<'a>) -> &'a [Interval], value: Value) -> Vec<Line> {
    sides.iter().filter_map(|side| line(side, course(side), value)).collect()
}

/// Makes the line of one test; `None` if it has no value.
fn line(side: &Side<'_>, course: &[Interval], value: Value) -> Option<Line> {
    let step = course.len().div_ceil(MOST_POINTS).max(1);
    let points: Vec<(f64, Option<f64>)> =
        course.iter().step_by(step).map(|interval| (interval.middle(), value(interval))).collect();
    points.iter().find(|(_, value)| value.is_some())?;
    Some(Line { name: side.label.to_owned(), style: side.style, points })
}

fn panel(title: String, axis: &str, lines: Vec<Line>) -> Option<Panel> {
    if lines.is_empty() {
        return None;
    }
    let plane = Plane {
        height: 150,
        x: Axis::new("", Scale::FromZero).with_suffix(" s"),
        y: Axis::new(axis, Scale::FromZero),
        lines,
        ..Plane::default()
    };
    let panel = Panel::new(format!("Lines over time: {axis} {title}."), Chart::Plane(plane));
    Some(if title.is_empty() { panel } else { panel.titled(title) })
}

fn drawn(
    id: &'static str,
    title: &str,
    caption: String,
    sides: &[Side<'_>],
    panels: Vec<Panel>,
) -> Option<Figure> {
    let legend =
        sides.iter().filter(|_| sides.len() > 1).map(|side| Key::line(side.label, side.style)).collect();
    let arrangement = if panels.len() > 1 { Arrangement::Grid } else { Arrangement::Stacked };
    (!panels.is_empty()).then(|| Figure { id, title: title.to_owned(), caption, legend, arrangement, panels })
}
