//! How strict a comparison is.

use crate::interval::RESAMPLES;
use lb_core::rng::Seed;
use lb_results::Metric;
use std::collections::BTreeMap;

/// How strict a comparison is.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareOptions {
    /// Family-wise error rate, for differences and for equivalences separately.
    pub alpha: f64,
    /// Margin of equivalence of ratio metrics, as a fraction: 0.05 is ±5 %.
    pub margin: f64,
    /// Margin of the error rate, absolute: 0.005 is half a percentage point.
    pub error_rate_margin: f64,
    /// Margin of Jain's index, absolute.
    pub jain_margin: f64,
    /// Effects of at most this size are noise, by metric, from an A/A comparison.
    pub noise: BTreeMap<Metric, f64>,
    /// Name of the A/A run that measured the noise. `None` where it is unknown.
    pub noise_source: Option<String>,
    /// Resamples of each bootstrap interval; 0 for no intervals.
    pub resamples: usize,
    /// Seed of all resampling.
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
            resamples: RESAMPLES,
            seed: Seed(0x0062_656e_6368),
        }
    }
}

impl CompareOptions {
    /// Returns the margin of a metric, in the unit of its effects.
    pub fn margin_of(&self, metric: Metric) -> f64 {
        match metric {
            Metric::ErrorRate => self.error_rate_margin,
            Metric::JainIndex => self.jain_margin,
            _ => self.margin,
        }
    }
}
