//! The phases of a training run, one after the other.

use super::args::Args;
use super::columns::{COLUMNS, values};
use super::first::{EXPLORATION, first_network, range, settings};
use super::progress::{Progress, TrainError, Trained};
use super::record::record;
use super::state::State;
use super::validation::{Bout, Score, score, validation_set};
use crate::checkpoint::Checkpoint;
use crate::curves::{Curves, Update};
use crate::episode::Players;
use crate::evolution::Evolution;
use crate::measure::in_parallel;
use crate::rollout::{Trajectory, play, play_taught};
use crate::setting::Setting;
use crate::teacher::{self, oracle_of};
use lb_core::Seed;
use lb_core::policy::learned::{Action, Network, PolicyFile};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The name of the checkpoint in a training run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Seconds between two checkpoints.
const SAVE_EVERY_S: f64 = 10.0;

/// Shares of a network's output that are tried before evolution and at the end; with 0, the prior alone decides.
const SHARES: [f32; 6] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.7];

/// Starts or resumes a training run in `folder`. The episodes of evolution and validation are those of `players`; those
/// of lessons and PPO are played here, since what is recorded of them is larger than what it takes to play them again.
///
/// # Errors
/// See [`TrainError`].
pub fn train(
    args: &Args,
    folder: &Path,
    players: &dyn Players,
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
        players,
        state,
        curves,
        validation: validation_set(args),
        progress,
        stop,
        begun: Instant::now(),
        before_s,
        saved: Instant::now(),
    };
    tch::set_num_threads(1);
    if args.start.is_some() && training.state.position.best.is_none() {
        training.validate()?;
    }
    training.lessons()?;
    training.ppo()?;
    training.evolve()?;
    if !training.state.position.is_chosen {
        training.choose_share()?;
        training.state.position.is_chosen = true;
    }
    training.save()?;
    Ok(training.finish())
}

/// Returns the row number for the curves, which counts the rounds of all phases. Each round counts as many
/// environment steps as a PPO update.
fn row_number(args: &Args, state: &State) -> u64 {
    let position = &state.position;
    (position.lessons + position.updates + position.generations) * args.episodes * args.requests
}

