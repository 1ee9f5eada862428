//! The open model: requests arrive at a given rate, regardless of how earlier ones are served.

use crate::decider::{Decider, Lesson};
use crate::error::SimulationError;
use crate::options::Options;
use crate::oracle::Oracle;
use crate::report::Report;
use crate::requests::Call;
use crate::system::System;
use crate::telling::{Teller, Telling};
use lb_core::hints::Hints;
use lb_core::policy::Policy;
use lb_core::rng::{Rng, mix};
use lb_core::topology::{RouteIndex, Topology};
use lb_core::workload::{Observer, UserId};
use lb_core::{Seed, Span, Time};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::sample::{NO_REQUEST, Sender, sample};

/// Arrivals of independent clients, each of which sends one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLoad {
    /// Requests per second on average.
    pub rate: f64,
    /// How the rate varies; `None` gives a Poisson process of constant rate.
    pub bursts: Option<Bursts>,
    /// Weights by which requests are spread over the routes of the topology. If empty, all requests
    /// take the topology's own service time.
    pub routes: Vec<f64>,
    /// Total number of requests.
    pub requests: u64,
    /// A request without a complete reply after this long is a timeout.
    pub request_timeout: Span,
    /// Seed of arrivals, service times and failures, which are the same for every algorithm.
    pub seed: Seed,
    /// What requests say about their size; `None` if they say nothing. It takes the place of the topology's costs.
    pub telling: Option<Telling>,
}

impl OpenLoad {
    /// Creates a load of Poisson arrivals with equal requests that say nothing.
    pub fn poisson(rate: f64, requests: u64, request_timeout: Span, seed: Seed) -> Self {
        Self { rate, bursts: None, routes: Vec::new(), requests, request_timeout, seed, telling: None }
    }
}

/// A two-state Markov-modulated Poisson process: bursts and lulls, of equal mean length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bursts {
    /// Factor on the rate during a burst, from 1 to 2. During a lull the factor is 2 minus this, so
    /// that the mean rate stays the same.
    pub factor: f64,
    /// Mean length of a burst, and of a lull; actual lengths are exponentially distributed.
    pub mean_length: Span,
}

/// Labels of the random streams of the load's seed.
mod label {
    pub(super) const ARRIVALS: u64 = 1;
    pub(super) const REQUESTS: u64 = 2;
    pub(super) const ROUTES: u64 = 3;
    pub(super) const BALANCERS: u64 = 4;
}

/// Simulates an open load on the first pool of a topology.
///
/// Samples have user, action and step 0. Backends are numbered as in the topology. Requests of a load without
/// [`Telling`] say nothing, and so cost 1 whatever the topology's costs.
///
/// # Errors
/// Fails if the topology has problems, there is no load balancer, the rate is not above zero, or a value of
/// [`OpenLoad::telling`] is out of its range.
pub fn simulate_open(
    topology: &Topology,
    load: &OpenLoad,
    policy: &mut dyn FnMut() -> Box<dyn Policy>,
    options: &Options,
    observer: &mut impl Observer,
) -> Result<Report, SimulationError> {
    simulate(topology, load, Decider::Policies(policy), options, observer)
}

/// Simulates an open load like [`simulate_open`], with an oracle that picks all backends.
///
/// # Errors
/// Fails in the same cases as [`simulate_open`].
pub fn simulate_open_with_oracle(
    topology: &Topology,
    load: &OpenLoad,
    oracle: Oracle,
    options: &Options,
    observer: &mut impl Observer,
) -> Result<Report, SimulationError> {
    simulate(topology, load, Decider::Oracle(oracle), options, observer)
}

/// Simulates an open load like [`simulate_open`], with a teacher: before each pick of a policy,
/// `lesson` receives the cost that an oracle expects for each backend of the pool, in nanoseconds
/// (infinite if it is down).
///
/// # Errors
/// Fails in the same cases as [`simulate_open`].
pub fn simulate_open_taught(
    topology: &Topology,
    load: &OpenLoad,
    policy: &mut dyn FnMut() -> Box<dyn Policy>,
    teacher: Oracle,
    lesson: Lesson,
    options: &Options,
    observer: &mut impl Observer,
) -> Result<Report, SimulationError> {
    simulate(topology, load, Decider::Taught { policy, teacher, lesson }, options, observer)
}

fn simulate(
    topology: &Topology,
    load: &OpenLoad,
    decider: Decider<'_>,
    options: &Options,
    observer: &mut impl Observer,
) -> Result<Report, SimulationError> {
    let (mut system, mut calls) = start(topology, load, decider, options)?;
    while calls.left > 0 || !system.is_idle() {
        let next = system.next_time();
        if calls.next_time() <= next {
            let (call, hints, at) = calls.take();
            system.send(call, hints.as_ref(), at);
        } else if let Some(ended) = system.step(next) {
            observer.sample(&sample(&ended, Time::ZERO, &SENDER));
        }
    }
    Ok(system.report(Time::ZERO, 0))
}

/// The sender of all requests of an open load.
pub(crate) const SENDER: Sender<'static> = Sender { user: UserId(0), request: NO_REQUEST, expected: &[200] };

