//! Thresholds, highest rates, and the noise that an A/A comparison measured.

use super::{Cell, Table, Tone};
use crate::text::{count, effect, effect_size, interval, millis, percent, trimmed};
use lb_results::{AaSummary, Latency, MaxRateSummary, ThresholdResult};

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
    let mut highest = Table::new(
        "Highest rate at which the objective was kept",
        &["Algorithm", "Highest rate (per s)", "Objective", "Probes"],
    );
    let mut probes = Table::new(
        "Rates that were tried, in order",
        &[
            "Algorithm",
            "Rate (per s)",
            "Stage",
            "Measured (s)",
            "P50 (ms)",
            "P95 (ms)",
            "P99 (ms)",
            "Error rate",
            "Kept",
        ],
    );
    for rate in rates {
        highest.add(vec![
            rate.algorithm.clone(),
            rate.rate_per_s.map_or_else(|| "below the lowest rate".to_owned(), |rate| trimmed(rate, 1)),
            rate.objective.join(" and "),
            rate.probes.len().to_string(),
        ]);
        for probe in &rate.probes {
            let of = |pick: fn(&Latency) -> f64| millis(probe.latency_ms.as_ref().map(pick));
            let kept = match (probe.kept, probe.problems.is_empty()) {
                (true, _) => Cell::toned("yes", Tone::Good),
                (false, true) => Cell::toned("no", Tone::Bad),
                (false, false) => Cell::toned(format!("no: {}", probe.problems.join("; ")), Tone::Bad),
            };
            let mut cells: Vec<Cell> = [
                rate.algorithm.clone(),
                trimmed(probe.rate_per_s, 1),
                probe.stage.to_string(),
                trimmed(probe.seconds, 1),
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
    (!highest.rows.is_empty()).then_some((highest, probes))
}

/// Returns a sentence and a table on how far two labels of one algorithm differ.
pub(crate) fn aa(summary: &AaSummary) -> (String, Table) {
    let mut sentence = format!(
        "{} ran under two labels in {}. The whole procedure found {} to differ; comparing single pairs without \
         statistics would have raised {} (mean or p95 more than 5 % apart).",
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
