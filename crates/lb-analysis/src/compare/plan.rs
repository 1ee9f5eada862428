//! How many blocks to run: before a run from a pilot, and during one from its intervals.

use super::options::CompareOptions;
use super::pairs::{Measured, Pair, to_difference};
use lb_results::{Comparison, Metric, TrialSummary};
use lb_stats::Planning;

/// Below this many blocks, an interval is itself too uncertain to stop by.
const FEWEST_TO_STOP: usize = 5;
/// Largest number of blocks that is recommended.
const MOST: u32 = 10_000;

/// Returns whether a run may stop: the 95 % intervals of mean and p95 of every pair reach at most `precision` (a
/// fraction) to either side of their middle, over at least five blocks.
///
/// This looks at the width of intervals only, never at p values: stopping when a difference turns
/// significant would find one in pure noise, sooner or later.
pub fn precise_enough(comparison: &Comparison, precision: f64) -> bool {
    comparison.pairs.iter().all(|pair| {
        pair.blocks >= FEWEST_TO_STOP
            && [Metric::Mean, Metric::P95].into_iter().all(|metric| {
                let judged = pair.metrics.iter().find(|judged| judged.metric == metric);
                judged
                    .and_then(|judged| judged.interval)
                    .is_some_and(|[low, high]| (high - low) / 2.0 <= precision)
            })
    })
}

/// Repetitions with which an effect of this size (as [`lb_results::MetricComparison::effect`]) in this
/// metric is found in 80 of 100 cases, in every pair of labels, given what a pilot measured. With fewer
/// than two blocks in the pilot: the fewest with which any verdict is possible. At most 10 000.
pub fn repetitions_for(
    pilot: &[TrialSummary],
    labels: &[String],
    effect: f64,
    metric: Metric,
    options: &CompareOptions,
) -> u32 {
    let pairs = Pair::all(pilot, labels);
    let measured = |metric| pairs.iter().filter_map(move |pair| Measured::new(pair, metric));
    let tests = Metric::ALL.into_iter().flat_map(measured).filter(Measured::is_testable).count();
    // Without any trial yet, every metric of every pair has to be expected.
    let family = if tests > 0 { tests } else { pairs.len() * Metric::ALL.len() };
    let planning = Planning::new(options.alpha, family);
    let difference = to_difference(metric, effect);
    measured(metric)
        .filter_map(|measured| measured.moments())
        .map(|moments| planning.blocks_needed(difference, &moments).unwrap_or(MOST))
        .max()
        .unwrap_or(0)
        .max(planning.fewest_blocks())
}
