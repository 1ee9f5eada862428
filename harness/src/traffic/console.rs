//! Describes a traffic model as text.

use comfy_table::{CellAlignment, Table, presets};
use lb_core::plain;
use lb_synthesis::{Hour, Kind, Lognormal, Modulation, Sessions, TrafficModel, Unit};
use std::fmt::Write;

/// The most kinds of requests and the most transitions that are listed.
const LISTED: usize = 12;
/// The longest bar of the chart of hours, in characters.
const BAR: f64 = 24.0;
/// A p-value below this speaks against a fitted law.
const UNLIKELY: f64 = 0.05;

/// Describes what a model says and how well it fits.
pub fn describe_model(model: &TrafficModel) -> String {
    let mut text = String::new();
    let source = &model.source;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} requests from {} to {}", source.requests, source.from, source.to);
    let _ = writeln!(
        text,
        "hours are those of {}; times are known to {} s",
        source.time_zone, source.resolution_s
    );
    for note in &source.notes {
        let _ = writeln!(text, "note: {}", plain::line(note));
    }
    let _ = writeln!(text, "\nRATES (requests per hour, with 95 % intervals)\n{}", hours(model));
    let rates = &model.rates;
    let _ = writeln!(
        text,
        "{}counts vary {:.1} times as much as those of a Poisson process; the same hours of similar days differ by {:.0} %",
        rates.explained.map_or_else(String::new, |share| format!(
            "they explain {:.0} % of the variance of hourly counts; ",
            100.0 * share
        )),
        rates.overdispersion,
        100.0 * rates.between_days,
    );
    let _ = writeln!(text, "\nKINDS OF REQUESTS\n{}", kinds(&model.kinds));
    let _ = writeln!(text, "\nPOPULARITY\n{}", popularity(model));
    let _ = writeln!(text, "\nBURSTS (index of dispersion; 1 is a Poisson process)\n{}", dispersion(model));
    let _ = writeln!(text, "{}", modulation(model));
    let _ = writeln!(
        text,
        "\nSESSIONS\n{}",
        model.sessions.as_ref().map_or_else(|| "none".to_owned(), |found| sessions(found, &model.kinds))
    );
    let _ = writeln!(text, "\nSIZES\n{}", sizes(model));
    text
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header.to_vec());
    table
}

fn right(table: &mut Table, skip: usize) {
    table.column_iter_mut().skip(skip).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
}

