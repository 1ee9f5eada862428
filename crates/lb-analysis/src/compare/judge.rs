//! From paired differences to verdicts.

use super::options::CompareOptions;
use super::pairs::{Measured, Pair, to_difference, to_effect};
use super::sentence;
use crate::interval::bootstrap;
use lb_core::rng::Seed;
use lb_results::{Comparison, Metric, MetricComparison, PairComparison, TrialSummary, Verdict};
use lb_stats::{Planning, SignFlips, deviation_bound, equivalence_p, holm};
use std::collections::BTreeMap;

/// Compares every pair of labels by every metric; the earlier label is the baseline. None with fewer
/// than two labels.
pub fn compare(trials: &[TrialSummary], labels: &[String], options: &CompareOptions) -> Option<Comparison> {
    (labels.len() > 1).then(|| compare_pairs(&Pair::all(trials, labels), options))
}

/// Compares only the `wanted` pairs of labels, given by their indices. None with fewer than two labels.
pub fn compare_some(
    trials: &[TrialSummary],
    labels: &[String],
    wanted: &dyn Fn(usize, usize) -> bool,
    options: &CompareOptions,
) -> Option<Comparison> {
    (labels.len() > 1).then(|| compare_pairs(&Pair::some(trials, labels, wanted), options))
}

/// Compares these pairs, as one family.
pub(crate) fn compare_pairs(pairs: &[Pair<'_>], options: &CompareOptions) -> Comparison {
    let tests: Vec<(usize, Measured)> = pairs
        .iter()
        .enumerate()
        .flat_map(|(number, pair)| {
            Metric::ALL.into_iter().filter_map(move |metric| Some((number, Measured::new(pair, metric)?)))
        })
        .collect();
    let in_family = |measured: &Measured| measured.blocks() >= 2 && measured.is_testable();
    let family: Vec<&Measured> =
        tests.iter().map(|(_, measured)| measured).filter(|measured| in_family(measured)).collect();
    let p_values: Vec<f64> = family.iter().map(|measured| difference_p(measured, options.seed)).collect();
    let not_equivalent: Vec<f64> = family.iter().map(|measured| outside_p(measured, options)).collect();
    let mut adjusted = p_values.iter().copied().zip(holm(&p_values)).zip(holm(&not_equivalent));

    let mut judge = Judge {
        planning: Planning::new(options.alpha, planned_family(&tests)),
        detectable: BTreeMap::new(),
        options,
    };
    let mut metrics: Vec<Vec<MetricComparison>> = vec![Vec::new(); pairs.len()];
    for (number, measured) in &tests {
        let evidence = in_family(measured)
            .then(|| adjusted.next())
            .flatten()
            .map(|((p_value, p_adjusted), p_equivalence)| Evidence { p_value, p_adjusted, p_equivalence });
        metrics[*number].push(judge.metric(measured, evidence));
    }
    let planning = judge.planning;
    let judged = pairs.iter().zip(metrics).map(|(pair, metrics)| {
        let mut judged = PairComparison {
            baseline: pair.baseline.clone(),
            candidate: pair.candidate.clone(),
            blocks: pair.blocks.len(),
            verdict: overall(&metrics),
            metrics,
            sentence: String::new(),
        };
        judged.sentence = sentence::of_pair(&judged, planning, options);
        judged
    });
    Comparison {
        alpha: options.alpha,
        margin: options.margin,
        pairs: judged.collect(),
        family: p_values.len(),
        noise_source: options.noise_source.clone(),
    }
}

/// Tests that there will be once every pair has two blocks.
fn planned_family(tests: &[(usize, Measured)]) -> usize {
    tests.iter().filter(|(_, measured)| measured.is_testable()).count()
}

/// The sign-flip test of one metric.
fn difference_p(measured: &Measured, seed: Seed) -> f64 {
    SignFlips::new(&measured.differences, seed).p_value(measured.differences.iter().sum())
}

/// The equivalence test of one metric.
fn outside_p(measured: &Measured, options: &CompareOptions) -> f64 {
    let margin = options.margin_of(measured.metric);
    let [lower, upper] = [-margin, margin].map(|bound| to_difference(measured.metric, bound));
    measured.moments().map_or(1.0, |moments| equivalence_p(&moments, lower, upper))
}

/// What the tests of one metric say.
#[derive(Clone, Copy)]
struct Evidence {
    p_value: f64,
    p_adjusted: f64,
    /// After Holm's correction.
    p_equivalence: f64,
}

struct Judge<'a> {
    planning: Planning,
    /// By blocks; the same for all metrics, and not free.
    detectable: BTreeMap<usize, Option<f64>>,
    options: &'a CompareOptions,
}

