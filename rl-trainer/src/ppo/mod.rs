//! Proximal policy optimisation (Schulman et al., 2017) over trajectories of load balancers.
//!
//! Implementation details, following Huang et al., The 37 implementation details of proximal policy
//! optimization (2022):
//!
//! 1. ratio and clip ([`math::surrogate`]);
//! 2. GAE, here with a discount by elapsed time ([`math::gae`], [`math::discount`]);
//! 3. the average-reward form, and rewards in units of each trajectory's deviation ([`math::standardise`]);
//! 4. advantages normalised over the batch and clipped;
//! 5. an entropy bonus on a schedule;
//! 6. clipping of the gradient's global norm;
//! 7. Adam with a large epsilon and a scheduled learning rate;
//! 8. minibatches in a new order each epoch;
//! 9. output layers initialised to zero, so that the policy starts as its prior;
//! 10. early stopping of the epochs if the policy has moved too far (approximate KL).

pub mod critic;
pub mod math;

pub use critic::Critic;

use crate::rollout::Trajectory;
use crate::scorer::{Adam, Batch, Scorer, entropy, permutation};
use lb_core::rng::Rng;
use math::{discount, explained_variance, gae, standardise, value_scale};
use tch::{Device, Kind, Tensor};

/// Hyperparameters of one update, named as in CleanRL's `ppo.py` where possible; scheduled ones are set for
/// each update. [`Args::horizon`] replaces `gamma`, a discount per step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Args {
    /// Passes over the batch.
    pub update_epochs: u32,
    /// Decisions per gradient step. The size is fixed instead of the number of minibatches, because batches
    /// vary in length.
    pub minibatch_size: i64,
    /// Clipping range of the probability ratio around 1.
    pub clip_coef: f64,
    /// Time in mean service times after which a reward is weighted by 1/e; see [`math::discount`].
    pub horizon: f32,
    /// GAE's lambda, from 0 (little variance) to 1 (no bias).
    pub gae_lambda: f32,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Weight of the entropy bonus.
    pub ent_coef: f64,
    /// Weight of the critic's loss.
    pub vf_coef: f64,
    /// Upper limit of the gradient's global norm; larger gradients are scaled down.
    pub max_grad_norm: f64,
    /// Normalised advantages are clipped to this many standard deviations on either side of 0.
    pub max_advantage: f32,
    /// Softmax temperature at which decisions were drawn.
    pub temperature: f64,
    /// Approximate KL divergence, in nats, after which no further epoch begins.
    pub target_kl: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            update_epochs: 2,
            minibatch_size: 2_048,
            clip_coef: 0.2,
            horizon: 10.0,
            gae_lambda: 0.95,
            learning_rate: 1e-3,
            ent_coef: 0.01,
            vf_coef: 0.5,
            max_grad_norm: 0.5,
            max_advantage: 8.0,
            temperature: 1.0,
            target_kl: 0.05,
        }
    }
}

/// Diagnostics of one update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diagnostics {
    /// Loss of the policy (minus the surrogate).
    pub policy_loss: f64,
    /// Mean squared error of the critic.
    pub value_loss: f64,
    /// Entropy of the policy in nats.
    pub entropy: f64,
    /// Approximate KL divergence of the old policy from the new (Schulman's `(r - 1) - ln r`).
    pub kl: f64,
    /// Share of ratios beyond the clip.
    pub clip_fraction: f64,
    /// Norm of gradients before clipping.
    pub gradient_norm: f64,
    /// Explained variance of returns; see [`math::explained_variance`].
    pub explained_variance: f64,
    /// Mean reward per decision, in mean service times.
    pub mean_reward: f64,
}

/// The learner's state: scorer, critic and optimiser.
#[derive(Debug)]
pub struct Learner {
    /// The policy.
    pub scorer: Scorer,
    /// The critic, which estimates the values of states.
    pub critic: Critic,
    /// The optimiser of the scorer and the critic.
    pub adam: Adam,
    device: Device,
}

