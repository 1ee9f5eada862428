//! Tests of verdicts and their sentences.

use super::*;
use lb_results::{Comparison, Metric, MetricComparison, MetricValue, TrialSummary, Verdict};

fn trial(label: &str, block: u32, metrics: &[(Metric, f64)]) -> TrialSummary {
    TrialSummary {
        label: label.to_owned(),
        block,
        metrics: metrics.iter().map(|&(metric, value)| MetricValue { metric, value: Some(value) }).collect(),
        ..TrialSummary::default()
    }
}

/// Returns a number between -1 and 1 that differs from block to block.
fn wobble(block: u32) -> f64 {
    [0.3, -0.8, 0.1, 0.9, -0.4, 0.6, -1.0, -0.2, 0.7, -0.5, 0.0, 0.4, -0.7, 0.8][block as usize % 14]
}

/// Trials of two labels over `blocks` blocks. Each metric has a level, the factor by which `b` differs (a
/// summand for metrics that are not ratios), and the size of the wobble of that difference.
fn experiment(blocks: u32, metrics: &[(Metric, f64, f64, f64)]) -> Vec<TrialSummary> {
    let of = |block: u32, changed: bool| -> Vec<(Metric, f64)> {
        metrics
            .iter()
            .enumerate()
            .map(|(number, &(metric, level, change, spread))| {
                let noise = spread * wobble(block + 3 * number as u32);
                let value = match (changed, metric.is_ratio()) {
                    (false, _) => level,
                    (true, true) => level * change * (1.0 + noise),
                    (true, false) => level + change + noise,
                };
                (metric, value)
            })
            .collect()
    };
    (0..blocks)
        .flat_map(|block| [trial("a", block, &of(block, false)), trial("b", block, &of(block, true))])
        .collect()
}

fn labels() -> Vec<String> {
    ["a", "b"].map(str::to_owned).to_vec()
}

fn compared(trials: &[TrialSummary], options: &CompareOptions) -> Comparison {
    compare(trials, &labels(), &CompareOptions { resamples: 2000, ..options.clone() }).expect("two labels")
}

fn sentence(trials: &[TrialSummary], options: &CompareOptions) -> String {
    compared(trials, options).pairs[0].sentence.clone()
}

fn judged(comparison: &Comparison, metric: Metric) -> &MetricComparison {
    comparison.pairs[0].metrics.iter().find(|judged| judged.metric == metric).expect("the metric has values")
}

/// Options with every metric in the family: the sentences do not depend on the number of metrics.
const DEFAULT: fn() -> CompareOptions =
    || CompareOptions { primary: Metric::ALL.to_vec(), ..CompareOptions::default() };

#[test]
fn a_clear_difference_is_told_with_its_interval_and_with_what_did_not_change() {
    let trials = experiment(
        12,
        &[
            (Metric::Mean, 20.0, 0.766, 0.02),
            (Metric::P99, 200.0, 0.388, 0.05),
            (Metric::ErrorRate, 0.0, 0.0, 0.0),
            (Metric::Goodput, 400.0, 1.0, 0.01),
        ],
    );
    let comparison = compared(&trials, &DEFAULT());
    assert_eq!(comparison.family, 3, "an error rate of zero everywhere is not tested");
    assert_eq!(comparison.pairs[0].verdict, Verdict::Better);
    assert_eq!(judged(&comparison, Metric::Mean).verdict, Verdict::Better, "less latency is better");
    assert_eq!(judged(&comparison, Metric::ErrorRate).verdict, Verdict::Equivalent);
    assert_eq!(judged(&comparison, Metric::ErrorRate).p_value, None, "there was nothing to test");
    assert_eq!(
        comparison.pairs[0].sentence,
        "b is better than a: mean latency -23.4 % [-24.0, -22.7], p99 -61.0 % [-62.0, -60.0]; equivalent within \
         ±5 % in goodput; no errors in either (12 blocks, family-wise 5 %)."
    );
}

