//! The state of a training run, which can be saved to a checkpoint and restored bit for bit.

use super::validation::Score;
use crate::checkpoint::{Checkpoint, Tensor as Stored, Values};
use crate::evolution::{Evolution, Moments, flatten, unflatten};
use crate::ppo::{Critic, Learner};
use crate::scorer::{Adam, Scorer};
use lb_core::Seed;
use lb_core::policy::learned::{Network, PolicyFile, PolicyFileError};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// Least weight of a network in the moving average.
const AVERAGE: f32 = 1.0 / 16.0;

/// The position of a training run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Seed of the training run, by which a checkpoint of another training run is detected.
    pub(super) seed: u64,
    /// Number of completed rounds of lessons.
    pub(super) lessons: u64,
    /// Number of completed PPO updates.
    pub(super) updates: u64,
    /// Number of completed generations of evolution.
    pub(super) generations: u64,
    /// Number of decisions that PPO has learnt from.
    pub(super) env_steps: u64,
    /// Seconds spent in PPO.
    pub(super) ppo_seconds: f64,
    /// Seconds spent in all phases.
    pub(super) seconds: f64,
    /// The best score so far.
    pub(super) best: Option<Score>,
    /// Share of the output that is left of the network that was learnt.
    #[serde(default = "whole_share")]
    pub(super) share: f32,
    /// Whether that was chosen at the end, after which nothing is left to do.
    #[serde(default)]
    pub(super) is_chosen: bool,
}

fn whole_share() -> f32 {
    1.0
}

/// Everything that is needed to resume a training run.
pub(super) struct State {
    pub(super) position: Position,
    pub(super) learner: Learner,
    /// The optimiser of the lessons, which is separate because their gradients have a different scale.
    pub(super) lesson_adam: Adam,
    /// The network that played the next episodes, which is one update older than the learner's.
    pub(super) behaviour: Network,
    pub(super) evolution: Option<Evolution>,
    /// Moving average of the learner's networks in this phase. Single networks differ by chance, and so do their scores
    /// (Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992).
    pub(super) average: Network,
    /// The best network so far on the validation set.
    pub(super) best: Network,
}

