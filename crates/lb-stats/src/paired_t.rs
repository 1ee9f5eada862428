//! The paired t test, and equivalence by two one-sided t tests.
//!
//! Equivalence (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987): the mean difference
//! lies between two bounds if it is significantly above the lower and significantly below the upper one. A
//! test that finds no difference does not show equivalence, because with too few blocks it never finds one.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The moments of a sample, as needed by t tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// The number of values.
    pub count: usize,
    /// The arithmetic mean.
    pub mean: f64,
    /// The standard deviation, with n - 1 in the denominator.
    pub deviation: f64,
}

impl Moments {
    /// Computes the moments of a sample. `None` with fewer than two values, which have no standard deviation.
    pub fn of(sample: &[f64]) -> Option<Self> {
        if sample.len() < 2 {
            return None;
        }
        let count = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / count;
        let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { count: sample.len(), mean, deviation: (squares / (count - 1.0)).sqrt() })
    }

    /// Returns P(T <= t) for the t statistic of the hypothesis that the true mean is `mean`.
    fn cdf(&self, mean: f64) -> f64 {
        let distance = self.mean - mean;
        let error = self.deviation / (self.count as f64).sqrt();
        if error == 0.0 {
            // Without any spread the mean is certain.
            return if distance > 0.0 {
                1.0
            } else if distance < 0.0 {
                0.0
            } else {
                0.5
            };
        }
        student(self.count - 1).cdf(distance / error)
    }
}

/// Computes the two-sided p value of the hypothesis that the mean is zero.
pub fn paired_t_p(moments: &Moments) -> f64 {
    let below = moments.cdf(0.0);
    2.0 * below.min(1.0 - below)
}

/// Computes the p value of the hypothesis that the mean lies outside `lower..upper`: the larger of the two
/// one-sided p values.
pub fn equivalence_p(moments: &Moments, lower: f64, upper: f64) -> f64 {
    let not_above_lower = 1.0 - moments.cdf(lower);
    let not_below_upper = moments.cdf(upper);
    not_above_lower.max(not_below_upper)
}

/// Returns Student's t distribution with `freedom` degrees of freedom, at least one.
pub(super) fn student(freedom: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom.max(1) as f64).expect("scale and degrees of freedom are above zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_mean_with_little_spread_is_equivalent_to_nothing() {
        let calm = Moments::of(&[0.01, -0.01, 0.005, 0.0, -0.004, 0.002]).expect("six values");
        assert!(equivalence_p(&calm, -0.05, 0.05) < 0.001, "well within the margin");
        let wild = Moments::of(&[0.3, -0.3, 0.2, -0.1, 0.15, -0.2]).expect("six values");
        assert!(equivalence_p(&wild, -0.05, 0.05) > 0.05, "noise alone must not pass for equivalence");
        assert!(paired_t_p(&wild) > 0.05, "noise alone is not a difference either");
    }

    #[test]
    fn a_sample_without_spread_is_certain() {
        let same = Moments::of(&[0.01; 4]).expect("four values");
        assert_eq!(equivalence_p(&same, -0.05, 0.05), 0.0);
        let far = Moments::of(&[0.2; 4]).expect("four values");
        assert_eq!(equivalence_p(&far, -0.05, 0.05), 1.0);
        let zero = Moments::of(&[0.0; 4]).expect("four values");
        assert_eq!(paired_t_p(&zero), 1.0, "no difference at all");
    }

    #[test]
    fn one_value_has_no_deviation() {
        assert_eq!(Moments::of(&[1.0]), None);
    }
}
