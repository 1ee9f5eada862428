//! One algorithm under two labels: every difference is noise, so this measures the noise, and the
//! procedure that has to see through it.
//!
//! - **Noise floor** of a metric: the largest absolute bound of the 95 % interval of the difference. A
//!   smaller effect cannot be told from what identical set-ups do to each other, even with a small p value.
//! - **Naive alarms**: pairs of single trials that a comparison without statistics would have called
//!   different.
//! - **False-alarm rate**: the labels are swapped at random within blocks, many times, and each time all
//!   p values are computed and corrected as in a comparison. Intervals are left out, which a verdict
//!   needs as well: the procedure itself alarms at most as often.

use crate::compare::CompareOptions;
use crate::compare::judge::compare_pairs;
use crate::compare::pairs::{Measured, Pair, to_effect, valid_trials};
use crate::compare::sentence::{amount, list};
use lb_core::rng::Seed;
use lb_results::{AaMetric, AaSummary, Metric, PairComparison, TrialSummary, Verdict};
use lb_stats::{Planning, SignFlips, holm};
use rand::RngExt;

/// Random relabellings: enough to know a rate of 5 % within 0.7 % (one standard error).
const RELABELLINGS: usize = 1000;
/// A difference that people act on when they have but one trial of each.
const NAIVE: f64 = 0.05;

/// Measures how far two labels of one algorithm differ. Noise floors in the options are ignored.
pub fn aa(
    trials: &[TrialSummary],
    labels: [&str; 2],
    algorithm: &str,
    options: &CompareOptions,
) -> AaSummary {
    let options = &CompareOptions { noise: Default::default(), noise_source: None, ..options.clone() };
    let [first, second] = labels.map(|label| valid_trials(trials, label));
    let pair = Pair::new(labels[0].to_owned(), labels[1].to_owned(), &first, &second);
    let measured: Vec<Measured> =
        Metric::ALL.into_iter().filter_map(|metric| Measured::new(&pair, metric)).collect();
    let compared = compare_pairs(std::slice::from_ref(&pair), options).pairs.pop();
    let false_alarm_rate = false_alarm_rate(&pair, &measured, options);
    AaSummary {
        algorithm: algorithm.to_owned(),
        pairs: pair.blocks.len(),
        metrics: compared.as_ref().map_or_else(Vec::new, |compared| noise(compared, &measured)),
        naive_alarms: naive_alarms(&pair),
        alarms: compared.as_ref().map_or(0, alarms),
        relabellings: if false_alarm_rate.is_some() { RELABELLINGS } else { 0 },
        false_alarm_rate,
    }
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
        (None, _) => "so few pairs cannot raise an alarm of the whole procedure".to_owned(),
        (Some(rate), alarms) => format!(
            "the whole procedure raised {}, and any at all in {:.1} % of {} random relabellings",
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
        "{} against itself, {pairs}: single trials would have been called different in {} of them (mean or p95 \
         off by more than 5 %); {procedure}. Noise floor: {}.",
        aa.algorithm,
        aa.naive_alarms,
        list(&floors)
    )
}

fn noise(compared: &PairComparison, measured: &[Measured]) -> Vec<AaMetric> {
    compared
        .metrics
        .iter()
        .zip(measured)
        .map(|(judged, measured)| {
            let sizes =
                measured.differences.iter().map(|difference| to_effect(judged.metric, *difference).abs());
            let largest_pair = sizes.fold(0.0, f64::max);
            AaMetric {
                metric: judged.metric,
                effect: judged.effect,
                interval: judged.interval,
                largest_pair,
                // A single pair has no interval; it is all that is known of the noise.
                noise_floor: judged.interval.map_or(largest_pair, |[low, high]| low.abs().max(high.abs())),
            }
        })
        .collect()
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
    compared.metrics.iter().filter(|judged| alarm(judged.verdict)).count()
}

/// Returns the share of relabellings with any alarm. `None` where the blocks are too few for one.
fn false_alarm_rate(pair: &Pair<'_>, measured: &[Measured], options: &CompareOptions) -> Option<f64> {
    let tested: Vec<&Measured> =
        measured.iter().filter(|measured| measured.blocks() >= 2 && measured.is_testable()).collect();
    let most = tested.iter().map(|measured| measured.blocks()).max()?;
    if !Planning::new(options.alpha, tested.len()).reachable(u32::try_from(most).unwrap_or(u32::MAX)) {
        return None;
    }
    // Swapping labels flips signs, which leaves the reference distribution as it is.
    let flips: Vec<SignFlips> =
        tested.iter().map(|measured| SignFlips::new(&measured.differences, options.seed)).collect();
    let mut rng = Seed(options.seed.key(&[0xaa])).stream(&[]);
    let mut alarms = 0;
    for _ in 0..RELABELLINGS {
        let swapped: Vec<bool> = pair.blocks.iter().map(|_| rng.random()).collect();
        let p_values: Vec<f64> = tested
            .iter()
            .zip(&flips)
            .map(|(measured, flips)| flips.p_value(measured.relabelled_sum(&swapped)))
            .collect();
        alarms += usize::from(holm(&p_values).into_iter().any(|p| p <= options.alpha));
    }
    Some(alarms as f64 / RELABELLINGS as f64)
}
