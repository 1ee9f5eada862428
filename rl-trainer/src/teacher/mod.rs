//! The warm start: learns from an oracle, which is available only in training.
//!
//! An oracle knows the true speeds and queues and, for every decision, estimates the cost of each backend.
//! The network sees only features and learns to minimise the expected cost: the loss of a decision is `sum
//! over backends of probability x cost`. It therefore need not distinguish backends of equal cost, and
//! averages over hidden information. Decisions are made by the network itself, so that it learns in the
//! states that it reaches (DAgger: Ross, Gordon and Bagnell, A reduction of imitation learning and structured
//! prediction to no-regret online learning, 2011).

use crate::rollout::Trajectory;
use crate::scenarios::Case;
use crate::scorer::{Adam, Batch, Scorer, entropy, permutation};
use lb_core::rng::Rng;
use simulator::oracle::Oracle;
use tch::{Device, Kind, Tensor};

/// Returns the oracle that teaches in `case`. Where requests say something about their sizes, it is one that knows the
/// sizes: the network averages over what it cannot see. Elsewhere sizes would only make the lessons noisier.
pub fn oracle_of(case: &Case) -> Oracle {
    let tells = case.load.telling.is_some() || !case.load.routes.is_empty();
    if tells { Oracle::SizedPolicyImprovement } else { Oracle::FirstPolicyImprovement }
}

/// Softmax temperature during learning, at which decisions are drawn and learned.
pub const TEMPERATURE: f64 = 1.0;

/// Hyperparameters of lessons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Args {
    /// Decisions per gradient step.
    pub minibatch_size: i64,
    /// Number of passes over the same decisions.
    pub update_epochs: u32,
    /// Softmax temperature, by which scores are divided.
    pub temperature: f64,
    /// Upper bound of costs in mean service times; differences between two very bad backends are not worth
    /// learning.
    pub max_cost: f64,
    /// Weight of the entropy bonus, which keeps probabilities of nearly equal backends away from 0 and 1.
    pub ent_coef: f64,
    /// Upper limit of the gradient's global norm; larger gradients are scaled down.
    pub max_grad_norm: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            minibatch_size: 2_048,
            update_epochs: 1,
            temperature: TEMPERATURE,
            max_cost: 20.0,
            ent_coef: 0.003,
            max_grad_norm: 1.0,
        }
    }
}

/// Learns from lessons in an order drawn from `rng`, and returns the mean cost of the decisions before learning.
pub fn learn(
    scorer: &Scorer,
    adam: &mut Adam,
    lessons: &[Trajectory],
    learning_rate: f64,
    args: &Args,
    rng: &mut Rng,
    device: Device,
) -> f64 {
    let batch = Batch::new(lessons, scorer, device);
    let parameters: Vec<&Tensor> = scorer.parameters.iter().collect();
    let (mut sum, mut steps) = (0.0, 0.0);
    for _ in 0..args.update_epochs {
        let order = permutation(batch.len(), rng, device);
        for places in order.split(args.minibatch_size, 0) {
            let part = batch.select(&places);
            let log_probs = (scorer.scores(&part) / args.temperature).log_softmax(-1, Kind::Float);
            let probabilities = log_probs.exp();
            let costs = part.costs.clamp_max(args.max_cost);
            let cost = (&probabilities * costs).sum_dim_intlist(-1, false, Kind::Float).mean(Kind::Float);
            let loss = &cost - entropy(&log_probs) * args.ent_coef;
            loss.backward();
            adam.step(&parameters, learning_rate, args.max_grad_norm);
            sum += cost.double_value(&[]);
            steps += 1.0;
        }
    }
    sum / steps
}
