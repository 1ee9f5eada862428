//! Fine-tuning by evolution strategies: what is deployed is what is judged.
//!
//! Policy gradients see the mean of rewards; nobody can differentiate a 99th percentile through a queue. So
//! the weights are nudged by noise both ways, the policy as it will be served plays a few cases, and the
//! weights move along the nudges that did better (Salimans et al., Evolution strategies as a scalable
//! alternative to reinforcement learning, 2017): antithetic pairs, ranks in place of values, Adam.

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
    /// Pairs of opposite nudges per generation.
    pub pairs: usize,
    /// Standard deviation of a nudge, as a share of the weights' own.
    pub sigma: f32,
    /// Step of Adam.
    pub rate: f32,
    /// Cases per generation.
    pub cases: usize,
    /// Requests per case.
    pub requests: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { pairs: 16, sigma: 0.02, rate: 0.005, cases: 6, requests: 5_000 }
    }
}

/// Weights of the search: what moves, flat.
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

/// Numbers that move.
pub const WEIGHTS: usize = WIDTH * HIDDEN + HIDDEN * HIDDEN + HIDDEN + 2 * HIDDEN;

/// What is made small: half the logarithm of the mean and half that of the 99th percentile, against a
/// baseline on the same case; failures beyond the baseline's cost extra.
pub fn loss(figures: &Figures, baseline: &Figures) -> f64 {
    let ratio = |one: f64, other: f64| (one.max(1e-9) / other.max(1e-9)).ln();
    0.5 * ratio(figures.mean_ms, baseline.mean_ms)
        + 0.5 * ratio(figures.p99_ms, baseline.p99_ms)
        + 10.0 * (figures.error_rate - baseline.error_rate - 0.001).max(0.0)
}

/// A search in progress.
#[derive(Clone, Debug)]
pub struct Evolution {
    base: Network,
    action: Action,
    /// The weights so far.
    pub weights: Vec<f32>,
    /// Of Adam.
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
    /// Of gradients.
    pub first: Vec<f32>,
    /// Of their squares.
    pub second: Vec<f32>,
}

/// A case with what the baseline did in it.
#[derive(Clone, Debug)]
pub struct Bout {
    /// The case.
    pub case: Case,
    /// The baseline on it.
    pub baseline: Figures,
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

    /// One generation; returns the mean loss of its nudges.
    pub fn step(&mut self, bouts: &[Bout], seed: Seed, args: &Args) -> f64 {
        let mut rng = seed.stream(&[0xe5, self.generation]);
        let noise: Vec<Vec<f32>> = (0..args.pairs)
            .map(|_| self.scales.iter().map(|scale| scale * rng.sample::<f32, _>(StandardNormal)).collect())
            .collect();
        let trials: Vec<(usize, f32)> =
            (0..args.pairs).flat_map(|pair| [(pair, args.sigma), (pair, -args.sigma)]).collect();
        let losses = in_parallel(&trials, |(pair, sign)| {
            let nudged = self.weights.iter().zip(&noise[*pair]).map(|(weight, nudge)| weight + sign * nudge);
            let network = unflatten(&self.base, &nudged.collect::<Vec<f32>>());
            mean_loss(&Arc::new(PolicyFile::new(network, self.action)), bouts)
        });
        let ranks = ranks(&losses);
        let mut gradient = vec![0.0f32; self.weights.len()];
        for (pair, nudges) in noise.iter().enumerate() {
            let better = ranks[2 * pair] - ranks[2 * pair + 1];
            for ((sum, nudge), scale) in gradient.iter_mut().zip(nudges).zip(&self.scales) {
                *sum += better * nudge / scale / (2 * args.pairs) as f32;
            }
        }
        self.generation += 1;
        self.adam(&gradient, args.rate);
        let weight = AVERAGE.max(1.0 / self.generation as f32);
        for (average, present) in self.average.iter_mut().zip(&self.weights) {
            *average += weight * (present - *average);
        }
        losses.iter().sum::<f64>() / losses.len() as f64
    }

    /// Adam with the usual constants, in units of each weight's scale.
    fn adam(&mut self, gradient: &[f32], rate: f32) {
        let steps = self.generation as i32;
        let (correct_1, correct_2) = (1.0 - 0.9f32.powi(steps), 1.0 - 0.999f32.powi(steps));
        let states = self.moments.first.iter_mut().zip(&mut self.moments.second);
        for (((weight, gradient), (first, second)), scale) in
            self.weights.iter_mut().zip(gradient).zip(states).zip(&self.scales)
        {
            *first += 0.1 * (gradient - *first);
            *second += 0.001 * (gradient * gradient - *second);
            *weight -= rate * scale * (*first / correct_1) / ((*second / correct_2).sqrt() + 1e-8);
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

/// Mean loss of a policy over some bouts.
pub fn mean_loss(file: &Arc<PolicyFile>, bouts: &[Bout]) -> f64 {
    let of = |bout: &Bout| {
        let mut policy = || -> Box<dyn Policy> { Box::new(Learned::new(Arc::clone(file))) };
        loss(&measure(&bout.case, &mut policy), &bout.baseline)
    };
    bouts.iter().map(of).sum::<f64>() / bouts.len() as f64
}

/// Ranks from -0.5 (the least) to 0.5 (the most).
fn ranks(values: &[f64]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, other| values[*one].total_cmp(&values[*other]));
    let mut ranks = vec![0.0; values.len()];
    for (rank, place) in order.into_iter().enumerate() {
        ranks[place] = rank as f32 / (values.len() - 1).max(1) as f32 - 0.5;
    }
    ranks
}
