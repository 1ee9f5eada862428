//! Compares one algorithm under two labels. Every difference is noise, so the result measures the noise and
//! how often the comparison mistakes it for an effect.
//!
//! - **Noise floor** of a metric: the largest absolute bound of the 95 % interval of the difference. A
//!   smaller effect cannot be told apart from the variation between identical set-ups, even with a small p
//!   value.
//! - **Naive alarms**: pairs of individual trials that a comparison without statistics would have called
//!   different.
//! - **False-alarm rate**: the labels of whole blocks are swapped in every possible way, or in many random
//!   ways, and each time the tests of all algorithms are run and corrected as in a comparison. Intervals are
//!   ignored; they could only remove alarms, so the actual rate is at most this.

use crate::compare::CompareOptions;
use crate::compare::judge::compare_pairs;
use crate::compare::pairs::{Measured, Pair, to_effect, valid_trials};
use crate::compare::sentence::{amount, list};
use lb_results::{AaMetric, AaSummary, Metric, PairComparison, TrialSummary, Verdict};
use lb_stats::StepDown;
use std::collections::BTreeSet;

/// Relative difference between two individual trials that counts as a naive alarm.
const NAIVE: f64 = 0.05;

/// An algorithm that ran under two labels.
#[derive(Clone, Debug)]
pub struct Twice {
    /// The name of the algorithm.
    pub algorithm: String,
    /// The labels of its trials.
    pub labels: [String; 2],
}

/// Measures how far the two labels of each algorithm differ. All algorithms are one family of tests, as in a
/// comparison. Noise floors in the options are ignored.
pub fn aa(trials: &[TrialSummary], twice: &[Twice], options: &CompareOptions) -> Vec<AaSummary> {
    let options = &CompareOptions { noise: Default::default(), noise_source: None, ..options.clone() };
    let pair = |twice: &Twice| {
        let [first, second] = &twice.labels;
        Pair::new(first.clone(), second.clone(), &valid_trials(trials, first), &valid_trials(trials, second))
    };
    let pairs: Vec<Pair<'_>> = twice.iter().map(pair).collect();
    let compared = compare_pairs(&pairs, options);
    let relabelled = relabelled(&pairs, options);
    let one = |((twice, pair), compared): ((&Twice, &Pair<'_>), &PairComparison)| AaSummary {
        algorithm: twice.algorithm.clone(),
        pairs: pair.blocks.len(),
        metrics: noise(compared, pair),
        naive_alarms: naive_alarms(pair),
        alarms: alarms(compared),
        relabellings: relabelled.map_or(0, |(_, count)| count),
        false_alarm_rate: relabelled.map(|(rate, _)| rate),
    };
    twice.iter().zip(&pairs).zip(&compared.pairs).map(one).collect()
}

/// Returns the result as a sentence.
pub fn aa_sentence(aa: &AaSummary) -> String {
    let pairs = if aa.pairs == 1 { "1 pair".to_owned() } else { format!("{} pairs", aa.pairs) };
    if aa.pairs == 0 {
        return format!(
            "{} was not compared with itself: no block has a valid trial of both labels.",
            aa.algorithm
        );
    }
    let procedure = match (aa.false_alarm_rate, aa.alarms) {
        (None, _) => "with so few pairs the whole procedure cannot raise an alarm".to_owned(),
        (Some(rate), alarms) => format!(
            "the whole procedure raised {}, and at least one in {:.1} % of {} relabellings",
            match alarms {
                0 => "no alarm".to_owned(),
                1 => "1 false alarm".to_owned(),
                many => format!("{many} false alarms"),
            },
            100.0 * rate,
            aa.relabellings
        ),
    };
    let floors: Vec<String> = aa
        .metrics
        .iter()
        .map(|noise| format!("{} {}", noise.metric.label(), amount(noise.metric, noise.noise_floor)))
        .collect();
    let floors: Vec<&str> = floors.iter().map(String::as_str).collect();
    format!(
        "{} against itself, {pairs}: individual trials would have been called different in {} of them (mean or \
         p95 off by more than 5 %); {procedure}. Noise floor: {}.",
        aa.algorithm,
        aa.naive_alarms,
        list(&floors)
    )
}

fn noise(compared: &PairComparison, pair: &Pair<'_>) -> Vec<AaMetric> {
    let of = |judged: &lb_results::MetricComparison| {
        let measured = Measured::new(pair, judged.metric)?;
        let sizes = measured.differences.iter().map(|difference| to_effect(judged.metric, *difference).abs());
        let largest_pair = sizes.fold(0.0, f64::max);
        Some(AaMetric {
            metric: judged.metric,
            effect: judged.effect,
            interval: judged.interval,
            largest_pair,
            // With too few pairs for an interval, the largest difference is all that is known about the
            // noise.
            noise_floor: judged.interval.map_or(largest_pair, |[low, high]| low.abs().max(high.abs())),
        })
    };
    compared.metrics.iter().filter_map(of).collect()
}

fn naive_alarms(pair: &Pair<'_>) -> usize {
    let off = |[first, second]: &[&TrialSummary; 2]| {
        [Metric::Mean, Metric::P95].into_iter().any(|metric| {
            match (first.metric(metric), second.metric(metric)) {
                (Some(first), Some(second)) => (second / first - 1.0).abs() > NAIVE,
                _ => false,
            }
        })
    };
    pair.blocks.iter().filter(|block| off(block)).count()
}

fn alarms(compared: &PairComparison) -> usize {
    let alarm = |verdict| matches!(verdict, Verdict::Better | Verdict::Worse | Verdict::Different);
    compared.metrics.iter().filter(|judged| !judged.exploratory && alarm(judged.verdict)).count()
}

/// Returns the share of relabellings with any alarm, and the number of relabellings. `None` if there are too
/// few blocks for an alarm.
fn relabelled(pairs: &[Pair<'_>], options: &CompareOptions) -> Option<(f64, usize)> {
    let blocks: BTreeSet<u32> =
        pairs.iter().flat_map(|pair| &pair.blocks).map(|[one, _]| one.block).collect();
    let blocks: Vec<u32> = blocks.into_iter().collect();
    let measured = pairs.iter().flat_map(|pair| {
        let of = |metric: &Metric| Some((pair, Measured::new(pair, *metric)?));
        options.primary.iter().filter_map(of).collect::<Vec<_>>()
    });
    let slots: Vec<Vec<Option<f64>>> = measured
        .filter(|(_, measured)| measured.blocks() >= 2 && measured.is_testable())
        .map(|(pair, measured)| measured.by_block(pair, &blocks))
        .collect();
    let most = slots.iter().map(|slots| slots.iter().flatten().count()).max()?;
    if lb_stats::smallest_adjusted_p(most) > options.alpha {
        return None;
    }
    let family = StepDown::new(&slots, options.seed);
    Some((family.alarm_rate(options.alpha), family.assignments()))
}
