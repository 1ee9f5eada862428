//! The service times of recorded requests, each relative to the backend that served it.
//!
//! The time of a request includes its wait. Its own service time comes from the replay of the queues
//! ([`crate::queueing`]), or, where that times too few, from the requests that found their backend idle. Backends differ
//! in speed, and may be slow for a while; both are taken out ([`crate::pace`]), so that what is left is the request's own.

use super::CostError;
use crate::Resolution;
use crate::fit::{Looked, looked};
use crate::pace::{self, Observation, Paces};
use crate::visits::{Left, Visit};
use lb_traces::read::{HintPlace, Traces};
use serde::Serialize;

/// Fewest service times from which something can be said: a half of them is tested.
pub(super) const FEWEST: usize = 400;
/// Least service time in nanoseconds that is told apart; shorter ones count as this.
const SHORTEST: f64 = 1e3;
/// The same as a part of the unit of times.
const LEAST_TICK: f64 = 0.25;

/// How service times are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// From a replay of the queues of the backends, which separates waiting from service.
    Replay,
    /// From the latencies of requests that found their backend idle.
    Idle,
}

/// A request whose service time is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    /// Natural logarithm of the service time relative to the backend.
    pub(super) log: f64,
    pub(super) route: u16,
    pub(super) hints: HintPlace,
    /// Whether it came in the later half of its episode.
    pub(super) later: bool,
    /// Its place in that half, from 0 to 1.
    pub(super) progress: f64,
}

/// The service of one visit.
struct Service {
    episode: usize,
    exchange: u32,
    observed: Observation,
}

/// Returns the requests whose service time is known, episode by episode, in the order of their arrival.
pub(super) fn timed(traces: &Traces, resolution: Resolution) -> Result<(Vec<Timed>, TimeSource), CostError> {
    let look = looked(traces, resolution)?;
    let replayed = services(&look, |visit, work, started| {
        let (work, started) = (work?, started?);
        Some(Observation {
            route: visit.route,
            at: (started + visit.left) / 2.0,
            work,
            waited: started > visit.came,
        })
    });
    if count(&replayed) >= FEWEST {
        let rows = relative(traces, &replayed, &look.seen.paces, look.unit);
        return Ok((rows, TimeSource::Replay));
    }
    let idle = services(&look, |visit, _, _| {
        let (work, at) = (visit.left - visit.came, (visit.came + visit.left) / 2.0);
        (visit.found == 0).then_some(Observation { route: visit.route, at, work, waited: false })
    });
    if count(&idle) < FEWEST {
        let timed = count(&idle).max(count(&replayed));
        return Err(CostError::TooFew { timed, requests: traces.len(), needed: FEWEST });
    }
    let observed = |all: &Vec<Service>| {
        let mut observed: Vec<Observation> = all.iter().map(|one| one.observed).collect();
        observed.sort_by(|one, other| one.at.total_cmp(&other.at));
        observed
    };
    let observed: Vec<Vec<Observation>> = idle.iter().map(observed).collect();
    let paces = pace::fit(&observed, traces.routes.len(), look.length, look.unit);
    Ok((relative(traces, &idle, &paces, look.unit), TimeSource::Idle))
}

fn count(services: &[Vec<Service>]) -> usize {
    services.iter().map(Vec::len).sum()
}

/// Returns what each backend served successfully and `observe` can time. `observe` gets a visit, its work and the time at
/// which it got a worker, as the replay has them.
fn services(
    looked: &Looked,
    observe: impl Fn(&Visit, Option<f64>, Option<f64>) -> Option<Observation>,
) -> Vec<Vec<Service>> {
    let backend = |(backend, replays): (usize, &Vec<crate::queueing::Replayed>)| {
        let mut services = Vec::new();
        for (episode, (visits, replay)) in looked.seen.episodes.iter().zip(replays).enumerate() {
            let known = replay.work.iter().zip(&replay.started);
            for (visit, (work, started)) in visits[backend].taken_in.iter().zip(known) {
                if visit.how == (Left::Served { failed: false })
                    && let Some(observed) = observe(visit, *work, *started)
                    && observed.work > 0.0
                {
                    services.push(Service { episode, exchange: visit.exchange, observed });
                }
            }
        }
        services
    };
    looked.seen.replays.iter().enumerate().map(backend).collect()
}

/// Takes out what belongs to backends, and sorts by time.
fn relative(traces: &Traces, services: &[Vec<Service>], paces: &Paces, unit: f64) -> Vec<Timed> {
    let least = (unit * LEAST_TICK).max(SHORTEST);
    let mut places: Vec<(usize, u32, f64)> = Vec::with_capacity(count(services));
    for (all, pace) in services.iter().zip(&paces.backends) {
        let Some(pace) = pace else { continue };
        for Service { episode, exchange, observed } in all {
            let log = observed.work.max(least).ln() - pace.level - pace.factor(observed.at).ln();
            places.push((*episode, *exchange, log));
        }
    }
    places.sort_unstable_by_key(|(episode, exchange, _)| (*episode, *exchange));
    let mut rows = Vec::with_capacity(places.len());
    for episode in places.chunk_by(|one, other| one.0 == other.0) {
        let earlier = episode.len() / 2;
        let rest = (episode.len() - earlier).max(1) as f64;
        for (number, (place, exchange, log)) in episode.iter().enumerate() {
            let exchange = &traces.episodes[*place].exchanges[*exchange as usize];
            rows.push(Timed {
                log: *log,
                route: exchange.route,
                hints: exchange.hints,
                later: number >= earlier,
                progress: number.saturating_sub(earlier) as f64 / rest,
            });
        }
    }
    rows
}