#[test]
fn what_is_better_in_one_and_worse_in_another_metric_is_mixed() {
    let trials = experiment(12, &[(Metric::P50, 10.0, 0.9, 0.01), (Metric::ErrorRate, 0.01, 0.02, 0.001)]);
    let comparison = compared(&trials, &DEFAULT());
    assert_eq!(comparison.pairs[0].verdict, Verdict::Mixed);
    assert_eq!(
        comparison.pairs[0].sentence,
        "b against a is mixed: better in p50 -10.0 % [-10.4, -9.6]; worse in error rate +2.01 points [+1.96, \
         +2.06] (12 blocks, family-wise 5 %)."
    );
}

#[test]
fn an_uneven_share_is_different_but_neither_better_nor_worse() {
    let trials = experiment(12, &[(Metric::Mean, 10.0, 1.0, 0.01), (Metric::JainIndex, 0.95, -0.2, 0.01)]);
    let comparison = compared(&trials, &DEFAULT());
    assert_eq!(judged(&comparison, Metric::JainIndex).verdict, Verdict::Different);
    assert_eq!(comparison.pairs[0].verdict, Verdict::Equivalent, "an even share is not an aim");
    assert_eq!(
        comparison.pairs[0].sentence,
        "a and b: equivalent within ±5 % in mean latency; Jain's index differs by -0.199 [-0.204, \
         -0.194] (12 blocks, family-wise 5 %)."
    );
}

#[test]
fn what_stays_open_comes_with_what_it_would_take() {
    let trials = experiment(12, &[(Metric::Mean, 20.0, 1.0, 0.01), (Metric::P99, 200.0, 1.01, 0.12)]);
    let comparison = compared(&trials, &DEFAULT());
    assert_eq!(comparison.pairs[0].verdict, Verdict::NotEnoughData);
    let open = judged(&comparison, Metric::P99);
    let (detectable, needed) = (open.minimum_detectable, open.repetitions_needed);
    assert!(
        detectable.is_some_and(|effect| effect > 0.05),
        "12 blocks are too few for the margin: {detectable:?}"
    );
    let expected = format!(
        "no difference between a and b was shown: equivalent within ±5 % in mean latency; not enough data for p99: \
         12 blocks would show differences of {:.1} % or more, {} blocks are needed for 5 % (12 blocks, family-wise \
         5 %).",
        100.0 * detectable.expect("checked"),
        needed.expect("a plan exists"),
    );
    assert_eq!(comparison.pairs[0].sentence, expected);
}

#[test]
fn too_few_blocks_give_no_verdict_however_large_the_difference() {
    let metrics = [(Metric::Mean, 20.0, 0.5, 0.01), (Metric::P95, 50.0, 0.88, 0.01)];
    assert_eq!(
        sentence(&experiment(1, &metrics), &DEFAULT()),
        "not enough data to compare a and b: 1 block is too few to estimate noise (p95 differs by -11.2 % here); at least \
         6 blocks are needed for any verdict (--repetitions 6)."
    );
    let few = compared(&experiment(4, &metrics), &DEFAULT());
    assert_eq!(few.pairs[0].verdict, Verdict::NotEnoughData, "2/2^4 is above 0.05");
    assert_eq!(judged(&few, Metric::P95).interval, None, "four blocks have no interval");
    assert_eq!(judged(&few, Metric::P95).minimum_detectable, None, "no effect is large enough");
    assert!(
        few.pairs[0].sentence.starts_with(
            "not enough data to compare a and b: 4 blocks cannot tell a difference from noise at a family-wise 5 % \
             (p95 differs by -12.0 % here)"
        ),
        "{}",
        few.pairs[0].sentence
    );
    let invalid: Vec<TrialSummary> = experiment(3, &metrics)
        .into_iter()
        .map(|trial| TrialSummary { problems: vec!["busy machine".to_owned()], ..trial })
        .collect();
    assert!(sentence(&invalid, &DEFAULT()).contains("no block has a valid trial of both"));
}

