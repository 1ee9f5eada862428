//! The hyperparameters of a training run.

use super::source::CaseSource;
use crate::objective::Objective;
use crate::{evolution, ppo, teacher};
use lb_core::policy::PolicyFile;
use tch::Device;

/// Hyperparameters of a training run with all its phases: normalisation, lessons, PPO and evolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Args {
    /// Seed of all random draws.
    pub seed: u64,
    /// Policy from which the training run starts, in place of random weights. Its normalisation is kept, and its
    /// profile is known in all cases around a fit and becomes part of the result.
    pub start: Option<PolicyFile>,
    /// Where the cases come from.
    pub cases: CaseSource,
    /// What evolution and the choice of the best network minimise.
    pub objective: Objective,
    /// Device that holds the tensors.
    pub device: Device,
    /// Rounds of an oracle's lessons before PPO. With 0 and without a start, the output of the initial network is
    /// zero, so that its scores equal the prior.
    pub lessons: u64,
    /// Adam's initial step size in lessons; it falls linearly to a twentieth.
    pub lesson_learning_rate: f64,
    /// Total number of decisions that PPO learns from; each update uses `episodes x requests`.
    pub ppo_steps: u64,
    /// Episodes per update.
    pub episodes: u64,
    /// Requests per episode.
    pub requests: u64,
    /// Initial and final horizon in mean service times; it changes geometrically during the middle third of
    /// training. With a short horizon, the policy quickly learns which backends are slow; with a long one, it
    /// learns that a request on a fast backend delays others.
    pub horizons: (f32, f32),
    /// Initial and final lambda of GAE.
    pub gae_lambdas: (f32, f32),
    /// Adam's initial step size in PPO; it falls linearly to a twentieth.
    pub learning_rate: f64,
    /// Initial weight of the entropy bonus; it falls linearly to zero.
    pub ent_coef: f64,
    /// Number of generations of evolution.
    pub generations: u64,
    /// Hyperparameters of evolution; its step size falls linearly to a tenth.
    pub evolution: evolution::Args,
    /// Draws of each random validation case: differences between good policies are small compared with the chance of one.
    pub validation_lucks: u64,
    /// Updates between two evaluations on the validation set.
    pub validate_every: u64,
    /// Generations between two evaluations on the validation set.
    pub validate_every_generations: u64,
    /// Other hyperparameters of PPO; scheduled ones are overridden.
    pub ppo: ppo::Args,
    /// Hyperparameters of the lessons.
    pub teacher: teacher::Args,
}

impl Args {
    /// Returns a training run of about ten seconds, which checks that everything works and already beats
    /// least-connections.
    pub fn smoke(seed: u64) -> Self {
        Self {
            lessons: 8,
            ppo_steps: 200_000,
            generations: 0,
            validation_lucks: 1,
            validate_every: 4,
            ..Self::standard(seed)
        }
    }

    /// Returns a training run of about three minutes. The policy that comes with `bench` is the best of three
    /// such training runs.
    pub fn standard(seed: u64) -> Self {
        Self {
            seed,
            start: None,
            cases: CaseSource::Random,
            objective: Objective::Blend,
            device: Device::Cpu,
            lessons: 40,
            lesson_learning_rate: 2e-3,
            ppo_steps: 655_360,
            episodes: 16,
            requests: 4_096,
            horizons: (10.0, 20.0),
            gae_lambdas: (0.95, 0.97),
            learning_rate: 1e-3,
            ent_coef: 0.01,
            generations: 60,
            evolution: evolution::Args::default(),
            validation_lucks: 2,
            validate_every: 5,
            validate_every_generations: 25,
            ppo: ppo::Args { temperature: teacher::TEMPERATURE, ..ppo::Args::default() },
            teacher: teacher::Args::default(),
        }
    }

    /// Returns a training run of a few minutes that makes a general policy fit for one pool: lessons with small steps
    /// and evolution, without PPO, which gains nothing on a policy that has been through evolution.
    pub fn specialised(seed: u64, start: PolicyFile, cases: CaseSource, objective: Objective) -> Self {
        Self {
            start: Some(start),
            cases,
            objective,
            lessons: 20,
            lesson_learning_rate: 5e-4,
            ppo_steps: 0,
            generations: 120,
            validate_every_generations: 20,
            ..Self::standard(seed)
        }
    }

    /// Returns the number of PPO updates.
    pub fn updates(&self) -> u64 {
        self.ppo_steps.div_ceil(self.episodes * self.requests)
    }

    /// Returns PPO's hyperparameters for update `number`.
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

    /// Returns evolution's hyperparameters for generation `number`.
    pub fn evolution_at(&self, number: u64) -> evolution::Args {
        let left = 1.0 - number as f32 / self.generations.max(1) as f32;
        evolution::Args { learning_rate: self.evolution.learning_rate * left.max(0.1), ..self.evolution }
    }
}