/// Creates the system of an open load, with its faults, and the requests that it will get.
pub(crate) fn start(
    topology: &Topology,
    load: &OpenLoad,
    decider: Decider<'_>,
    options: &Options,
) -> Result<(System, OpenCalls), SimulationError> {
    if !(load.rate > 0.0 && load.rate.is_finite()) {
        return Err(SimulationError::Rate(load.rate));
    }
    let calls = OpenCalls::new(load, topology, options)?;
    let untold = load.telling.map(|telling| telling.untold(topology));
    let topology = Arc::new(untold.unwrap_or_else(|| topology.clone()));
    let mut system = System::new(topology, Vec::new(), load.request_timeout, decider, options)?;
    let expected_length = Span::from_secs_f64(load.requests as f64 / load.rate * 2.0);
    system.begin_measuring(expected_length + load.request_timeout);
    Ok((system, calls))
}

/// The requests of an open load, in the order of their arrival.
pub(crate) struct OpenCalls {
    arrivals: Arrivals,
    routes: Routes,
    teller: Option<Teller>,
    /// Key from which those of the requests are made.
    keys: u64,
    balancers: u64,
    taken: u64,
    /// Number of requests that are still to come.
    pub(crate) left: u64,
}

impl OpenCalls {
    fn new(load: &OpenLoad, topology: &Topology, options: &Options) -> Result<Self, SimulationError> {
        let teller = load.telling.as_ref().map(Teller::new).transpose()?;
        let mut arrivals = Arrivals::new(load);
        arrivals.schedule();
        Ok(Self {
            arrivals,
            routes: Routes::new(&load.routes, topology.routes.len()),
            teller,
            keys: load.seed.key(&[label::REQUESTS]),
            balancers: u64::from(options.balancers),
            taken: 0,
            left: load.requests,
        })
    }

    /// Returns when the next request is sent; [`Time::MAX`] after the last one.
    pub(crate) fn next_time(&self) -> Time {
        if self.left > 0 { self.arrivals.next } else { Time::MAX }
    }

    /// Takes the next request, of which there must be one, what it says, and the time at which it is sent.
    pub(crate) fn take(&mut self) -> (Call, Option<Hints>, Time) {
        let key = mix(self.keys ^ self.taken);
        let (hints, cost) = match &self.teller {
            None => (None, 1.0),
            Some(teller) => {
                let (hints, cost) = teller.tell(key);
                (Some(hints), cost)
            }
        };
        let call = Call {
            owner: 0,
            // The load balancer of a client is random, but the same for all algorithms.
            balancer: (mix(key ^ label::BALANCERS) % self.balancers) as u16,
            pool: 0,
            service: u16::MAX,
            route: self.routes.of(key),
            cost,
            key,
            client_key: key,
        };
        let at = self.arrivals.next;
        self.taken += 1;
        self.left -= 1;
        self.arrivals.schedule();
        (call, hints, at)
    }
}

/// Cumulative weights of routes.
struct Routes {
    up_to: Vec<f64>,
    /// Route index of requests that match no route.
    other: RouteIndex,
}

impl Routes {
    fn new(weights: &[f64], known: usize) -> Self {
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let up_to = weights.iter().map(|weight| {
            sum += weight / total;
            sum
        });
        Self { up_to: up_to.collect(), other: RouteIndex(known as u16) }
    }

    fn of(&self, key: u64) -> RouteIndex {
        let drawn = mix(key ^ label::ROUTES) as f64 / u64::MAX as f64;
        let place = self.up_to.iter().position(|up_to| drawn < *up_to);
        place.map_or(self.other, |place| RouteIndex(place as u16))
    }
}

/// A Poisson process whose rate may switch between two values.
struct Arrivals {
    rng: Rng,
    mean_gap: Span,
    bursts: Option<Bursts>,
    in_burst: bool,
    /// When the current burst or lull ends.
    until: Time,
    next: Time,
}

impl Arrivals {
    fn new(load: &OpenLoad) -> Self {
        let mut arrivals = Self {
            rng: load.seed.stream(&[label::ARRIVALS]),
            mean_gap: Span::from_secs_f64(1.0 / load.rate),
            bursts: load.bursts,
            in_burst: false,
            until: Time::MAX,
            next: Time::ZERO,
        };
        if let Some(bursts) = load.bursts {
            arrivals.until = Time::ZERO + bursts.mean_length.mul_f64(arrivals.exponential());
        }
        arrivals
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.rng.random::<f64>()).ln()
    }

    fn schedule(&mut self) {
        let mut left = self.exponential();
        // Gaps are memoryless: after a change of rate, the rest of the gap is scaled to the new rate.
        while let Some(bursts) = self.bursts {
            let factor = if self.in_burst { bursts.factor } else { 2.0 - bursts.factor };
            let end = self.next + self.mean_gap.mul_f64(left / factor);
            if end <= self.until {
                self.next = end;
                return;
            }
            let passed = self.until.since(self.next);
            left -= passed.as_nanos() as f64 / self.mean_gap.as_nanos() as f64 * factor;
            self.next = self.until;
            self.in_burst = !self.in_burst;
            let length = bursts.mean_length.mul_f64(self.exponential());
            self.until = self.next + length;
            left = left.max(0.0);
        }
        self.next += self.mean_gap.mul_f64(left);
    }
}
