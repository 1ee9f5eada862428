//! Step-down maximum tests of several paired differences at once.
//!
//! Each test is about one pair of algorithms and has one difference per block. If no difference in a set of
//! pairs is real, the signs of all differences in a block could equally well be reversed together. So the
//! signs of whole blocks are flipped in all 2^n ways, and the largest statistic of the set under each
//! assignment forms the reference distribution. This accounts for the noise that pairs share within blocks,
//! so no worst-case correction is needed. The tests are ordered by their statistics, and each is compared
//! with the largest of itself and those below it (Westfall and Young, Resampling-Based Multiple Testing,
//! 1993, algorithm 2.8; Romano and Wolf, Journal of the American Statistical Association 100, 2005).
//!
//! The statistic of a test is `|sum of differences| / sqrt(sum of squares)`, which grows with its t
//! statistic. For a single test, the adjusted p value equals that of the exact sign-flip test.

use crate::sign_flip::smallest_p;
use lb_core::rng::Seed;
use rand::RngExt;

/// The largest number of blocks for which all assignments of signs are enumerated.
const EXACT: usize = 14;
/// The number of assignments that are drawn for more blocks, besides the observed one.
const DRAWS: usize = 9_999;
/// Statistics that differ by less than this are equal: rounding errors are smaller, and real differences
/// larger.
const TIE: f64 = 1e-9;

/// The joint reference distribution of a family of tests.
#[derive(Debug)]
pub struct StepDown {
    /// The indices of the tests, by decreasing statistic.
    order: Vec<usize>,
    /// The statistics, in that order.
    observed: Vec<f64>,
    /// One row per assignment of signs: the largest statistic from each place of the order on.
    largest: Vec<Vec<f64>>,
}

impl StepDown {
    /// Prepares the tests. Each has one slot per block of the family, which is `None` where the block lacks
    /// either of its trials. The seed is only used for more than 14 blocks.
    ///
    /// # Panics
    /// The tests do not have the same number of slots.
    pub fn new(tests: &[Vec<Option<f64>>], seed: Seed) -> Self {
        let blocks = tests.first().map_or(0, Vec::len);
        assert!(tests.iter().all(|test| test.len() == blocks), "all tests have the same blocks");
        let scaled: Vec<Vec<f64>> = tests.iter().map(|test| scale(test)).collect();
        let statistic = |test: &[f64]| test.iter().sum::<f64>().abs();
        let mut order: Vec<usize> = (0..tests.len()).collect();
        order.sort_by(|a, b| statistic(&scaled[*b]).total_cmp(&statistic(&scaled[*a])));
        let observed = order.iter().map(|test| statistic(&scaled[*test])).collect();
        let row = |signs: &[f64]| {
            let mut row: Vec<f64> = order.iter().map(|test| flipped(&scaled[*test], signs)).collect();
            for place in (1..row.len()).rev() {
                row[place - 1] = row[place - 1].max(row[place]);
            }
            row
        };
        let largest = assignments(blocks, seed).iter().map(|signs| row(signs)).collect();
        Self { order, observed, largest }
    }

    /// Returns the adjusted p value of each test, in the order in which the tests were given.
    pub fn p_values(&self) -> Vec<f64> {
        let mut adjusted = vec![1.0; self.order.len()];
        let mut least = 0.0_f64;
        for (place, test) in self.order.iter().enumerate() {
            least = least.max(self.share_reaching(place, self.observed[place]));
            adjusted[*test] = least;
        }
        adjusted
    }

    /// Returns the share of all assignments of signs under which the smallest adjusted p value is at most
    /// `alpha`: the rate of false alarms if no difference is real.
    pub fn alarm_rate(&self, alpha: f64) -> f64 {
        let mut largest: Vec<f64> = self.largest.iter().filter_map(|row| row.first().copied()).collect();
        largest.sort_by(|a, b| b.total_cmp(a));
        let reaching = |value: f64| largest.partition_point(|other| *other >= value - TIE);
        let alarms =
            largest.iter().take_while(|value| reaching(**value) as f64 / largest.len() as f64 <= alpha);
        alarms.count() as f64 / largest.len().max(1) as f64
    }

    /// Returns the number of assignments of signs that were evaluated.
    pub fn assignments(&self) -> usize {
        self.largest.len()
    }

    fn share_reaching(&self, place: usize, value: f64) -> f64 {
        if value <= 0.0 {
            return 1.0;
        }
        let reaching = self.largest.iter().filter(|row| row[place] >= value - TIE).count();
        reaching as f64 / self.largest.len() as f64
    }
}

/// Returns the smallest adjusted p value that a family can reach with `blocks` blocks.
pub fn smallest_adjusted_p(blocks: usize) -> f64 {
    if blocks <= EXACT { smallest_p(blocks) } else { 1.0 / (DRAWS + 1) as f64 }
}

/// Divides the differences of a test by the root of the sum of their squares; a missing difference becomes
/// zero, so that its sign does not matter.
fn scale(test: &[Option<f64>]) -> Vec<f64> {
    let length = test.iter().flatten().map(|difference| difference * difference).sum::<f64>().sqrt();
    let scaled = |difference: &Option<f64>| match difference {
        Some(difference) if length > 0.0 => difference / length,
        _ => 0.0,
    };
    test.iter().map(scaled).collect()
}

fn flipped(scaled: &[f64], signs: &[f64]) -> f64 {
    scaled.iter().zip(signs).map(|(difference, sign)| difference * sign).sum::<f64>().abs()
}

