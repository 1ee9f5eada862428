//! How far apart two neighbouring stretches of a series are, and how sure that is.
//!
//! Welch's t test compares their weighted means. The variance of a weighted mean is that of Hartung and Knapp (*Statistics in
//! Medicine* 20, 2001), Σw(x − m)²/((n − 1)Σw), which is s²/n with equal weights; it counts as at least 1/Σw, what the
//! intervals of the values and the noise between nights allow, so that three values that agree by chance claim no more than
//! they know (Röver, Knapp and Friede, *BMC Medical Research Methodology* 15, 2015).

use crate::divisive::Weighed;
use lb_stats::{Moments, Welch};

/// The step from one stretch to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// The weighted mean of the first stretch.
    pub(crate) before: f64,
    /// The weighted mean of the second stretch.
    pub(crate) after: f64,
    /// The two-sided p value of Welch's t test.
    pub(crate) p: f64,
    /// The 95 % interval of the difference of the means.
    pub(crate) interval: [f64; 2],
}

impl Step {
    /// Compares two stretches of at least two values each. `are_precisions` tells whether weights are inverse variances.
    pub(crate) fn between(first: &[Weighed], second: &[Weighed], are_precisions: bool) -> Self {
        let [first, second] = [first, second].map(|stretch| moments(stretch, are_precisions));
        let welch = Welch::of(&first, &second);
        Self { before: first.mean, after: second.mean, p: welch.p_value(), interval: welch.interval(0.95) }
    }
}

/// Returns moments with which Welch's test has the variance of the weighted mean.
fn moments(stretch: &[Weighed], are_precisions: bool) -> Moments {
    let count = stretch.len() as f64;
    let total: f64 = stretch.iter().map(|one| one.weight).sum();
    let mean = stretch.iter().map(|one| one.weight * one.value).sum::<f64>() / total;
    let squares: f64 = stretch.iter().map(|one| one.weight * (one.value - mean).powi(2)).sum();
    let observed = squares / ((count - 1.0) * total);
    let least = if are_precisions { total.recip() } else { 0.0 };
    Moments { count: stretch.len(), mean, deviation: (observed.max(least) * count).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_give_the_usual_moments() {
        let values = [27.5, 21.0, 19.0, 23.6, 17.0];
        let usual = Moments::of(&values).expect("five values");
        let found = moments(&values.map(|value| Weighed { value, weight: 1.0 }), false);
        assert!((found.mean - usual.mean).abs() < 1e-12);
        assert!((found.deviation - usual.deviation).abs() < 1e-12, "{found:?} and not {usual:?}");
    }

    #[test]
    fn values_that_agree_by_chance_are_no_surer_than_their_intervals() {
        // Three values with a standard error of 0.02 each: their mean has one of 0.02/√3.
        let stretch = [1.0, 1.0001, 0.9999].map(|value| Weighed { value, weight: 1.0 / (0.02 * 0.02) });
        let found = moments(&stretch, true);
        assert!((found.deviation - 0.02).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn a_noisy_value_moves_the_mean_by_its_weight() {
        let stretch = [(1.0, 9.0), (2.0, 1.0)].map(|(value, weight)| Weighed { value, weight });
        assert!((moments(&stretch, true).mean - 1.1).abs() < 1e-12);
    }
}
