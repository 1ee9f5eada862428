//! Whether intervals hold the truth as often as they say.
//!
//! The truth is the pseudomedian, what the Hodges–Lehmann estimate estimates: the median of the mean of
//! two independent draws.

use crate::noise::Shape;
use lb_core::rng::Seed;
use lb_stats::{Percentiles, bca, median};

fn pseudomedian(shape: Shape, draws: usize) -> f64 {
    let mut rng = Seed(99).stream(&[shape as u64]);
    let means: Vec<f64> = (0..draws).map(|_| shape.draw(&mut rng).midpoint(shape.draw(&mut rng))).collect();
    median(&means).expect("many draws")
}

/// Percent of intervals that hold the truth.
fn coverage(shape: Shape, truth: f64, blocks: usize, percentiles: Percentiles, repetitions: u64) -> f64 {
    const RESAMPLES: usize = 1000;
    let holds = |repetition: &u64| {
        let mut rng = Seed(5).stream(&[shape as u64, blocks as u64, *repetition]);
        let sample: Vec<f64> = (0..blocks).map(|_| shape.draw(&mut rng)).collect();
        let [low, high] =
            bca(&sample, 0.95, percentiles, RESAMPLES, Seed(*repetition)).expect("two blocks or more");
        low <= truth && truth <= high
    };
    100.0 * (0..repetitions).filter(holds).count() as f64 / repetitions as f64
}

#[test]
fn intervals_of_twelve_blocks_hold_the_truth_as_often_as_they_say() {
    for shape in Shape::ALL {
        let truth = pseudomedian(shape, 200_000);
        let expanded = coverage(shape, truth, 12, Percentiles::Expanded, 400);
        // 95 % of 400 has a standard error of 1.1 %.
        assert!(
            (92.5..=98.5).contains(&expanded),
            "{shape:?}: 95 % intervals hold the truth in {expanded:.1} % of cases"
        );
    }
}

/// The whole table, printed; whether intervals of ten blocks and more hold the truth in 93 to 97 % of cases.
/// Takes half a minute, so `cargo bench -p harness --bench evidence -- coverage` runs it.
#[allow(dead_code, reason = "the benchmark uses it, the tests do not")]
pub(crate) fn table() -> bool {
    const REPETITIONS: u64 = 4000;
    println!("blocks | plain, expanded: percent of 95 % intervals that hold the truth");
    let mut holds = true;
    for shape in Shape::ALL {
        let truth = pseudomedian(shape, 4_000_000);
        for blocks in [5, 8, 10, 12, 20, 30] {
            let of = |percentiles| coverage(shape, truth, blocks, percentiles, REPETITIONS);
            let (plain, expanded) = (of(Percentiles::Plain), of(Percentiles::Expanded));
            println!("{shape:?} {blocks:>2} | {plain:.1} {expanded:.1}");
            holds &= blocks < 10 || (93.0..=97.0).contains(&expanded);
        }
    }
    holds
}
