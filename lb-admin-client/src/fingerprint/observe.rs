//! The observations of a probe, and the tallies that verdicts are based on.

use crate::fingerprint::statistics::{full_windows, swing};
use lb_core::algorithm::Behaviour;
use lb_core::rng::mix;
use std::time::Duration;

/// The largest number of requests held at once. With more backends, several stay free, which is enough.
const MOST_HELD: usize = 15;

/// How long slow requests are held: several times as long as a normal reply takes, but too short to distort
/// latency estimates much.
const SLOW: Duration = Duration::from_millis(5);

/// The number of slow requests in ten: enough that every backend gets some, few enough that most replies are
/// fast.
const SLOW_OF_TEN: u64 = 3;

/// A backend that may be picked.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolBackend {
    /// Id of the backend, as in `X-Backend`.
    pub id: String,
    /// Weight of the backend, above zero.
    pub weight: f64,
}

/// The observations of one probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    /// The backends that may be picked, if the load balancer lists them. Otherwise the probe knows only
    /// those that answered, and assumes equal weights.
    pub pool: Option<Vec<PoolBackend>>,
    /// The backends that answered the requests that were held open during the sequence.
    pub held: Vec<String>,
    /// The backends that answered the short requests, in order.
    pub sequence: Vec<String>,
}

/// Returns the number of requests to hold: one for each backend but one. Zero if holding would teach a policy
/// that all backends but one are slow, or if the verdict does not need it.
pub(crate) fn requests_to_hold(behaviour: Behaviour, backends: usize) -> usize {
    match behaviour {
        Behaviour::LatencyAware | Behaviour::Learned | Behaviour::Unknown => 0,
        _ => backends.saturating_sub(1).clamp(1, MOST_HELD),
    }
}

/// Returns whether this behaviour shows in how choices depend on held requests. Other behaviours show on each
/// connection by itself.
pub(crate) fn looks_at_held(behaviour: Behaviour) -> bool {
    matches!(behaviour, Behaviour::LeastLoaded | Behaviour::TwoChoices)
}

/// Returns how long the short request at `position` is held. For latency-aware behaviours, some requests are
/// held longer: while all replies take the same time, latency-aware choices may rotate, and the trace proves
/// nothing.
pub(crate) fn short_hold(behaviour: Behaviour, position: usize) -> Duration {
    let slow = mix(position as u64) % 10 < SLOW_OF_TEN;
    if behaviour == Behaviour::LatencyAware && slow { SLOW } else { Duration::ZERO }
}

/// Counts of a probe by backend.
pub(super) struct Tally {
    pub(super) ids: Vec<String>,
    /// Weight of each backend as a fraction of all weights.
    pub(super) weights: Vec<f64>,
    /// Number of requests held on each backend.
    pub(super) held: Vec<usize>,
    /// Number of short requests that each backend answered.
    pub(super) answers: Vec<usize>,
    /// Position of the backend that answered each short request.
    pub(super) sequence: Vec<usize>,
    /// Whether `ids` contains the whole pool.
    pub(super) complete: bool,
}

impl Tally {
    pub(super) fn new(seen: &Observations) -> Self {
        let answered = || seen.held.iter().chain(&seen.sequence);
        // Ignore a pool whose ids are not those in the replies.
        let pool = seen
            .pool
            .as_ref()
            .filter(|pool| answered().all(|id| pool.iter().any(|backend| backend.id == *id)));
        let mut ids: Vec<String> = Vec::new();
        let mut weights = Vec::new();
        match pool {
            Some(pool) => {
                ids.extend(pool.iter().map(|backend| backend.id.clone()));
                weights.extend(pool.iter().map(|backend| backend.weight));
            }
            None => {
                for id in answered() {
                    if !ids.contains(id) {
                        ids.push(id.clone());
                        weights.push(1.0);
                    }
                }
            }
        }
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let place = |id: &String| ids.iter().position(|known| known == id).unwrap_or_default();
        let sequence: Vec<usize> = seen.sequence.iter().map(place).collect();
        let count = |places: &[usize]| {
            (0..ids.len()).map(|i| places.iter().filter(|place| **place == i).count()).collect()
        };
        Self {
            held: count(&seen.held.iter().map(place).collect::<Vec<_>>()),
            answers: count(&sequence),
            complete: pool.is_some(),
            sequence,
            weights,
            ids,
        }
    }

    pub(super) fn backends(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn requests(&self) -> usize {
        self.sequence.len()
    }

    /// Returns equal shares for all backends.
    pub(super) fn equal(&self) -> Vec<f64> {
        vec![1.0 / self.backends() as f64; self.backends()]
    }

    /// Returns the swings against equal shares and against weights.
    pub(super) fn swings(&self) -> (f64, f64) {
        (swing(&self.sequence, &self.equal()), swing(&self.sequence, &self.weights))
    }

    /// Returns the number of full windows of one round each, and the number of all windows.
    pub(super) fn windows(&self) -> (usize, usize) {
        full_windows(&self.sequence, self.backends())
    }

    /// Returns the least loaded backends under each definition of load that load balancers use: in flight, in
    /// flight over weight, and in flight with the new request over weight.
    pub(super) fn least_loaded(&self, held: &[usize]) -> [Vec<bool>; 3] {
        let least = |load: &dyn Fn(usize) -> f64| {
            let lowest = (0..self.backends()).map(load).fold(f64::INFINITY, f64::min);
            (0..self.backends()).map(|i| load(i) <= lowest * (1.0 + 1e-9)).collect()
        };
        [
            least(&|i| held[i] as f64),
            least(&|i| held[i] as f64 / self.weights[i]),
            least(&|i| (held[i] as f64 + 1.0) / self.weights[i]),
        ]
    }

    /// Returns the backends that are least loaded under any of these definitions.
    pub(super) fn any_least_loaded(&self, held: &[usize]) -> Vec<bool> {
        let readings = self.least_loaded(held);
        (0..self.backends()).map(|i| readings.iter().any(|set| set[i])).collect()
    }

    /// Counts the answers of the backends in `set`.
    pub(super) fn hits(&self, set: &[bool]) -> usize {
        self.answers.iter().zip(set).filter(|(_, member)| **member).map(|(hits, _)| hits).sum()
    }

    /// Counts the short requests that went to a busier backend although a less busy one was available.
    /// Requests are excluded if the previous one, still counted in flight, could explain the choice.
    pub(super) fn inexplicable(&self) -> usize {
        let settled = self.any_least_loaded(&self.held);
        let after: Vec<Vec<bool>> = (0..self.backends())
            .map(|previous| {
                let mut held = self.held.clone();
                held[previous] += 1;
                self.any_least_loaded(&held)
            })
            .collect();
        let mut previous = None;
        self.sequence
            .iter()
            .filter(|backend| {
                let late = previous.replace(**backend).is_some_and(|p: usize| after[p][**backend]);
                !settled[**backend] && !late
            })
            .count()
    }
}
