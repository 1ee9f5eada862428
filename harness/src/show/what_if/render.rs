//! The results of `bench what-if` as text.

use super::document::{CANNOT_TELL, WhatIfDocument};
use comfy_table::{Cell, CellAlignment, Table, presets};
use lb_calibration::OverheadSource;
use lb_calibration::log::{AccessLog, Maker};
use lb_calibration::what_if::{Compared, Figure, FittedLog, Metric, Predicted, Ratio, Routing, SliceCheck};
use lb_core::topology::Discipline;
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

/// Renders the fit, and how well it predicts the part of the log that was held back.
pub fn render_fit(log: &AccessLog, fitted: &FittedLog<'_>, check: &SliceCheck) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} requests in {:.0} s ({:.1} per second) to {} backends, times in units of {} ms",
        log.requests.len(),
        log.length().as_secs_f64(),
        log.requests.len() as f64 / log.length().as_secs_f64(),
        log.names.len(),
        log.resolution.unit.as_millis_f64(),
    );
    for note in &log.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = writeln!(text, "recorded under: {}", routing(fitted.routing()));
    let overhead = fitted.calibration().overhead.as_millis_f64();
    let _ = match fitted.calibration().overhead_source {
        OverheadSource::Waits => writeln!(
            text,
            "beside the backends: {overhead:.2} ms per request (by how much longer those took that did not wait)"
        ),
        _ => writeln!(text, "beside the backends: {overhead:.2} ms per request are assumed"),
    };
    if let Some(rules) = own_rules(log) {
        let _ = writeln!(text, "note: {rules}");
    }
    if fitted.routing().adaptive {
        let _ = writeln!(
            text,
            "note: this algorithm avoids queues, so the log tells little about them: what is predicted for algorithms \
             that let queues grow, such as round-robin, goes beyond the log"
        );
    }
    let assumed: Vec<&str> = fitted.assumed().map(|backend| backend.id.as_str()).collect();
    if !assumed.is_empty() {
        let _ = writeln!(
            text,
            "note: {} never had a request waiting, so the workers of the others are assumed",
            assumed.join(", ")
        );
    }
    let [from, to] = check.slice_s;
    let _ = writeln!(
        text,
        "\nTHE FIT, checked on {from:.0} s to {to:.0} s, which a fit to the time before predicts (logged -> predicted)"
    );
    let mut drawn =
        table(&["Backend", "Workers", "Speed", "Requests", "Mean ms", "p99 ms", "Failed", "Holds"]);
    let specs = &fitted.calibration().topology.pools[0].backends;
    for compared in &check.compared {
        let place = log.names.iter().position(|name| Some(name) == compared.backend.as_ref());
        let spec = place.map(|place| &specs[place]);
        let workers = spec.map_or_else(String::new, |spec| match spec.discipline {
            Discipline::Fcfs => spec.workers.to_string(),
            Discipline::ProcessorSharing => format!("{} shared", spec.workers),
        });
        drawn.add_row([
            Cell::new(compared.backend.as_deref().unwrap_or("all")),
            right(workers),
            right(spec.map_or_else(String::new, |spec| format!("{:.2}", spec.speed))),
            right(compared.requests.to_string()),
            right(pair(compared.mean_ms)),
            right(pair(compared.p99_ms)),
            right(percents(compared.failed)),
            Cell::new(holds(compared)),
        ]);
    }
    let _ = writeln!(text, "{drawn}");
    text
}

/// Says which rules of the load balancer are not those of this repository, and so simulated.
fn own_rules(log: &AccessLog) -> Option<String> {
    match log.maker {
        Maker::Haproxy => Some(format!(
            "the log is one of HAProxy, whose random and p2c draw unequally from a ring, p2c perhaps the same backend twice; \
             so it is simulated, for servers of weight {} in the order of their names (`--server-weight N` for another)",
            log.server_weight
        )),
        Maker::Envoy => Some(
            "the log is one of Envoy, whose p2c may draw the same backend twice; so it is simulated"
                .to_owned(),
        ),
        Maker::Other => None,
    }
}

fn routing(routing: &Routing) -> String {
    let weighted = routing.weights.iter().any(|weight| *weight != 1.0);
    match routing.algorithm {
        Some(algorithm) if routing.named => format!("{algorithm}, as you said"),
        Some(algorithm) if weighted => format!("{algorithm}, by the order and the shares of its choices"),
        Some(algorithm) => format!("{algorithm}, by its choices"),
        None => {
            "an algorithm that sends each client to the same backend; its choices are replayed".to_owned()
        }
    }
}

fn pair([logged, predicted]: [f64; 2]) -> String {
    format!("{logged:.1} -> {predicted:.1}")
}