#[test]
fn a_certain_but_small_difference_is_called_small() {
    let trials = experiment(12, &[(Metric::P95, 50.0, 0.988, 0.002)]);
    assert_eq!(
        sentence(&trials, &DEFAULT()),
        "b is better than a: p95 -1.2 % [-1.3, -1.1] (small: within ±5 %) (12 blocks, family-wise 5 %)."
    );
}

#[test]
fn nothing_below_the_noise_floor_is_a_winner() {
    let trials = experiment(12, &[(Metric::P95, 50.0, 0.988, 0.002)]);
    let known = CompareOptions {
        noise: [("a".to_owned(), [(Metric::P95, 0.02)].into())].into(),
        noise_source: Some("an-aa-run".to_owned()),
        ..DEFAULT()
    };
    assert_eq!(
        compared(&trials, &DEFAULT()).pairs[0].verdict,
        Verdict::Better,
        "without a floor it would win"
    );
    let comparison = compared(&trials, &known);
    assert_eq!(comparison.pairs[0].verdict, Verdict::Equivalent);
    assert_eq!(comparison.noise_source.as_deref(), Some("an-aa-run"));
    assert_eq!(
        comparison.pairs[0].sentence,
        "a and b: equivalent within ±5 % in p95; the difference of 1.2 % in p95 is within the noise \
         floor of 2 % that an A/A run measured (12 blocks, family-wise 5 %)."
    );
}

#[test]
fn only_blocks_with_a_valid_trial_of_both_count_and_a_repeat_takes_the_place_of_an_invalid_one() {
    let mut trials = experiment(10, &[(Metric::Mean, 20.0, 0.8, 0.01)]);
    for number in [0, 3] {
        trials[number].problems.push("generator was late".to_owned());
    }
    let mut repeat = trials[3].clone();
    repeat.problems.clear();
    repeat.attempt = 1;
    repeat.metrics[0].value = Some(1000.0);
    trials.push(repeat);
    let comparison = compared(&trials, &DEFAULT());
    assert_eq!(comparison.pairs[0].blocks, 9, "block 0 has no valid trial of a");
    let pairs = pairs::Pair::all(&trials, &labels());
    assert_eq!(
        pairs[0].blocks[0][1].metric(Metric::Mean),
        Some(1000.0),
        "block 1 has the repeated trial of b"
    );
}

#[test]
fn a_metric_that_is_missing_or_has_no_ratio_leaves_its_block_out() {
    let mut trials = experiment(8, &[(Metric::Mean, 20.0, 0.8, 0.01), (Metric::Goodput, 400.0, 1.0, 0.01)]);
    trials[0].metrics[0].value = None;
    trials[3].metrics[1].value = Some(0.0);
    let pairs = pairs::Pair::all(&trials, &labels());
    let blocks = |metric| pairs::Measured::new(&pairs[0], metric).map(|measured| measured.blocks());
    assert_eq!(blocks(Metric::Mean), Some(7), "one block lacks the metric");
    assert_eq!(blocks(Metric::Goodput), Some(7), "a ratio to zero is left out");
    assert_eq!(blocks(Metric::P999), None, "no block has the metric");
    assert_eq!(compared(&trials, &DEFAULT()).pairs[0].blocks, 8, "the pair keeps all blocks");
}

#[test]
fn one_label_has_nothing_to_be_compared_with() {
    let trials = experiment(3, &[(Metric::Mean, 20.0, 1.0, 0.01)]);
    assert_eq!(compare(&trials, &labels()[..1], &DEFAULT()), None);
}

#[test]
fn a_run_may_stop_when_all_intervals_are_narrow_and_never_before_five_blocks() {
    let narrow = [(Metric::Mean, 20.0, 0.9, 0.01), (Metric::P95, 50.0, 0.9, 0.01)];
    let wide = [(Metric::Mean, 20.0, 0.9, 0.01), (Metric::P95, 50.0, 0.9, 0.2)];
    let enough = |blocks, metrics| precise_enough(&compared(&experiment(blocks, metrics), &DEFAULT()), 0.03);
    assert!(enough(8, &narrow), "both intervals are within ±3 %");
    assert!(!enough(4, &narrow), "four blocks are too few to judge the width of an interval");
    assert!(!enough(8, &wide), "p95 is still uncertain");
}

