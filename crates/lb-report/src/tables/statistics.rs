//! The statistics of one pair: the primary metrics, then the exploratory ones, with effect, interval, p
//! value, and the smallest detectable effect.

use super::{Cell, Table, Tone};
use crate::text::{NONE, count, effect, effect_size, interval, p_value, verdict};
use lb_results::{MetricComparison, PairComparison, Verdict};

/// Tabulates the primary metrics, which decide the verdict.
pub(crate) fn statistics(pair: &PairComparison) -> Option<Table> {
    let caption = format!(
        "{} (candidate) against {} (baseline), {}",
        pair.candidate,
        pair.baseline,
        count(pair.blocks, "block")
    );
    table(pair, caption, false)
}

/// Tabulates the exploratory metrics, which are tested individually and never make a winner.
pub(crate) fn exploratory(pair: &PairComparison) -> Option<Table> {
    let caption = format!(
        "Exploratory: other metrics of {} against {}, each tested individually, without correction for \
        multiple tests",
        pair.candidate, pair.baseline
    );
    table(pair, caption, true)
}

fn table(pair: &PairComparison, caption: String, exploratory: bool) -> Option<Table> {
    let noise = pair.metrics.iter().any(|metric| metric.noise_floor.is_some());
    let p = if exploratory { "p" } else { "Adjusted p" };
    let mut header = vec!["Metric", "Effect", "95 % interval", p, "Minimum detectable"];
    header.extend(noise.then_some("Noise floor"));
    header.extend(["Blocks needed", "Verdict"]);
    let mut table = Table::new(caption, &header);
    for metric in pair.metrics.iter().filter(|metric| metric.exploratory == exploratory) {
        table.add_toned(Tone::Plain, row(metric, noise));
    }
    table.unless_empty()
}

fn row(metric: &MetricComparison, noise: bool) -> Vec<Cell> {
    let kind = metric.metric;
    let mut cells: Vec<Cell> = [
        kind.label().to_owned(),
        effect(kind, metric.effect),
        interval(kind, metric.interval),
        p_value(if metric.exploratory { metric.p_value } else { metric.p_adjusted }),
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