/// Reasons why a training run cannot be resumed from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A part is missing or has another shape.
    #[error(
        "the checkpoint has no valid `{0}`: another version of this program wrote it; start again in another folder"
    )]
    Part(&'static str),
    /// The JSON is not the state of a training run.
    #[error("the checkpoint does not hold the state of a training run: {0}")]
    Text(#[from] serde_json::Error),
    /// A network is not valid.
    #[error("the checkpoint does not hold a valid network: {0}")]
    Network(#[from] PolicyFileError),
}

impl State {
    /// Creates a training run that starts from `network`.
    pub(super) fn new(seed: u64, network: Network, device: Device) -> Self {
        let scorer = Scorer::from_network(&network, device);
        let learner = Learner::new(scorer, Critic::new(Seed(seed), device), device);
        let position = Position { seed, share: whole_share(), ..Position::default() };
        let lesson_adam = Adam::new(&learner.scorer.parameters.iter().collect::<Vec<_>>());
        Self {
            position,
            learner,
            lesson_adam,
            behaviour: network.clone(),
            evolution: None,
            average: network.clone(),
            best: network,
        }
    }

    /// Adds the learner's network to the average of a phase, of which it is number `done`.
    pub(super) fn take_average(&mut self, done: u64) {
        let present = flatten(&self.learner.scorer.to_network());
        let weight = AVERAGE.max(1.0 / done as f32);
        let mut weights = flatten(&self.average);
        for (average, present) in weights.iter_mut().zip(present) {
            *average += weight * (present - *average);
        }
        self.average = unflatten(&self.average, &weights);
    }

    /// Saves the state as a checkpoint.
    pub(super) fn save(&self) -> Checkpoint {
        let mut checkpoint = Checkpoint {
            state: serde_json::to_string(&self.position).expect("numbers have a text"),
            ..Checkpoint::default()
        };
        let mut put = |name: String, stored: Stored| {
            checkpoint.tensors.insert(name, stored);
        };
        let lists = [
            ("scorer", &self.learner.scorer.parameters),
            ("critic", &self.learner.critic.parameters),
            ("adam.first", &self.learner.adam.first),
            ("adam.second", &self.learner.adam.second),
            ("lessons.first", &self.lesson_adam.first),
            ("lessons.second", &self.lesson_adam.second),
        ];
        for (name, list) in lists {
            for (place, tensor) in list.iter().enumerate() {
                put(format!("{name}.{place}"), store(tensor));
            }
        }
        put("adam.steps".to_owned(), whole(self.learner.adam.steps));
        put("lessons.steps".to_owned(), whole(self.lesson_adam.steps));
        put("behaviour".to_owned(), network_bytes(&self.behaviour));
        put("average".to_owned(), network_bytes(&self.average));
        put("best".to_owned(), network_bytes(&self.best));
        if let Some(evolution) = &self.evolution {
            put("evolution.base".to_owned(), network_bytes(evolution.base()));
            put("evolution.weights".to_owned(), numbers(&evolution.weights));
            put("evolution.average".to_owned(), numbers(&evolution.average));
            put("evolution.first".to_owned(), numbers(&evolution.moments.first));
            put("evolution.second".to_owned(), numbers(&evolution.moments.second));
            put("evolution.generation".to_owned(), whole(evolution.generation as i64));
        }
        checkpoint
    }

    /// Loads the state from a checkpoint.
    pub(super) fn load(
        checkpoint: &Checkpoint,
        action: lb_core::policy::learned::Action,
        device: Device,
    ) -> Result<Self, StateError> {
        let position: Position = serde_json::from_str(&checkpoint.state)?;
        let behaviour = network(checkpoint, "behaviour")?;
        let mut state = Self::new(position.seed, behaviour, device);
        state.position = position;
        state.average = network(checkpoint, "average")?;
        state.best = network(checkpoint, "best")?;
        let learner = &mut state.learner;
        restore(checkpoint, "scorer", &mut learner.scorer.parameters, true)?;
        restore(checkpoint, "critic", &mut learner.critic.parameters, true)?;
        let Adam { first, second, steps } = &mut learner.adam;
        restore(checkpoint, "adam.first", first, false)?;
        restore(checkpoint, "adam.second", second, false)?;
        *steps = number(checkpoint, "adam.steps")?;
        let Adam { first, second, steps } = &mut state.lesson_adam;
        restore(checkpoint, "lessons.first", first, false)?;
        restore(checkpoint, "lessons.second", second, false)?;
        *steps = number(checkpoint, "lessons.steps")?;
        if checkpoint.tensors.contains_key("evolution.base") {
            let mut evolution = Evolution::new(&network(checkpoint, "evolution.base")?, action);
            evolution.weights = floats(checkpoint, "evolution.weights")?;
            evolution.average = floats(checkpoint, "evolution.average")?;
            evolution.moments = Moments {
                first: floats(checkpoint, "evolution.first")?,
                second: floats(checkpoint, "evolution.second")?,
            };
            evolution.generation = number(checkpoint, "evolution.generation")? as u64;
            state.evolution = Some(evolution);
        }
        Ok(state)
    }
}

fn store(tensor: &Tensor) -> Stored {
    let shape = tensor.size().iter().map(|size| *size as usize).collect();
    let flat = tensor.detach().to_device(Device::Cpu).contiguous().view(-1);
    Stored { shape, values: Values::F32(Vec::<f32>::try_from(flat).expect("a flat tensor of floats")) }
}

fn numbers(values: &[f32]) -> Stored {
    Stored { shape: vec![values.len()], values: Values::F32(values.to_vec()) }
}

fn whole(value: i64) -> Stored {
    Stored { shape: Vec::new(), values: Values::I64(vec![value]) }
}

/// Encodes a network as the bytes of its policy file, one number each, so that loading checks it like a
/// policy file.
fn network_bytes(network: &Network) -> Stored {
    let bytes = PolicyFile::new(network.clone(), Default::default()).to_bytes();
    Stored { shape: vec![bytes.len()], values: Values::I64(bytes.into_iter().map(i64::from).collect()) }
}

fn network(checkpoint: &Checkpoint, name: &'static str) -> Result<Network, StateError> {
    let Some(Stored { values: Values::I64(bytes), .. }) = checkpoint.tensors.get(name) else {
        return Err(StateError::Part(name));
    };
    let bytes: Vec<u8> = bytes.iter().map(|byte| *byte as u8).collect();
    Ok(PolicyFile::from_bytes(&bytes)?.network)
}

fn floats(checkpoint: &Checkpoint, name: &'static str) -> Result<Vec<f32>, StateError> {
    match checkpoint.tensors.get(name) {
        Some(Stored { values: Values::F32(values), .. }) => Ok(values.clone()),
        _ => Err(StateError::Part(name)),
    }
}

fn number(checkpoint: &Checkpoint, name: &'static str) -> Result<i64, StateError> {
    match checkpoint.tensors.get(name) {
        Some(Stored { values: Values::I64(values), .. }) if values.len() == 1 => Ok(values[0]),
        _ => Err(StateError::Part(name)),
    }
}

/// Replaces the values of `list` by the stored ones.
fn restore(
    checkpoint: &Checkpoint,
    name: &'static str,
    list: &mut [Tensor],
    trained: bool,
) -> Result<(), StateError> {
    for (place, tensor) in list.iter_mut().enumerate() {
        let stored = checkpoint.tensors.get(&format!("{name}.{place}"));
        let shape: Vec<usize> = tensor.size().iter().map(|size| *size as usize).collect();
        match stored {
            Some(Stored { shape: found, values: Values::F32(values) }) if *found == shape => {
                let fresh = Tensor::from_slice(values).reshape(tensor.size()).to_kind(Kind::Float);
                *tensor = fresh.to_device(tensor.device()).set_requires_grad(trained);
            }
            _ => return Err(StateError::Part(name)),
        }
    }
    Ok(())
}
