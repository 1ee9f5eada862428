//! Charts with a row for each endpoint and test: bars, grouped by endpoint, and box plots.

use super::side::{Side, label};
use crate::course::Spread;
use crate::render::{Show, hundredths, time};
use crate::stats::{Endpoint, Stats};
use crate::units;
use lb_report::parts::{Arrangement, Axis, Chart, ChartRow, Figure, Key, Panel, Rows, Scale};

/// A panel of bars: its title, its unit, how its value is shown, and the value.
type Bar = (&'static str, &'static str, Show, fn(&Stats) -> Option<f64>);

/// Draws mean and 95th percentile by endpoint.
pub(super) fn times(sides: &[Side<'_>], names: &[(&str, &str)]) -> Option<Figure> {
    let bars: [Bar; 2] = [
        ("Mean", "ms", time, |stats| stats.avg_response_time),
        ("95th percentile", "ms", time, |stats| stats.p95),
    ];
    drawn("times", "Response time by endpoint", "Of the whole test.", sides, panels(sides, names, &bars))
}

/// Draws the requests per second by endpoint.
pub(super) fn throughput(sides: &[Side<'_>], names: &[(&str, &str)]) -> Option<Figure> {
    let bars: [Bar; 1] = [("", "requests/s", hundredths, |stats| stats.rps)];
    drawn("rates", "Throughput by endpoint", "Over the whole test.", sides, panels(sides, names, &bars))
}

/// Draws the error rate by endpoint, if there are errors.
pub(super) fn errors(sides: &[Side<'_>], names: &[(&str, &str)]) -> Option<Figure> {
    let rates =
        |side: &Side<'_>| side.test.endpoints.iter().any(|endpoint| endpoint.stats.error_rate > Some(0.0));
    if !sides.iter().any(rates) {
        return None;
    }
    let bars: [Bar; 1] = [("", "%", hundredths, |stats| stats.error_rate)];
    drawn(
        "error-rates",
        "Error rate by endpoint",
        "Failed requests in percent.",
        sides,
        panels(sides, names, &bars),
    )
}

/// Draws how latencies scatter: the median with the middle half as a box, and whiskers to the minimum and the 95th
/// percentile.
pub(super) fn boxes(sides: &[Side<'_>], names: &[(&str, &str)]) -> Option<Figure> {
    let mut rows = Vec::new();
    for name in names {
        for side in sides {
            let spread = side.endpoint(*name).and_then(|endpoint| endpoint.spread);
            rows.extend(spread.map(|spread| of_spread(&named(label(*name), side, sides), side, spread)));
        }
    }
    if rows.is_empty() {
        let whole = sides.iter().filter_map(|side| Some((side, side.test.spread?)));
        rows.extend(whole.map(|(side, spread)| of_spread(side.label, side, spread)));
    }
    if rows.is_empty() {
        return None;
    }
    let boxed = rows.iter().any(|row| row.boxed.is_some());
    let caption = match boxed {
        true => "The median, the middle half as a box, and whiskers from the minimum to the 95th percentile.",
        false => {
            "The median, with whiskers from the minimum to the 95th percentile; the source has no quartiles."
        }
    };
    // Without a box, a bar would be drawn from zero.
    let axis = Axis::new("ms", if boxed { Scale::FromZero } else { Scale::Linear });
    let alt = "Box plots: how response times scatter.";
    let panel = Panel::new(alt, Chart::Rows(Rows { axis, rows, rules: Vec::new() }));
    drawn("boxes", "Spread of the response time", caption, sides, vec![panel])
}

fn of_spread(name: &str, side: &Side<'_>, spread: Spread) -> ChartRow {
    let Spread { low, quartiles, median, high } = spread;
    ChartRow {
        name: name.to_owned(),
        style: Some(side.style),
        value: Some(median),
        ends: Some([low, high]),
        boxed: quartiles,
        text: format!("{} [{}, {}]", units::ms(median), units::ms(low), units::ms(high)),
        ..ChartRow::default()
    }
}

/// Returns the name of a row, with the test if there are several.
fn named(endpoint: String, side: &Side<'_>, sides: &[Side<'_>]) -> String {
    if sides.len() > 1 { format!("{endpoint} · {}", side.label) } else { endpoint }
}

fn panels(sides: &[Side<'_>], names: &[(&str, &str)], bars: &[Bar]) -> Vec<Panel> {
    let panel = |(title, unit, show, value): &Bar| {
        let mut rows = Vec::new();
        for name in names {
            for side in sides {
                let found = side.endpoint(*name).and_then(|endpoint: &Endpoint| value(&endpoint.stats));
                let Some(found) = found else { continue };
                rows.push(ChartRow {
                    name: named(label(*name), side, sides),
                    style: Some(side.style),
                    value: Some(found),
                    text: show(Some(found)),
                    ..ChartRow::default()
                });
            }
        }
        if rows.is_empty() {
            return None;
        }
        let rows = Rows { axis: Axis::new(*unit, Scale::FromZero), rows, rules: Vec::new() };
        let panel = Panel::new(format!("Bars by endpoint: {title} ({unit})."), Chart::Rows(rows));
        Some(if title.is_empty() { panel } else { panel.titled(*title) })
    };
    bars.iter().filter_map(panel).collect()
}

fn drawn(
    id: &'static str,
    title: &str,
    caption: &str,
    sides: &[Side<'_>],
    panels: Vec<Panel>,
) -> Option<Figure> {
    let legend =
        sides.iter().filter(|_| sides.len() > 1).map(|side| Key::marker(side.label, side.style)).collect();
    (!panels.is_empty()).then(|| Figure {
        id,
        title: title.to_owned(),
        caption: caption.to_owned(),
        legend,
        arrangement: Arrangement::Grid,
        panels,
    })
}
