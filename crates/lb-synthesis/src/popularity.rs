//! Zipf's law, fitted by maximum likelihood: `p(r) = r^-s / H(n, s)` with `H(n, s) = 1^-s + … + n^-s`.
//!
//! The log-likelihood of counts `c(r)` in order of rank is `-s Σ c(r) ln r - c ln H(n, s)`; its derivative falls in
//! `s`, so bisection finds the root. Goodness is the Kolmogorov-Smirnov distance over ranks, with a p-value by the
//! parametric bootstrap of Clauset, Shalizi and Newman (2009): samples of the fitted law are ranked by their own counts
//! and fitted again, which accounts for ranks that are estimated from the same data.

use crate::document::{Popularity, Zipf};
use lb_core::{Rng, Seed};
use rand_distr::{Binomial, Distribution};

/// The largest exponent that is tried. With it, the second item has one request in a million.
const STEEPEST: f64 = 20.0;
/// Draws of the bootstrap, fewer with many items.
const DRAWS: usize = 200;
const FEWEST_DRAWS: usize = 20;
/// Items times draws.
const MOST_WORK: usize = 2_000_000;

/// Fits Zipf's law to the numbers of requests of all items.
pub(crate) fn fit(mut counts: Vec<u64>, seed: Seed) -> Popularity {
    counts.retain(|count| *count > 0);
    counts.sort_unstable_by(|one, other| other.cmp(one));
    Popularity { items: counts.len() as u64, zipf: zipf(&counts, seed) }
}

fn zipf(ranked: &[u64], seed: Seed) -> Option<Zipf> {
    if ranked.len() < 3 {
        return None;
    }
    let total: u64 = ranked.iter().sum();
    let logs: Vec<f64> = (1..=ranked.len()).map(|rank| (rank as f64).ln()).collect();
    let exponent = exponent(ranked, &logs);
    let distance = distance(ranked, &shares(&logs, exponent));
    let [_, variance] = log_rank_moments(&logs, exponent);
    let standard_error = if variance > 0.0 { 1.0 / (total as f64 * variance).sqrt() } else { 0.0 };
    let draws = (MOST_WORK / ranked.len()).clamp(FEWEST_DRAWS, DRAWS);
    let law = shares(&logs, exponent);
    let mut rng = seed.stream(&[0x21bf]);
    let greater = (0..draws).filter(|_| {
        let mut sample = multinomial(total, &law, &mut rng);
        sample.sort_unstable_by(|one, other| other.cmp(one));
        let refitted = self::exponent(&sample, &logs);
        self::distance(&sample, &shares(&logs, refitted)) >= distance
    });
    // Counting the data themselves keeps the p-value above 0.
    let p_value = (greater.count() + 1) as f64 / (draws + 1) as f64;
    Some(Zipf { exponent, standard_error, distance, p_value })
}

/// Returns the exponent of greatest likelihood.
fn exponent(ranked: &[u64], logs: &[f64]) -> f64 {
    let total: u64 = ranked.iter().sum();
    let mean = ranked.iter().zip(logs).map(|(count, log)| *count as f64 * log).sum::<f64>() / total as f64;
    let (mut low, mut high) = (0.0, STEEPEST);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if log_rank_moments(logs, middle)[0] > mean { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Returns the mean and the variance of the logarithm of the rank.
fn log_rank_moments(logs: &[f64], exponent: f64) -> [f64; 2] {
    let mut sums = [0.0; 3];
    for log in logs {
        let weight = (-exponent * log).exp();
        sums[0] += weight;
        sums[1] += weight * log;
        sums[2] += weight * log * log;
    }
    let mean = sums[1] / sums[0];
    [mean, sums[2] / sums[0] - mean * mean]
}

fn shares(logs: &[f64], exponent: f64) -> Vec<f64> {
    let weights: Vec<f64> = logs.iter().map(|log| (-exponent * log).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

fn distance(ranked: &[u64], law: &[f64]) -> f64 {
    let total: u64 = ranked.iter().sum();
    let (mut observed, mut fitted, mut most) = (0_u64, 0.0, 0.0_f64);
    for (count, share) in ranked.iter().zip(law) {
        observed += count;
        fitted += share;
        most = most.max((observed as f64 / total as f64 - fitted).abs());
    }
    most
}

/// Draws how many of `total` events fall on each share, one binomial number after the other.
pub(crate) fn multinomial(total: u64, shares: &[f64], rng: &mut Rng) -> Vec<u64> {
    let mut rest = (total, shares.iter().sum::<f64>());
    let last = shares.len().saturating_sub(1);
    let draw = |(place, share): (usize, &f64)| {
        let probability = if place == last { 1.0 } else { (share / rest.1).clamp(0.0, 1.0) };
        let probability = if probability.is_finite() { probability } else { 0.0 };
        let count = Binomial::new(rest.0, probability).map_or(0, |binomial| binomial.sample(rng));
        rest = (rest.0 - count, rest.1 - share);
        count
    };
    shares.iter().enumerate().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(exponent: f64, items: usize, total: u64, seed: u64) -> Vec<u64> {
        let logs: Vec<f64> = (1..=items).map(|rank| (rank as f64).ln()).collect();
        multinomial(total, &shares(&logs, exponent), &mut Seed(seed).stream(&[]))
    }

    #[test]
    fn a_planted_exponent_is_recovered_within_its_error() {
        for (planted, seed) in [(0.7, 1), (1.0, 2), (1.4, 3)] {
            let found = fit(sample(planted, 300, 60_000, seed), Seed(1)).zipf.expect("300 items");
            let error = (found.exponent - planted).abs();
            assert!(error < 4.0 * found.standard_error + 0.01, "{planted}: {found:?}");
            assert!(found.standard_error < 0.01, "{found:?}");
            assert!(found.p_value > 0.05, "the law holds: {found:?}");
        }
    }

    #[test]
    fn counts_that_follow_another_law_are_told_apart() {
        let steps: Vec<u64> = (0..100).map(|item| if item < 50 { 500 } else { 50 }).collect();
        let found = fit(steps, Seed(1)).zipf.expect("100 items");
        assert!(found.p_value < 0.05 && found.distance > 0.05, "{found:?}");
    }

    #[test]
    fn too_few_items_have_no_law_and_equal_ones_the_exponent_zero() {
        assert_eq!(fit(vec![5, 0, 7], Seed(1)), Popularity { items: 2, zipf: None });
        let flat = fit(vec![100; 10], Seed(1)).zipf.expect("ten items");
        assert!(flat.exponent < 1e-9, "{flat:?}");
    }

    #[test]
    fn multinomial_numbers_add_up() {
        let mut rng = Seed(5).stream(&[]);
        let drawn = multinomial(1_000, &[0.5, 0.3, 0.0, 0.2], &mut rng);
        assert_eq!((drawn.iter().sum::<u64>(), drawn[2]), (1_000, 0));
        assert_eq!(multinomial(10, &[0.0, 0.0], &mut rng).iter().sum::<u64>(), 10);
    }
}
