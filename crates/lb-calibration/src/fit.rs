//! Fits a topology to traces, step by step; each step has its own module.

use super::error::CalibrationError;
use super::mishaps::{self, Mishap, Seen};
use super::pace::{self, Observation, Paces};
use super::queueing::{self, Candidates, Fit, Queueing, Replayed};
use super::visits::{self, Visit, Visits};
use super::{BackendEvidence, Calibration, Load, arrivals, demand, overhead};
use lb_core::Time;
use lb_core::fault::{Fault, FaultKind, SHORTEST_S};
use lb_core::service_time::ServiceTime;
use lb_core::topology::{BackendSpec, Discipline, Pool, Route, Topology};
use lb_traces::read::{End, Episode, Traces};

/// Minimum number of timed requests for a fit.
const FEWEST: usize = 200;
/// Minimum number of requests for a route to get its own distribution.
const FEWEST_OF_ROUTE: usize = 50;
/// Queue capacity of a backend whose queue was never full; see [`BackendSpec`].
const USUAL_QUEUE_CAP: u32 = 512;

/// Fits a topology and a load to traces.
///
/// # Errors
/// There is too little to fit, or the traces refer to entries that they do not list.
pub fn fit(traces: &Traces) -> Result<Calibration, CalibrationError> {
    check_numbers(traces)?;
    let (overhead, overhead_source) = overhead::overhead(traces);
    let nanos = overhead.as_nanos() as f64;
    let backends = traces.backends.len();
    let episodes: Vec<Vec<Visits>> =
        traces.episodes.iter().map(|episode| visits::visits(episode, backends, nanos)).collect();
    let length = traces.episodes.iter().map(|episode| episode.length().as_nanos() as f64).fold(0.0, f64::max);

    let fits = queueings(&episodes, backends);
    let replays: Vec<Vec<Replayed>> = (0..backends)
        .map(|backend| {
            let queueing = fits[backend].queueing;
            episodes.iter().map(|all| queueing::replay(&all[backend].taken_in, queueing)).collect()
        })
        .collect();
    let observations: Vec<Vec<Observation>> =
        (0..backends).map(|backend| observations(&episodes, &replays[backend], backend)).collect();
    let timed = observations.iter().map(Vec::len).sum();
    if timed < FEWEST {
        return Err(CalibrationError::TooFew { served: timed, requests: traces.len(), needed: FEWEST });
    }

    let paces = pace::fit(&observations, traces.routes.len(), length);
    let (speeds, reference) = pace::speeds(&paces.backends);
    let demands = pace::demands(&observations, &paces, reference);
    let mut specs = Vec::new();
    let mut faults = Vec::new();
    let mut evidence = Vec::new();
    for (backend, id) in traces.backends.iter().enumerate() {
        let Fitted { queueing, fit, most_inside } = fits[backend];
        let seen: Vec<Seen<'_>> = episodes
            .iter()
            .zip(&replays[backend])
            .map(|(all, replayed)| Seen { visits: &all[backend], replayed })
            .collect();
        let cap = mishaps::queue_cap(&seen, queueing);
        faults.extend(slow_downs(&paces, backend, id, length));
        let pace = paces.backends[backend].as_ref();
        let own = pace.map_or(reference, |pace| pace.level).exp();
        let typical = |at| own * pace.map_or(1.0, |pace| pace.factor(at));
        let mishaps = mishaps::mishaps(&seen, queueing, typical, length);
        faults.extend(mishaps.into_iter().filter_map(|mishap| fault(mishap, id, length)));
        specs.push(BackendSpec {
            id: id.clone(),
            workers: queueing.workers,
            discipline: queueing.discipline,
            queue_cap: cap.unwrap_or(USUAL_QUEUE_CAP).max(1),
            speed: speeds[backend].unwrap_or(1.0),
            weight: traces.weights.get(backend).copied().unwrap_or(1.0),
        });
        evidence.push(BackendEvidence {
            id: id.clone(),
            timed: observations[backend].len(),
            most_in_flight: most_inside,
            saturated: fit.is_some_and(|fit| fit.saturated),
            queue_was_full: cap.is_some(),
            f_ratio: fit.map_or(f64::NAN, |fit| fit.f_ratio),
        });
    }
    let (routes, service_time) = service_times(&traces.routes, &demands);
    let topology = Topology {
        name: "calibrated".to_owned(),
        description: describe(traces, timed),
        pools: vec![Pool { name: "main".to_owned(), services: Vec::new(), backends: specs }],
        routes,
        service_time,
        faults,
    };
    let problems = topology.problems();
    if !problems.is_empty() {
        return Err(CalibrationError::Topology(problems));
    }
    let longest = traces.episodes.iter().max_by_key(|episode| episode.exchanges.len());
    let load = longest.map(|episode| load(episode, traces)).unwrap_or_default();
    Ok(Calibration { topology, load, overhead, overhead_source, backends: evidence })
}

/// Queueing that is assumed if the traces do not determine it.
const UNKNOWN: Queueing = Queueing { discipline: Discipline::Fcfs, workers: 4 };

fn check_numbers(traces: &Traces) -> Result<(), CalibrationError> {
    if traces.is_empty() {
        return Err(CalibrationError::Empty);
    }
    let unlisted = |what, number: u16, known: usize| {
        (usize::from(number) >= known).then_some(CalibrationError::Unlisted { what, number, known })
    };
    let exchanges = traces.episodes.iter().flat_map(|episode| &episode.exchanges);
    exchanges
        .filter_map(|one| {
            unlisted("backend", one.backend, traces.backends.len())
                .or_else(|| unlisted("route", one.route, traces.routes.len()))
        })
        .next()
        .map_or(Ok(()), Err)
}

