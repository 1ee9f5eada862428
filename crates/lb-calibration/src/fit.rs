//! Fits a topology to traces, step by step; each step has its own module.

use super::error::CalibrationError;
use super::look::{Fitted, Look};
use super::mishaps::{self, Mishap, Seen};
use super::pace::{self, Observation, Paces};
use super::queueing::{Replayed, Tick};
use super::visits::Visits;
use super::{BackendEvidence, Calibration, Load, OverheadSource, Resolution, arrivals, demand, overhead};
use lb_core::fault::{Fault, FaultKind, SHORTEST_S};
use lb_core::service_time::ServiceTime;
use lb_core::topology::{BackendSpec, Pool, Route, Topology};
use lb_core::{Span, Time};
use lb_traces::read::{End, Episode, Traces};
use simulator::Options;

/// Minimum number of timed requests for a fit.
const FEWEST: usize = 200;
/// Minimum number of requests for a route to get its own distribution.
const FEWEST_OF_ROUTE: usize = 50;
/// Queue capacity of a backend whose queue was never full; see [`BackendSpec`].
const USUAL_QUEUE_CAP: u32 = 512;

/// A fit, and what a variation of it needs.
#[derive(Clone, Debug)]
pub(super) struct Workings {
    pub(super) calibration: Calibration,
    /// The work of the requests of each backend, by time.
    pub(super) observations: Vec<Vec<Observation>>,
    pub(super) paces: Paces,
    /// Logarithm of the work of a typical request at speed 1.
    pub(super) reference: f64,
    /// Unit of times in nanoseconds, if it is not small compared with work; 0 otherwise.
    pub(super) unit: f64,
    /// Length of the longest episode in nanoseconds.
    pub(super) length: f64,
}

/// Fits a topology and a load to traces.
///
/// # Errors
/// There is too little to fit, or the traces refer to entries that they do not list.
pub fn fit(traces: &Traces) -> Result<Calibration, CalibrationError> {
    Ok(workings(traces, Resolution::default())?.calibration)
}

/// What backends did, with the time that requests spend beside them.
pub(super) struct Looked {
    pub(super) seen: Look,
    pub(super) overhead: Span,
    overhead_source: OverheadSource,
    /// As in [`Workings`].
    pub(super) unit: f64,
    pub(super) length: f64,
    /// Number of requests whose service could be timed.
    pub(super) timed: usize,
}

/// Looks at what backends did, according to traces with times of this resolution.
pub(super) fn looked(traces: &Traces, resolution: Resolution) -> Result<Looked, CalibrationError> {
    check_numbers(traces)?;
    let tick = Tick::new(resolution);
    let coarse = resolution.unit >= COARSE;
    let unit = if coarse { tick.unit } else { 0.0 };
    let (mut overhead, mut overhead_source) = match coarse {
        true => (Options::LOOPBACK_DELAY * 2, OverheadSource::Assumed),
        false => overhead::overhead(traces),
    };
    let length = traces.episodes.iter().map(|episode| episode.length().as_nanos() as f64).fold(0.0, f64::max);
    let look = |overhead: Span| Look::new(traces, overhead, tick, unit, length);
    let mut seen = look(overhead);
    let timed = seen.observations.iter().map(Vec::len).sum();
    if timed < FEWEST {
        return Ok(Looked { seen, overhead, overhead_source, unit, length, timed });
    }
    if coarse && let Some(largest) = overhead::largest(traces) {
        // Ticks are longer than what a request spends outside its backend on a local network, so no single one shows it.
        for _ in 0..MOST_CORRECTIONS {
            let Some(beside) = overhead::beside(&seen.observations, &seen.paces, length) else { break };
            let nanos = (overhead.as_nanos() as f64 + beside).clamp(0.0, largest);
            let change = (nanos - overhead.as_nanos() as f64).abs();
            (overhead, overhead_source) = (Span::from_nanos(nanos as u64), OverheadSource::Waits);
            if change < SMALL_CORRECTION * unit {
                break;
            }
            seen = look(overhead);
        }
    }
    Ok(Looked { seen, overhead, overhead_source, unit, length, timed })
}

