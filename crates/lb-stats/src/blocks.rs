//! Resampling of a series whose neighbours are alike, such as the seconds of one trial: the circular block bootstrap.
//!
//! Drawing single values would ignore that a slow second is followed by another, and intervals would be too narrow.
//! Blocks of neighbours are drawn instead, on a circle, so that each value is drawn equally often (Politis and Romano,
//! in *Exploring the Limits of Bootstrap*, 1992). Blocks of about n^(1/3) values suit estimates of a variance or a bias
//! (Hall, Horowitz and Jing, *Biometrika* 82, 1995).

use crate::order::percentile;
use lb_core::Rng;
use rand::RngExt;

/// Returns the length of the blocks for a series of `count` values, at least 1.
pub fn block_length(count: usize) -> usize {
    ((count as f64).cbrt().ceil() as usize).max(1)
}

/// Draws the positions of a resample of `count` values in blocks of `length`, and puts them into `positions`.
///
/// # Panics
/// When `length` is zero.
pub fn draw_blocks(count: usize, length: usize, rng: &mut Rng, positions: &mut Vec<usize>) {
    assert!(length > 0, "a block holds at least one value");
    positions.clear();
    while positions.len() < count {
        let first = rng.random_range(0..count);
        let left = (count - positions.len()).min(length);
        positions.extend((first..first + left).map(|place| place % count));
    }
}

/// Returns the interval that holds the middle `level` of resampled estimates, such as 0.95. `None` without estimates.
pub fn percentile_interval(mut estimates: Vec<f64>, level: f64) -> Option<[f64; 2]> {
    if estimates.is_empty() {
        return None;
    }
    estimates.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Some([percentile(&estimates, tail), percentile(&estimates, 1.0 - tail)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;

    #[test]
    fn a_resample_consists_of_neighbours_and_each_value_is_drawn_equally_often() {
        let mut rng = Seed(1).stream(&[]);
        let mut positions = Vec::new();
        let mut drawn = [0_u32; 10];
        for _ in 0..2_000 {
            draw_blocks(10, 3, &mut rng, &mut positions);
            assert_eq!(positions.len(), 10);
            for block in positions.chunks(3) {
                assert!(block.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 10), "{positions:?}");
            }
            positions.iter().for_each(|place| drawn[*place] += 1);
        }
        assert!(drawn.iter().all(|count| count.abs_diff(2_000) < 200), "{drawn:?}");
    }

    #[test]
    fn blocks_grow_with_the_series() {
        assert_eq!([0, 1, 8, 60, 1000].map(block_length), [1, 1, 2, 4, 10]);
    }

    #[test]
    fn an_interval_covers_the_mean_of_a_series_whose_neighbours_are_alike() {
        // Each value is 0.7 times the one before, plus noise; the mean is 0.
        let mut covered = 0;
        let mut covered_by_single = 0;
        for seed in 0..100 {
            let mut rng = Seed(seed).stream(&[7]);
            let mut value = 0.0;
            let series: Vec<f64> = (0..200)
                .map(|_| {
                    value = 0.7 * value + rng.random_range(-1.0..1.0);
                    value
                })
                .collect();
            let mut covers = |length: usize| {
                let mut positions = Vec::new();
                let means = (0..400).map(|_| {
                    draw_blocks(series.len(), length, &mut rng, &mut positions);
                    positions.iter().map(|place| series[*place]).sum::<f64>() / series.len() as f64
                });
                let [low, high] = percentile_interval(means.collect(), 0.95).expect("there are estimates");
                u32::from(low < 0.0 && 0.0 < high)
            };
            covered += covers(block_length(200));
            covered_by_single += covers(1);
        }
        assert!(covered >= 75, "blocks cover the mean in {covered} of 100 series");
        assert!(covered_by_single < covered - 10, "single values do so in {covered_by_single} only");
    }

    #[test]
    fn an_interval_of_nothing_is_unknown() {
        assert_eq!(percentile_interval(Vec::new(), 0.95), None);
        assert_eq!(percentile_interval(vec![2.0], 0.95), Some([2.0, 2.0]));
    }
}
