//! What backends did according to traces, under an assumption about the time that requests spend beside them: how they
//! queue, how much work each request was, and how fast they are.

use super::pace::{self, Observation, Paces};
use super::queueing::{self, Candidates, Fit, Queueing, Replayed, Tick};
use super::visits::{self, Visit, Visits};
use lb_core::Span;
use lb_core::topology::Discipline;
use lb_traces::read::{Episode, Traces};

/// What backends did, if requests spend a given time beside them.
pub(super) struct Look {
    /// The visits of each backend, episode by episode.
    pub(super) episodes: Vec<Vec<Visits>>,
    pub(super) fits: Vec<Fitted>,
    /// The same, replayed as the backend queues, backend by backend.
    pub(super) replays: Vec<Vec<Replayed>>,
    /// The work of the requests of each backend, by time.
    pub(super) observations: Vec<Vec<Observation>>,
    pub(super) paces: Paces,
}

impl Look {
    /// Looks at traces. `unit` and `length` are as for [`pace::fit`].
    pub(super) fn new(traces: &Traces, overhead: Span, tick: Tick, unit: f64, length: f64) -> Self {
        let backends = traces.backends.len();
        let nanos = overhead.as_nanos() as f64;
        let visits = |episode: &Episode| visits::visits(episode, backends, nanos, tick.unit);
        let episodes: Vec<Vec<Visits>> = traces.episodes.iter().map(visits).collect();
        let fits = queueings(&episodes, backends, tick);
        let of_backend = |(backend, fit): (usize, &Fitted)| {
            let replay = |all: &Vec<Visits>| queueing::replay(&all[backend].taken_in, fit.queueing, tick);
            let replays: Vec<Replayed> = episodes.iter().map(replay).collect();
            let observations = observations(&episodes, &replays, backend);
            (replays, observations)
        };
        let (replays, observations): (Vec<_>, Vec<_>) = fits.iter().enumerate().map(of_backend).unzip();
        let paces = pace::fit(&observations, traces.routes.len(), length, unit);
        Self { episodes, fits, replays, observations, paces }
    }
}

/// Queueing that is assumed if the traces do not determine it.
const UNKNOWN: Queueing = Queueing { discipline: Discipline::Fcfs, workers: 4 };

/// How a backend queues, with the evidence for it.
#[derive(Clone, Copy)]
pub(super) struct Fitted {
    pub(super) queueing: Queueing,
    /// `None` if no requests were sent to the backend.
    pub(super) fit: Option<Fit>,
    /// Highest number of requests in the backend at once.
    pub(super) most_inside: u32,
}

/// Determines how each backend queues. The most frequent result is used for backends without enough evidence.
fn queueings(episodes: &[Vec<Visits>], backends: usize, tick: Tick) -> Vec<Fitted> {
    let candidates: Vec<Option<Candidates>> = (0..backends)
        .map(|backend| {
            let visits: Vec<&[Visit]> =
                episodes.iter().map(|all| busiest(all[backend].taken_in.as_slice())).collect();
            queueing::candidates(&visits, tick)
        })
        .collect();
    let known: Vec<Queueing> = candidates
        .iter()
        .flatten()
        .filter(|candidates| candidates.best.saturated)
        .map(|candidates| candidates.best.queueing)
        .collect();
    let count = |queueing: &Queueing| known.iter().filter(|other| *other == queueing).count();
    let usual = known.iter().max_by_key(|queueing| count(queueing)).copied();
    let choose = |candidates: Option<Candidates>| {
        let Some(candidates) = candidates else {
            return Fitted { queueing: usual.unwrap_or(UNKNOWN), fit: None, most_inside: 0 };
        };
        let fit = usual.map_or(candidates.best, |usual| candidates.choose(usual));
        Fitted { queueing: fit.queueing, fit: Some(fit), most_inside: candidates.most_inside }
    };
    candidates.into_iter().map(choose).collect()
}

/// Largest number of visits in a row from which the queueing of a backend is determined.
const MOST_VISITS: usize = 100_000;

/// Returns the part of the visits in which the backend was busiest, if there are very many. It begins at a
/// request that found the backend empty, if there is one nearby.
fn busiest(visits: &[Visit]) -> &[Visit] {
    if visits.len() <= MOST_VISITS {
        return visits;
    }
    let found = |visits: &[Visit]| visits.iter().map(|visit| u64::from(visit.found)).sum::<u64>();
    let starts = (0..=visits.len() - MOST_VISITS).step_by(MOST_VISITS / 4);
    let start = starts.max_by_key(|start| found(&visits[*start..*start + MOST_VISITS])).unwrap_or(0);
    let window = &visits[start..start + MOST_VISITS];
    let empty = window.iter().take(MOST_VISITS / 10).position(|visit| visit.found == 0).unwrap_or(0);
    &window[empty..]
}

/// Returns the work of one backend's requests in all episodes.
fn observations(episodes: &[Vec<Visits>], replays: &[Replayed], backend: usize) -> Vec<Observation> {
    let mut all = Vec::new();
    for (visits, replayed) in episodes.iter().zip(replays) {
        let works = replayed.work.iter().zip(&replayed.started);
        for (visit, (work, started)) in visits[backend].taken_in.iter().zip(works) {
            if let (Some(work), Some(started)) = (*work, *started)
                && work > 0.0
            {
                let (route, waited) = (visit.route, started > visit.came);
                all.push(Observation { route, at: (started + visit.left) / 2.0, work, waited });
            }
        }
    }
    // Steps are searched for along the time axis, over all episodes.
    all.sort_by(|one, other| one.at.total_cmp(&other.at));
    all
}
