//! What a load balancer adds to a request, compared with direct connections to the backends.
//!
//! Both run the same schedule in each block, so they are compared block by block, in milliseconds: an
//! overhead is added to each request, however long the request takes. `direct` takes the backends in turn,
//! like round-robin; under other algorithms the difference includes the effect of their choices.
//!
//! The overhead is not defined in the closed model, where users who wait longer send less, and is not
//! estimated without enough blocks for an interval.

use crate::compare::pairs::{Measured, Pair, valid_trials};
use crate::interval::{RESAMPLES, bootstrap};
use lb_core::rng::Seed;
use lb_results::{LoadModel, Metric, Overhead, OverheadEstimate, TrialSummary};
use lb_stats::hodges_lehmann;

/// Estimates the overhead of each label other than `direct`. Empty in the closed model.
pub fn overheads(
    trials: &[TrialSummary],
    labels: &[String],
    direct: &str,
    model: LoadModel,
    seed: Seed,
) -> Vec<Overhead> {
    if model != LoadModel::Open {
        return Vec::new();
    }
    let baseline = valid_trials(trials, direct);
    let of = |label: &&String| {
        let candidate = valid_trials(trials, label);
        let pair = Pair::new(direct.to_owned(), (*label).clone(), &baseline, &candidate);
        let estimate = |metric| estimate(&pair, metric, seed);
        Overhead {
            name: (*label).clone(),
            blocks: pair.blocks.len(),
            mean_ms: estimate(Metric::Mean),
            p50_ms: estimate(Metric::P50),
            p99_ms: estimate(Metric::P99),
        }
    };
    labels.iter().filter(|label| *label != direct).map(|label| of(&label)).collect()
}

/// Estimates the difference of one metric. `None` if there are fewer blocks than an interval needs.
fn estimate(pair: &Pair<'_>, metric: Metric, seed: Seed) -> Option<OverheadEstimate> {
    let measured = Measured::new(pair, metric)?;
    let differences = measured.plain_differences();
    let seed = Seed(seed.key(&[metric as u64]));
    let interval = bootstrap(&differences, RESAMPLES, seed);
    interval.is_some().then_some(OverheadEstimate { ms: hodges_lehmann(&differences)?, interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::MetricValue;

    fn trial(label: &str, block: u32, p50: f64) -> TrialSummary {
        let metrics = vec![MetricValue { metric: Metric::P50, value: Some(p50) }];
        TrialSummary { label: label.to_owned(), block, metrics, ..TrialSummary::default() }
    }

    #[test]
    fn an_overhead_is_the_difference_of_paired_blocks_in_milliseconds() {
        let mut trials = Vec::new();
        for block in 0..12 {
            let noise = f64::from(block);
            trials.push(trial("direct", block, 10.0 + noise));
            trials.push(trial("x/round-robin", block, 10.25 + noise));
        }
        let labels = ["direct", "x/round-robin"].map(str::to_owned);
        let found = overheads(&trials, &labels, "direct", LoadModel::Open, Seed(1));
        assert_eq!(found.len(), 1, "direct has no overhead over itself");
        let overhead = found[0].p50_ms.as_ref().expect("there are blocks");
        assert!((overhead.ms - 0.25).abs() < 1e-9, "differences between blocks cancel out: {overhead:?}");
        let [low, high] = overhead.interval.expect("twelve blocks have an interval");
        assert!((low - 0.25).abs() < 1e-9 && (high - 0.25).abs() < 1e-9, "the interval has no width");
        assert_eq!(found[0].blocks, 12);
    }

    #[test]
    fn there_is_no_overhead_without_an_interval_or_in_the_closed_model() {
        let trials: Vec<TrialSummary> = (0..4)
            .flat_map(|block| [trial("direct", block, 10.0), trial("x/round-robin", block, 10.25)])
            .collect();
        let labels = ["direct", "x/round-robin"].map(str::to_owned);
        let found = overheads(&trials, &labels, "direct", LoadModel::Open, Seed(1));
        assert_eq!((found[0].blocks, found[0].p50_ms.as_ref()), (4, None), "four blocks have no interval");
        assert!(overheads(&trials, &labels, "direct", LoadModel::Closed, Seed(1)).is_empty());
    }
}
