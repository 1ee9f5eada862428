//! Whether two quantities that were recorded side by side move together: Spearman's rank correlation, with a test and
//! an interval that hold for values that depend on those before them.
//!
//! Values of one second resemble those of the second before, in both quantities. A usual test takes each second for a
//! new observation and finds a correlation between nearly any two slow curves (Yule, Journal of the Royal Statistical
//! Society 89, 1926). Here the standard error comes from the long-run variance of the products instead.
//!
//! For each course (the values of one trial), the mid-ranks of both quantities are scaled to mean 0 and mean square 1,
//! x_t and y_t; r is the mean of z_t = x_t y_t over all courses. The long-run variance of a sequence u is estimated from
//! its first B cosine coefficients, Λ_j = √(2/n) Σ u_t cos(πj(t − ½)/n), as the mean of Λ_j², and √N r / √Ω is compared
//! with Student's t with as many degrees of freedom as there are terms (the estimator "EWC" of Lazarus, Lewis, Stock and
//! Watson, Journal of Business & Economic Statistics 36, 2018). With several courses, how much their own means differ is
//! a further term for each course but one. For the test, u is z; for the interval, it is the influence of each moment on
//! r, z_t − r (x_t² + y_t²)/2, and the ends are those of Fisher's transform, atanh r ± t √(Ω/N) / (1 − r²).
//!
//! Two deviations: B is at least 2 and otherwise n^(2/3)/4 rather than 0.4 n^(2/3), because fewer terms keep the level
//! for values that depend strongly on those before them; and the statistic is applied to ranks, so that single extreme
//! values do not decide.

use crate::paired_t::student;
use statrs::distribution::ContinuousCDF;
use std::f64::consts::PI;

/// The fewest values of a course: with fewer, there are not even two terms for the standard error.
pub const FEWEST_MOMENTS: usize = 20;

/// How two quantities move together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankCorrelation {
    /// Spearman's rank correlation within courses, from -1 to 1.
    pub r: f64,
    /// The interval of r at the level that was asked for.
    pub interval: [f64; 2],
    /// The probability of an r at least this far from 0 if the two do not move together.
    pub p: f64,
    /// The number of pairs of values.
    pub moments: usize,
}

/// Correlates two quantities over courses: pairs of equally long sequences, in order of time and at equal distances.
/// Courses with fewer than [`FEWEST_MOMENTS`] values, or in which one of the two does not change, are left out. `None` if
/// none is left. `level` is that of the interval, such as 0.95.
pub fn rank_correlation(courses: &[(Vec<f64>, Vec<f64>)], level: f64) -> Option<RankCorrelation> {
    let scaled: Vec<(Vec<f64>, Vec<f64>)> = courses
        .iter()
        .filter(|(one, other)| one.len() >= FEWEST_MOMENTS && one.len() == other.len())
        .filter_map(|(one, other)| Some((scaled_ranks(one)?, scaled_ranks(other)?)))
        .collect();
    let moments: usize = scaled.iter().map(|(one, _)| one.len()).sum();
    if moments == 0 {
        return None;
    }
    let products = |(one, other): &(Vec<f64>, Vec<f64>)| one.iter().zip(other).map(|(x, y)| x * y).collect();
    let products: Vec<Vec<f64>> = scaled.iter().map(products).collect();
    let r = products.iter().flatten().sum::<f64>() / moments as f64;
    let influence = |(one, other): &(Vec<f64>, Vec<f64>)| {
        one.iter().zip(other).map(|(x, y)| x * y - r * (x * x + y * y) / 2.0).collect()
    };
    let influences: Vec<Vec<f64>> = scaled.iter().map(influence).collect();

    let (variance, terms) = long_run_variance(&products);
    let t = student(terms);
    let error = (variance / moments as f64).sqrt();
    let p = if error > 0.0 { 2.0 * t.sf((r / error).abs()) } else { 0.0 };
    let (variance, _) = long_run_variance(&influences);
    let bound = r.clamp(-0.999_999, 0.999_999);
    let reach =
        t.inverse_cdf(f64::midpoint(1.0, level)) * (variance / moments as f64).sqrt() / (1.0 - bound * bound);
    let interval = [(bound.atanh() - reach).tanh(), (bound.atanh() + reach).tanh()];
    Some(RankCorrelation { r, interval, p, moments })
}

