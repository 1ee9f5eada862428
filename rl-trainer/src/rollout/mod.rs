//! Episodes: a case simulated under the network as it is, with all that learning needs of each decision.
//!
//! In plain Rust and without libtorch, so that episodes can be played on one core while the other learns.
//! One [`Trajectory`] per load balancer of the case, since each sees and decides for itself.

mod actor;
mod reward;

pub use actor::{Actor, Trajectory};
pub use reward::{ERROR_COST, MOST_COST, reward};

use crate::scenarios::Case;
use lb_core::policy::Policy;
use lb_core::policy::learned::Network;
use lb_core::workload::{Observer, Sample};
use simulator::oracle::Oracle;
use simulator::{simulate_open, simulate_open_taught};
use std::sync::{Arc, Mutex};

/// How decisions are drawn in an episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exploration {
    /// Scores are divided by this before softmax.
    pub temperature: f32,
    /// Backends that are scored at most.
    pub max_candidates: usize,
}

/// Plays `case` under `network` and returns the trajectory of each load balancer.
///
/// # Panics
/// When the case cannot be simulated.
pub fn play(case: &Case, network: &Arc<Network>, exploration: Exploration) -> Vec<Trajectory> {
    let sinks: Mutex<Vec<Arc<Mutex<Trajectory>>>> = Mutex::default();
    let mut policy = || -> Box<dyn Policy> { new_actor(case, network, exploration, &sinks) };
    simulate_open(&case.topology, &case.load, &mut policy, &case.options, &mut Ignore)
        .expect("a case can be simulated");
    collect(sinks)
}

/// As [`play`], with what an oracle thinks that each candidate would have cost.
///
/// # Panics
/// As [`play`].
pub fn play_taught(
    case: &Case,
    network: &Arc<Network>,
    exploration: Exploration,
    teacher: Oracle,
) -> Vec<Trajectory> {
    let sinks: Mutex<Vec<Arc<Mutex<Trajectory>>>> = Mutex::default();
    let lesson: Arc<Mutex<Vec<f64>>> = Arc::default();
    let told = Arc::clone(&lesson);
    let mut policy = || -> Box<dyn Policy> {
        let mut actor = new_actor(case, network, exploration, &sinks);
        actor.listen(Arc::clone(&lesson));
        actor
    };
    let tell = Box::new(move |costs: &[f64]| {
        let mut told = told.lock().expect("no thread panics while it holds the lock");
        told.clear();
        told.extend_from_slice(costs);
    });
    let (topology, load) = (&case.topology, &case.load);
    simulate_open_taught(topology, load, &mut policy, teacher, tell, &case.options, &mut Ignore)
        .expect("a case can be simulated");
    collect(sinks)
}

fn new_actor(
    case: &Case,
    network: &Arc<Network>,
    exploration: Exploration,
    sinks: &Mutex<Vec<Arc<Mutex<Trajectory>>>>,
) -> Box<Actor> {
    let sink: Arc<Mutex<Trajectory>> = Arc::default();
    sinks.lock().expect("no thread panics while it holds the lock").push(Arc::clone(&sink));
    Box::new(Actor::new(Arc::clone(network), exploration, case.service_ms, sink))
}

fn collect(sinks: Mutex<Vec<Arc<Mutex<Trajectory>>>>) -> Vec<Trajectory> {
    let sinks = sinks.into_inner().expect("no thread panics while it holds the lock");
    let take = |sink: &Arc<Mutex<Trajectory>>| {
        std::mem::take(&mut *sink.lock().expect("no thread panics while it holds the lock"))
    };
    sinks.iter().map(take).collect()
}

/// Samples are for those who judge; learning sees what the load balancer sees.
struct Ignore;

impl Observer for Ignore {
    fn sample(&mut self, _sample: &Sample) {}
}
