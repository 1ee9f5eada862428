//! Which algorithm is better, by how much, and how sure that is.
//!
//! The trial is the experimental unit: all that happens within one shares its noise. Trials of one block
//! met the same schedule at nearly the same time, so algorithms are compared block by block; a block in
//! which either has no valid trial is left out of that pair. Latencies and goodput are compared as
//! ratios (differences of logarithms), error rate and Jain's index as differences.
//!
//! - **Effect**: Hodges–Lehmann estimate, with a BCa bootstrap interval whose percentiles are expanded
//!   for few blocks. From eight blocks on it holds the truth in 94.7 to 96.5 of 100 cases, also with skewed
//!   and heavy-tailed noise; from five, in 92 to 94 (`tests/statistics/coverage.rs`).
//! - **Difference**: exact sign-flip test, over all pairs and metrics corrected by Holm. A verdict also asks
//!   that the interval exclude zero and that the effect exceed the noise floor, where one is known. Both
//!   only take alarms away, so the family-wise error rate stays below alpha.
//! - **Equivalence**: two one-sided t tests against the margin. These are claims too: a second family,
//!   corrected by Holm in the same way.
//! - **Planning**: what so many blocks could find, and how many it takes ([`lb_stats::Planning`]).
//!
//! Where both sides have no error in any block there is nothing to test: the metric counts as equivalent
//! and is in neither family. A ratio with a zero on either side leaves its block out for that metric.

mod judge;
mod pairs;
mod plan;
mod sentence;
#[cfg(test)]
mod tests;

pub(crate) use judge::compare_pairs;
pub use judge::{compare, compare_some};
pub(super) use pairs::{Measured, to_effect};
pub(crate) use pairs::{Pair, valid_trials};
pub use plan::{precise_enough, repetitions_for};
pub use sentence::signed;
pub(super) use sentence::{amount, list};

use lb_core::rng::Seed;
use lb_results::Metric;
use std::collections::BTreeMap;

/// How strict a comparison is.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareOptions {
    /// Family-wise error rate, of differences and of equivalences each.
    pub alpha: f64,
    /// Margin of equivalence of ratio metrics, as a fraction: 0.05 is ±5 %.
    pub margin: f64,
    /// Margin of the error rate, absolute: 0.005 is half a percentage point.
    pub error_rate_margin: f64,
    /// Margin of Jain's index, absolute.
    pub jain_margin: f64,
    /// Effects of at most this size are noise, by metric, from an A/A comparison.
    pub noise: BTreeMap<Metric, f64>,
    /// The run that the noise was measured in.
    pub noise_source: Option<String>,
    /// Draws of each bootstrap interval; 0: no intervals.
    pub resamples: usize,
    /// Fixes what is drawn.
    pub seed: Seed,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            margin: 0.05,
            error_rate_margin: 0.005,
            jain_margin: 0.05,
            noise: BTreeMap::new(),
            noise_source: None,
            // Places the 2.5 % point within 0.16 % (one standard error).
            resamples: 10_000,
            seed: Seed(0x0062_656e_6368),
        }
    }
}

impl CompareOptions {
    /// The margin of a metric, in the unit of its effects.
    pub fn margin_of(&self, metric: Metric) -> f64 {
        match metric {
            Metric::ErrorRate => self.error_rate_margin,
            Metric::JainIndex => self.jain_margin,
            _ => self.margin,
        }
    }
}
