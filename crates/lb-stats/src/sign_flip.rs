//! The exact sign-flip test of paired differences.
//!
//! If the two algorithms of a pair do not differ, each block's difference could equally likely have had the
//! other sign. The p value is the fraction of all 2^n assignments of signs whose mean is at least as far from
//! zero as the observed one (Fisher, The Design of Experiments, 1935, §21). The test assumes no distribution
//! of the noise, and blocks may differ in scale.
//!
//! Up to [`EXACT`] blocks, all assignments are counted. They need not be enumerated: the sums of each half of
//! the differences are sorted, and two pointers count the pairs that reach the observed sum, in time 2^(n/2)
//! (Horowitz and Sahni, Journal of the ACM 21, 1974). With more blocks, signs are drawn at random. The
//! observed assignment counts as one of the draws, because otherwise the test would not keep its level
//! (Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9, 2010).

use lb_core::rng::Seed;
use rand::RngExt;

/// The largest number of differences for which all assignments are counted.
const EXACT: usize = 32;
/// The number of draws for more differences: the smallest p value is 1/100,000, below the level of every
/// family here.
const DRAWS: usize = 99_999;
/// Sums that differ by less than this, relative to the sum of absolute differences, count as equal. Rounding
/// errors of adding 32 numbers are a hundred times smaller, and real differences are far larger.
const TIE: f64 = 1e-12;

/// The reference distribution of one set of differences. It does not depend on their signs, so it serves
/// every relabelling.
#[derive(Debug)]
pub struct SignFlips {
    reference: Reference,
    tolerance: f64,
}

#[derive(Debug)]
enum Reference {
    /// The sums of all assignments of each half, in ascending order.
    All { first: Vec<f64>, second: Vec<f64> },
    /// The absolute sums of randomly drawn assignments, in ascending order.
    Drawn(Vec<f64>),
}

impl SignFlips {
    /// Prepares the test of `differences`, one per block. The seed only matters for more than 32 blocks.
    pub fn new(differences: &[f64], seed: Seed) -> Self {
        let tolerance = TIE * differences.iter().map(|difference| difference.abs()).sum::<f64>();
        let reference = if differences.len() <= EXACT {
            let (first, second) = differences.split_at(differences.len() / 2);
            Reference::All { first: all_sums(first), second: all_sums(second) }
        } else {
            Reference::Drawn(drawn_sums(differences, seed))
        };
        Self { reference, tolerance }
    }

    /// Computes the two-sided p value of an assignment whose differences add up to `sum`.
    pub fn p_value(&self, sum: f64) -> f64 {
        let reach = sum.abs() - self.tolerance;
        if reach <= 0.0 {
            return 1.0;
        }
        match &self.reference {
            Reference::All { first, second } => {
                // The distribution is symmetric around zero: the lower tail is as large as the upper one.
                let assignments = first.len() as f64 * second.len() as f64;
                2.0 * pairs_reaching(first, second, reach) as f64 / assignments
            }
            Reference::Drawn(sums) => {
                let reaching = sums.len() - sums.partition_point(|drawn| *drawn < reach);
                (reaching + 1) as f64 / (sums.len() + 1) as f64
            }
        }
    }
}

/// Returns the smallest p value that the test can give for `blocks` blocks.
pub fn smallest_p(blocks: usize) -> f64 {
    if blocks == 0 {
        1.0
    } else if blocks <= EXACT {
        2.0 * 0.5_f64.powi(blocks as i32)
    } else {
        1.0 / (DRAWS + 1) as f64
    }
}

/// Returns the sums of all assignments of signs, in ascending order. For each value, the list shifted up by
/// it is merged with the list shifted down.
fn all_sums(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values.iter().map(|value| value.abs()) {
        let mut merged = Vec::with_capacity(2 * sums.len());
        let mut lower = sums.iter().map(|sum| sum - value).peekable();
        for upper in sums.iter().map(|sum| sum + value) {
            while let Some(sum) = lower.next_if(|sum| *sum <= upper) {
                merged.push(sum);
            }
            merged.push(upper);
        }
        sums = merged;
    }
    sums
}

/// Counts the pairs, one value of each list (both ascending), whose sum is at least `reach`.
fn pairs_reaching(first: &[f64], second: &[f64], reach: f64) -> u64 {
    let mut count = 0;
    let mut from = second.len();
    for sum in first {
        while from > 0 && sum + second[from - 1] >= reach {
            from -= 1;
        }
        count += (second.len() - from) as u64;
    }
    count
}

fn drawn_sums(differences: &[f64], seed: Seed) -> Vec<f64> {
    let mut rng = seed.stream(&[differences.len() as u64]);
    let mut sums: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let signed = differences.chunks(64).map(|chunk| {
                let signs: u64 = rng.random();
                let flip = |(bit, value): (usize, &f64)| if signs >> bit & 1 == 1 { -value } else { *value };
                chunk.iter().enumerate().map(flip).sum::<f64>()
            });
            signed.sum::<f64>().abs()
        })
        .collect();
    sums.sort_unstable_by(f64::total_cmp);
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p_value(differences: &[f64]) -> f64 {
        SignFlips::new(differences, Seed(1)).p_value(differences.iter().sum())
    }

    /// Computes the p value by its definition, from every assignment.
    fn enumerated(differences: &[f64]) -> f64 {
        let observed = differences.iter().sum::<f64>().abs() - 1e-12;
        let assignments = 1_u32 << differences.len();
        let reaching = (0..assignments)
            .filter(|signs| {
                let signed = differences.iter().enumerate();
                let sum: f64 =
                    signed.map(|(bit, value)| if signs >> bit & 1 == 1 { -value } else { *value }).sum();
                sum.abs() >= observed
            })
            .count();
        reaching as f64 / f64::from(assignments)
    }

    #[test]
    fn counting_by_halves_equals_enumeration() {
        let mut rng = Seed(7).stream(&[]);
        for blocks in 1..=13 {
            let differences: Vec<f64> = (0..blocks).map(|_| rng.random::<f64>() - 0.4).collect();
            assert_eq!(p_value(&differences), enumerated(&differences), "{differences:?}");
        }
    }

    #[test]
    fn ties_and_zeros_count_as_at_least_as_far() {
        for differences in
            [vec![0.1, 0.2, 0.3, -0.1, 0.0], vec![0.1; 7], vec![0.0, 0.0, 0.3], vec![0.3, -0.1, -0.2]]
        {
            assert_eq!(p_value(&differences), enumerated(&differences), "{differences:?}");
        }
        assert_eq!(p_value(&[0.1; 10]), smallest_p(10), "rounding must not exclude the observed assignment");
        assert_eq!(p_value(&[0.0; 5]), 1.0, "no differences, no evidence");
        assert_eq!(p_value(&[]), 1.0, "no blocks, no evidence");
    }

    #[test]
    fn many_blocks_are_drawn_and_agree_with_the_normal_limit() {
        // 40 differences of size 1, 26 of them up: the sum is 12, and P(|S| >= 12) is binomial.
        let differences: Vec<f64> = (0..40).map(|n| if n < 26 { 1.0 } else { -1.0 }).collect();
        let exact = 0.080_690_26; // 2 P(Binomial(40, 1/2) >= 26)
        let drawn = p_value(&differences);
        assert!((drawn - exact).abs() < 0.004, "100 000 draws come this close: {drawn}, exact {exact}");
        assert_eq!(p_value(&[1.0; 40]), smallest_p(40), "the observed assignment counts as a draw");
    }
}
