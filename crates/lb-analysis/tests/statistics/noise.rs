//! Simulated noise, of shapes that measurements have.

use lb_core::rng::Rng;
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};

/// A standard normal draw.
pub(crate) fn normal(rng: &mut Rng) -> f64 {
    // Never 0, whose quantile is infinite.
    Normal::standard().inverse_cdf(1.0 - rng.random::<f64>())
}

/// A shape of noise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// The normal distribution.
    Normal,
    /// Lognormal, sigma 1: skewness 6.
    Lognormal,
    /// Student's t with three degrees of freedom: no kurtosis.
    HeavyTails,
    /// Difference of two lognormals of unlike spread: skewed to one side, tails on both.
    SkewedDifference,
}

impl Shape {
    /// All.
    pub(crate) const ALL: [Self; 4] =
        [Self::Normal, Self::Lognormal, Self::HeavyTails, Self::SkewedDifference];

    /// One draw.
    pub(crate) fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Normal => normal(rng),
            Self::Lognormal => normal(rng).exp(),
            Self::HeavyTails => {
                let squares: f64 = (0..3).map(|_| normal(rng).powi(2)).sum();
                normal(rng) / (squares / 3.0).sqrt()
            }
            Self::SkewedDifference => (0.6 * normal(rng)).exp() - (0.3 * normal(rng)).exp(),
        }
    }
}