impl Judge<'_> {
    fn metric(&mut self, measured: &Measured, evidence: Option<Evidence>) -> MetricComparison {
        let metric = measured.metric;
        let [baseline, candidate] = measured.medians();
        let seed = Seed(self.options.seed.key(&[metric as u64]));
        let interval = bootstrap(&measured.differences, self.options.resamples, seed);
        let identical = measured.blocks() >= 2 && !measured.is_testable();
        let margin = to_difference(metric, self.options.margin_of(metric));
        let moments = measured.moments().filter(|_| evidence.is_some());
        let mut judged = MetricComparison {
            metric,
            baseline,
            candidate,
            effect: to_effect(metric, measured.estimate()),
            interval: interval.map(|ends| ends.map(|end| to_effect(metric, end))),
            p_value: evidence.map(|evidence| evidence.p_value),
            p_adjusted: evidence.map(|evidence| evidence.p_adjusted),
            equivalent: identical
                || evidence.is_some_and(|evidence| evidence.p_equivalence <= self.options.alpha),
            minimum_detectable: moments.as_ref().and_then(|moments| {
                let deviations = self.detectable(moments.count)?;
                Some(to_effect(metric, deviations * deviation_bound(moments)))
            }),
            repetitions_needed: moments.and_then(|moments| self.planning.blocks_needed(margin, &moments)),
            noise_floor: self.options.noise.get(&metric).copied(),
            verdict: Verdict::NotEnoughData,
        };
        judged.verdict = self.verdict(&judged, measured);
        judged
    }

    fn detectable(&mut self, blocks: usize) -> Option<f64> {
        let planning = self.planning;
        let count = u32::try_from(blocks).unwrap_or(u32::MAX);
        *self.detectable.entry(blocks).or_insert_with(|| planning.detectable_deviations(count))
    }

    fn verdict(&self, judged: &MetricComparison, measured: &Measured) -> Verdict {
        let metric = judged.metric;
        let significant = judged.p_adjusted.is_some_and(|p| p <= self.options.alpha);
        let above_noise = judged.noise_floor.is_none_or(|floor| judged.effect.abs() > floor);
        // The test is of the mean, the effect is a median: a verdict needs both to point the same way.
        let one_way = judged.effect * measured.differences.iter().sum::<f64>() > 0.0
            && judged.interval.is_none_or(|[low, high]| low > 0.0 || high < 0.0);
        let reachable = self.planning.reachable(u32::try_from(measured.blocks()).unwrap_or(u32::MAX));
        if significant && above_noise && one_way {
            match (metric.has_direction(), (judged.effect > 0.0) == metric.higher_is_better()) {
                (false, _) => Verdict::Different,
                (true, true) => Verdict::Better,
                (true, false) => Verdict::Worse,
            }
        } else if judged.equivalent && reachable {
            Verdict::Equivalent
        } else {
            Verdict::NotEnoughData
        }
    }
}

/// The verdict on a pair, from the metrics that have a direction.
fn overall(metrics: &[MetricComparison]) -> Verdict {
    let directed = || metrics.iter().filter(|judged| judged.metric.has_direction());
    let any = |verdict| directed().any(|judged| judged.verdict == verdict);
    match (any(Verdict::Better), any(Verdict::Worse)) {
        (true, true) => Verdict::Mixed,
        (true, false) => Verdict::Better,
        (false, true) => Verdict::Worse,
        (false, false) if any(Verdict::Equivalent) && !any(Verdict::NotEnoughData) => Verdict::Equivalent,
        (false, false) => Verdict::NotEnoughData,
    }
}
