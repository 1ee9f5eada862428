//! How sure a change must be, and how large.

use crate::observation::Scale;
use lb_core::Seed;

/// How sure a change must be before it is told, and how large.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How values are compared.
    pub scale: Scale,
    /// The smallest effect that matters: 0.02 is 2 % on a scale of ratios, otherwise a difference in the unit of the quantity.
    pub smallest_effect: f64,
    /// The largest effect that an A/A run found between two labels of one algorithm, in the same unit. `None` if it is unknown.
    pub noise_floor: Option<f64>,
    /// The level of the permutation test, as a probability: how often a series without changes may be split.
    pub split_level: f64,
    /// The level of Welch's t test between neighbouring stretches, as a probability.
    pub step_level: f64,
    /// The smallest number of values in a stretch, at least 2.
    pub shortest: usize,
    /// The number of permutations of the permutation test. The smallest p value is one over one more than it.
    pub permutations: usize,
    /// The seed of the permutations.
    pub seed: Seed,
}

impl Settings {
    /// Returns the usual settings for quantities that are compared as ratios, such as latencies.
    pub const fn ratio() -> Self {
        Self {
            scale: Scale::Ratio,
            smallest_effect: 0.02,
            noise_floor: None,
            // One series has many nights, and a history many series: a level of 5 % would raise an alarm every week.
            split_level: 0.001,
            step_level: 0.01,
            shortest: 3,
            permutations: 1_999,
            seed: Seed(0x6e69_6768_7473),
        }
    }

    /// Returns the usual settings for shares, which are compared as differences; `smallest_effect` is in their unit.
    pub const fn difference(smallest_effect: f64) -> Self {
        Self { scale: Scale::Difference, smallest_effect, ..Self::ratio() }
    }

    /// Returns the smallest effect that is told: what matters, and what is above the noise floor.
    pub(crate) fn threshold(&self) -> f64 {
        self.noise_floor.map_or(self.smallest_effect, |floor| floor.max(self.smallest_effect))
    }
}