/// Fits a topology and a load to traces with times of this resolution.
pub(super) fn workings(traces: &Traces, resolution: Resolution) -> Result<Workings, CalibrationError> {
    let Looked { seen, overhead, overhead_source, unit, length, timed } = looked(traces, resolution)?;
    if timed < FEWEST {
        return Err(CalibrationError::TooFew { served: timed, requests: traces.len(), needed: FEWEST });
    }
    let Look { episodes, fits, replays, observations, paces } = seen;
    let (speeds, reference) = pace::speeds(&paces.backends);
    let demands = pace::demands(&observations, &paces, reference);
    let backends = Backends { traces, episodes: &episodes, replays: &replays, fits: &fits, length };
    let Described { specs, faults, evidence } = backends.describe(&observations, &paces, &speeds, reference);
    let (routes, service_time) =
        service_times(&traces.routes, &demands, blur(unit, speeds.iter().flatten().copied()));
    let topology = Topology {
        name: "calibrated".to_owned(),
        description: describe(traces, timed),
        pools: vec![Pool { name: "main".to_owned(), services: Vec::new(), backends: specs }],
        routes,
        service_time,
        cost: None,
        faults,
    };
    let problems = topology.problems();
    if !problems.is_empty() {
        return Err(CalibrationError::Topology(problems));
    }
    let longest = traces.episodes.iter().max_by_key(|episode| episode.exchanges.len());
    let load = longest.map(|episode| load(episode, traces)).unwrap_or_default();
    let calibration = Calibration { topology, load, overhead, overhead_source, backends: evidence };
    Ok(Workings { calibration, observations, paces, reference, unit, length })
}

/// Most corrections of the overhead. Each can change how backends seem to queue.
const MOST_CORRECTIONS: u32 = 3;
/// Correction of the overhead, as a part of the unit of times, that changes nothing else.
const SMALL_CORRECTION: f64 = 0.05;

/// Times with this resolution or a coarser one are cut off visibly: services take milliseconds.
const COARSE: Span = Span::from_micros(100);

/// What is known about all backends once their queueing is.
struct Backends<'a> {
    traces: &'a Traces,
    episodes: &'a [Vec<Visits>],
    replays: &'a [Vec<Replayed>],
    fits: &'a [Fitted],
    length: f64,
}

/// The backends and faults of a topology, with the evidence for them.
#[derive(Default)]
struct Described {
    specs: Vec<BackendSpec>,
    faults: Vec<Fault>,
    evidence: Vec<BackendEvidence>,
}

impl Backends<'_> {
    fn describe(
        &self,
        observations: &[Vec<Observation>],
        paces: &Paces,
        speeds: &[Option<f64>],
        reference: f64,
    ) -> Described {
        let mut described = Described::default();
        for (backend, id) in self.traces.backends.iter().enumerate() {
            let Fitted { queueing, fit, most_inside } = self.fits[backend];
            let seen: Vec<Seen<'_>> = self
                .episodes
                .iter()
                .zip(&self.replays[backend])
                .map(|(all, replayed)| Seen { visits: &all[backend], replayed })
                .collect();
            let cap = mishaps::queue_cap(&seen, queueing);
            described.faults.extend(slow_downs(paces, backend, id, self.length));
            let pace = paces.backends[backend].as_ref();
            let own = pace.map_or(reference, |pace| pace.level).exp();
            let typical = |at| own * pace.map_or(1.0, |pace| pace.factor(at));
            let mishaps = mishaps::mishaps(&seen, queueing, typical, self.length);
            described.faults.extend(mishaps.into_iter().filter_map(|mishap| fault(mishap, id, self.length)));
            described.specs.push(BackendSpec {
                id: id.clone(),
                workers: queueing.workers,
                discipline: queueing.discipline,
                queue_cap: cap.unwrap_or(USUAL_QUEUE_CAP).max(1),
                speed: speeds[backend].unwrap_or(1.0),
                weight: self.traces.weights.get(backend).copied().unwrap_or(1.0),
            });
            described.evidence.push(BackendEvidence {
                id: id.clone(),
                timed: observations[backend].len(),
                most_in_flight: most_inside,
                saturated: fit.is_some_and(|fit| fit.saturated),
                queue_was_full: cap.is_some(),
                f_ratio: fit.map_or(f64::NAN, |fit| fit.f_ratio),
            });
        }
        described
    }
}

impl Workings {
    /// Returns a variation of the fit, as if the periods of the log had been others: `weights` says how often
    /// each period counts, in order of time and of equal lengths within `length`. How backends queue, and their
    /// faults, stay as they were fitted.
    pub(super) fn resampled(&self, weights: &[u32], length: Span, routes: &[String]) -> Calibration {
        let period = (length.as_nanos() as f64 / weights.len() as f64).max(1.0);
        let times = |one: &Observation| weights[((one.at / period) as usize).min(weights.len() - 1)] as usize;
        let total: usize = self.observations.iter().map(Vec::len).sum();
        let stride = total.div_ceil(MOST_RESAMPLED).max(1);
        let mut drawn: Vec<Vec<Observation>> = Vec::with_capacity(self.observations.len());
        for all in &self.observations {
            let repeated = all.iter().step_by(stride);
            drawn.push(repeated.flat_map(|one| std::iter::repeat_n(*one, times(one))).collect());
        }
        let overhead = self.vary_overhead(&mut drawn);
        let mut paces = self.paces.clone();
        for (all, pace) in drawn.iter().zip(&mut paces.backends) {
            if let Some(pace) = pace {
                pace.level = match self.unit > 0.0 {
                    true => pace::mean_level(all, &self.paces.routes, pace),
                    false => pace::log_level(all, &self.paces.routes, pace),
                };
            }
        }
        pace::pool_levels(&drawn, &mut paces.backends);
        // The reference stays, so that service times and speeds vary against the same scale.
        let demands = pace::demands(&drawn, &paces, self.reference);
        let mut topology = self.calibration.topology.clone();
        for (spec, pace) in topology.pools[0].backends.iter_mut().zip(&paces.backends) {
            spec.speed = pace.as_ref().map_or(spec.speed, |pace| (self.reference - pace.level).exp());
        }
        let speeds = topology.pools[0].backends.iter().map(|spec| spec.speed);
        let (varied, service_time) = service_times(routes, &demands, blur(self.unit, speeds));
        topology.service_time = service_time;
        for (route, varied) in topology.routes.iter_mut().zip(varied) {
            route.service_time = varied.service_time;
        }
        Calibration { topology, overhead, ..self.calibration.clone() }
    }

