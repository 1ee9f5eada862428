//! The warm start: learning from an oracle, which is not available when the policy serves.
//!
//! An oracle knows true speeds and queues and names, at every decision, what each backend would cost. The
//! network sees features only, and learns to make that cost small on average: the loss of a decision is
//! `sum over backends of probability x cost`, so that backends which cost alike need not be told apart, and
//! what cannot be seen is averaged over. The network itself decides what is met (Ross, Gordon and Bagnell, A
//! reduction of imitation learning and structured prediction to no-regret online learning, 2011: DAgger), so
//! it learns in the states that it gets into.

use crate::rollout::Trajectory;
use crate::scorer::{Adam, Batch, Scorer, entropy};
use tch::{Device, Kind, Tensor};

/// Hyperparameters of lessons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Args {
    /// Decisions per gradient step.
    pub minibatch_size: i64,
    /// Gradient steps over the same decisions.
    pub update_epochs: u32,
    /// Scores are divided by this before softmax.
    pub temperature: f64,
    /// Costs above this, in mean service times, count as this: which of two hopeless backends is worse is
    /// nothing to learn.
    pub max_cost: f64,
    /// Weight of the entropy, which keeps probabilities of near-equal backends apart from 0 and 1.
    pub ent_coef: f64,
    /// Most joint norm of a gradient.
    pub max_grad_norm: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            minibatch_size: 2_048,
            update_epochs: 1,
            temperature: 1.0,
            max_cost: 20.0,
            ent_coef: 0.003,
            max_grad_norm: 1.0,
        }
    }
}

/// Learns from lessons; returns the mean cost of the decisions before.
pub fn learn(
    scorer: &Scorer,
    adam: &mut Adam,
    lessons: &[Trajectory],
    learning_rate: f64,
    args: &Args,
    device: Device,
) -> f64 {
    let batch = Batch::new(lessons, scorer, device);
    let parameters: Vec<&Tensor> = scorer.parameters.iter().collect();
    let (mut sum, mut steps) = (0.0, 0.0);
    for _ in 0..args.update_epochs {
        let order = Tensor::randperm(batch.len(), (Kind::Int64, device));
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
