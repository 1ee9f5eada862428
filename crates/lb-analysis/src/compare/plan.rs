//! How many blocks to run: before a run from a pilot, and during one from its intervals.

use super::options::CompareOptions;
use super::pairs::{Measured, Pair, to_difference, to_effect};
use lb_results::{Comparison, Metric, TrialSummary};
use lb_stats::{Moments, Planning, deviation_bound};

/// Smallest number of blocks at which a run may stop; with fewer, intervals are themselves too uncertain.
const FEWEST_TO_STOP: usize = 5;
/// Largest number of blocks that is recommended.
const MOST: u32 = 10_000;

/// Returns whether a run may stop: the ratios of mean and p95 of every pair are known to `precision` (a
/// fraction), over at least five blocks.
///
/// The precision is relative to the ratio itself: the ends of its 95 % interval lie within a factor of
/// `1 + precision` of their geometric middle. Measured in points of the baseline, an interval would shrink
/// with the ratio: 0.25 ± 0.03 would count as precise as 1 ± 0.03, although it is only known to 12 %.
///
/// Only the width of intervals counts, never p values: stopping when a difference becomes significant would
/// sooner or later find one in pure noise.
pub fn precise_enough(comparison: &Comparison, precision: f64) -> bool {
    comparison.pairs.iter().all(|pair| {
        pair.blocks >= FEWEST_TO_STOP
            && [Metric::Mean, Metric::P95].into_iter().all(|metric| {
                let judged = pair.metrics.iter().find(|judged| judged.metric == metric);
                judged
                    .and_then(|judged| judged.interval)
                    .and_then(relative_half_width)
                    .is_some_and(|width| width <= precision)
            })
    })
}

/// Returns how far the ends of an interval of relative differences lie from the geometric middle of the
/// ratio, as a fraction of it. `None` if a ratio is not above 0.
fn relative_half_width([low, high]: [f64; 2]) -> Option<f64> {
    let (low, high) = (1.0 + low, 1.0 + high);
    (low > 0.0).then(|| (high / low).sqrt() - 1.0)
}

/// Returns the smallest number of blocks that allows any verdict, however many algorithms are compared.
pub fn fewest_blocks() -> u32 {
    Planning::new(CompareOptions::default().alpha, 1).fewest_blocks()
}

/// Returns the number of blocks that find a difference of this size (as
/// [`lb_results::MetricComparison::effect`]) in this metric with a probability of 80 % in every pair of
/// labels, given what a pilot measured. For a pair that differed by more than twice this size in the pilot,
/// the target is half of its difference. If the pilot has fewer than two blocks, returns the smallest number
/// that allows any verdict. At most 10 000.
pub fn repetitions_for(
    pilot: &[TrialSummary],
    labels: &[String],
    effect: f64,
    metric: Metric,
    options: &CompareOptions,
) -> u32 {
    let pairs = pairs(pilot, labels, options);
    let planning = planning(&pairs, options);
    let difference = to_difference(metric, effect).abs();
    scatter(&pairs, metric)
        .map(|moments| {
            let difference = difference.max(0.5 * moments.mean.abs());
            planning.blocks_needed(difference, &moments).unwrap_or(MOST)
        })
        .max()
        .unwrap_or(0)
        .max(planning.fewest_blocks())
}

/// Returns the smallest difference that this number of blocks finds with a probability of 80 % in every pair
/// of labels, given what a pilot measured. Pairs that differed by more than twice as much in the pilot do not
/// count. `None` when no pair is left, or when no difference can be found.
pub fn detectable_with(
    blocks: u32,
    pilot: &[TrialSummary],
    labels: &[String],
    metric: Metric,
    options: &CompareOptions,
) -> Option<f64> {
    let pairs = pairs(pilot, labels, options);
    let deviations = planning(&pairs, options).detectable_deviations(blocks)?;
    scatter(&pairs, metric)
        .map(|moments| (deviations * deviation_bound(&moments), moments.mean.abs()))
        .filter(|(detectable, seen)| *detectable > 0.5 * seen)
        .map(|(detectable, _)| to_effect(metric, detectable))
        .reduce(f64::max)
}

/// Returns the pairs that will be compared.
fn pairs<'a>(pilot: &'a [TrialSummary], labels: &[String], options: &CompareOptions) -> Vec<Pair<'a>> {
    let is_baseline = |number: usize| Some(&labels[number]) == options.baseline.as_ref();
    let wanted = |one, other| options.baseline.is_none() || is_baseline(one) || is_baseline(other);
    Pair::some(pilot, labels, &wanted)
}

/// Plans the family of tests of these pairs. Before the first trial, every primary metric of every pair is
/// expected.
fn planning(pairs: &[Pair<'_>], options: &CompareOptions) -> Planning {
    let measured = |metric| pairs.iter().filter_map(move |pair| Measured::new(pair, metric));
    let tests = options.primary.iter().copied().flat_map(measured).filter(Measured::is_testable).count();
    Planning::new(options.alpha, if tests > 0 { tests } else { pairs.len() * options.primary.len() })
}

/// Returns the moments of the paired differences, pair by pair.
fn scatter(pairs: &[Pair<'_>], metric: Metric) -> impl Iterator<Item = Moments> {
    pairs.iter().filter_map(move |pair| Measured::new(pair, metric)?.moments())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_of_an_interval_is_relative_to_the_ratio_and_not_to_the_baseline() {
        let width = |interval| relative_half_width(interval).expect("a ratio above 0");
        assert!(
            (width([-0.771, -0.721]) - 0.1038).abs() < 1e-4,
            "2.5 points of a ratio of a quarter are 10 %"
        );
        assert!((width([-0.03, 0.03]) - 0.0305).abs() < 1e-4, "near 1 both are alike");
        assert!((width([1.0, 3.0]) - (2.0_f64.sqrt() - 1.0)).abs() < 1e-12);
        let inverse = [1.0 / (1.0 - 0.721) - 1.0, 1.0 / (1.0 - 0.771) - 1.0];
        assert!((width(inverse) - width([-0.771, -0.721])).abs() < 1e-9, "the baseline does not matter");
        assert_eq!(relative_half_width([-1.0, 0.0]), None, "a ratio of 0 has no relative width");
    }
}
