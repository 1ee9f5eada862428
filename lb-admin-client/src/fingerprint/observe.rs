//! The observations of a probe, and the tallies that verdicts are based on.

use crate::fingerprint::statistics::{full_windows, swing};
use lb_core::algorithm::Behaviour;
use lb_core::rng::mix;
use std::time::Duration;

/// Most requests held at once. With more backends than this several stay free, which is enough.
const MOST_HELD: usize = 15;

/// Several times what a reply takes otherwise, and far below what would ruin a backend's estimate.
const SLOW: Duration = Duration::from_millis(5);

/// Often enough that every backend meets some, seldom enough that most replies are fast.
const SLOW_OF_TEN: u64 = 3;

/// A backend that may be picked.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolBackend {
    /// Its id, as in `X-Backend`.
    pub id: String,
    /// Its weight, above zero.
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

/// How many requests to hold: on all backends but one. None where they would teach a policy that
/// all backends but one are slow, and where the verdict does not need them.
pub(crate) fn requests_to_hold(behaviour: Behaviour, backends: usize) -> usize {
    match behaviour {
        Behaviour::LatencyAware | Behaviour::Learned => 0,
        _ => backends.saturating_sub(1).clamp(1, MOST_HELD),
    }
}

/// Whether the trace is that choices heed what is held. Others hold for each connection by itself.
pub(crate) fn looks_at_held(behaviour: Behaviour) -> bool {
    matches!(behaviour, Behaviour::LeastLoaded | Behaviour::TwoChoices)
}

/// How long the short request at `position` is held. Some take longer for who looks at latencies:
/// while all replies take the same time, latency-aware choices may rotate, and there is nothing to
/// tell.
pub(crate) fn short_hold(behaviour: Behaviour, position: usize) -> Duration {
    let slow = mix(position as u64) % 10 < SLOW_OF_TEN;
    if behaviour == Behaviour::LatencyAware && slow { SLOW } else { Duration::ZERO }
}

/// Observations by backend.
pub(super) struct Tally {
    pub(super) ids: Vec<String>,
    /// Each backend's weight as a share of all.
    pub(super) weights: Vec<f64>,
    /// Requests held on each.
    pub(super) held: Vec<usize>,
    /// Answers of each.
    pub(super) answers: Vec<usize>,
    /// The short requests, by position of their backend.
    pub(super) sequence: Vec<usize>,
    /// Whether `ids` are known to be all.
    pub(super) complete: bool,
}

impl Tally {
    pub(super) fn new(seen: &Observations) -> Self {
        let answered = || seen.held.iter().chain(&seen.sequence);
        // A pool whose ids are not those in the replies speaks of something else.
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

    /// Equal shares.
    pub(super) fn equal(&self) -> Vec<f64> {
        vec![1.0 / self.backends() as f64; self.backends()]
    }

    /// The swing against equal shares and against weights.
    pub(super) fn swings(&self) -> (f64, f64) {
        (swing(&self.sequence, &self.equal()), swing(&self.sequence, &self.weights))
    }

    /// The full windows of one round each, and all.
    pub(super) fn windows(&self) -> (usize, usize) {
        full_windows(&self.sequence, self.backends())
    }

    /// The least loaded backends, in each of the ways in which load balancers read it: in flight,
    /// in flight over weight, and in flight with the new request over weight.
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

    /// The backends that are least loaded in any of these ways.
    pub(super) fn any_least_loaded(&self, held: &[usize]) -> Vec<bool> {
        let readings = self.least_loaded(held);
        (0..self.backends()).map(|i| readings.iter().any(|set| set[i])).collect()
    }

    /// Answers of the backends in `set`.
    pub(super) fn hits(&self, set: &[bool]) -> usize {
        self.answers.iter().zip(set).filter(|(_, member)| **member).map(|(hits, _)| hits).sum()
    }

    /// Short requests that went to a busier backend while a less busy one was there, and that not
    /// even a count that goes down late explains: the request before may still be counted.
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
