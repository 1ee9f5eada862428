//! Random cases: small pools with varying backends, request sizes, loads and faults, so that a policy cannot
//! memorise them.
//!
//! Rates are low enough for the pool to serve all requests even during faults, because the policy should
//! learn where to send requests, not which ones to lose. Times scale with the mean service time, which varies
//! by a factor of ten. What requests tell about their size comes from a stream of its own, so that the frozen lists of
//! cases that tell nothing stay as they are.

use super::Case;
use lb_core::fault::{Fault, FaultKind};
use lb_core::rng::Rng;
use lb_core::service_time::ServiceTime;
use lb_core::topology::{BackendSpec, Discipline, Pool, Route, Topology};
use lb_core::{Seed, Span};
use rand::RngExt;
use rand::seq::IndexedRandom;
use simulator::{Bursts, HealthChecks, OpenLoad, Options, Reports, Telling};

/// Default number of requests per case.
const REQUESTS: u64 = 10_000;

/// Client timeout, in multiples of the mean service time.
const TIMEOUT_PER_SERVICE: f64 = 200.0;

/// Label of the stream of what requests tell, which leaves all other draws of a case as they are.
const TELLING: u64 = 0x7e11;

/// Chance that requests of a training case tell something about their size.
const TELLS: f64 = 1.0 / 3.0;

/// Draws a case from `seed` whose requests tell nothing.
pub fn random_case(seed: Seed) -> Case {
    let mut rng = seed.stream(&[]);
    let rng = &mut rng;
    let backends = backends(rng);
    let service_ms = log_uniform(rng, 3.0, 30.0);
    let speeds: f64 = backends.iter().map(|backend| backend.speed * f64::from(backend.workers)).sum();
    let workers: f64 = backends.iter().map(|backend| f64::from(backend.workers)).sum();
    // The demand at speed 1 that takes `service_ms` at the average speed.
    let demand_ms = service_ms * speeds / workers;
    let (routes, weights, service_time) = sizes(rng, demand_ms);
    let (faults, least) = faults(rng, &backends, service_ms);
    let utilisation: f64 = rng.random_range(0.5..0.95);
    let capacity = speeds * least / demand_ms * 1_000.0;
    let bursts = rng.random_bool(0.4).then(|| Bursts {
        factor: rng.random_range(1.2..1.8),
        mean_length: Span::from_millis_f64(service_ms * log_uniform(rng, 10.0, 100.0)),
    });
    // A burst may saturate the pool, but not overload it.
    let peak = bursts.map_or(1.0, |bursts: Bursts| bursts.factor);
    let rate = capacity * utilisation.min(1.1 / peak);
    let load = OpenLoad {
        rate,
        bursts,
        routes: weights,
        requests: REQUESTS,
        request_timeout: Span::from_millis_f64(service_ms * TIMEOUT_PER_SERVICE),
        seed,
        telling: None,
    };
    let options = Options {
        balancers: *[1, 1, 1, 2, 3, 4].choose(rng).expect("there are some"),
        network_delay: Span::from_millis_f64(service_ms * log_uniform(rng, 0.003, 0.1)),
        health: HealthChecks::default(),
        seed,
        luck: 0,
        reports: Reports::None,
    };
    let topology = Topology {
        name: "random".to_owned(),
        description: String::new(),
        pools: vec![Pool { name: "main".to_owned(), services: Vec::new(), backends }],
        routes,
        service_time,
        cost: None,
        faults,
    };
    Case { name: String::new(), topology, load, options, service_ms }
}

/// Draws from `seed` the case of [`random_case`]. In a third of all cases, its requests tell something about their size.
pub fn mixed_case(seed: Seed) -> Case {
    let (case, mut rng) = (random_case(seed), telling_stream(seed));
    if rng.random_bool(TELLS) { with_telling(case, &mut rng) } else { case }
}

/// Draws from `seed` the case of [`random_case`] with requests that tell something about their size.
pub fn telling_case(seed: Seed) -> Case {
    with_telling(random_case(seed), &mut telling_stream(seed))
}

fn telling_stream(seed: Seed) -> Rng {
    seed.stream(&[TELLING])
}

/// Lets requests tell 30 to 95 % of the variance of their log sizes. Mean sizes stay; within a route they are log-normal.
fn with_telling(mut case: Case, rng: &mut Rng) -> Case {
    case.load.telling = Some(Telling {
        share: rng.random_range(0.3..0.95),
        sigma: rng.random_range(0.4..1.3),
        noise: rng.random_range(0..=3),
        word: rng.random_bool(0.3).then(|| rng.random_range(0.1..0.7)),
    });
    case
}

fn log_uniform(rng: &mut Rng, from: f64, to: f64) -> f64 {
    rng.random_range(from.ln()..to.ln()).exp()
}

