//! Simulated nights: what a nightly job would measure, with and without a change.
//!
//! The logarithm of a night's value is that of the true value, plus what the night adds (`between`), plus the mean of what its
//! trials add (`within`). Some nights are noisy: their trials spread three times as much, and their intervals say so. The
//! interval of a night is Student's t over its trials.

use lb_changes::Observation;
use lb_core::Seed;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal, StudentT};

/// The true value, in milliseconds. Nothing depends on it.
const LEVEL: f64 = 80.0;

/// The number of trials of a night, and the 97.5 % quantile of Student's t with one degree of freedom fewer.
const TRIALS: (usize, f64) = (10, 2.262_157);

/// How noisy nights are. Standard deviations are those of logarithms: 0.01 is about 1 %.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    /// What the model is called in tables.
    pub(crate) name: &'static str,
    /// Standard deviation between nights.
    pub(crate) between: f64,
    /// Standard deviation between the trials of a night.
    pub(crate) within: f64,
    /// Probability of a noisy night.
    pub(crate) noisy: f64,
    /// Degrees of freedom of Student's t that nights follow; `None` for the normal distribution.
    pub(crate) tail: Option<f64>,
    /// Correlation of a night with the one before.
    pub(crate) correlation: f64,
    /// What the value drifts by over all nights together.
    pub(crate) drift: f64,
}

/// The usual model: 1.5 % between nights, 3 % between trials, so that a night's value has an error of 1 %.
pub(crate) const USUAL: Model = Model {
    name: "usual",
    between: 0.015,
    within: 0.03,
    noisy: 0.1,
    tail: None,
    correlation: 0.0,
    drift: 0.0,
};

/// All models, the usual one first.
pub(crate) const MODELS: [Model; 7] = [
    USUAL,
    Model { name: "quiet", between: 0.01, within: 0.02, ..USUAL },
    Model { name: "loud", between: 0.02, within: 0.04, ..USUAL },
    Model { name: "noisy nights", between: 0.01, within: 0.05, noisy: 0.3, ..USUAL },
    Model { name: "heavy tails (t, 3 df)", tail: Some(3.0), ..USUAL },
    Model { name: "correlated (0.4)", correlation: 0.4, ..USUAL },
    Model { name: "drift of 3 %", drift: 0.03, ..USUAL },
];

/// A change that is planted: the first night that it affects, and its size (0.05 is 5 % more).
pub(crate) type Step = (usize, f64);

impl Model {
    /// Simulates this many nights.
    pub(crate) fn series(&self, nights: usize, step: Option<Step>, seed: u64) -> Vec<Observation> {
        let mut random = Seed(seed).stream(&[0x6e69_6768]);
        let normal = |random: &mut _| -> f64 { StandardNormal.sample(random) };
        let tail =
            self.tail.map(|freedom| StudentT::new(freedom).expect("degrees of freedom are above zero"));
        let mut last = 0.0;
        (0..nights)
            .map(|night| {
                let drawn = match &tail {
                    // Scaled to a standard deviation of 1, which Student's t has with more than two degrees of freedom.
                    Some(tail) => {
                        let freedom = self.tail.unwrap_or(3.0);
                        tail.sample(&mut random) * ((freedom - 2.0) / freedom).sqrt()
                    }
                    None => normal(&mut random),
                };
                last = self.correlation * last + (1.0 - self.correlation * self.correlation).sqrt() * drawn;
                let spread = if random.random_bool(self.noisy) { 3.0 } else { 1.0 } * self.within;
                let trials: Vec<f64> = (0..TRIALS.0).map(|_| spread * normal(&mut random)).collect();
                let mean = trials.iter().sum::<f64>() / TRIALS.0 as f64;
                let squares: f64 = trials.iter().map(|trial| (trial - mean).powi(2)).sum();
                let error = (squares / ((TRIALS.0 - 1) * TRIALS.0) as f64).sqrt();
                let change = step.filter(|(first, _)| night >= *first).map_or(0.0, |(_, size)| size.ln_1p());
                let drift = self.drift * night as f64 / nights as f64;
                let at = LEVEL.ln() + change + drift + self.between * last + mean;
                Observation {
                    value: at.exp(),
                    interval: Some([-1.0, 1.0].map(|side| (at + side * TRIALS.1 * error).exp())),
                }
            })
            .collect()
    }
}
