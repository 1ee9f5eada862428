//! Welch's t test: how the means of two independent samples differ, each with a spread of its own.
//!
//! The standard error is `sqrt(s1²/n1 + s2²/n2)`, and the degrees of freedom are those of Welch (Biometrika 34,
//! 1947) and Satterthwaite. Unlike the other tests here, it needs no pairs; its samples are the batch means of two
//! stretches of one series.

use crate::paired_t::Moments;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The difference between the means of two independent samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// The mean of the second sample minus that of the first.
    pub difference: f64,
    /// The standard error of the difference.
    error: f64,
    /// The degrees of freedom.
    freedom: f64,
}

impl Welch {
    /// Compares two samples.
    pub fn of(first: &Moments, second: &Moments) -> Self {
        let part = |one: &Moments| one.deviation * one.deviation / one.count as f64;
        let (one, other) = (part(first), part(second));
        let spread = one * one / (first.count - 1) as f64 + other * other / (second.count - 1) as f64;
        let pooled = (first.count + second.count - 2) as f64;
        Self {
            difference: second.mean - first.mean,
            error: (one + other).sqrt(),
            freedom: if spread > 0.0 { (one + other).powi(2) / spread } else { pooled },
        }
    }

    /// Returns the interval of the difference at a confidence `level` such as 0.95.
    pub fn interval(&self, level: f64) -> [f64; 2] {
        let reach = self.error * self.student().inverse_cdf((1.0 + level) / 2.0);
        [self.difference - reach, self.difference + reach]
    }

    /// Returns the two-sided p value of the hypothesis that the means are equal.
    pub fn p_value(&self) -> f64 {
        let below = self.below(0.0);
        2.0 * below.min(1.0 - below)
    }

    /// Returns the p value of the hypothesis that the difference lies outside `lower..upper`: the larger of the two
    /// one-sided p values.
    pub fn outside_p(&self, lower: f64, upper: f64) -> f64 {
        (1.0 - self.below(lower)).max(self.below(upper))
    }

    /// Returns P(T <= t) for the hypothesis that the true difference is `difference`.
    fn below(&self, difference: f64) -> f64 {
        let distance = self.difference - difference;
        if self.error == 0.0 {
            // Without any spread the difference is certain.
            return if distance == 0.0 { 0.5 } else { f64::from(distance > 0.0) };
        }
        self.student().cdf(distance / self.error)
    }

    fn student(&self) -> StudentsT {
        StudentsT::new(0.0, 1.0, self.freedom.max(1.0)).expect("scale and degrees of freedom are above zero")
    }
}

/// Returns the correlation of a series with itself, one step later, from -1 to 1; 0 for a constant or a series of
/// fewer than three values.
pub fn lag_one_correlation(series: &[f64]) -> f64 {
    let mean = series.iter().sum::<f64>() / series.len().max(1) as f64;
    let squares: f64 = series.iter().map(|value| (value - mean).powi(2)).sum();
    let products: f64 = series.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if series.len() < 3 || squares == 0.0 { 0.0 } else { products / squares }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values by numerical integration of the density of Student's t.
    #[test]
    fn difference_p_value_and_interval_are_those_of_the_formulas() {
        let first = Moments::of(&[27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6]);
        let second = Moments::of(&[27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1]);
        let found = Welch::of(&first.expect("twelve values"), &second.expect("twelve values"));
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-4;
        assert!(close(found.difference, 2.23333) && close(found.error, 1.06880), "{found:?}");
        assert!(close(found.freedom, 18.93784), "{found:?}");
        assert!(close(found.p_value(), 0.05039), "{}", found.p_value());
        let [low, high] = found.interval(0.95);
        assert!(close(low, -0.00418) && close(high, 4.47084), "{low} to {high}");
    }

    #[test]
    fn samples_without_spread_are_certain() {
        let [one, other] = [1.0, 1.5].map(|mean| Moments { count: 8, mean, deviation: 0.0 });
        let same = Welch::of(&one, &one);
        assert_eq!((same.p_value(), same.interval(0.99)), (1.0, [0.0, 0.0]));
        assert_eq!(same.outside_p(-0.1, 0.1), 0.0, "they are equivalent");
        let different = Welch::of(&one, &other);
        assert_eq!((different.p_value(), different.outside_p(-0.1, 0.1)), (0.0, 1.0));
    }

    #[test]
    fn a_series_that_wanders_correlates_with_itself() {
        let wandering: Vec<f64> = (0..100).map(|n| f64::from(n % 50)).collect();
        assert!(lag_one_correlation(&wandering) > 0.8);
        let flipping: Vec<f64> = (0..100).map(|n| f64::from(n % 2)).collect();
        assert!(lag_one_correlation(&flipping) < -0.9);
        assert_eq!(lag_one_correlation(&[3.0; 20]), 0.0, "a constant has no correlation");
        assert_eq!(lag_one_correlation(&[1.0, 2.0]), 0.0, "two values are too few");
    }
}
