//! Episodes: simulates a case under the current network and records every decision for learning.
//!
//! This is plain Rust without libtorch, so that episodes can be played on one core while the other learns.
//! Each load balancer of the case has its own [`Trajectory`], since each has its own view and decides
//! independently.

mod actor;
mod reward;

pub use actor::{Actor, Trajectory};
pub use reward::{ERROR_COST, MOST_COST, reward};

use crate::scenarios::Case;
use crate::setting::Setting;
use lb_core::policy::Policy;
use lb_core::policy::learned::Network;
use lb_core::workload::{Observer, Sample};
use simulator::oracle::Oracle;
use simulator::{simulate_open, simulate_open_taught};
use std::sync::{Arc, Mutex};

/// How decisions are drawn in an episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exploration {
    /// Softmax temperature, by which scores are divided.
    pub temperature: f32,
    /// Maximum number of backends that are scored.
    pub max_candidates: usize,
}

/// Plays `setting` under `network` and returns the trajectory of each load balancer.
///
/// # Panics
/// Panics if the case cannot be simulated.
pub fn play(setting: &Setting, network: &Arc<Network>, exploration: Exploration) -> Vec<Trajectory> {
    let sinks: Mutex<Vec<Arc<Mutex<Trajectory>>>> = Mutex::default();
    let case = &setting.case;
    let mut policy = || -> Box<dyn Policy> { new_actor(setting, network, exploration, &sinks) };
    simulate_open(&case.topology, &case.load, &mut policy, &case.options, &mut Ignore)
        .expect("a case can be simulated");
    collect(sinks)
}

/// Like [`play`], and also records an oracle's estimated cost of each candidate.
///
/// # Panics
/// Same as [`play`].
pub fn play_taught(
    setting: &Setting,
    network: &Arc<Network>,
    exploration: Exploration,
    teacher: Oracle,
) -> Vec<Trajectory> {
    let sinks: Mutex<Vec<Arc<Mutex<Trajectory>>>> = Mutex::default();
    let lesson: Arc<Mutex<Vec<f64>>> = Arc::default();
    let told = Arc::clone(&lesson);
    let mut policy = || -> Box<dyn Policy> {
        let mut actor = new_actor(setting, network, exploration, &sinks);
        actor.listen(Arc::clone(&lesson));
        actor
    };
    let tell = Box::new(move |costs: &[f64]| {
        let mut told = told.lock().expect("no thread panics while it holds the lock");
        told.clear();
        told.extend_from_slice(costs);
    });
    let Case { topology, load, options, .. } = &setting.case;
    simulate_open_taught(topology, load, &mut policy, teacher, tell, options, &mut Ignore)
        .expect("a case can be simulated");
    collect(sinks)
}

fn new_actor(
    setting: &Setting,
    network: &Arc<Network>,
    exploration: Exploration,
    sinks: &Mutex<Vec<Arc<Mutex<Trajectory>>>>,
) -> Box<Actor> {
    let sink: Arc<Mutex<Trajectory>> = Arc::default();
    sinks.lock().expect("no thread panics while it holds the lock").push(Arc::clone(&sink));
    Box::new(Actor::new(Arc::clone(network), exploration, setting, sink))
}

fn collect(sinks: Mutex<Vec<Arc<Mutex<Trajectory>>>>) -> Vec<Trajectory> {
    let sinks = sinks.into_inner().expect("no thread panics while it holds the lock");
    let take = |sink: &Arc<Mutex<Trajectory>>| {
        std::mem::take(&mut *sink.lock().expect("no thread panics while it holds the lock"))
    };
    sinks.iter().map(take).collect()
}

/// Discards samples, which learning does not use because a load balancer cannot see them.
struct Ignore;

impl Observer for Ignore {
    fn sample(&mut self, _sample: &Sample) {}
}
