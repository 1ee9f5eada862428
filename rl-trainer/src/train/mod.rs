//! A training from its first episode to the policy that is exported.
//!
//! In order: rows of some episodes give the normalisation; a teacher's lessons, if wanted; PPO, which plays the
//! next episodes on one core while it learns from the last ones on the other; evolution from the best network
//! so far. The network that is exported is the one that did best on the validation set, whenever that was.
//!
//! Everything that is drawn comes from the seed and the number of the update, so a training that was stopped
//! goes on from its checkpoint exactly as it would have.

mod args;
mod state;
mod validation;

pub use args::Args;
pub use state::StateError;
pub use validation::{BASELINE, Bout, Score, bouts, score, validation_set};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::curves::{Curves, CurvesError, Update};
use crate::evolution::Evolution;
use crate::measure::in_parallel;
use crate::ppo::Diagnostics;
use crate::rollout::{Exploration, Trajectory, play, play_taught};
use crate::scenarios::{Case, Family};
use crate::scorer::initial;
use crate::teacher;
use lb_core::Seed;
use lb_core::policy::learned::{Action, Network, PolicyFile, WIDTH};
use lb_core::rng::mix;
use serde_json::json;
use simulator::oracle::Oracle;
use state::State;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The name of the checkpoint in a training's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Seconds between two checkpoints.
const SAVE_EVERY_S: f64 = 10.0;

/// Episodes that the normalisation comes from.
const NORMALISE_EPISODES: u64 = 32;

/// How decisions are drawn while learning.
const EXPLORATION: Exploration = Exploration { temperature: 1.0, max_candidates: 16 };

/// Columns of the training curves.
pub const COLUMNS: [&str; 14] = [
    "policy_loss",
    "value_loss",
    "entropy",
    "kl",
    "clip_fraction",
    "gradient_norm",
    "explained_variance",
    "mean_reward",
    "learning_rate",
    "horizon",
    "lesson_cost",
    "evolution_cost",
    "validation_mean_ratio",
    "validation_p99_ratio",
];

/// A training that came to its end.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The policy, with its training record.
    pub file: PolicyFile,
    /// On the validation set.
    pub validation: Score,
    /// Decisions that PPO learnt from.
    pub env_steps: u64,
    /// Decisions per second of PPO, all in.
    pub steps_per_second: f64,
    /// Seconds in all.
    pub seconds: f64,
}

/// Where a training is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// `lessons`, `ppo` or `evolution`.
    pub phase: &'static str,
    /// Of `total`.
    pub done: u64,
    /// Rounds of this phase.
    pub total: u64,
    /// Decisions that PPO has learnt from.
    pub env_steps: u64,
    /// Seconds so far.
    pub seconds: f64,
    /// The newest score on the validation set, if there was a look just now.
    pub validation: Option<Score>,
}

/// Why a training did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// It was asked to stop; the checkpoint holds where it was.
    #[error("training was stopped; the checkpoint in `{0}` goes on from here")]
    Stopped(String),
    /// The checkpoint belongs to another training.
    #[error(
        "the checkpoint in `{folder}` is of seed {found}, not of seed {wanted}; give another folder or that seed"
    )]
    OtherTraining {
        /// Where it lies.
        folder: String,
        /// Its seed.
        found: u64,
        /// The seed that was asked for.
        wanted: u64,
    },
    /// See [`CheckpointError`].
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// See [`StateError`].
    #[error(transparent)]
    State(#[from] StateError),
    /// See [`CurvesError`].
    #[error(transparent)]
    Curves(#[from] CurvesError),
}

/// Trains in `folder`, or goes on there.
///
/// # Errors
/// See [`TrainError`].
pub fn train(
    args: &Args,
    folder: &Path,
    progress: &mut dyn FnMut(&Progress),
    stop: &AtomicBool,
) -> Result<Trained, TrainError> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let path = folder.join(CHECKPOINT);
    let (state, curves) = if path.exists() {
        let state = State::load(&Checkpoint::load(&path)?, Action::default(), args.device)?;
        if state.position.seed != args.seed {
            let folder = folder.display().to_string();
            return Err(TrainError::OtherTraining { folder, found: state.position.seed, wanted: args.seed });
        }
        let row = row_number(args, &state);
        (state, Curves::resume(folder, &COLUMNS, started, args.seed, row)?)
    } else {
        (State::new(args.seed, first_network(args), args.device), Curves::create(folder, &COLUMNS, started)?)
    };
    let before_s = state.position.seconds;
    let mut training = Training {
        args,
        folder,
        state,
        curves,
        validation: validation_set(),
        progress,
        stop,
        begun: Instant::now(),
        before_s,
        saved: Instant::now(),
    };
    tch::set_num_threads(1);
    training.lessons()?;
    training.ppo()?;
    training.evolve()?;
    training.save()?;
    Ok(training.finish())
}

