//! Confidence intervals of results, and how they are computed.

use lb_core::rng::Seed;
use lb_stats::{Percentiles, bca};

/// Confidence level of each interval.
pub(crate) const LEVEL: f64 = 0.95;

/// Number of resamples for an interval. It places the 2.5 % point within 0.16 % (one standard error).
pub(crate) const RESAMPLES: usize = 10_000;

/// The fewest values for an interval: with fewer, it misses the true value more often than its level allows.
pub(crate) const FEWEST_VALUES: usize = 5;

/// Computes the interval of the Hodges–Lehmann estimate of a sample. `None` for fewer than five values or
/// without resamples.
pub(crate) fn bootstrap(sample: &[f64], resamples: usize, seed: Seed) -> Option<[f64; 2]> {
    if sample.len() < FEWEST_VALUES {
        return None;
    }
    bca(sample, LEVEL, Percentiles::Expanded, resamples, seed)
}
