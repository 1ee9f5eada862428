//! The open model: requests arrive at a given rate, regardless of how earlier ones are served.

use crate::decider::{Decider, Lesson};
use crate::error::SimulationError;
use crate::options::Options;
use crate::oracle::Oracle;
use crate::report::Report;
use crate::requests::Call;
use crate::system::System;
use lb_core::policy::Policy;
use lb_core::rng::{Rng, mix};
use lb_core::topology::{RouteIndex, Topology};
use lb_core::workload::Observer;
use lb_core::{Seed, Span, Time};
use rand::RngExt;
use std::sync::Arc;

use crate::sample::{Sender, sample};

/// Arrivals of independent clients, each of which sends one request.
#[derive(Clone, Debug, PartialEq)]
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
}

impl OpenLoad {
    /// Creates a load of Poisson arrivals with equal requests.
    pub fn poisson(rate: f64, requests: u64, request_timeout: Span, seed: Seed) -> Self {
        Self { rate, bursts: None, routes: Vec::new(), requests, request_timeout, seed }
    }
}

/// A two-state Markov-modulated Poisson process: bursts and lulls, of equal mean length.
#[derive(Clone, Copy, Debug, PartialEq)]
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
/// Samples have user, action and step 0. Backends are numbered as in the topology.
///
/// # Errors
/// Fails if the topology has problems, there is no load balancer, or the rate is not above zero.
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
    if !(load.rate > 0.0 && load.rate.is_finite()) {
        return Err(SimulationError::Rate(load.rate));
    }
    let topology = Arc::new(topology.clone());
    let routes = Routes::new(&load.routes, topology.routes.len());
    let mut system = System::new(topology, Vec::new(), load.request_timeout, decider, options)?;
    let expected_length = Span::from_secs_f64(load.requests as f64 / load.rate * 2.0);
    system.begin_measuring(expected_length + load.request_timeout);

    let mut arrivals = Arrivals::new(load);
    arrivals.schedule();
    let keys = load.seed.key(&[label::REQUESTS]);
    let sender = Sender { expected: &[200], ..Sender::default() };
    while arrivals.left > 0 || !system.is_idle() {
        if arrivals.left > 0 && arrivals.next <= system.next_time() {
            let key = mix(keys ^ (load.requests - arrivals.left));
            let call = Call {
                owner: 0,
                // The load balancer of a client is random, but the same for all algorithms.
                balancer: (mix(key ^ label::BALANCERS) % u64::from(options.balancers)) as u16,
                pool: 0,
                service: u16::MAX,
                route: routes.of(key),
                key,
                client_key: key,
            };
            system.send(call, arrivals.next);
            arrivals.left -= 1;
            arrivals.schedule();
        } else if let Some(ended) = system.step() {
            observer.sample(&sample(&ended, Time::ZERO, &sender));
        }
    }
    Ok(system.report(Time::ZERO, 0))
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
    left: u64,
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
            left: load.requests,
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