/// Draws the mean rates of each hour of the day, on working days and at weekends.
fn hours(model: &TrafficModel) -> Table {
    let mut table = table(&["Hour", "Working days", "Weekends", ""]);
    let highest = model.hours.iter().map(|hour| hour.per_second).fold(0.0, f64::max);
    for number in 0..24 {
        let of = |weekend: bool| -> Vec<&Hour> {
            model.hours.iter().filter(|hour| hour.hour == number && (hour.weekday > 5) == weekend).collect()
        };
        let (working, weekend) = (of(false), of(true));
        if working.is_empty() && weekend.is_empty() {
            continue;
        }
        let shown = if working.is_empty() { &weekend } else { &working };
        let length = (BAR * mean(shown, |hour| hour.per_second) / highest.max(f64::MIN_POSITIVE)).round();
        table.add_row([
            format!("{number:02}:00"),
            rate(&working),
            rate(&weekend),
            "█".repeat(length as usize),
        ]);
    }
    table
        .column_iter_mut()
        .skip(1)
        .take(2)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn mean(hours: &[&Hour], of: impl Fn(&Hour) -> f64) -> f64 {
    hours.iter().map(|hour| of(hour)).sum::<f64>() / hours.len().max(1) as f64
}

fn rate(hours: &[&Hour]) -> String {
    if hours.is_empty() {
        return "–".to_owned();
    }
    let [middle, low, high] =
        [mean(hours, |hour| hour.per_second), mean(hours, |hour| hour.low), mean(hours, |hour| hour.high)]
            .map(|rate| 3_600.0 * rate);
    format!("{middle:.0} ({low:.0} to {high:.0})")
}

fn kinds(kinds: &[Kind]) -> Table {
    let mut table = table(&["Method", "Endpoint", "Requests", "Share", "Targets"]);
    for kind in kinds.iter().take(LISTED) {
        table.add_row([
            plain::line(&kind.method).into_owned(),
            plain::line(&kind.endpoint).into_owned(),
            kind.requests.to_string(),
            format!("{:.1} %", 100.0 * kind.share),
            kind.targets.len().to_string(),
        ]);
    }
    if kinds.len() > LISTED {
        table.add_row(["".to_owned(), format!("and {} more", kinds.len() - LISTED)]);
    }
    right(&mut table, 2);
    table
}

fn popularity(model: &TrafficModel) -> String {
    let items = model.popularity.items;
    match &model.popularity.zipf {
        None => format!("{items} distinct requests, too few for a law"),
        Some(zipf) => format!(
            "{items} distinct requests; Zipf's law with exponent {:.3} ± {:.3} (distance {:.3}, {}: {})",
            zipf.exponent,
            zipf.standard_error,
            zipf.distance,
            probability(zipf.p_value),
            if zipf.p_value < UNLIKELY { "it does not fit" } else { "it fits" },
        ),
    }
}

fn dispersion(model: &TrafficModel) -> Table {
    let unit = match model.bursts.unit {
        Unit::Sessions => "Beginnings of sessions",
        Unit::Requests => "Requests again",
    };
    let mut table = table(&["Window", "Requests", unit, "Fitted process"]);
    for (place, point) in model.bursts.requests.iter().enumerate() {
        let own = model.bursts.fitted.get(place).filter(|own| own.scale_s == point.scale_s);
        let fitted =
            own.and_then(|own| own.model).map_or_else(|| "–".to_owned(), |index| format!("{index:.2}"));
        table.add_row([
            format!("{} s", point.scale_s),
            format!("{:.2}", point.index),
            own.map_or_else(|| "–".to_owned(), |own| format!("{:.2}", own.index)),
            fitted,
        ]);
    }
    right(&mut table, 0);
    table
}

fn modulation(model: &TrafficModel) -> String {
    let what = match model.bursts.unit {
        Unit::Sessions => "sessions begin",
        Unit::Requests => "requests arrive",
    };
    match &model.bursts.modulation {
        None => format!("{what} as a Poisson process; no bursts beyond that"),
        Some(Modulation { calm_factor, burst_factor, calm_s, burst_s, .. }) => format!(
            "{what} at {burst_factor:.2} times the rate of the hour in bursts of {burst_s:.0} s on average, and at {calm_factor:.2} times in the {calm_s:.0} s between them"
        ),
    }
}

fn sessions(sessions: &Sessions, kinds: &[Kind]) -> String {
    let mut text = format!(
        "{} sessions of {} visitors, ended by {:.0} s without a request; {:.2} requests on average (distance from a geometric distribution {:.3})\n",
        sessions.sessions,
        sessions.visitors,
        sessions.gap_s,
        sessions.mean_length,
        sessions.geometric_distance
    );
    if let Some(fit) = &sessions.think_fit {
        let _ = writeln!(text, "time between requests: {}", lognormal(fit, "s"));
    }
    let _ = writeln!(
        text,
        "the next request depends on the one before: G = {:.0} with {} degrees of freedom, {}",
        sessions.chain_g,
        sessions.chain_degrees,
        probability(sessions.chain_p_value)
    );
    let mut transitions = sessions.transitions.clone();
    transitions.sort_by_key(|one| std::cmp::Reverse(one.requests));
    let mut table = table(&["From", "To", "Requests", "Share of from"]);
    let name = |kind: u32| {
        kinds.get(kind as usize).map_or_else(String::new, |kind| {
            plain::line(&format!("{} {}", kind.method, kind.endpoint)).into_owned()
        })
    };
    for one in transitions.iter().take(LISTED) {
        let all: u64 =
            transitions.iter().filter(|other| other.from == one.from).map(|other| other.requests).sum();
        let share = 100.0 * one.requests as f64 / all.max(1) as f64;
        table.add_row([name(one.from), name(one.to), one.requests.to_string(), format!("{share:.1} %")]);
    }
    right(&mut table, 2);
    let _ = write!(text, "{table}");
    text
}

fn probability(p_value: f64) -> String {
    if p_value < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p_value:.3}") }
}

fn lognormal(fit: &Lognormal, unit: &str) -> String {
    format!(
        "median {:.1} {unit}, log-normal with σ = {:.2} (distance {:.3})",
        fit.mu.exp(),
        fit.sigma,
        fit.distance
    )
}

fn sizes(model: &TrafficModel) -> String {
    let of = |name: &str, size: &Option<lb_synthesis::SizeFit>| match size {
        None => format!("{name}: not recorded"),
        Some(size) => {
            let fit = size
                .fit
                .as_ref()
                .map_or_else(|| "too few for a law".to_owned(), |fit| lognormal(fit, "bytes"));
            format!("{name}: {} bodies, {:.0} bytes on average; {fit}", size.count, size.mean)
        }
    };
    format!("{}\n{}", of("replies", &model.sizes.replies), of("requests", &model.sizes.requests))
}
