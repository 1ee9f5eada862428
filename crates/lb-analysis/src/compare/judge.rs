//! Turns paired differences into verdicts.

use super::options::CompareOptions;
use super::pairs::{Measured, Pair, to_difference, to_effect};
use super::sentence;
use crate::interval::bootstrap;
use lb_core::rng::Seed;
use lb_results::{Comparison, Metric, MetricComparison, PairComparison, TrialSummary, Verdict};
use lb_stats::{Planning, SignFlips, StepDown, deviation_bound, equivalence_p, holm};
use std::collections::{BTreeMap, BTreeSet};

/// Compares every pair of labels by every metric, with the earlier label as the baseline. `None` with fewer
/// than two labels.
pub fn compare(trials: &[TrialSummary], labels: &[String], options: &CompareOptions) -> Option<Comparison> {
    (labels.len() > 1).then(|| compare_pairs(&Pair::all(trials, labels), options))
}

/// Compares only the `wanted` pairs of labels, given by their indices. `None` with fewer than two labels.
pub fn compare_some(
    trials: &[TrialSummary],
    labels: &[String],
    wanted: &dyn Fn(usize, usize) -> bool,
    options: &CompareOptions,
) -> Option<Comparison> {
    (labels.len() > 1).then(|| compare_pairs(&Pair::some(trials, labels, wanted), options))
}

