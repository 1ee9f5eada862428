//! What requests say about their cost, as text.

use comfy_table::{Cell, CellAlignment, Table, presets};
use lb_calibration::costs::{CostReport, Law, Share, Source, TimeSource};
use std::fmt::Write;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header.to_vec());
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Renders the report of `bench inspect-costs`.
pub fn render_costs(report: &CostReport) -> String {
    let mut text = String::new();
    let times = match report.times {
        TimeSource::Replay => "service times from a replay of the backends' queues",
        TimeSource::Idle => "service times from latencies of requests that found their backend idle",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} of {} requests, {times}", report.timed, report.requests);
    let _ = writeln!(
        text,
        "log service times deviate by {:.2} relative to their backends (a factor of {:.2} either way)",
        report.deviation,
        report.deviation.exp()
    );
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = writeln!(
        text,
        "\nWHAT TELLS THE COST: shares of the variance in the later half of each recording, by a fit to the earlier half"
    );
    let mut drawn = table(&["Source", "Requests", "Values", "Alone", "Beyond the rest", "Cost"]);
    for source in &report.sources {
        let more = if source.has_more_values() { "+" } else { "" };
        drawn.add_row([
            Cell::new(&source.name),
            right(source.requests.to_string()),
            right(format!("{}{more}", source.values)),
            right(share(&source.alone)),
            right(share(&source.beyond)),
            Cell::new(law(source)),
        ]);
    }
    let _ = writeln!(text, "{drawn}");
    let _ = writeln!(
        text,
        "all together {}; the predictor of the load balancer, which learns as it goes: {:.1} %",
        share(&report.told),
        report.predictor * 100.0
    );
    if report.routes.len() > 1 {
        let mut drawn = table(&["Route", "Requests", "Typical cost", "Told by hints within it"]);
        for route in &report.routes {
            drawn.add_row([
                Cell::new(&route.name),
                right(route.requests.to_string()),
                right(format!("x {}", factor(route.factor))),
                right(share(&route.told)),
            ]);
        }
        let _ = writeln!(text, "{drawn}");
    }
    let _ = writeln!(text, "\n{}", report.verdict);
    for advice in &report.advice {
        let _ = writeln!(text, "- {advice}");
    }
    text
}

/// Writes a share with its standard error, such as `62.0 % ± 1.1`.
fn share(share: &Share) -> String {
    format!("{:.1} % ± {:.1}", share.share * 100.0, share.error * 100.0)
}

/// Describes the cost as a function of a source that tells something.
fn law(source: &Source) -> String {
    if !source.alone.matters() && !source.beyond.matters() {
        return "tells nothing".to_owned();
    }
    match &source.law {
        None => String::new(),
        Some(Law::Number { points: [low, middle, high], exponent }) => {
            let power = exponent.map_or_else(String::new, |exponent| format!(", about value^{exponent:.1}"));
            format!(
                "{}: x {}, {}: x 1, {}: x {}{power}",
                number(low.value),
                factor(low.factor),
                number(middle.value),
                number(high.value),
                factor(high.factor),
            )
        }
        Some(Law::Word { low, high }) => format!("by word from x {} to x {}", factor(*low), factor(*high)),
    }
}

fn factor(factor: f64) -> String {
    match factor {
        factor if factor < 9.95 => format!("{factor:.2}"),
        factor => format!("{factor:.0}"),
    }
}

/// Writes a number with three digits.
fn number(number: f64) -> String {
    match number.abs() {
        size if size == 0.0 || (0.01..100.0).contains(&size) => {
            let text = format!("{number:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        size if (100.0..1e7).contains(&size) => format!("{number:.0}"),
        _ => format!("{number:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_calibration::costs::LawPoint;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (0.25, "0.25"),
            (1234.4, "1234"),
            (-12.5, "-12.5"),
            (3e9, "3.00e9"),
            (0.001, "1.00e-3"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!((factor(0.5), factor(12.3)), ("0.50".to_owned(), "12".to_owned()));
    }

    #[test]
    fn a_source_that_tells_shows_its_law() {
        let share = Share { share: 0.5, error: 0.01 };
        let point = |value, factor| LawPoint { value, factor };
        let points = [point(10.0, 0.1), point(100.0, 1.0), point(1e3, 9.0)];
        let source = |share, law| Source {
            name: "query.limit".to_owned(),
            requests: 1,
            values: 1,
            alone: share,
            beyond: share,
            law: Some(law),
        };
        let numbers = Law::Number { points, exponent: Some(0.98) };
        assert_eq!(
            law(&source(share, numbers.clone())),
            "10: x 0.10, 100: x 1, 1000: x 9.00, about value^1.0"
        );
        assert_eq!(law(&source(Share::default(), numbers)), "tells nothing");
        assert_eq!(law(&source(share, Law::Word { low: 0.5, high: 2.0 })), "by word from x 0.50 to x 2.00");
    }
}