/// Rows of the curves are numbered by rounds of all phases, each of which counts as many environment steps as
/// an update of PPO.
fn row_number(args: &Args, state: &State) -> u64 {
    let position = &state.position;
    (position.lessons + position.updates + position.generations) * args.episodes * args.requests
}

/// A network that says nothing as yet, with the normalisation of rows as they come under the prior.
fn first_network(args: &Args) -> Network {
    let cases = cases(args, 0, NORMALISE_EPISODES);
    let zero = Arc::new(Network::zero());
    let all = in_parallel(&cases, |case| play(case, &zero, EXPLORATION));
    let (mut count, mut sum, mut squares) = (0.0f64, [0.0f64; WIDTH], [0.0f64; WIDTH]);
    for row in all.iter().flatten().flat_map(|one| one.rows.chunks_exact(WIDTH)) {
        count += 1.0;
        for place in 0..WIDTH {
            sum[place] += f64::from(row[place]);
            squares[place] += f64::from(row[place]).powi(2);
        }
    }
    let mean = sum.map(|sum| sum / count);
    let mut std = [0.0f32; WIDTH];
    for place in 0..WIDTH {
        std[place] = (squares[place] / count - mean[place].powi(2)).max(0.0).sqrt() as f32;
    }
    initial(Seed(args.seed), mean.map(|mean| mean as f32), std)
}

/// Training cases of this seed: trainings of different seeds meet different ones.
fn cases(args: &Args, from: u64, count: u64) -> Vec<Case> {
    let first = (args.seed << 40) + from;
    (first..first + count).map(|number| Family::Training.case(number).with_requests(args.requests)).collect()
}

/// Numbers of training cases at which each phase begins.
mod range {
    pub(super) const LESSONS: u64 = 1 << 20;
    pub(super) const PPO: u64 = 1 << 24;
    pub(super) const EVOLUTION: u64 = 1 << 32;
}

struct Training<'a> {
    args: &'a Args,
    folder: &'a Path,
    state: State,
    curves: Curves,
    validation: Vec<Bout>,
    progress: &'a mut dyn FnMut(&Progress),
    stop: &'a AtomicBool,
    begun: Instant,
    before_s: f64,
    saved: Instant,
}