impl Learner {
    /// Creates a learner that starts from `scorer`.
    pub fn new(scorer: Scorer, critic: Critic, device: Device) -> Self {
        let adam = Adam::new(&scorer.parameters.iter().chain(&critic.parameters).collect::<Vec<_>>());
        Self { scorer, critic, adam, device }
    }

    /// Performs one update from trajectories of the current or a slightly older policy. The order of the
    /// minibatches is drawn from `rng`.
    pub fn update(&mut self, trajectories: &[Trajectory], args: &Args, rng: &mut Rng) -> Diagnostics {
        let batch = Batch::new(trajectories, &self.scorer, self.device);
        let values = {
            let _no_grad = tch::no_grad_guard();
            let values = self.critic.values(&batch).to_device(Device::Cpu);
            Vec::<f32>::try_from(values).expect("a flat tensor of floats")
        };
        let targets = Targets::new(trajectories, &values, args);
        let advantages = Tensor::from_slice(&targets.advantages).to_device(self.device);
        let returns = Tensor::from_slice(&targets.returns).to_device(self.device);
        let usable = Tensor::from_slice(&targets.usable).to_device(self.device);
        let mut sums = Diagnostics::default();
        let mut steps = 0.0;
        'epochs: for _ in 0..args.update_epochs {
            let order = usable.index_select(0, &permutation(usable.size()[0], rng, self.device));
            let mut kl = 0.0;
            let parts = order.split(args.minibatch_size, 0);
            for places in &parts {
                let part = batch.select(places);
                let of = |tensor: &Tensor| tensor.index_select(0, places);
                let step = self.step(&part, &of(&advantages), &of(&returns), args);
                kl += step.kl / parts.len() as f64;
                sums.add(&step);
                steps += 1.0;
            }
            if kl > args.target_kl {
                break 'epochs;
            }
        }
        let mut told = sums.over(steps);
        told.explained_variance = f64::from(explained_variance(&targets.values, &targets.kept_returns));
        told.mean_reward = f64::from(targets.mean_reward);
        told
    }

    /// Computes the losses of a batch with these advantages and returns (`[B]` each).
    pub fn losses(&self, part: &Batch, advantages: &Tensor, returns: &Tensor, args: &Args) -> Losses {
        let log_probs = (self.scorer.scores(part) / args.temperature).log_softmax(-1, None);
        let picked = log_probs.gather(-1, &part.actions.unsqueeze(-1), false).squeeze_dim(-1);
        let log_ratio = picked - &part.log_probs;
        let ratio = log_ratio.exp();
        let clipped = ratio.clamp(1.0 - args.clip_coef, 1.0 + args.clip_coef);
        let surrogate = (&ratio * advantages).minimum(&(clipped * advantages)).mean(None);
        let entropy = entropy(&log_probs);
        let value = (self.critic.values(part) - returns).square().mean(None);
        let total = -&surrogate - &entropy * args.ent_coef + &value * args.vf_coef;
        Losses { total, surrogate, entropy, value, ratio, log_ratio }
    }

    fn step(&mut self, part: &Batch, advantages: &Tensor, returns: &Tensor, args: &Args) -> Diagnostics {
        let losses = self.losses(part, advantages, returns, args);
        losses.total.backward();
        let parameters: Vec<&Tensor> = self.scorer.parameters.iter().chain(&self.critic.parameters).collect();
        let gradient_norm = self.adam.step(&parameters, args.learning_rate, args.max_grad_norm);
        let _no_grad = tch::no_grad_guard();
        Diagnostics { gradient_norm, ..losses.diagnostics(args) }
    }
}

/// The loss to minimise, and its parts.
#[derive(Debug)]
pub struct Losses {
    /// `-surrogate - entropy bonus + value loss`.
    pub total: Tensor,
    /// Mean of [`math::surrogate`].
    pub surrogate: Tensor,
    /// Mean entropy in nats.
    pub entropy: Tensor,
    /// Mean squared error of the critic.
    pub value: Tensor,
    /// Ratio of the current to the old probability of each decision: `[B]`.
    pub ratio: Tensor,
    /// Logarithm of `ratio`.
    pub log_ratio: Tensor,
}