struct Training<'a> {
    args: &'a Args,
    folder: &'a Path,
    players: &'a dyn Players,
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
            let mut rng = Seed(self.args.seed).stream(&[range::LESSONS, number]);
            let network = Arc::new(self.state.learner.scorer.to_network());
            let episodes = self.args.episodes;
            let settings = settings(self.args, range::LESSONS + number * episodes, episodes);
            let lessons = in_parallel(&settings, |setting| {
                play_taught(setting, &network, EXPLORATION, oracle_of(&setting.case))
            });
            let lessons: Vec<Trajectory> = lessons.into_iter().flatten().collect();
            let rate = self.args.lesson_learning_rate * (1.0 - number as f64 / total as f64).max(0.05);
            let (scorer, device) = (&self.state.learner.scorer, self.args.device);
            let adam = &mut self.state.lesson_adam;
            let cost = teacher::learn(scorer, adam, &lessons, rate, &self.args.teacher, &mut rng, device);
            self.state.position.lessons += 1;
            let done = self.state.position.lessons;
            self.state.behaviour = self.state.learner.scorer.to_network();
            self.state.take_average(done);
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
            settings(self.args, range::PPO + number * episodes, episodes)
                .iter()
                .flat_map(|setting| play(setting, network, EXPLORATION))
                .collect::<Vec<Trajectory>>()
        };
        let mut played = play_for(&Arc::new(self.state.behaviour.clone()), self.state.position.updates);
        while self.state.position.updates < total {
            let number = self.state.position.updates;
            let start = Instant::now();
            let mut rng = Seed(self.args.seed).stream(&[range::PPO, number]);
            let network = Arc::new(self.state.learner.scorer.to_network());
            let knobs = self.args.ppo_at(number);
            let learner = &mut self.state.learner;
            let (told, next) = std::thread::scope(|scope| {
                let next = scope.spawn(|| play_for(&network, number + 1));
                let told = learner.update(&played, &knobs, &mut rng);
                (told, next.join().expect("an episode that cannot be played is a bug"))
            });
            self.state.behaviour = Network::clone(&network);
            self.state.position.updates += 1;
            self.state.position.env_steps += played.iter().map(|one| one.len() as u64).sum::<u64>();
            self.state.position.ppo_seconds += start.elapsed().as_secs_f64();
            played = next;
            let done = number + 1;
            self.state.take_average(done);
            let look = done.is_multiple_of(self.args.validate_every) || done == total;
            self.round("ppo", done, total, look, values(&told, &knobs))?;
        }
        Ok(())
    }

    fn evolve(&mut self) -> Result<(), TrainError> {
        let total = self.args.generations;
        if self.state.evolution.is_none() && total > 0 {
            self.choose_share()?;
            self.state.evolution = Some(Evolution::new(&self.state.best, Action::default()));
        }
        while self.state.position.generations < total {
            let number = self.state.position.generations;
            let knobs = self.args.evolution_at(number);
            let count = knobs.pairs as u64;
            let mut settings: Vec<Setting> = settings(self.args, range::EVOLUTION + number * count, count);
            settings.iter_mut().for_each(|setting| setting.case.load.requests = knobs.requests);
            let evolution = self.state.evolution.as_mut().expect("made above");
            let cost =
                evolution.step(&settings, self.args.objective, Seed(self.args.seed), &knobs, self.players)?;
            self.state.position.generations += 1;
            let done = number + 1;
            let look = done.is_multiple_of(self.args.validate_every_generations) || done == total;
            self.round("evolution", done, total, look, vec![("evolution_cost", cost)])?;
        }
        Ok(())
    }

    /// Finishes a round of a phase: validates at intervals, writes a row of the curves, saves a checkpoint,
    /// and checks whether to stop.
    fn round(
        &mut self,
        phase: &'static str,
        done: u64,
        total: u64,
        look: bool,
        mut told: Vec<(&'static str, f64)>,
    ) -> Result<(), TrainError> {
        let score = if look { Some(self.validate()?) } else { None };
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

    /// Scores the current networks, and keeps the better one if it is the best so far.
    fn validate(&mut self) -> Result<Score, TrainError> {
        let networks = match &self.state.evolution {
            Some(evolution) => vec![evolution.network()],
            None => vec![self.state.average.clone(), self.state.learner.scorer.to_network()],
        };
        let scored = networks.into_iter().map(|network| Ok((self.score(&network)?, network)));
        let scored: Vec<(Score, Network)> = scored.collect::<Result<_, TrainError>>()?;
        let best = scored.into_iter().min_by(|one, other| one.0.loss.total_cmp(&other.0.loss));
        let (score, network) = best.expect("there is at least one");
        if self.state.position.best.is_none_or(|best| score.loss < best.loss) {
            self.state.position.best = Some(score);
            self.state.best = network;
        }
        Ok(score)
    }

    fn score(&self, network: &Network) -> Result<Score, TrainError> {
        Ok(score(network, Action::default(), self.args.objective, &self.validation, self.players)?)
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.saved = Instant::now();
        Ok(self.state.save().save(&self.folder.join(CHECKPOINT))?)
    }

    /// Lowers the share of the best network's output in the score, if that is better on the validation set. Learning by
    /// single decisions gets the direction of a correction right and its size too large: neither the oracle of the
    /// lessons nor the critic knows what else the policy will do.
    fn choose_share(&mut self) -> Result<(), TrainError> {
        let whole = self.state.best.clone();
        let mut chosen = 1.0;
        for share in SHARES {
            let network = whole.clone().with_share(share);
            let score = self.score(&network)?;
            if self.state.position.best.is_some_and(|best| score.loss < best.loss) {
                self.state.position.best = Some(score);
                self.state.best = network;
                chosen = share;
            }
        }
        self.state.position.share *= chosen;
        Ok(())
    }

    fn finish(self) -> Trained {
        let position = self.state.position;
        let validation = position.best.expect("every phase ends with a validation");
        let mut file = PolicyFile::new(self.state.best, Action::default());
        file.profile = self.args.start.as_ref().and_then(|start| start.profile.clone());
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
