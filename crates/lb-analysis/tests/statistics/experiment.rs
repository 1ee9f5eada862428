//! Simulated experiments: trials whose metrics share the noise of their block and of their trial, as
//! measured ones do.

use crate::noise::normal;
use lb_core::rng::{Rng, Seed};
use lb_results::{Metric, MetricValue, TrialSummary};
use rand::RngExt;
use std::collections::BTreeMap;

/// An experiment to be simulated.
pub(crate) struct Experiment {
    /// Labels.
    pub(crate) labels: Vec<String>,
    /// Blocks.
    pub(crate) blocks: u32,
    /// Scale of the noise of a trial: about the standard deviation of the logarithm of its mean latency.
    pub(crate) noise: f64,
    /// What the last label does to each metric: a factor, or an addition to rates and indices.
    pub(crate) effects: BTreeMap<Metric, f64>,
}

/// Usual levels, and how strongly each metric feels what the trial as a whole feels.
const METRICS: [(Metric, f64, f64); 7] = [
    (Metric::Mean, 20.0, 1.0),
    (Metric::P50, 15.0, 0.7),
    (Metric::P95, 50.0, 1.5),
    (Metric::P99, 120.0, 2.0),
    (Metric::ErrorRate, 0.01, 0.02),
    (Metric::Goodput, 400.0, -0.3),
    (Metric::JainIndex, 0.9, -0.2),
];

impl Experiment {
    /// An experiment in which no label differs from another.
    pub(crate) fn null(labels: &[&str], blocks: u32) -> Self {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Self { labels, blocks, noise: 0.05, effects: BTreeMap::new() }
    }

    /// Its trials.
    pub(crate) fn run(&self, seed: Seed) -> Vec<TrialSummary> {
        let mut rng = seed.stream(&[]);
        let mut trials = Vec::new();
        for block in 0..self.blocks {
            let of_block = 2.0 * self.noise * normal(&mut rng);
            for (position, label) in self.labels.iter().enumerate() {
                let last = position + 1 == self.labels.len();
                let of_trial = self.noise * disturbance(&mut rng);
                let metrics = METRICS.map(|(metric, level, weight)| {
                    let own = 0.3 * self.noise * normal(&mut rng);
                    let noise = weight * (of_block + of_trial) + own;
                    let effect = self.effects.get(&metric).filter(|_| last).copied();
                    let value = if metric.is_ratio() {
                        level * noise.exp() * effect.unwrap_or(1.0)
                    } else {
                        level + noise * 0.1 + effect.unwrap_or(0.0)
                    };
                    MetricValue { metric, value: Some(value) }
                });
                trials.push(trial(label, block, position, metrics.to_vec()));
            }
        }
        trials
    }
}

/// Skewed, of mean 0 and deviation 1: mostly calm, now and then a machine that was busy elsewhere.
fn disturbance(rng: &mut Rng) -> f64 {
    let skewed = (0.5 * normal(rng)).exp() - (0.125_f64).exp();
    let busy = if rng.random::<f64>() < 0.05 { 2.0 } else { 0.0 };
    1.2 * skewed + busy - 0.1
}

/// A valid trial.
pub(crate) fn trial(label: &str, block: u32, position: usize, metrics: Vec<MetricValue>) -> TrialSummary {
    TrialSummary { label: label.to_owned(), block, position, metrics, ..TrialSummary::default() }
}