/// How a backend queues, with the evidence for it.
#[derive(Clone, Copy)]
struct Fitted {
    queueing: Queueing,
    /// `None` if no requests were sent to the backend.
    fit: Option<Fit>,
    /// Highest number of requests in the backend at once.
    most_inside: u32,
}

/// Determines how each backend queues. The most frequent result is used for backends without enough evidence.
fn queueings(episodes: &[Vec<Visits>], backends: usize) -> Vec<Fitted> {
    let candidates: Vec<Option<Candidates>> = (0..backends)
        .map(|backend| {
            let visits: Vec<&[Visit]> = episodes.iter().map(|all| all[backend].taken_in.as_slice()).collect();
            queueing::candidates(&visits)
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

/// Returns the work of one backend's requests in all episodes.
fn observations(episodes: &[Vec<Visits>], replays: &[Replayed], backend: usize) -> Vec<Observation> {
    let mut all = Vec::new();
    for (visits, replayed) in episodes.iter().zip(replays) {
        let works = replayed.work.iter().zip(&replayed.started);
        for (visit, (work, started)) in visits[backend].taken_in.iter().zip(works) {
            if let (Some(work), Some(started)) = (*work, *started)
                && work > 0.0
            {
                all.push(Observation { route: visit.route, at: (started + visit.left) / 2.0, work });
            }
        }
    }
    // Steps are searched for along the time axis, over all episodes.
    all.sort_by(|one, other| one.at.total_cmp(&other.at));
    all
}

fn slow_downs(paces: &Paces, backend: usize, id: &str, length: f64) -> Vec<Fault> {
    let spells = paces.backends[backend].iter().flat_map(|pace| &pace.slow_downs);
    let mishaps = spells.map(|spell| Mishap {
        kind: FaultKind::LatencyFactor { factor: spell.value },
        from: spell.from,
        to: spell.to,
    });
    mishaps.filter_map(|mishap| fault(mishap, id, length)).collect()
}

/// Converts a mishap to a fault of a topology. A fault that lasts until the end of the traces has no end.
fn fault(mishap: Mishap, id: &str, length: f64) -> Option<Fault> {
    let duration = (mishap.to - mishap.from) / 1e9;
    (duration >= SHORTEST_S).then(|| Fault {
        kind: mishap.kind,
        services: Vec::new(),
        backends: vec![id.to_owned()],
        start_s: mishap.from / 1e9,
        duration_s: (mishap.to < length).then_some(duration),
        every_s: None,
    })
}

/// Returns the distribution of each route, and the overall distribution for routes with few requests.
fn service_times(names: &[String], demands: &[Vec<f64>]) -> (Vec<Route>, ServiceTime) {
    let mut all: Vec<f64> = demands.concat();
    all.sort_unstable_by(f64::total_cmp);
    let overall = demand::distribution(&all).unwrap_or(ServiceTime::Constant { mean_ms: 1.0 });
    let of = |demands: &Vec<f64>| match demands.len() >= FEWEST_OF_ROUTE {
        true => demand::distribution(demands).unwrap_or_else(|| overall.clone()),
        false => overall.clone(),
    };
    let routes = match names.len() {
        1 => Vec::new(),
        _ => names.iter().zip(demands).map(|(name, demands)| route(name, of(demands))).collect(),
    };
    (routes, overall)
}

/// Parses the name of a route class, such as `GET /cart-service/api/items/{}`, into a route. Any other name
/// is used as the path.
fn route(name: &str, service_time: ServiceTime) -> Route {
    let (method, path) = match name.split_once(' ') {
        Some((method, path)) => (Some(method.to_owned()), path),
        None => (None, name),
    };
    let path = path.replace("{}", "*");
    let path = if path.starts_with(['/', '*']) { path } else { format!("/{path}") };
    Route { method, service: None, path, service_time }
}

/// Returns the load of one episode.
pub(super) fn load(episode: &Episode, traces: &Traces) -> Load {
    let times: Vec<Time> = episode.exchanges.iter().map(|exchange| exchange.sent).collect();
    let mut routes = vec![0.0; traces.routes.len()];
    for exchange in &episode.exchanges {
        routes[usize::from(exchange.route)] += 1.0 / times.len() as f64;
    }
    let timeouts = episode.exchanges.iter().filter(|exchange| exchange.end == End::TimedOut);
    let timeout = timeouts.filter_map(|exchange| exchange.latency).min();
    let longest = episode.exchanges.iter().filter_map(|exchange| exchange.latency).max();
    let bursts = arrivals::bursts(&times);
    Load {
        rate: arrivals::rate(&times),
        burst_factor: bursts.map_or(1.0, |bursts| bursts.factor),
        burst_length_s: bursts.map(|bursts| bursts.mean_length.as_secs_f64()),
        routes: traces.routes.iter().cloned().zip(routes).collect(),
        balancers: episode.balancers.max(1),
        request_timeout_s: timeout.map(|timeout| timeout.as_secs_f64()),
        longest_latency_s: longest.map_or(0.0, |longest| longest.as_secs_f64()),
        requests: times.len() as u64,
    }
}

fn describe(traces: &Traces, timed: usize) -> String {
    format!(
        "Fitted to {timed} of {} requests routed by {}. Speed 1 is the speed of the median backend.",
        traces.len(),
        traces.policies().join(", "),
    )
}
