//! The hyperparameters of a training, all in one place.

use crate::{evolution, ppo, teacher};
use tch::Device;

/// A training: normalisation, lessons, PPO, evolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Args {
    /// Fixes everything that is drawn.
    pub seed: u64,
    /// Where tensors live.
    pub device: Device,
    /// Rounds of lessons of an oracle, before PPO. Without any the network begins at zero, so that its scores
    /// are the prior: EWMA scan, cloned exactly.
    pub lessons: u64,
    /// Adam's rate in the first lesson; it falls linearly to a twentieth.
    pub lesson_learning_rate: f64,
    /// Decisions that PPO learns from; each update takes `episodes x requests`.
    pub ppo_steps: u64,
    /// Episodes per update.
    pub episodes: u64,
    /// Requests of an episode.
    pub requests: u64,
    /// The horizon in mean service times at first and in the end; it moves from one to the other in the
    /// middle third, geometrically. A short one learns fast that slow backends are slow; a long one that a
    /// request on a fast backend delays others.
    pub horizons: (f32, f32),
    /// GAE's lambda at first and in the end.
    pub gae_lambdas: (f32, f32),
    /// Adam's rate at first; it falls linearly to a twentieth.
    pub learning_rate: f64,
    /// Weight of the entropy bonus at first; it falls linearly to zero.
    pub ent_coef: f64,
    /// Generations of evolution.
    pub generations: u64,
    /// Evolution's step at first; it falls linearly to a tenth.
    pub evolution: evolution::Args,
    /// Updates between two evaluations on the validation set.
    pub validate_every: u64,
    /// Generations between two evaluations on the validation set.
    pub validate_every_generations: u64,
    /// The other hyperparameters of PPO; those that have a schedule are set by it.
    pub ppo: ppo::Args,
    /// Hyperparameters of the lessons.
    pub teacher: teacher::Args,
}

impl Args {
    /// About ten seconds: shows that everything works, and already beats least-connections.
    pub fn smoke(seed: u64) -> Self {
        Self { lessons: 8, ppo_steps: 200_000, generations: 0, validate_every: 4, ..Self::standard(seed) }
    }

    /// Some three minutes; the policy that comes with `bench` is the best of three such trainings.
    pub fn standard(seed: u64) -> Self {
        Self {
            seed,
            device: Device::Cpu,
            lessons: 60,
            lesson_learning_rate: 2e-3,
            ppo_steps: 1_000_000,
            episodes: 16,
            requests: 4_096,
            horizons: (10.0, 20.0),
            gae_lambdas: (0.95, 0.97),
            learning_rate: 1e-3,
            ent_coef: 0.01,
            generations: 250,
            evolution: evolution::Args::default(),
            validate_every: 5,
            validate_every_generations: 25,
            ppo: ppo::Args::default(),
            teacher: teacher::Args::default(),
        }
    }

    /// Updates of PPO.
    pub fn updates(&self) -> u64 {
        self.ppo_steps.div_ceil(self.episodes * self.requests)
    }

    /// PPO's knobs for update `number`.
    pub fn ppo_at(&self, number: u64) -> ppo::Args {
        let done = number as f32 / self.updates().max(1) as f32;
        let late = ((done - 1.0 / 3.0) * 3.0).clamp(0.0, 1.0);
        let left = f64::from(1.0 - done);
        let (first, last) = self.horizons;
        ppo::Args {
            horizon: first * (last / first).powf(late),
            gae_lambda: self.gae_lambdas.0 + (self.gae_lambdas.1 - self.gae_lambdas.0) * late,
            learning_rate: self.learning_rate * left.max(0.05),
            ent_coef: self.ent_coef * left,
            ..self.ppo
        }
    }

    /// Evolution's knobs for generation `number`.
    pub fn evolution_at(&self, number: u64) -> evolution::Args {
        let left = 1.0 - number as f32 / self.generations.max(1) as f32;
        evolution::Args { learning_rate: self.evolution.learning_rate * left.max(0.1), ..self.evolution }
    }
}
