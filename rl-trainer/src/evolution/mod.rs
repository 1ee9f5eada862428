//! Fine-tuning by evolution strategies: the policy that is optimised is the one that is deployed.
//!
//! Policy gradients see the mean of rewards; a 99th percentile cannot be differentiated through a queue. So
//! the weights are nudged by noise both ways, the policy as it will be served plays the same case with either,
//! and the weights move along the nudges that did better (Salimans et al., Evolution strategies as a scalable
//! alternative to reinforcement learning, 2017): antithetic pairs, Adam. Each pair has a case of its own: for
//! the same number of requests many directions on one case each tell more of the slope than few on many.

use crate::measure::{Figures, in_parallel, measure};
use crate::scenarios::Case;
use lb_core::Seed;
use lb_core::policy::Policy;
use lb_core::policy::learned::network::HIDDEN;
use lb_core::policy::learned::{Action, Learned, Network, PolicyFile, WIDTH};
use rand::RngExt;
use rand_distr::StandardNormal;
use std::sync::Arc;

/// How evolution goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Args {
    /// Pairs of opposite nudges per generation, each on a case of its own.
    pub pairs: usize,
    /// Standard deviation of a nudge, as a share of the weights' own.
    pub sigma: f32,
    /// Adam's step size, in units of the scale of each layer's weights.
    pub learning_rate: f32,
    /// Requests per case.
    pub requests: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { pairs: 64, sigma: 0.08, learning_rate: 0.02, requests: 8_000 }
    }
}

/// Returns the weights that the search changes, as a flat vector.
pub fn flatten(network: &Network) -> Vec<f32> {
    let layers = network.first.iter().chain(network.second.iter()).flatten();
    let biases = network.biases.0.iter().chain(&network.biases.1);
    layers.chain(&network.third).chain(biases).copied().collect()
}

/// The network with these weights; normalisation and the last bias, which changes no order, stay.
pub fn unflatten(base: &Network, weights: &[f32]) -> Network {
    let mut network = base.clone();
    let mut next = weights.iter().copied();
    let layers = network.first.iter_mut().chain(network.second.iter_mut()).flatten();
    let biases = network.biases.0.iter_mut().chain(&mut network.biases.1);
    for weight in layers.chain(&mut network.third).chain(biases) {
        *weight = next.next().expect("as many weights as the network has");
    }
    network
}

/// Weight of one generation in the mean of weights: about the last thirty count.
const AVERAGE: f32 = 1.0 / 30.0;

/// Number of weights that the search changes.
pub const WEIGHTS: usize = WIDTH * HIDDEN + HIDDEN * HIDDEN + HIDDEN + 2 * HIDDEN;

/// Weight of a share of failures against logarithms of latencies: one failure in a thousand is worth one
/// hundredth of latency.
const FAILURES: f64 = 10.0;

/// What evolution makes small in a case: half the logarithm of the mean and half that of the 99th percentile,
/// in mean service times, and what failures cost. Only differences between policies on one case mean anything.
pub fn cost(case: &Case, figures: &Figures) -> f64 {
    let log = |ms: f64| (ms.max(1e-9) / case.service_ms).ln();
    0.5 * log(figures.mean_ms) + 0.5 * log(figures.p99_ms) + FAILURES * figures.error_rate
}

/// A search in progress.
#[derive(Clone, Debug)]
pub struct Evolution {
    base: Network,
    action: Action,
    /// The weights so far.
    pub weights: Vec<f32>,
    /// Adam's moments.
    pub moments: Moments,
    /// The mean of the latest weights, which is what counts: each generation is a step in the dark, and the
    /// mean of many is less so (Polyak and Juditsky, Acceleration of stochastic approximation by averaging,
    /// 1992).
    pub average: Vec<f32>,
    /// Generations so far.
    pub generation: u64,
    scales: Vec<f32>,
}

/// Means of gradients and of their squares, by weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Means of gradients.
    pub first: Vec<f32>,
    /// Means of their squares.
    pub second: Vec<f32>,
}

impl Evolution {
    /// A search that begins at `network`, served by `action`.
    pub fn new(network: &Network, action: Action) -> Self {
        let weights = flatten(network);
        Self {
            base: network.clone(),
            action,
            moments: Moments { first: vec![0.0; weights.len()], second: vec![0.0; weights.len()] },
            generation: 0,
            scales: scales(network),
            average: weights.clone(),
            weights,
        }
    }

