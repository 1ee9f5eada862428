//! Whether the whole procedure keeps its promises: false alarms at most as often as it says, and plans
//! that find what they were made for.

use crate::experiment::Experiment;
use lb_analysis::{CompareOptions, Twice, aa, compare, repetitions_for};
use lb_core::rng::Seed;
use lb_results::{Metric, Verdict};

/// Without intervals, which only take alarms away and cost most of the time.
fn options() -> CompareOptions {
    CompareOptions { resamples: 0, ..CompareOptions::default() }
}

/// Returns options with all metrics in the family.
fn options_for_all() -> CompareOptions {
    CompareOptions { primary: Metric::ALL.to_vec(), ..options() }
}

/// Three standard errors of a share that was counted so many times.
fn tolerance(share: f64, count: u32) -> f64 {
    3.0 * (share * (1.0 - share) / f64::from(count)).sqrt()
}

#[test]
fn equal_algorithms_are_called_different_at_most_as_often_as_allowed() {
    const EXPERIMENTS: u32 = 400;
    let experiment = Experiment::null(&["a", "b", "c"], 12);
    let alarms = (0..EXPERIMENTS)
        .filter(|number| {
            let trials = experiment.run(Seed(u64::from(*number)));
            let comparison = compare(&trials, &experiment.labels, &options()).expect("three labels");
            assert_eq!(comparison.family, 3, "three pairs by one metric are one family");
            let judged =
                comparison.pairs.iter().flat_map(|pair| &pair.metrics).filter(|judged| !judged.exploratory);
            let alarm = |verdict| matches!(verdict, Verdict::Better | Verdict::Worse | Verdict::Different);
            judged.map(|judged| judged.verdict).any(alarm)
        })
        .count();
    let share = alarms as f64 / f64::from(EXPERIMENTS);
    let allowed = 0.05 + tolerance(0.05, EXPERIMENTS);
    println!("family-wise error: {share:.4} of {EXPERIMENTS} experiments, at most {allowed:.4}");
    assert!(share <= allowed, "any false alarm in {share} of experiments, allowed {allowed}");
}

#[test]
fn different_algorithms_are_called_equivalent_at_most_as_often_as_allowed() {
    const EXPERIMENTS: u32 = 400;
    // Just outside the margin: every claim of equivalence about these metrics is wrong.
    let outside = [(Metric::Mean, 1.0501), (Metric::P50, 1.0501), (Metric::Goodput, 1.0501)];
    let experiment = Experiment {
        noise: 0.02,
        effects: outside.into_iter().collect(),
        ..Experiment::null(&["a", "b"], 20)
    };
    let wrong = (0..EXPERIMENTS)
        .filter(|number| {
            let trials = experiment.run(Seed(u64::from(*number)));
            let comparison = compare(&trials, &experiment.labels, &options_for_all()).expect("two labels");
            let judged = &comparison.pairs[0].metrics;
            judged.iter().any(|judged| judged.equivalent && experiment.effects.contains_key(&judged.metric))
        })
        .count();
    let share = wrong as f64 / f64::from(EXPERIMENTS);
    let allowed = 0.05 + tolerance(0.05, EXPERIMENTS);
    println!("wrong equivalences: {share:.4} of {EXPERIMENTS} experiments, at most {allowed:.4}");
    assert!(share <= allowed, "wrong equivalence in {share} of experiments, allowed {allowed}");
}

#[test]
fn as_many_repetitions_as_planned_find_the_effect() {
    const EXPERIMENTS: u32 = 200;
    let effect = 1.08;
    let pilot = Experiment { noise: 0.03, ..Experiment::null(&["a", "b"], 8) };
    let mut found = 0;
    let mut most = 0;
    for number in 0..EXPERIMENTS {
        let measured = pilot.run(Seed(u64::from(number)));
        let blocks = repetitions_for(&measured, &pilot.labels, effect - 1.0, Metric::P95, &options());
        most = most.max(blocks);
        let effects = [(Metric::P95, effect)].into_iter().collect();
        let experiment = Experiment { noise: 0.03, blocks, effects, ..Experiment::null(&["a", "b"], 0) };
        let trials = experiment.run(Seed(u64::from(1_000_000 + number)));
        let comparison = compare(&trials, &experiment.labels, &options()).expect("two labels");
        let judged = comparison.pairs[0].metrics.iter().find(|judged| judged.metric == Metric::P95);
        found += u32::from(judged.is_some_and(|judged| judged.verdict == Verdict::Worse));
    }
    let share = f64::from(found) / f64::from(EXPERIMENTS);
    let least = 0.8 - tolerance(0.8, EXPERIMENTS);
    println!(
        "power: {share:.3} of {EXPERIMENTS} planned experiments (at most {most} blocks), at least {least:.3}"
    );
    assert!(share >= least, "the effect was found in {share} of experiments, planned 0.8, allowed {least}");
}

#[test]
fn an_algorithm_against_itself_raises_alarms_at_most_as_often_as_allowed() {
    let labels = ["a", "a'"];
    let trials = Experiment::null(&labels, 14).run(Seed(3));
    let twice = Twice { algorithm: "a".to_owned(), labels: labels.map(str::to_owned) };
    let options = CompareOptions { resamples: 2000, ..CompareOptions::default() };
    let result = aa(&trials, &[twice], &options).pop().expect("one algorithm");
    let rate = result.false_alarm_rate.expect("fourteen pairs can raise an alarm");
    assert_eq!(
        result.relabellings,
        1 << 13,
        "all relabellings of fourteen blocks, up to swapping all of them"
    );
    assert!(rate > 0.04 && rate <= 0.05, "relabelled in all ways, alarms in {rate}");
    assert!(result.naive_alarms > 0, "noise of 5 % makes single trials differ by more than 5 %");
    for noise in &result.metrics {
        let [low, high] = noise.interval.expect("fourteen pairs have an interval");
        assert_eq!(noise.noise_floor, low.abs().max(high.abs()), "the floor is the far end of the interval");
        assert!(noise.effect.abs() <= noise.noise_floor, "{:?} lies within its floor", noise.metric);
        assert!(
            noise.largest_pair >= noise.effect.abs(),
            "{:?}: pairs spread around the effect",
            noise.metric
        );
    }
}