/// Compares these pairs as one family of tests.
pub(crate) fn compare_pairs(pairs: &[Pair<'_>], options: &CompareOptions) -> Comparison {
    let tests: Vec<(usize, Measured)> = pairs
        .iter()
        .enumerate()
        .flat_map(|(number, pair)| {
            Metric::ALL.into_iter().filter_map(move |metric| Some((number, Measured::new(pair, metric)?)))
        })
        .collect();
    let family = Family::new(pairs, &tests, options);
    let mut judge = Judge {
        planning: Planning::new(options.alpha, planned_family(&tests, options)),
        alone: Planning::new(options.alpha, 1),
        detectable: BTreeMap::new(),
        options,
    };
    let mut metrics: Vec<Vec<MetricComparison>> = vec![Vec::new(); pairs.len()];
    for (place, (number, measured)) in tests.iter().enumerate() {
        let pair = &pairs[*number];
        metrics[*number].push(judge.metric(pair, measured, family.evidence(place, measured, options)));
    }
    let planning = judge.planning;
    let judged = pairs.iter().zip(metrics).map(|(pair, metrics)| {
        let mut judged = PairComparison {
            baseline: pair.baseline.clone(),
            candidate: pair.candidate.clone(),
            blocks: pair.blocks.len(),
            verdict: overall(&metrics, options),
            metrics,
            sentence: String::new(),
        };
        judged.sentence = sentence::of_pair(&judged, planning, options);
        judged
    });
    Comparison {
        alpha: options.alpha,
        margin: options.margin,
        primary: options.primary.clone(),
        pairs: judged.collect(),
        family: family.size(),
        noise_source: options.noise_source.clone(),
    }
}

/// The tests of primary metrics, which share the family-wise error rate.
struct Family {
    /// The corrected p values of each test: for a difference, and against equivalence.
    adjusted: BTreeMap<usize, [f64; 2]>,
}

impl Family {
    fn new(pairs: &[Pair<'_>], tests: &[(usize, Measured)], options: &CompareOptions) -> Self {
        let places: Vec<usize> = (0..tests.len())
            .filter(|place| {
                options.primary.contains(&tests[*place].1.metric) && can_be_tested(&tests[*place].1)
            })
            .collect();
        let blocks: BTreeSet<u32> =
            pairs.iter().flat_map(|pair| &pair.blocks).map(|[one, _]| one.block).collect();
        let blocks: Vec<u32> = blocks.into_iter().collect();
        let slots: Vec<Vec<Option<f64>>> = places
            .iter()
            .map(|place| {
                let (number, measured) = &tests[*place];
                measured.by_block(&pairs[*number], &blocks)
            })
            .collect();
        let different = StepDown::new(&slots, options.seed).p_values();
        let outside: Vec<f64> = places.iter().map(|place| outside_p(&tests[*place].1, options)).collect();
        let adjusted =
            places.iter().copied().zip(different.into_iter().zip(holm(&outside)).map(<[f64; 2]>::from));
        Self { adjusted: adjusted.collect() }
    }

    fn size(&self) -> usize {
        self.adjusted.len()
    }

    /// Returns the results of the tests of a metric; `None` if there is nothing to test.
    fn evidence(&self, place: usize, measured: &Measured, options: &CompareOptions) -> Option<Evidence> {
        let evidence = || Evidence {
            p_value: difference_p(measured, options.seed),
            adjusted: self.adjusted.get(&place).copied(),
            p_equivalence: outside_p(measured, options),
        };
        can_be_tested(measured).then(evidence)
    }
}

fn can_be_tested(measured: &Measured) -> bool {
    measured.blocks() >= 2 && measured.is_testable()
}

/// Counts the primary tests of the family once every pair has two blocks.
fn planned_family(tests: &[(usize, Measured)], options: &CompareOptions) -> usize {
    let primary = |measured: &Measured| options.primary.contains(&measured.metric) && measured.is_testable();
    tests.iter().filter(|(_, measured)| primary(measured)).count()
}

/// Returns the p value of the sign-flip test of one metric.
fn difference_p(measured: &Measured, seed: Seed) -> f64 {
    SignFlips::new(&measured.differences, seed).p_value(measured.differences.iter().sum())
}

/// Returns the p value of the equivalence test of one metric.
fn outside_p(measured: &Measured, options: &CompareOptions) -> f64 {
    let margin = options.margin_of(measured.metric);
    let [lower, upper] = [-margin, margin].map(|bound| to_difference(measured.metric, bound));
    measured.moments().map_or(1.0, |moments| equivalence_p(&moments, lower, upper))
}

/// The p values of one metric.
#[derive(Clone, Copy)]
struct Evidence {
    /// The p value of the difference, uncorrected.
    p_value: f64,
    /// The p values of the difference and against equivalence, corrected over the family. `None` for an
    /// exploratory metric.
    adjusted: Option<[f64; 2]>,
    /// The p value against equivalence, uncorrected.
    p_equivalence: f64,
}

impl Evidence {
    /// Returns the p value that decides a verdict of a difference.
    fn difference(&self) -> f64 {
        self.adjusted.map_or(self.p_value, |[difference, _]| difference)
    }

    /// Returns the p value that decides a verdict of equivalence.
    fn equivalence(&self) -> f64 {
        self.adjusted.map_or(self.p_equivalence, |[_, outside]| outside)
    }
}

struct Judge<'a> {
    /// The planning of the family's tests.
    planning: Planning,
    /// The planning of an exploratory test.
    alone: Planning,
    /// The detectable effect by number of blocks and role. Cached: it is costly, and the same for all metrics
    /// of a role.
    detectable: BTreeMap<(usize, bool), Option<f64>>,
    options: &'a CompareOptions,
}

impl Judge<'_> {
    fn metric(
        &mut self,
        pair: &Pair<'_>,
        measured: &Measured,
        evidence: Option<Evidence>,
    ) -> MetricComparison {
        let metric = measured.metric;
        let exploratory = !self.options.primary.contains(&metric);
        let [baseline, candidate] = measured.medians();
        let seed = Seed(self.options.seed.key(&[metric as u64]));
        let interval = bootstrap(&measured.differences, self.options.resamples, seed);
        let identical = measured.blocks() >= 2 && !measured.is_testable();
        let margin = to_difference(metric, self.options.margin_of(metric));
        let moments = measured.moments().filter(|_| evidence.is_some());
        let planning = if exploratory { self.alone } else { self.planning };
        let mut judged = MetricComparison {
            metric,
            exploratory,
            baseline,
            candidate,
            effect: to_effect(metric, measured.estimate()),
            interval: interval.map(|ends| ends.map(|end| to_effect(metric, end))),
            p_value: evidence.map(|evidence| evidence.p_value),
            p_adjusted: evidence.and_then(|evidence| Some(evidence.adjusted?[0])),
            equivalent: identical
                || evidence.is_some_and(|evidence| evidence.equivalence() <= self.options.alpha),
            minimum_detectable: moments.as_ref().and_then(|moments| {
                let deviations = self.detectable(moments.count, exploratory)?;
                Some(to_effect(metric, deviations * deviation_bound(moments)))
            }),
            repetitions_needed: moments.and_then(|moments| planning.blocks_needed(margin, &moments)),
            noise_floor: self.options.floor_of([&pair.baseline, &pair.candidate], metric),
            verdict: Verdict::NotEnoughData,
        };
        judged.verdict = self.verdict(&judged, measured, evidence);
        judged
    }

    fn detectable(&mut self, blocks: usize, exploratory: bool) -> Option<f64> {
        let planning = if exploratory { self.alone } else { self.planning };
        let count = u32::try_from(blocks).unwrap_or(u32::MAX);
        let find = || planning.detectable_deviations(count);
        *self.detectable.entry((blocks, exploratory)).or_insert_with(find)
    }

    fn verdict(&self, judged: &MetricComparison, measured: &Measured, evidence: Option<Evidence>) -> Verdict {
        let metric = judged.metric;
        let significant = evidence.is_some_and(|evidence| evidence.difference() <= self.options.alpha);
        let above_noise = judged.noise_floor.is_none_or(|floor| judged.effect.abs() > floor);
        // The test is about the mean and the effect is a median: a verdict needs both to have the same sign.
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

/// Returns the verdict on a pair, from the metrics that have a direction. Exploratory metrics cannot make a
/// winner; if one points the other way by more than the margin, the verdict is mixed.
fn overall(metrics: &[MetricComparison], options: &CompareOptions) -> Verdict {
    let directed = |exploratory| {
        metrics
            .iter()
            .filter(move |judged| judged.metric.has_direction() && judged.exploratory == exploratory)
    };
    let any = |verdict| directed(false).any(|judged| judged.verdict == verdict);
    let against = |verdict| {
        let beyond = |judged: &MetricComparison| judged.effect.abs() > options.margin_of(judged.metric);
        directed(true).any(|judged| judged.verdict == verdict && beyond(judged))
    };
    match (any(Verdict::Better), any(Verdict::Worse)) {
        (true, true) => Verdict::Mixed,
        (true, false) if against(Verdict::Worse) => Verdict::Mixed,
        (true, false) => Verdict::Better,
        (false, true) if against(Verdict::Better) => Verdict::Mixed,
        (false, true) => Verdict::Worse,
        (false, false) if any(Verdict::Equivalent) && !any(Verdict::NotEnoughData) => Verdict::Equivalent,
        (false, false) => Verdict::NotEnoughData,
    }
}
