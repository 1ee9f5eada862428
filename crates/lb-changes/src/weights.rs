//! How much each value of a series weighs.
//!
//! A value varies for two reasons: its own interval says how well one run measured it (s²), and runs of different nights differ
//! by more than that (τ²), since a machine is never twice in the same state. A value weighs 1/(s² + τ²), as in a
//! random-effects meta-analysis (DerSimonian and Laird, *Controlled Clinical Trials* 7, 1986). τ² is estimated from differences
//! of successive values, whose median a few steps do not move.

use lb_stats::median;

/// The ratio of the standard deviation to the median of absolute values of a normal distribution.
const CONSISTENT: f64 = 1.482_602_218_505_602;

/// A value's own variance counts as at least this part of the usual one: an interval over five trials can be narrow by chance.
const LEAST_PART: f64 = 0.25;

/// The weights of the values of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weights {
    /// One weight for each value, above zero.
    pub(crate) each: Vec<f64>,
    /// Whether the weights are inverse variances. Otherwise all are 1, and nothing is known about variances.
    pub(crate) are_precisions: bool,
}

impl Weights {
    /// Weighs values, given the standard errors that are known. A value without one gets the median of the others.
    pub(crate) fn of(values: &[f64], errors: &[Option<f64>]) -> Self {
        let known: Vec<f64> = errors.iter().flatten().map(|error| error * error).collect();
        let usual = median(&known).unwrap_or(0.0);
        let own = |error: &Option<f64>| error.map_or(usual, |error| (error * error).max(LEAST_PART * usual));
        let own: Vec<f64> = errors.iter().map(own).collect();
        let between = between_nights(values, &own);
        let variances: Vec<f64> = own.iter().map(|own| own + between).collect();
        if variances.iter().all(|variance| *variance > 0.0) {
            Self { each: variances.iter().map(|variance| variance.recip()).collect(), are_precisions: true }
        } else {
            Self { each: vec![1.0; values.len()], are_precisions: false }
        }
    }
}

/// Estimates the variance between nights that the values' own variances do not explain.
fn between_nights(values: &[f64], own: &[f64]) -> f64 {
    let jumps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let deviation = CONSISTENT * median(&jumps).unwrap_or(0.0);
    let usual = median(own).unwrap_or(0.0);
    (deviation * deviation / 2.0 - usual).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noisy_night_weighs_less_and_an_unknown_one_as_much_as_the_usual() {
        // Jumps of 0.02 have a variance between nights of (1.4826 × 0.02)² / 2 = 4.396e-4.
        let values: Vec<f64> = (0..9).map(|night| f64::from(night % 2) * 0.02).collect();
        let mut errors = vec![Some(0.01); 9];
        errors[3] = Some(0.1);
        errors[4] = None;
        errors[5] = Some(0.0);
        let weights = Weights::of(&values, &errors);
        let expected =
            [1.0 / (4.396e-4), 1.0 / (0.01 + 3.396e-4), 1.0 / 4.396e-4, 1.0 / (0.25e-4 + 3.396e-4)];
        for (at, expected) in [0, 3, 4, 5].into_iter().zip(expected) {
            let found = weights.each[at];
            assert!((found / expected - 1.0).abs() < 1e-3, "night {at}: {found} and not {expected}");
        }
        assert!(weights.are_precisions);
    }

    #[test]
    fn without_any_spread_all_values_weigh_the_same() {
        let weights = Weights::of(&[1.0; 5], &[None; 5]);
        assert_eq!(weights, Weights { each: vec![1.0; 5], are_precisions: false });
    }

    #[test]
    fn a_step_does_not_count_as_noise() {
        let values: Vec<f64> =
            (0..40).map(|night| f64::from(night / 20) + f64::from(night % 2) * 0.01).collect();
        let between = between_nights(&values, &[0.0; 40]);
        assert!((between - 1.099e-4).abs() < 1e-6, "a jump of 1 among jumps of 0.01: {between}");
    }
}
