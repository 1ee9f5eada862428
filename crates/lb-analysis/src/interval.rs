//! The confidence of all intervals of results, and how they are drawn.

use lb_core::rng::Seed;
use lb_stats::{Percentiles, bca};

/// Confidence of intervals, each for itself.
const LEVEL: f64 = 0.95;

/// Resamples of an interval: they place the 2.5 % point within 0.16 % (one standard error).
pub(crate) const RESAMPLES: usize = 10_000;

/// Computes the interval of the Hodges–Lehmann estimate of a sample. `None` for fewer than two values or
/// without resamples.
pub(crate) fn bootstrap(sample: &[f64], resamples: usize, seed: Seed) -> Option<[f64; 2]> {
    bca(sample, LEVEL, Percentiles::Expanded, resamples, seed)
}