    /// The network that the search began at.
    pub fn base(&self) -> &Network {
        &self.base
    }

    /// The network so far.
    pub fn network(&self) -> Network {
        unflatten(&self.base, &self.average)
    }

    /// One generation, a case for each pair; returns the mean cost of the nudges.
    ///
    /// # Panics
    /// When there are not as many cases as pairs.
    pub fn step(&mut self, cases: &[Case], seed: Seed, args: &Args) -> f64 {
        assert_eq!(cases.len(), args.pairs, "each pair has a case");
        let mut rng = seed.stream(&[0xe5, self.generation]);
        let noise: Vec<Vec<f32>> = (0..args.pairs)
            .map(|_| self.scales.iter().map(|scale| scale * rng.sample::<f32, _>(StandardNormal)).collect())
            .collect();
        let pairs: Vec<(&Case, &Vec<f32>)> = cases.iter().zip(&noise).collect();
        let costs = in_parallel(&pairs, |(case, nudge)| {
            [args.sigma, -args.sigma].map(|sigma| {
                let nudged = self.weights.iter().zip(*nudge).map(|(weight, nudge)| weight + sigma * nudge);
                let network = unflatten(&self.base, &nudged.collect::<Vec<f32>>());
                let file = Arc::new(PolicyFile::new(network, self.action));
                let mut policy = || -> Box<dyn Policy> { Box::new(Learned::new(Arc::clone(&file))) };
                cost(case, &measure(case, &mut policy))
            })
        });
        let mut gradient = vec![0.0f32; self.weights.len()];
        for (nudge, slope) in noise.iter().zip(slopes(&costs)) {
            for ((sum, nudge), scale) in gradient.iter_mut().zip(nudge).zip(&self.scales) {
                *sum += slope * nudge / scale / args.pairs as f32;
            }
        }
        self.generation += 1;
        self.adam(&gradient, args.learning_rate);
        let weight = AVERAGE.max(1.0 / self.generation as f32);
        for (average, present) in self.average.iter_mut().zip(&self.weights) {
            *average += weight * (present - *average);
        }
        costs.iter().flatten().sum::<f64>() / (2 * costs.len()) as f64
    }

    /// Adam with the usual constants, in units of each weight's scale.
    fn adam(&mut self, gradient: &[f32], learning_rate: f32) {
        let steps = self.generation as i32;
        let (correct_1, correct_2) = (1.0 - 0.9f32.powi(steps), 1.0 - 0.999f32.powi(steps));
        let states = self.moments.first.iter_mut().zip(&mut self.moments.second);
        for (((weight, gradient), (first, second)), scale) in
            self.weights.iter_mut().zip(gradient).zip(states).zip(&self.scales)
        {
            *first += 0.1 * (gradient - *first);
            *second += 0.001 * (gradient * gradient - *second);
            *weight -= learning_rate * scale * (*first / correct_1) / ((*second / correct_2).sqrt() + 1e-8);
        }
    }
}

/// What a nudge is measured in: the root mean square of the weights of each layer.
fn scales(network: &Network) -> Vec<f32> {
    let rms = |numbers: &mut dyn Iterator<Item = f32>| {
        let (sum, count) = numbers.fold((0.0f32, 0.0f32), |(sum, count), one| (sum + one * one, count + 1.0));
        (sum / count).sqrt().max(0.05)
    };
    let first = rms(&mut network.first.iter().flatten().copied());
    let second = rms(&mut network.second.iter().flatten().copied());
    let third = rms(&mut network.third.iter().copied());
    let mut scales = vec![first; WIDTH * HIDDEN];
    scales.extend(vec![second; HIDDEN * HIDDEN]);
    scales.extend(vec![third; HIDDEN]);
    scales.extend(vec![first; HIDDEN]);
    scales.extend(vec![second; HIDDEN]);
    scales
}

/// How much worse each nudge was than its opposite, in units of what is usual among the pairs. A case that
/// either hardly survives would outweigh all others, so nothing counts for more than twice the usual.
fn slopes(costs: &[[f64; 2]]) -> Vec<f32> {
    let differences: Vec<f64> = costs.iter().map(|[plus, minus]| plus - minus).collect();
    let usual = differences.iter().map(|one| one.abs()).sum::<f64>() / differences.len().max(1) as f64;
    differences.into_iter().map(|one| (one / usual.max(1e-12)).clamp(-2.0, 2.0) as f32).collect()
}