impl Training<'_> {
    fn lessons(&mut self) -> Result<(), TrainError> {
        let total = self.args.lessons;
        while self.state.position.lessons < total {
            let number = self.state.position.lessons;
            tch::manual_seed(mix(self.args.seed ^ mix(number)) as i64);
            let network = Arc::new(self.state.learner.scorer.to_network());
            let episodes = self.args.episodes;
            let cases = cases(self.args, range::LESSONS + number * episodes, episodes);
            let teacher = Oracle::FirstPolicyImprovement;
            let lessons = in_parallel(&cases, |case| play_taught(case, &network, EXPLORATION, teacher));
            let lessons: Vec<Trajectory> = lessons.into_iter().flatten().collect();
            let rate = self.args.lesson_learning_rate * (1.0 - number as f64 / total as f64).max(0.05);
            let (scorer, device) = (&self.state.learner.scorer, self.args.device);
            let adam = &mut self.state.lesson_adam;
            let cost = teacher::learn(scorer, adam, &lessons, rate, &self.args.teacher, device);
            self.state.position.lessons += 1;
            let done = self.state.position.lessons;
            self.state.behaviour = self.state.learner.scorer.to_network();
            let look = done.is_multiple_of(self.args.validate_every) || done == total;
            self.round("lessons", done, total, look, vec![("lesson_cost", cost)])?;
        }
        Ok(())
    }

    fn ppo(&mut self) -> Result<(), TrainError> {
        let total = self.args.updates();
        if self.state.position.updates >= total {
            return Ok(());
        }
        let play_for = |network: &Arc<Network>, number: u64| {
            let episodes = self.args.episodes;
            cases(self.args, range::PPO + number * episodes, episodes)
                .iter()
                .flat_map(|case| play(case, network, EXPLORATION))
                .collect::<Vec<Trajectory>>()
        };
        let mut played = play_for(&Arc::new(self.state.behaviour.clone()), self.state.position.updates);
        while self.state.position.updates < total {
            let number = self.state.position.updates;
            let start = Instant::now();
            tch::manual_seed(mix(self.args.seed ^ mix(number ^ range::PPO)) as i64);
            let network = Arc::new(self.state.learner.scorer.to_network());
            let knobs = self.args.ppo_at(number);
            let learner = &mut self.state.learner;
            let (told, next) = std::thread::scope(|scope| {
                let next = scope.spawn(|| play_for(&network, number + 1));
                let told = learner.update(&played, &knobs);
                (told, next.join().expect("an episode that cannot be played is a bug"))
            });
            self.state.behaviour = Network::clone(&network);
            self.state.position.updates += 1;
            self.state.position.env_steps += played.iter().map(|one| one.len() as u64).sum::<u64>();
            self.state.position.ppo_seconds += start.elapsed().as_secs_f64();
            played = next;
            let done = number + 1;
            let look = done.is_multiple_of(self.args.validate_every) || done == total;
            self.round("ppo", done, total, look, values(&told, &knobs))?;
        }
        Ok(())
    }

    fn evolve(&mut self) -> Result<(), TrainError> {
        let total = self.args.generations;
        if self.state.evolution.is_none() && total > 0 {
            self.state.evolution = Some(Evolution::new(&self.state.best, Action::default()));
        }
        while self.state.position.generations < total {
            let number = self.state.position.generations;
            let knobs = self.args.evolution_at(number);
            let count = knobs.pairs as u64;
            let cases: Vec<Case> = cases(self.args, range::EVOLUTION + number * count, count)
                .into_iter()
                .map(|case| case.with_requests(knobs.requests))
                .collect();
            let evolution = self.state.evolution.as_mut().expect("made above");
            let cost = evolution.step(&cases, Seed(self.args.seed), &knobs);
            self.state.position.generations += 1;
            let done = number + 1;
            let look = done.is_multiple_of(self.args.validate_every_generations) || done == total;
            self.round("evolution", done, total, look, vec![("evolution_cost", cost)])?;
        }
        Ok(())
    }

    /// What follows each round of each phase: a look at the validation set now and then, a row of the curves, a
    /// checkpoint, and a look whether to stop.
    fn round(
        &mut self,
        phase: &'static str,
        done: u64,
        total: u64,
        look: bool,
        mut told: Vec<(&'static str, f64)>,
    ) -> Result<(), TrainError> {
        let score = look.then(|| self.validate());
        if let Some(score) = score {
            told.extend([("validation_mean_ratio", score.mean), ("validation_p99_ratio", score.p99)]);
        }
        self.state.position.seconds = self.before_s + self.begun.elapsed().as_secs_f64();
        let position = &self.state.position;
        self.curves.write(&Update {
            step: row_number(self.args, &self.state),
            wall_s: position.seconds,
            seed: self.args.seed,
            values: told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        })?;
        let (env_steps, seconds) = (position.env_steps, position.seconds);
        (self.progress)(&Progress { phase, done, total, env_steps, seconds, validation: score });
        let stop = self.stop.load(Ordering::Relaxed);
        if stop || self.saved.elapsed().as_secs_f64() > SAVE_EVERY_S {
            self.save()?;
        }
        if stop { Err(TrainError::Stopped(self.folder.display().to_string())) } else { Ok(()) }
    }

    /// Scores the network as it is, and keeps it if it is the best so far.
    fn validate(&mut self) -> Score {
        let network = match &self.state.evolution {
            Some(evolution) => evolution.network(),
            None => self.state.learner.scorer.to_network(),
        };
        let score = score(&network, Action::default(), &self.validation);
        if self.state.position.best.is_none_or(|best| score.loss < best.loss) {
            self.state.position.best = Some(score);
            self.state.best = network;
        }
        score
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.saved = Instant::now();
        Ok(self.state.save().save(&self.folder.join(CHECKPOINT))?)
    }

    fn finish(self) -> Trained {
        let position = self.state.position;
        let validation =
            position.best.unwrap_or_else(|| score(&self.state.best, Action::default(), &self.validation));
        let mut file = PolicyFile::new(self.state.best, Action::default());
        file.train = record(self.args, &position, &validation);
        Trained {
            file,
            validation,
            env_steps: position.env_steps,
            steps_per_second: position.env_steps as f64 / position.ppo_seconds.max(1e-9),
            seconds: position.seconds,
        }
    }
}

