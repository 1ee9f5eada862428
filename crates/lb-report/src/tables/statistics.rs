//! The statistics of one pair: every metric with its effect, interval, p value, and the smallest effect that
//! could have been found.

use super::{Cell, Table, Tone};
use crate::text::{NONE, count, effect, effect_size, interval, metric_value, p_value, verdict};
use lb_results::{MetricComparison, PairComparison, Verdict};

/// One row per metric.
pub(crate) fn statistics(pair: &PairComparison) -> Option<Table> {
    let noise = pair.metrics.iter().any(|metric| metric.noise_floor.is_some());
    let mut header = vec![
        "Metric",
        "Baseline",
        "Candidate",
        "Effect",
        "95 % interval",
        "Adjusted p",
        "Minimum detectable",
    ];
    header.extend(noise.then_some("Noise floor"));
    header.extend(["Blocks needed", "Verdict"]);
    let caption = format!(
        "{} (candidate) against {} (baseline), {}",
        pair.candidate,
        pair.baseline,
        count(pair.blocks, "block")
    );
    let mut table = Table::new(caption, &header);
    for metric in &pair.metrics {
        table.add_toned(Tone::Plain, row(metric, noise));
    }
    table.unless_empty()
}

fn row(metric: &MetricComparison, noise: bool) -> Vec<Cell> {
    let kind = metric.metric;
    let mut cells: Vec<Cell> = [
        kind.label().to_owned(),
        metric_value(kind, metric.baseline),
        metric_value(kind, metric.candidate),
        effect(kind, metric.effect),
        interval(kind, metric.interval),
        p_value(metric.p_adjusted),
        effect_size(kind, metric.minimum_detectable),
    ]
    .map(Cell::from)
    .into();
    if noise {
        cells.push(effect_size(kind, metric.noise_floor).into());
    }
    cells.push(metric.repetitions_needed.map_or_else(|| NONE.to_owned(), |blocks| blocks.to_string()).into());
    cells.push(Cell::toned(verdict(metric.verdict), tone(metric.verdict)));
    cells
}

/// Returns the tone of a verdict.
pub(crate) const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Better => Tone::Good,
        Verdict::Worse => Tone::Bad,
        Verdict::Mixed | Verdict::Different => Tone::Care,
        Verdict::Equivalent | Verdict::NotEnoughData => Tone::Plain,
    }
}