/// Lists assignments of signs, the observed one first. Statistics are absolute, so the first sign never
/// flips.
fn assignments(blocks: usize, seed: Seed) -> Vec<Vec<f64>> {
    if blocks <= EXACT {
        let free = blocks.saturating_sub(1);
        return (0..1_u32 << free)
            .map(|flips| {
                (0..blocks)
                    .map(|block| if block > 0 && flips >> (block - 1) & 1 == 1 { -1.0 } else { 1.0 })
                    .collect()
            })
            .collect();
    }
    let mut rng = seed.stream(&[blocks as u64]);
    let mut draw =
        || (0..blocks).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect::<Vec<f64>>();
    let drawn: Vec<Vec<f64>> = (0..DRAWS).map(|_| draw()).collect();
    std::iter::once(vec![1.0; blocks]).chain(drawn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignFlips;

    fn all(differences: &[f64]) -> Vec<Option<f64>> {
        differences.iter().copied().map(Some).collect()
    }

    #[test]
    fn a_single_test_is_the_exact_sign_flip_test() {
        let mut rng = Seed(3).stream(&[]);
        for blocks in 1..=12 {
            let differences: Vec<f64> = (0..blocks).map(|_| rng.random::<f64>() - 0.3).collect();
            let alone = SignFlips::new(&differences, Seed(1)).p_value(differences.iter().sum());
            let adjusted = StepDown::new(&[all(&differences)], Seed(1)).p_values()[0];
            assert!((alone - adjusted).abs() < 1e-12, "{blocks} blocks: {adjusted}, alone {alone}");
        }
    }

    #[test]
    fn tests_that_agree_in_every_block_need_no_correction() {
        let effect = [0.5, 0.4, 0.45, 0.5, 0.55, 0.5];
        let family: Vec<_> = (1..=15).map(|pair| all(&effect.map(|d| d * f64::from(pair)))).collect();
        for p in StepDown::new(&family, Seed(1)).p_values() {
            assert_eq!(p, smallest_adjusted_p(6), "six blocks are enough for fifteen pairs that all agree");
        }
    }

    #[test]
    fn a_rejected_test_no_longer_stands_in_the_way_of_the_next() {
        let strong = all(&[1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0]);
        let weak = all(&[0.3, 0.1, 0.2, 0.25, 0.3, 0.2, -0.01]);
        let together = StepDown::new(&[weak.clone(), strong], Seed(1)).p_values();
        let alone = StepDown::new(&[weak], Seed(1)).p_values()[0];
        assert_eq!(together[0], alone, "once the strong pair is rejected, the weak one stands by itself");
        assert_eq!(together[1], smallest_adjusted_p(7));
    }

    #[test]
    fn independent_noise_is_corrected_for_as_much_as_bonferroni_would_at_most() {
        let mut rng = Seed(11).stream(&[]);
        let family: Vec<_> =
            (0..6).map(|_| all(&(0..10).map(|_| rng.random::<f64>() - 0.5).collect::<Vec<_>>())).collect();
        let adjusted = StepDown::new(&family, Seed(1)).p_values();
        let alone =
            |test: &Vec<Option<f64>>| StepDown::new(std::slice::from_ref(test), Seed(1)).p_values()[0];
        let least = family.iter().map(alone).fold(1.0, f64::min);
        let least_adjusted = adjusted.iter().copied().fold(1.0, f64::min);
        assert!(least_adjusted > least && least_adjusted <= 6.0 * least, "{least} becomes {least_adjusted}");
    }

    #[test]
    fn missing_blocks_and_pairs_without_any_difference_are_no_evidence() {
        let half = vec![Some(1.0), None, Some(1.0), None, Some(1.0), Some(1.0)];
        let none = vec![None; 6];
        let same = all(&[0.0; 6]);
        let p_values = StepDown::new(&[half, none, same], Seed(1)).p_values();
        assert_eq!(p_values[0], 4.0 / 32.0, "four blocks have a sign each: 2/2^4");
        assert_eq!(p_values[1..], [1.0, 1.0]);
        assert!(StepDown::new(&[], Seed(1)).p_values().is_empty());
    }

    #[test]
    fn the_alarm_rate_counts_assignments_that_would_be_called_a_difference() {
        let single = StepDown::new(&[all(&[0.3, -0.2, 0.5, 0.1, -0.4, 0.7])], Seed(1));
        assert_eq!(single.assignments(), 32);
        assert_eq!(single.alarm_rate(0.05), 1.0 / 32.0, "of 32 assignments only the outermost is below 5 %");
        assert_eq!(StepDown::new(&[all(&[0.3, 0.2, 0.5, 0.1, 0.4])], Seed(1)).alarm_rate(0.05), 0.0);
    }

    #[test]
    fn many_blocks_are_drawn_and_agree_with_the_normal_limit() {
        // As in the test of a single pair: 26 of 40 equal differences are up.
        let differences: Vec<f64> = (0..40).map(|n| if n < 26 { 1.0 } else { -1.0 }).collect();
        let drawn = StepDown::new(&[all(&differences)], Seed(1)).p_values()[0];
        assert!((drawn - 0.080_690_26).abs() < 0.01, "{drawn}");
        assert_eq!(StepDown::new(&[all(&[1.0; 40])], Seed(1)).p_values()[0], smallest_adjusted_p(40));
    }
}