    /// Estimates the overhead again, from observations that were drawn, and corrects their work. Returns the new overhead.
    fn vary_overhead(&self, drawn: &mut [Vec<Observation>]) -> Span {
        let Calibration { overhead, overhead_source, .. } = &self.calibration;
        let overhead = overhead.as_nanos() as f64;
        let beside = match overhead_source {
            OverheadSource::Waits => overhead::beside(drawn, &self.paces, self.length),
            _ => None,
        };
        let change = beside.unwrap_or(0.0).max(-overhead);
        for one in drawn.iter_mut().flatten().filter(|one| !one.waited) {
            one.work = (one.work - change).max(SHORTEST_WORK);
        }
        Span::from_nanos((overhead + change) as u64)
    }
}

/// Least work in nanoseconds that a correction leaves.
const SHORTEST_WORK: f64 = 1e3;

/// Largest number of observations that a variation of a fit uses. A subsample varies more than all of them, so
/// intervals become wider, not narrower.
const MOST_RESAMPLED: usize = 200_000;

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

/// Returns by how many milliseconds service times at speed 1 may be wrong: those of the fastest backend by most.
fn blur(unit: f64, speeds: impl Iterator<Item = f64>) -> f64 {
    unit / 1e6 * speeds.fold(1.0, f64::max)
}

/// Returns the distribution of each route, and the overall distribution for routes with few requests.
fn service_times(names: &[String], demands: &[Vec<f64>], blur: f64) -> (Vec<Route>, ServiceTime) {
    let mut all: Vec<f64> = demands.concat();
    all.sort_unstable_by(f64::total_cmp);
    let overall = demand::distribution(&all, blur).unwrap_or(ServiceTime::Constant { mean_ms: 1.0 });
    let of = |demands: &Vec<f64>| match demands.len() >= FEWEST_OF_ROUTE {
        true => demand::distribution(demands, blur).unwrap_or_else(|| overall.clone()),
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
    Route { method, service: None, path, service_time, cost: None }
}

/// Fewer clients than this that gave up show no common timeout.
const GAVE_UP: usize = 20;

/// Clients that gave up after times of which the middle nine tenths lie within this ratio had a timeout. Others left for
/// reasons of their own.
const AT_A_TIMEOUT: f64 = 1.1;

/// Returns after what time clients gave up; `None` if none did, or each after another time. A load balancer that has a
/// timeout itself says so; a client just disconnects.
pub(super) fn request_timeout(episode: &Episode) -> Option<Span> {
    let ended = |end: End| {
        let ended = episode.exchanges.iter().filter(move |exchange| exchange.end == end);
        ended.filter_map(|exchange| exchange.latency)
    };
    if let Some(timeout) = ended(End::TimedOut).min() {
        return Some(timeout);
    }
    let mut gave_up: Vec<Span> = ended(End::Censored).collect();
    gave_up.sort_unstable();
    let [early, usual, late] = [20, 2, 20].map(|part| gave_up.len() / part);
    let (early, late) = (gave_up.get(early)?, gave_up.get(gave_up.len() - 1 - late)?);
    let alike = late.as_secs_f64() <= AT_A_TIMEOUT * early.as_secs_f64();
    (gave_up.len() >= GAVE_UP && alike).then(|| gave_up[usual])
}

/// Returns the load of one episode.
pub(super) fn load(episode: &Episode, traces: &Traces) -> Load {
    let times: Vec<Time> = episode.exchanges.iter().map(|exchange| exchange.sent).collect();
    let mut routes = vec![0.0; traces.routes.len()];
    for exchange in &episode.exchanges {
        routes[usize::from(exchange.route)] += 1.0 / times.len() as f64;
    }
    let timeout = request_timeout(episode);
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