fn percents([logged, predicted]: [f64; 2]) -> String {
    format!("{:.1} -> {:.1} %", logged * 100.0, predicted * 100.0)
}

fn holds(compared: &Compared) -> &'static str {
    match (compared.misses.is_empty(), &compared.backend) {
        (true, _) => "yes",
        (false, None) => "NO",
        (false, Some(_)) => "roughly",
    }
}

/// Renders the predictions and the verdicts.
pub fn render_prediction(document: &WhatIfDocument<'_>) -> String {
    let prediction = document.prediction;
    let metric = document.primary_metric;
    let name = metric_name(metric);
    let baseline = &prediction.predicted[prediction.baseline];
    let mut text = String::from("\nWHAT IF");
    let mut changes = Vec::new();
    if document.scale != 1.0 {
        changes.push(format!("{} times the requests", document.scale));
    }
    for kill in document.kills {
        let length = kill.for_s.map_or_else(|| "for good".to_owned(), |length| format!("for {length} s"));
        changes.push(format!("{} crashes after {} s {length}", kill.backend, kill.at_s));
    }
    let changes = if changes.is_empty() { String::new() } else { format!(", {}", changes.join(", ")) };
    let _ = writeln!(text, ": the recorded arrivals{changes}; 95 % intervals");
    let mut drawn = table(&[
        "Algorithm",
        "Mean ms",
        "p99 ms",
        "Failed",
        &format!("{name} against {}", baseline.name),
        "Verdict",
    ]);
    let logged = &prediction.logged;
    drawn.add_row([
        Cell::new("(the log itself)"),
        right(format!("{:.1}", logged.mean_ms)),
        right(format!("{:.1}", logged.p99_ms)),
        right(format!("{:.1} %", logged.failed * 100.0)),
        Cell::new(""),
        Cell::new(""),
    ]);
    let mut order: Vec<usize> = (0..prediction.predicted.len()).collect();
    let value = |place: &usize| prediction.predicted[*place].figure(metric).estimate;
    order.sort_by(|one, other| value(one).total_cmp(&value(other)));
    for place in order {
        let one = &prediction.predicted[place];
        let is_baseline = place == prediction.baseline;
        drawn.add_row([
            Cell::new(&one.name),
            right(figure(&one.mean_ms)),
            right(figure(&one.p99_ms)),
            right(format!("{:.1} %", one.failed.estimate * 100.0)),
            right(one.ratio(metric).map_or_else(|| "recorded".to_owned(), change)),
            Cell::new(match document.verdicts[place] {
                Some(verdict) => verdict.label(),
                None if is_baseline => "-",
                None => "",
            }),
        ]);
    }
    let _ = writeln!(text, "{drawn}");
    let _ = writeln!(text, "{}", answer(document, metric));
    if !document.fit_holds {
        let _ =
            writeln!(text, "The fit does not predict the end of the log, so none of this may be relied on.");
    }
    let _ = writeln!(text, "\nThe log cannot tell");
    for limit in CANNOT_TELL {
        let _ = writeln!(text, "- {limit}");
    }
    text
}

fn answer(document: &WhatIfDocument<'_>, metric: Metric) -> String {
    let prediction = document.prediction;
    let name = metric_name(metric);
    let best = &prediction.predicted[prediction.best];
    let alike = |one: &&Predicted| {
        one.to_best.is_some_and(|ratio| ratio.interval[0] <= 1.0)
            && one.failed.estimate <= best.failed.estimate + 0.005
    };
    let alike: Vec<&str> = prediction.predicted.iter().filter(alike).map(|one| one.name.as_str()).collect();
    let compared = match best.ratio(metric) {
        Some(ratio) => {
            format!("{} against {}", change(ratio), prediction.predicted[prediction.baseline].name)
        }
        None => "as recorded".to_owned(),
    };
    let others = match alike.is_empty() {
        true => "No other algorithm is as good.".to_owned(),
        false => format!("Not to be told from it: {}.", alike.join(", ")),
    };
    format!("{} has the best {name}: {} ms, {compared}. {others}", best.name, figure(&best.figure(metric)))
}

fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Mean => "mean",
        Metric::P50 => "p50",
        Metric::P95 => "p95",
        Metric::P99 => "p99",
    }
}

fn figure(figure: &Figure) -> String {
    let [low, high] = figure.interval;
    match figure.estimate.is_finite() {
        true => format!("{:.1} ({low:.1} to {high:.1})", figure.estimate),
        false => "-".to_owned(),
    }
}

fn change(ratio: &Ratio) -> String {
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    let [low, high] = ratio.interval.map(percent);
    match ratio.estimate.is_finite() {
        true => format!("{:+.0} % ({low:+.0} to {high:+.0})", percent(ratio.estimate)),
        false => "-".to_owned(),
    }
}