/// Returns the mid-ranks of values, scaled to mean 0 and mean square 1. `None` if all values are equal.
fn scaled_ranks(values: &[f64]) -> Option<Vec<f64>> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let alike = order[from..].iter().take_while(|place| values[**place] == values[order[from]]).count();
        // Values that are alike share the mean of their ranks. One that is not a number is like none.
        let alike = alike.max(1);
        let rank = from as f64 + (alike - 1) as f64 / 2.0;
        for place in &order[from..from + alike] {
            ranks[*place] = rank;
        }
        from += alike;
    }
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let square = ranks.iter().map(|rank| (rank - middle).powi(2)).sum::<f64>() / values.len() as f64;
    if square == 0.0 {
        return None;
    }
    Some(ranks.into_iter().map(|rank| (rank - middle) / square.sqrt()).collect())
}

/// Estimates the long-run variance of sequences with a common mean, and returns it with the number of its terms.
fn long_run_variance(sequences: &[Vec<f64>]) -> (f64, usize) {
    let all: usize = sequences.iter().map(Vec::len).sum();
    let mean = sequences.iter().flatten().sum::<f64>() / all.max(1) as f64;
    let (mut squares, mut terms) = (0.0, sequences.len() - 1);
    for sequence in sequences {
        let length = sequence.len() as f64;
        let most = ((length.powf(2.0 / 3.0) / 4.0) as usize).max(2);
        for term in 1..=most {
            let turn = PI * term as f64 / length;
            let cosine = |(at, value): (usize, &f64)| value * (turn * (at as f64 + 0.5)).cos();
            let sum: f64 = sequence.iter().enumerate().map(cosine).sum();
            squares += 2.0 / length * sum * sum;
        }
        terms += most;
        let own = sequence.iter().sum::<f64>() / length;
        squares += length * (own - mean).powi(2);
    }
    (squares / terms as f64, terms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::rng::{Rng, Seed};
    use rand::RngExt;

    /// Draws a value with the mean 0 and the variance 1 that is nearly normal: a sum of twelve uniform ones.
    fn normal(rng: &mut Rng) -> f64 {
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    }

    /// Draws values each of which is `memory` times the one before plus chance.
    fn slow(count: usize, memory: f64, rng: &mut Rng) -> Vec<f64> {
        let mut value = normal(rng) / (1.0 - memory * memory).sqrt();
        (0..count)
            .map(|_| {
                value = memory * value + normal(rng);
                value
            })
            .collect()
    }

    /// The share of 600 pairs of unrelated quantities that are called related at 5 %.
    fn false_alarms(courses: usize, count: usize, memory: f64) -> f64 {
        let mut rng = Seed(31).stream(&[courses as u64, count as u64, (memory * 100.0) as u64]);
        let mut alarm = || {
            let pair = |_| (slow(count, memory, &mut rng), slow(count, memory, &mut rng));
            let courses: Vec<_> = (0..courses).map(pair).collect();
            rank_correlation(&courses, 0.95).expect("there are courses").p <= 0.05
        };
        (0..600).filter(|_| alarm()).count() as f64 / 600.0
    }

    #[test]
    fn unrelated_quantities_are_called_related_about_as_often_as_the_level_says() {
        for (courses, count, memory, most) in [
            (1, 60, 0.0, 0.08),
            (1, 60, 0.8, 0.09),
            (1, 120, 0.9, 0.10),
            (4, 60, 0.5, 0.08),
            (4, 120, 0.8, 0.09),
        ] {
            let share = false_alarms(courses, count, memory);
            // 5 % of 600 has a standard error of 0.9 %.
            assert!(share <= most, "{courses} courses of {count}, memory {memory}: {share:.3} false alarms");
            assert!(share >= 0.02, "{courses} courses of {count}, memory {memory}: {share:.3} is too few");
        }
    }

    #[test]
    fn a_usual_test_would_find_most_slow_curves_related() {
        // What the standard error for independent moments, 1/√n, would say of the same curves.
        let mut rng = Seed(7).stream(&[1]);
        let mut usual = 0;
        for _ in 0..200 {
            let pair = [(slow(120, 0.9, &mut rng), slow(120, 0.9, &mut rng))];
            let r = rank_correlation(&pair, 0.95).expect("a course").r;
            usual += u32::from(r.abs() * 120_f64.sqrt() > 1.96);
        }
        assert!(usual > 60, "{usual} of 200 would be false alarms");
    }

    #[test]
    fn related_quantities_are_found_with_an_interval_that_holds_their_correlation() {
        let mut rng = Seed(5).stream(&[2]);
        let (mut found, mut held) = (0, 0);
        for _ in 0..200 {
            let pair = |rng: &mut Rng| {
                let shared = slow(120, 0.6, rng);
                let noisy = |values: &[f64], rng: &mut Rng| -> Vec<f64> {
                    values.iter().zip(slow(120, 0.6, rng)).map(|(value, noise)| value + 0.5 * noise).collect()
                };
                (noisy(&shared, rng), noisy(&shared, rng))
            };
            let courses: Vec<_> = (0..3).map(|_| pair(&mut rng)).collect();
            let correlation = rank_correlation(&courses, 0.95).expect("there are courses");
            found += u32::from(correlation.p <= 0.05);
            // Pearson's correlation is 1 / 1.25; the rank correlation of normal values is 6/π asin(0.8/2).
            let truth = 6.0 / PI * (0.8_f64 / 2.0).asin();
            held += u32::from(correlation.interval[0] <= truth && truth <= correlation.interval[1]);
        }
        assert!(found >= 195, "{found} of 200 are found");
        assert!(held >= 180, "{held} of 200 intervals hold the truth");
    }

    #[test]
    fn opposite_courses_and_monotonic_changes_have_the_ends_of_the_range() {
        let mut rng = Seed(1).stream(&[3]);
        let values = slow(50, 0.3, &mut rng);
        let changed: Vec<f64> = values.iter().map(|value| value.exp()).collect();
        let opposite: Vec<f64> = values.iter().map(|value| -value).collect();
        let of =
            |other: &[f64]| rank_correlation(&[(values.clone(), other.to_vec())], 0.95).expect("a course");
        assert!((of(&changed).r - 1.0).abs() < 1e-12);
        assert!((of(&opposite).r + 1.0).abs() < 1e-12);
        let interval = of(&changed).interval;
        assert!(interval.iter().all(|end| (0.99..=1.0).contains(end)), "{interval:?}");
    }

    #[test]
    fn what_does_not_change_or_is_short_has_no_correlation() {
        let rising: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(rank_correlation(&[], 0.95), None);
        assert_eq!(rank_correlation(&[(rising.clone(), vec![3.0; 50])], 0.95), None);
        assert_eq!(rank_correlation(&[(rising[..19].to_vec(), rising[..19].to_vec())], 0.95), None);
        assert_eq!(rank_correlation(&[(rising.clone(), rising[..40].to_vec())], 0.95), None);
    }

    #[test]
    fn values_that_are_alike_share_their_rank() {
        let ranks = scaled_ranks(&[1.0, 5.0, 1.0, 9.0]).expect("they differ");
        assert_eq!(ranks[0], ranks[2]);
        assert!(ranks[0] < ranks[1] && ranks[1] < ranks[3]);
        assert!(ranks.iter().sum::<f64>().abs() < 1e-12, "{ranks:?}");
    }
}