/// The best network so far of the training that a checkpoint holds, as a policy.
///
/// # Errors
/// The checkpoint is not that of a training.
pub fn policy_of(checkpoint: &Checkpoint) -> Result<PolicyFile, StateError> {
    let State { position, best, .. } = State::load(checkpoint, Action::default(), tch::Device::Cpu)?;
    let mut file = PolicyFile::new(best, Action::default());
    file.train = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "from": "a checkpoint",
        "seed": position.seed,
        "env_steps": position.env_steps,
        "updates": position.updates,
        "generations": position.generations,
        "seconds": (position.seconds * 10.0).round() / 10.0,
        "validation": position.best,
    });
    Ok(file)
}

fn values(told: &Diagnostics, knobs: &crate::ppo::Args) -> Vec<(&'static str, f64)> {
    vec![
        ("policy_loss", told.policy_loss),
        ("value_loss", told.value_loss),
        ("entropy", told.entropy),
        ("kl", told.kl),
        ("clip_fraction", told.clip_fraction),
        ("gradient_norm", told.gradient_norm),
        ("explained_variance", told.explained_variance),
        ("mean_reward", told.mean_reward),
        ("learning_rate", knobs.learning_rate),
        ("horizon", f64::from(knobs.horizon)),
    ]
}

/// What the policy file tells of its training. The keys are those of policy files that exist, not the names of
/// [`Args`]: readers of one read the others.
fn record(args: &Args, position: &state::Position, validation: &Score) -> serde_json::Value {
    let phases = [
        ("lessons of an oracle", position.lessons),
        ("ppo", position.updates),
        ("evolution strategies", position.generations),
    ];
    let phases: Vec<&str> = phases.iter().filter(|(_, rounds)| *rounds > 0).map(|(name, _)| *name).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "algorithms": phases,
        "seed": args.seed,
        "lessons": position.lessons,
        "env_steps": position.env_steps,
        "updates": position.updates,
        "generations": position.generations,
        "seconds": (position.seconds * 10.0).round() / 10.0,
        "horizons_in_service_times": [args.horizons.0, args.horizons.1],
        "lambdas": [args.gae_lambdas.0, args.gae_lambdas.1],
        "learning_rate": args.learning_rate,
        "clip": args.ppo.clip_coef,
        "epochs": args.ppo.update_epochs,
        "minibatch": args.ppo.minibatch_size,
        "entropy": args.ent_coef,
        "evolution": {
            "pairs": args.evolution.pairs,
            "sigma": args.evolution.sigma,
            "rate": args.evolution.learning_rate,
            "requests": args.evolution.requests,
        },
        "validation": { "against": BASELINE, "mean_ratio": validation.mean, "p99_ratio": validation.p99 },
        "training_cases": "rl_trainer::scenarios::Family::Training",
    })
}