/// Draws three to eight backends: all equal, of a few kinds, or all different.
fn backends(rng: &mut Rng) -> Vec<BackendSpec> {
    let count = rng.random_range(3..=8);
    let spread = log_uniform(rng, 2.0, 12.0);
    let kinds: Vec<f64> = (0..rng.random_range(2..=4)).map(|_| log_uniform(rng, 1.0, spread)).collect();
    let shape = rng.random_range(0..10);
    let workers = *[1, 2, 4, 4, 4, 8].choose(rng).expect("there are some");
    let uneven_workers = rng.random_bool(0.15);
    let discipline = if rng.random_bool(0.8) { Discipline::Fcfs } else { Discipline::ProcessorSharing };
    let weighted = rng.random_bool(0.2);
    (0..count)
        .map(|number| {
            let speed = match shape {
                0 => 1.0,
                1..6 => *kinds.choose(rng).expect("there are some"),
                _ => log_uniform(rng, 1.0, spread),
            };
            let workers =
                if uneven_workers { *[1, 2, 4, 8].choose(rng).expect("there are some") } else { workers };
            BackendSpec {
                id: format!("b{}", number + 1),
                workers,
                discipline,
                queue_cap: 512,
                speed,
                weight: if weighted { speed * f64::from(workers) } else { 1.0 },
            }
        })
        .collect()
}

/// Draws service times with a mean of `demand_ms`, either equal for all requests or different for some
/// routes.
fn sizes(rng: &mut Rng, demand_ms: f64) -> (Vec<Route>, Vec<f64>, ServiceTime) {
    let sigma = rng.random_range(0.3..1.3);
    let of = |mean_ms: f64, sigma: f64, kind: u32| match kind {
        0 => ServiceTime::Exponential { mean_ms },
        1 => ServiceTime::Constant { mean_ms },
        _ => ServiceTime::LogNormal { mean_ms, sigma },
    };
    let kind = rng.random_range(0..8);
    if rng.random_bool(0.5) {
        return (Vec::new(), Vec::new(), of(demand_ms, sigma, kind));
    }
    let count = rng.random_range(2..=6);
    let spread = log_uniform(rng, 1.5, 20.0);
    let sizes: Vec<f64> = (0..count).map(|_| log_uniform(rng, 1.0, spread)).collect();
    let weights: Vec<f64> = (0..count).map(|_| rng.random_range(0.2..1.0)).collect();
    let total: f64 = weights.iter().sum();
    let mean: f64 = sizes.iter().zip(&weights).map(|(size, weight)| size * weight / total).sum();
    let routes = sizes.iter().enumerate().map(|(number, size)| Route {
        method: None,
        service: None,
        path: format!("/r{number}"),
        service_time: of(demand_ms * size / mean, sigma.min(0.8), kind),
        cost: None,
    });
    (routes.collect(), weights, of(demand_ms, sigma, kind))
}

/// Draws up to two temporary faults of individual backends. Also returns the smallest share of the pool's
/// speed that remains during the faults.
fn faults(rng: &mut Rng, backends: &[BackendSpec], service_ms: f64) -> (Vec<Fault>, f64) {
    let count = *[0, 1, 1, 1, 2, 2].choose(rng).expect("there are some");
    let speed = |place: usize| backends[place].speed * f64::from(backends[place].workers);
    let total: f64 = (0..backends.len()).map(speed).sum();
    let mut least = 1.0;
    let mut faults = Vec::new();
    for place in rand::seq::index::sample(rng, backends.len(), count) {
        let factor = log_uniform(rng, 3.0, 20.0);
        let kind = match rng.random_range(0..10) {
            0..5 => FaultKind::LatencyFactor { factor },
            5..7 => FaultKind::FastFail { rate: *[0.3, 0.6, 0.9, 1.0].choose(rng).expect("there are some") },
            7 => FaultKind::ErrorRate { rate: rng.random_range(0.2..0.9) },
            8 => FaultKind::Freeze {},
            _ => FaultKind::LatencyAdd { add_ms: service_ms * factor },
        };
        // The load is based on the remaining capacity, which may be small without the fastest backend.
        least -= speed(place) / total;
        let length = service_ms / 1_000.0
            * match kind {
                // As long as a garbage collection pause or a short partition, not an outage.
                FaultKind::Freeze {} => log_uniform(rng, 10.0, 100.0),
                _ => log_uniform(rng, 50.0, 1_000.0),
            };
        let gap = length * rng.random_range(1.0..4.0);
        faults.push(Fault {
            kind,
            services: Vec::new(),
            backends: vec![backends[place].id.clone()],
            start_s: gap * rng.random_range(0.2..1.0),
            duration_s: Some(length),
            every_s: Some(length + gap),
        });
    }
    (faults, f64::max(least, 0.2))
}