#[test]
fn a_noisier_pilot_or_a_smaller_effect_needs_more_repetitions() {
    let needed = |spread, effect| {
        let pilot = experiment(6, &[(Metric::Mean, 20.0, 1.0, spread), (Metric::P95, 50.0, 1.0, spread)]);
        repetitions_for(&pilot, &labels(), effect, Metric::P95, &DEFAULT())
    };
    assert!(needed(0.05, 0.05) < needed(0.1, 0.05), "more noise needs more repetitions");
    assert!(needed(0.05, 0.05) < needed(0.05, 0.02), "so does a smaller effect");
    assert_eq!(
        needed(0.05, 0.2),
        needed(0.05, 1.0 / 1.2 - 1.0),
        "a drop takes as many as the rise that undoes it"
    );
    assert_eq!(fewest_blocks(), 6, "2/2^6 is below 5 %, 2/2^5 is not");
    assert_eq!(needed(0.0001, 0.5), 6, "never fewer than the test needs to reach 5 %");
    assert_eq!(
        repetitions_for(
            &experiment(1, &[(Metric::P95, 50.0, 1.0, 0.1)]),
            &labels(),
            0.05,
            Metric::P95,
            &DEFAULT()
        ),
        6,
        "one block gives no estimate of noise, but the minimum is known"
    );
}

#[test]
fn a_floor_of_another_algorithm_says_nothing_about_a_pair() {
    let trials = experiment(12, &[(Metric::P95, 50.0, 0.82, 0.02)]);
    let floor = |label: &str| CompareOptions {
        noise: [(label.to_owned(), [(Metric::P95, 0.3)].into())].into(),
        ..CompareOptions::default()
    };
    let verdict = |label| compared(&trials, &floor(label)).pairs[0].verdict;
    assert_eq!(verdict("random"), Verdict::Better, "a third algorithm may be as noisy as it likes");
    assert_ne!(verdict("b"), Verdict::Better, "the noise of one of the two is that of the pair");
}

#[test]
fn exploratory_metrics_make_no_winner_but_can_spoil_one() {
    let clear = (Metric::Mean, 20.0, 0.7, 0.01);
    let only_exploratory = experiment(12, &[clear, (Metric::P95, 50.0, 1.0, 0.005)]);
    let comparison = compared(&only_exploratory, &CompareOptions::default());
    assert_eq!(comparison.family, 1, "only the primary metric is in the family");
    let mean = judged(&comparison, Metric::Mean);
    assert_eq!((mean.exploratory, mean.verdict, mean.p_adjusted), (true, Verdict::Better, None));
    assert_eq!(comparison.pairs[0].verdict, Verdict::Equivalent, "the primary metric is equivalent");
    assert_eq!(
        comparison.pairs[0].sentence,
        "a and b: equivalent within ±5 % in p95; exploratory: better in mean latency -30.0 % (12 blocks, family-wise \
         5 %)."
    );

    let spoilt = experiment(12, &[(Metric::P50, 10.0, 1.3, 0.01), (Metric::P95, 50.0, 0.8, 0.01)]);
    let comparison = compared(&spoilt, &CompareOptions::default());
    assert_eq!(comparison.pairs[0].verdict, Verdict::Mixed, "a median that is 30 % worse is no small matter");
    let small = experiment(12, &[(Metric::P50, 10.0, 1.02, 0.001), (Metric::P95, 50.0, 0.8, 0.01)]);
    let comparison = compared(&small, &CompareOptions::default());
    assert_eq!(comparison.pairs[0].verdict, Verdict::Better, "2 % are within the margin");
}
