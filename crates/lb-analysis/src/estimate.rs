//! Estimates the latency of one algorithm over its trials, with a confidence interval.
//!
//! The trial is the experimental unit: each valid trial gives one value of a metric, and the estimate is over
//! these values. It differs from a percentile of all requests pooled, in which a trial with many requests
//! weighs more, and only this estimate can have an interval.
//!
//! - **Estimate**: Hodges–Lehmann, over logarithms for what is compared as a ratio, such as latencies.
//! - **Interval**: 95 %, a bootstrap (BCa, percentiles expanded for small samples) of the same estimate.
//!
//! Intervals of two algorithms may overlap although the algorithms differ: trials of one block share their
//! noise, which only a block-by-block comparison removes. Verdicts come from [`crate::compare`] alone.

use crate::compare::pairs::valid_trials;
use crate::interval::{RESAMPLES, bootstrap};
use lb_core::rng::Seed;
use lb_results::{Metric, MetricEstimate, TrialSummary};
use lb_stats::hodges_lehmann;

/// Estimates the latency metrics of a label over its valid trials, one per block. Metrics without values are
/// left out. `seed` determines the random draws of the bootstrap.
pub fn estimates(trials: &[TrialSummary], label: &str, seed: Seed) -> Vec<MetricEstimate> {
    estimates_of(&Metric::LATENCIES, trials, label, seed)
}

/// Estimates these metrics of a label, as [`estimates`] does.
pub fn estimates_of(
    metrics: &[Metric],
    trials: &[TrialSummary],
    label: &str,
    seed: Seed,
) -> Vec<MetricEstimate> {
    let valid = valid_trials(trials, label);
    let of = |metric: &Metric| {
        let values: Vec<f64> = valid.values().filter_map(|trial| trial.metric(*metric)).collect();
        estimate(*metric, &values, Seed(seed.key(&[*metric as u64])))
    };
    metrics.iter().filter_map(of).collect()
}

/// Estimates one metric. `None` without values.
fn estimate(metric: Metric, values: &[f64], seed: Seed) -> Option<MetricEstimate> {
    let is_ratio = metric.is_ratio();
    let to = |value: f64| if is_ratio { value.max(f64::MIN_POSITIVE).ln() } else { value };
    let from = |scaled: f64| if is_ratio { scaled.exp() } else { scaled };
    let scaled: Vec<f64> = values.iter().map(|value| to(*value)).collect();
    let interval = bootstrap(&scaled, RESAMPLES, seed);
    Some(MetricEstimate {
        metric,
        trials: u32::try_from(values.len()).unwrap_or(u32::MAX),
        estimate: from(hodges_lehmann(&scaled)?),
        interval: interval.map(|ends| ends.map(from)),
        range: [
            values.iter().copied().fold(f64::INFINITY, f64::min),
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::MetricValue;

    fn trial(label: &str, block: u32, p95: f64) -> TrialSummary {
        let metrics = vec![MetricValue { metric: Metric::P95, value: Some(p95) }];
        TrialSummary { label: label.to_owned(), block, metrics, ..TrialSummary::default() }
    }

    fn of(values: &[f64]) -> MetricEstimate {
        let trials: Vec<TrialSummary> =
            (0..).zip(values).map(|(block, value)| trial("p2c", block, *value)).collect();
        estimates(&trials, "p2c", Seed(7)).pop().expect("there are trials")
    }

    #[test]
    fn the_interval_of_known_trials_has_known_ends() {
        // Ratios of 1.1 around 100 ms are evenly spaced on the scale of logarithms, so the estimate is 100.
        let values: Vec<f64> = (-4..=4).map(|step| 100.0 * 1.1_f64.powi(step)).collect();
        let found = of(&values);
        assert_eq!((found.metric, found.trials), (Metric::P95, 9));
        assert!((found.estimate - 100.0).abs() < 1e-9, "the middle of the ratios: {}", found.estimate);
        assert!((found.range[0] - values[0]).abs() < 1e-9 && (found.range[1] - values[8]).abs() < 1e-9);
        let [low, high] = found.interval.expect("nine trials carry an interval");
        // Student's t over the logarithms (s = 0.2610, n = 9) would end at a ratio of 1.222; the expanded
        // bootstrap of the Hodges–Lehmann estimate is a little wider for values spaced this evenly.
        assert!((high - 126.9).abs() < 1.0, "the upper end is {high:.1}");
        assert!((low - 78.8).abs() < 1.0, "the lower end is {low:.1}");
        assert_eq!(of(&values), found, "the same trials give the same interval");
    }

    #[test]
    fn shares_are_estimated_as_they_are_and_not_as_ratios() {
        let share = |block: u32, value: f64| {
            let metrics = vec![MetricValue { metric: Metric::ErrorRate, value: Some(value) }];
            TrialSummary { label: "p2c".to_owned(), block, metrics, ..TrialSummary::default() }
        };
        let trials: Vec<TrialSummary> =
            (0..).zip([0.0, 0.0, 0.01, 0.02, 0.02]).map(|(block, value)| share(block, value)).collect();
        let found = estimates_of(&Metric::ALL, &trials, "p2c", Seed(7));
        assert_eq!(found.len(), 1, "metrics without values are left out");
        assert!((found[0].estimate - 0.01).abs() < 1e-12, "no trial has a logarithm: {found:?}");
        assert_eq!(found[0].range, [0.0, 0.02]);
    }

    #[test]
    fn few_trials_have_a_range_and_no_interval() {
        let found = of(&[10.0, 20.0, 40.0, 80.0]);
        assert_eq!((found.interval, found.range), (None, [10.0, 80.0]), "four trials are too few");
        assert!(of(&[10.0, 20.0, 40.0, 80.0, 160.0]).interval.is_some(), "five are enough");
        let one = of(&[12.0]);
        assert!(
            (one.estimate - 12.0).abs() < 1e-9 && one.range == [12.0, 12.0],
            "one trial is its own range"
        );
    }

    #[test]
    fn invalid_trials_and_other_labels_count_for_nothing() {
        let mut trials = vec![trial("p2c", 0, 10.0), trial("p2c", 1, 900.0), trial("random", 0, 500.0)];
        trials[1].problems.push("the generator was late".to_owned());
        let found = estimates(&trials, "p2c", Seed(1));
        assert_eq!(found.len(), 1, "metrics without values are left out");
        assert_eq!((found[0].trials, found[0].range), (1, [10.0, 10.0]));
        assert!(estimates(&trials, "rl", Seed(1)).is_empty(), "a label without trials has no estimates");
    }
}
