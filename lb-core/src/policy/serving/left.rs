//! How much of a request is left after it has been in service for a while.
//!
//! With a service time that is log-normal around its prediction, of mean 1 and deviation `d` of the logarithm,
//! a request that has been in service for `u` has `P(d - z) / P(-z) - u` left, where `z = (ln u + d²/2) / d`
//! and `P` is the normal distribution. If sizes are known, this is `1 - u`. If they are not, it grows with
//! `u`: what is old is probably long.

use std::sync::LazyLock;

/// Steps of the deviation, of a quarter each.
const DEVIATIONS: usize = 9;
/// Steps of the time in service, of a quarter of the mean each.
const AGES: usize = 41;
/// Least that is left.
const LEAST: f64 = 0.05;

static LEFT: LazyLock<[[f32; AGES]; DEVIATIONS]> = LazyLock::new(|| {
    std::array::from_fn(|row| {
        let deviation = (row as f64 / 4.0).max(0.02);
        std::array::from_fn(|column| left_of(column as f64 / 4.0, deviation) as f32)
    })
});

/// What is left by age, for all deviations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left(&'static [[f32; AGES]; DEVIATIONS]);

impl Left {
    pub(super) fn table() -> Self {
        Self(&LEFT)
    }

    /// Returns the expected rest of a request of mean 1 after `age` in service.
    #[inline]
    pub(super) fn of(self, age: f32, deviation: f32) -> f32 {
        let row = &self.0[((deviation * 4.0 + 0.5) as u32 as usize).min(DEVIATIONS - 1)];
        let place = (age * 4.0).clamp(0.0, (AGES - 2) as f32 + 0.999);
        let column = place as u32 as usize;
        row[column] + (place - column as f32) * (row[column + 1] - row[column])
    }
}

fn left_of(age: f64, deviation: f64) -> f64 {
    if age <= 0.0 {
        return 1.0;
    }
    let z = (age.ln() + deviation * deviation / 2.0) / deviation;
    let survives = below(-z);
    if survives < 1e-12 {
        return LEAST;
    }
    (below(deviation - z) / survives - age).clamp(LEAST, 10.0)
}

/// The normal distribution, by the rational Chebyshev fit of erfc in Press et al., Numerical Recipes.
fn below(z: f64) -> f64 {
    let x = -z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let terms = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let polynomial = terms.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let erfc = t * (-x * x + polynomial).exp();
    0.5 * if x >= 0.0 { erfc } else { 2.0 - erfc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_shrinks_if_sizes_are_known_and_grows_if_they_are_not() {
        let left = |age, deviation| Left::table().of(age, deviation);
        for deviation in [0.05, 0.5, 1.0, 3.0] {
            assert!((left(0.0, deviation) - 1.0).abs() < 1e-3, "all of it at first");
        }
        assert!((left(0.5, 0.05) - 0.5).abs() < 0.01, "half of a known size");
        assert!((left(1.5, 0.05) - LEAST as f32).abs() < 1e-3, "next to nothing when it is overdue");
        assert!(left(4.0, 1.0) > 1.3, "what is old is probably long");
        assert!(left(1e9, 1.0).is_finite(), "beyond the table");
    }

    #[test]
    fn the_expected_rest_is_that_of_a_log_normal() {
        // The mean of what exceeds an age, by numerical integration over the logarithm.
        for (age, deviation) in [(0.5f64, 0.5f64), (1.0, 1.0), (3.0, 1.0)] {
            let (mut mass, mut rest) = (0.0, 0.0);
            for step in 0..40_000 {
                let z = -8.0 + 16.0 * (f64::from(step) + 0.5) / 40_000.0;
                let size = (deviation * z - deviation * deviation / 2.0).exp();
                if size > age {
                    let weight = (-z * z / 2.0).exp();
                    mass += weight;
                    rest += weight * (size - age);
                }
            }
            let (expected, found) = (rest / mass, left_of(age, deviation));
            assert!((found / expected - 1.0).abs() < 0.01, "{age}, {deviation}: {expected}, not {found}");
        }
    }
}
