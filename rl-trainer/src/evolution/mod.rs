//! Fine-tuning by evolution strategies, which optimise the policy exactly as it is deployed.
//!
//! Policy gradients optimise mean rewards; a 99th percentile cannot be differentiated through a queue.
//! Evolution strategies (Salimans et al., Evolution strategies as a scalable alternative to reinforcement
//! learning, 2017) perturb the weights with noise in both directions (antithetic pairs), simulate the same
//! case with both, and move the weights towards the better perturbations with Adam. Each pair has its own
//! case: for the same number of requests, many directions on one case each estimate the gradient better than
//! a few directions on many cases.

use crate::episode::{Episode, Players, PlayersLost};
use crate::objective::Objective;
use crate::setting::Setting;
use lb_core::Seed;
use lb_core::policy::learned::network::HIDDEN;
use lb_core::policy::learned::{Action, Network, WIDTH};
use rand::RngExt;
use rand_distr::StandardNormal;

/// Hyperparameters of evolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Args {
    /// Pairs of opposite perturbations per generation, each on its own case.
    pub pairs: usize,
    /// Standard deviation of a perturbation, in units of the scale of each layer's weights.
    pub sigma: f32,
    /// Adam's step size, in units of the scale of each layer's weights.
    pub learning_rate: f32,
    /// Requests per case.
    pub requests: u64,
    /// First generations, which change only the output layer. A gradient is estimated from as many numbers as there
    /// are pairs, so that it is far less noisy for the 32 weights of this layer than for all of them.
    pub output_generations: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { pairs: 64, sigma: 0.08, learning_rate: 0.02, requests: 8_000, output_generations: 0 }
    }
}

/// Returns the weights that the search changes as a flat vector.
pub fn flatten(network: &Network) -> Vec<f32> {
    let layers = network.first.iter().chain(network.second.iter()).flatten();
    let biases = network.biases.0.iter().chain(&network.biases.1);
    layers.chain(&network.third).chain(biases).copied().collect()
}

/// Returns `base` with these weights. Normalisation and the last bias, which does not affect the ranking, are
/// kept.
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

/// Weight of one generation in the moving average of weights, which spans about thirty generations.
const AVERAGE: f32 = 1.0 / 30.0;

/// Number of weights that the search changes.
pub const WEIGHTS: usize = WIDTH * HIDDEN + HIDDEN * HIDDEN + HIDDEN + 2 * HIDDEN;

/// Places of the weights of the output layer.
const OUTPUT: std::ops::Range<usize> =
    WIDTH * HIDDEN + HIDDEN * HIDDEN..WIDTH * HIDDEN + HIDDEN * HIDDEN + HIDDEN;

/// A search in progress.
#[derive(Clone, Debug)]
pub struct Evolution {
    base: Network,
    action: Action,
    /// Current weights.
    pub weights: Vec<f32>,
    /// Adam's moments.
    pub moments: Moments,
    /// Moving average of the weights, which is the result of the search because it is less noisy than the
    /// latest weights (Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992).
    pub average: Vec<f32>,
    /// Number of completed generations.
    pub generation: u64,
    scales: Vec<f32>,
}

/// Moving averages of gradients and of their squares, by weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Moving averages of gradients, by weight.
    pub first: Vec<f32>,
    /// Moving averages of squared gradients.
    pub second: Vec<f32>,
}

impl Evolution {
    /// Creates a search that starts from `network`, with decisions made by `action`.
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

    /// Returns the network that the search started from.
    pub fn base(&self) -> &Network {
        &self.base
    }

    /// Returns the network with the averaged weights.
    pub fn network(&self) -> Network {
        unflatten(&self.base, &self.average)
    }

    /// Runs one generation, with one setting for each pair, and returns the mean cost of the perturbations.
    ///
    /// # Errors
    /// Nobody is left to play; the search is as before.
    ///
    /// # Panics
    /// Panics if the number of settings differs from the number of pairs.
    pub fn step(
        &mut self,
        settings: &[Setting],
        objective: Objective,
        seed: Seed,
        args: &Args,
        players: &dyn Players,
    ) -> Result<f64, PlayersLost> {
        assert_eq!(settings.len(), args.pairs, "there must be one setting per pair");
        let mut rng = seed.stream(&[0xe5, self.generation]);
        let changes = |place: usize| self.generation >= args.output_generations || OUTPUT.contains(&place);
        let mut draw = |place: usize| if changes(place) { rng.sample(StandardNormal) } else { 0.0 };
        let noise: Vec<Vec<f32>> =
            (0..args.pairs).map(|_| (0..self.weights.len()).map(&mut draw).collect()).collect();
        let pairs = settings.iter().zip(&noise);
        let episodes: Vec<Episode> = pairs
            .flat_map(|(setting, nudge)| {
                [args.sigma, -args.sigma].map(|sigma| {
                    let nudges = nudge.iter().zip(&self.scales).map(|(nudge, scale)| sigma * scale * nudge);
                    let nudged = self.weights.iter().zip(nudges).map(|(weight, nudge)| weight + nudge);
                    let network = unflatten(&self.base, &nudged.collect::<Vec<f32>>());
                    setting.episode(network, self.action, objective)
                })
            })
            .collect();
        let costs: Vec<f64> = players.play(&episodes)?.into_iter().map(|outcome| outcome.cost).collect();
        let (costs, _) = costs.as_chunks::<2>();
        let mut gradient = vec![0.0f32; self.weights.len()];
        for (nudge, slope) in noise.iter().zip(slopes(costs)) {
            for (sum, nudge) in gradient.iter_mut().zip(nudge) {
                *sum += slope * nudge / args.pairs as f32;
            }
        }
        self.generation += 1;
        self.adam(&gradient, args.learning_rate);
        let weight = AVERAGE.max(1.0 / self.generation as f32);
        for (average, present) in self.average.iter_mut().zip(&self.weights) {
            *average += weight * (present - *average);
        }
        Ok(costs.iter().flatten().sum::<f64>() / (2 * costs.len()) as f64)
    }

    /// Performs an Adam step with the usual constants, in units of each weight's scale.
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

/// Returns the scale of perturbations for each weight: the root mean square of the weights of its layer.
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

/// Returns how much worse each perturbation was than its opposite, in units of the typical difference. Values
/// are clipped to twice that difference, so that no single hard case dominates.
fn slopes(costs: &[[f64; 2]]) -> Vec<f32> {
    let differences: Vec<f64> = costs.iter().map(|[plus, minus]| plus - minus).collect();
    let usual = differences.iter().map(|one| one.abs()).sum::<f64>() / differences.len().max(1) as f64;
    differences.into_iter().map(|one| (one / usual.max(1e-12)).clamp(-2.0, 2.0) as f32).collect()
}
