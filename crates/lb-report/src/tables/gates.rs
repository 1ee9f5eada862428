//! Thresholds, highest rates, and the noise that an A/A comparison measured.

use super::{Cell, Table, Tone};
use crate::text::{NONE, count, effect, effect_size, interval, millis, percent, trimmed};
use lb_analysis::rate_in_words;
use lb_results::{AaSummary, Latency, MaxRateSummary, RateLimit, ThresholdResult};

/// Tabulates one row per threshold and algorithm, those that did not hold first.
pub(crate) fn thresholds<'a>(results: impl IntoIterator<Item = &'a ThresholdResult>) -> Option<Table> {
    let mut table = Table::new("Thresholds", &["Threshold", "Algorithm", "Observed", "Held"]);
    let mut results: Vec<_> = results.into_iter().collect();
    results.sort_by_key(|result| result.ok);
    for result in results {
        let held = match result.ok {
            true => Cell::toned("yes", Tone::Good),
            false => Cell::toned("no", Tone::Bad),
        };
        table.add_toned(
            Tone::Plain,
            vec![
                result.threshold.clone().into(),
                result.algorithm.clone().into(),
                result
                    .observed
                    .map_or_else(|| "nothing to measure".to_owned(), |value| trimmed(value, 4))
                    .into(),
                held,
            ],
        );
    }
    table.unless_empty()
}

/// Tabulates the highest rates and, in a second table, the rates that were tried.
pub(crate) fn max_rates(rates: &[MaxRateSummary]) -> Option<(Table, Table)> {
    let unit = rates.first()?.unit.name();
    let per_second = format!("Highest rate ({unit}/s)");
    let mut highest = Table::new(
        "Highest rate at which the objective was met",
        &[
            "Algorithm",
            "Rank",
            &per_second,
            "Interval",
            "Requests/s",
            "P95 there (ms)",
            "Errors there",
            "Probes",
        ],
    );
    highest.caption = format!(
        "The interval goes from the highest rate that met the objective in repeated probes and a longer one \
        to the lowest that \
         repeated probes breached. The rank is 1 plus the number of algorithms whose interval lies above; `=` marks an interval that overlaps \
         another. Rates are \
         in {unit} per second, of {} requests each.",
        rates[0].requests_per_arrival.map_or_else(|| "several".to_owned(), |requests| trimmed(requests, 1))
    );
    for rate in rates {
        highest.add(highest_row(rate));
    }
    Some((highest, tried(rates, unit)))
}

fn highest_row(rate: &MaxRateSummary) -> Vec<String> {
    let there = rate.confirming();
    let rank = rate.rank.map_or_else(|| NONE.to_owned(), |rank| rank.to_string());
    let equal = if rate.equal_to.is_empty() { "" } else { "=" };
    let end = match (rate.breached_rate_per_s, rate.limit) {
        (Some(breached), _) => rate_in_words(breached),
        (None, RateLimit::Generator) => "limit of the generator".to_owned(),
        (None, _) => "open".to_owned(),
    };
    let requests = rate.rate_per_s.zip(rate.requests_per_arrival).map(|(rate, requests)| rate * requests);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    vec![
        rate.algorithm.clone(),
        format!("{rank}{equal}"),
        rate.rate_per_s.map_or_else(|| "none".to_owned(), rate_in_words),
        format!("{} to {end}", rate.rate_per_s.map_or_else(|| "0".to_owned(), rate_in_words)),
        or_none(requests.map(rate_in_words)),
        millis(there.and_then(|probe| probe.latency_ms.as_ref()).map(|latency| latency.p95)),
        or_none(there.map(|probe| percent(probe.error_rate, 2))),
        rate.probes.len().to_string(),
    ]
}

/// Tabulates every probe.
fn tried(rates: &[MaxRateSummary], unit: &str) -> Table {
    let rate_in_unit = format!("Rate ({unit}/s)");
    let mut probes = Table::new(
        "Rates that were tried, in order",
        &[
            "Algorithm",
            &rate_in_unit,
            "Stage",
            "Schedule",
            "Measured (s)",
            "Requests",
            "P50 (ms)",
            "P95 (ms)",
            "P99 (ms)",
            "Error rate",
            "Kept",
        ],
    );
    for rate in rates {
        for probe in &rate.probes {
            let of = |pick: fn(&Latency) -> f64| millis(probe.latency_ms.as_ref().map(pick));
            let kept = match (probe.kept, probe.problems.is_empty()) {
                (true, _) => Cell::toned("yes", Tone::Good),
                (false, true) => Cell::toned(format!("no: {}", probe.breaches.join(", ")), Tone::Bad),
                (false, false) => Cell::toned(format!("invalid: {}", probe.problems.join("; ")), Tone::Plain),
            };
            let mut cells: Vec<Cell> = [
                rate.algorithm.clone(),
                rate_in_words(probe.rate_per_s),
                probe.stage.to_string(),
                probe.replicate.to_string(),
                trimmed(probe.seconds, 1),
                probe.requests.to_string(),
                of(|latency| latency.p50),
                of(|latency| latency.p95),
                of(|latency| latency.p99),
                percent(probe.error_rate, 2),
            ]
            .map(Cell::from)
            .into();
            cells.push(kept);
            probes.add_toned(Tone::Plain, cells);
        }
    }
    probes
}

/// Returns a sentence and a table on how far two labels of one algorithm differ.
pub(crate) fn aa(summary: &AaSummary) -> (String, Table) {
    let mut sentence = format!(
        "{} ran under two labels in {}. The whole procedure found {} to differ; comparing individual pairs \
         without statistics would have raised {} (mean or p95 more than 5 % apart).",
        summary.algorithm,
        count(summary.pairs, "pair"),
        match summary.alarms {
            0 => "no metric".to_owned(),
            alarms => count(alarms, "metric"),
        },
        match summary.naive_alarms {
            0 => "no alarm".to_owned(),
            alarms => count(alarms, "alarm"),
        },
    );
    if let Some(rate) = summary.false_alarm_rate {
        sentence += &format!(
            " Over {} the procedure raised an alarm in {}.",
            count(summary.relabellings, "relabelling"),
            percent(rate, 1)
        );
    }
    let mut table = Table::new(
        "The noise between two labels of one algorithm",
        &["Metric", "Effect", "95 % interval", "Largest single pair", "Noise floor"],
    );
    for metric in &summary.metrics {
        let kind = metric.metric;
        table.add(vec![
            kind.label().to_owned(),
            effect(kind, metric.effect),
            interval(kind, metric.interval),
            effect_size(kind, Some(metric.largest_pair)),
            effect_size(kind, Some(metric.noise_floor)),
        ]);
    }
    (sentence, table)
}
