//! Options of a comparison: error rates, margins, noise floors and resampling.

use crate::interval::RESAMPLES;
use lb_core::rng::Seed;
use lb_results::Metric;
use std::collections::BTreeMap;

/// Options of a comparison: error rates, margins, noise floors and resampling.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareOptions {
    /// Family-wise error rate, for differences and for equivalences separately.
    pub alpha: f64,
    /// Equivalence margin of ratio metrics, as a fraction: 0.05 is ±5 %.
    pub margin: f64,
    /// Equivalence margin of the error rate, absolute: 0.005 is half a percentage point.
    pub error_rate_margin: f64,
    /// Equivalence margin of Jain's index, absolute.
    pub jain_margin: f64,
    /// The metrics that decide verdicts: they share the family-wise error rate. All others are exploratory.
    pub primary: Vec<Metric>,
    /// The label that all others are compared with; `None` when every pair is compared.
    pub baseline: Option<String>,
    /// The noise floors from A/A comparisons, by label and metric: effects of at most this size are noise.
    pub noise: BTreeMap<String, BTreeMap<Metric, f64>>,
    /// Name of the A/A run that measured the noise. `None` if it is unknown.
    pub noise_source: Option<String>,
    /// Number of resamples for each bootstrap interval; 0 disables intervals.
    pub resamples: usize,
    /// Random seed of all resampling.
    pub seed: Seed,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            margin: 0.05,
            error_rate_margin: 0.005,
            jain_margin: 0.05,
            primary: vec![Metric::P95],
            baseline: None,
            noise: BTreeMap::new(),
            noise_source: None,
            resamples: RESAMPLES,
            seed: Seed(0x0062_656e_6368),
        }
    }
}

impl CompareOptions {
    /// Returns the noise floor of a pair of labels: the larger of the known floors of its two labels. A floor
    /// measured on another algorithm says nothing about this pair.
    pub(crate) fn floor_of(&self, labels: [&str; 2], metric: Metric) -> Option<f64> {
        let floors = labels.into_iter().filter_map(|label| self.noise.get(label)?.get(&metric).copied());
        floors.reduce(f64::max)
    }

    /// Returns the margin of a metric, in the unit of its effects.
    pub fn margin_of(&self, metric: Metric) -> f64 {
        match metric {
            Metric::ErrorRate => self.error_rate_margin,
            Metric::JainIndex => self.jain_margin,
            _ => self.margin,
        }
    }
}