impl Losses {
    /// Converts the losses to numbers; fields that only an update can set are 0.
    pub fn diagnostics(&self, args: &Args) -> Diagnostics {
        let beyond = (&self.ratio - 1.0).abs().gt(args.clip_coef).to_kind(Kind::Float).mean(None);
        let kl = (&self.ratio - 1.0 - &self.log_ratio).mean(None);
        Diagnostics {
            policy_loss: -self.surrogate.double_value(&[]),
            value_loss: self.value.double_value(&[]),
            entropy: self.entropy.double_value(&[]),
            kl: kl.double_value(&[]),
            clip_fraction: beyond.double_value(&[]),
            ..Diagnostics::default()
        }
    }
}

impl Diagnostics {
    fn add(&mut self, other: &Self) {
        self.policy_loss += other.policy_loss;
        self.value_loss += other.value_loss;
        self.entropy += other.entropy;
        self.kl += other.kl;
        self.clip_fraction += other.clip_fraction;
        self.gradient_norm += other.gradient_norm;
    }

    fn over(self, steps: f64) -> Self {
        Self {
            policy_loss: self.policy_loss / steps,
            value_loss: self.value_loss / steps,
            entropy: self.entropy / steps,
            kl: self.kl / steps,
            clip_fraction: self.clip_fraction / steps,
            gradient_norm: self.gradient_norm / steps,
            ..self
        }
    }
}

/// Targets that the losses are computed from.
struct Targets {
    /// Advantages of all decisions; zero for unusable ones.
    advantages: Vec<f32>,
    returns: Vec<f32>,
    /// Indices of the usable decisions.
    usable: Vec<i64>,
    values: Vec<f32>,
    kept_returns: Vec<f32>,
    mean_reward: f32,
}

impl Targets {
    /// Computes the targets. Only the value of a trajectory's last decision is used; decisions whose requests
    /// did not end get the mean reward.
    fn new(trajectories: &[Trajectory], values: &[f32], args: &Args) -> Self {
        let (mut advantages, mut returns) = (vec![0.0; values.len()], vec![0.0; values.len()]);
        let mut usable = Vec::with_capacity(values.len());
        let (mut from, mut sum, mut count) = (0, 0.0, 0.0);
        for one in trajectories {
            let length = one.len();
            if length < 2 {
                from += length;
                continue;
            }
            let known: Vec<f32> = one.rewards.iter().copied().filter(|reward| !reward.is_nan()).collect();
            let usual = known.iter().sum::<f32>() / known.len().max(1) as f32;
            let rewards: Vec<f32> =
                one.rewards.iter().map(|reward| if reward.is_nan() { usual } else { *reward }).collect();
            (sum, count) = (sum + usual, count + 1.0);
            let gaps = one.at.windows(2).map(|pair| discount(pair[1] - pair[0], args.horizon));
            let gaps: Vec<f32> = gaps.collect();
            let scale = value_scale(&gaps);
            let rewards: Vec<f32> =
                standardise(&rewards[..length - 1]).into_iter().map(|reward| reward * scale).collect();
            let (own_advantages, own_returns) =
                gae(&rewards, &values[from..from + length], &gaps, args.gae_lambda);
            advantages[from..from + length - 1].copy_from_slice(&own_advantages);
            returns[from..from + length - 1].copy_from_slice(&own_returns);
            usable.extend((from..from + length - 1).map(|place| place as i64));
            from += length;
        }
        let kept =
            |numbers: &[f32]| usable.iter().map(|place| numbers[*place as usize]).collect::<Vec<f32>>();
        let (values, kept_returns) = (kept(values), kept(&returns));
        let normal = standardise(&kept(&advantages));
        for (place, advantage) in usable.iter().zip(normal) {
            advantages[*place as usize] = advantage.clamp(-args.max_advantage, args.max_advantage);
        }
        Self { advantages, returns, usable, values, kept_returns, mean_reward: sum / f32::max(count, 1.0) }
    }
}
