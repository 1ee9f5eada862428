//! The open model: requests arrive at a rate, whatever becomes of those before them.

use crate::decider::Decider;
use crate::error::SimulationError;
use crate::options::Options;
use crate::oracle::Oracle;
use crate::report::Report;
use crate::requests::Call;
use crate::system::System;
use lb_core::policy::Policy;
use lb_core::rng::Rng;
use lb_core::topology::{RouteIndex, Topology};
use lb_core::workload::Observer;
use lb_core::{Seed, Span, Time};
use rand::RngExt;
use std::sync::Arc;

use crate::sample::{Sender, sample};

/// Poisson arrivals: independent clients, each of which sends one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenLoad {
    /// Requests per second on average.
    pub rate: f64,
    /// Requests in all.
    pub requests: u64,
    /// A request without a complete reply after this long is a timeout.
    pub request_timeout: Span,
    /// Fixes arrivals, service times and luck, whatever the algorithm.
    pub seed: Seed,
}

/// Labels of the random streams under the seed of the load.
mod label {
    pub(super) const ARRIVALS: u64 = 1;
    pub(super) const REQUESTS: u64 = 2;
}

/// Simulates an open load on the first pool of a topology, all requests of its own service time.
///
/// Samples carry user, action and step 0; their backends are numbered as the topology lists them.
///
/// # Errors
/// When the topology has problems, or there is no balancer or no rate.
pub fn simulate_open(
    topology: &Topology,
    load: &OpenLoad,
    policy: &mut dyn FnMut() -> Box<dyn Policy>,
    options: &Options,
    observer: &mut impl Observer,
) -> Result<Report, SimulationError> {
    simulate(topology, load, Decider::Policies(policy), options, observer)
}

/// [`simulate_open`] with an oracle that places all requests.
///
/// # Errors
/// As [`simulate_open`].
pub fn simulate_open_with_oracle(
    topology: &Topology,
    load: &OpenLoad,
    oracle: Oracle,
    options: &Options,
    observer: &mut impl Observer,
) -> Result<Report, SimulationError> {
    simulate(topology, load, Decider::Oracle(oracle), options, observer)
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
    let route = RouteIndex(topology.routes.len() as u16);
    let mut system = System::new(topology, Vec::new(), load.request_timeout, decider, options)?;
    let expected_length = Span::from_secs_f64(load.requests as f64 / load.rate * 2.0);
    system.begin_measuring(expected_length + load.request_timeout);

    let mut arrivals = Arrivals {
        rng: load.seed.stream(&[label::ARRIVALS]),
        mean_gap: Span::from_secs_f64(1.0 / load.rate),
        next: Time::ZERO,
        left: load.requests,
    };
    arrivals.schedule();
    let keys = load.seed.key(&[label::REQUESTS]);
    let sender = Sender { expected: &[200], ..Sender::default() };
    while arrivals.left > 0 || !system.is_idle() {
        if arrivals.left > 0 && arrivals.next <= system.next_time() {
            let number = load.requests - arrivals.left;
            let key = lb_core::rng::mix(keys ^ number);
            let call = Call {
                owner: 0,
                balancer: (number % u64::from(options.balancers)) as u16,
                pool: 0,
                service: u16::MAX,
                route,
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

/// A Poisson process.
struct Arrivals {
    rng: Rng,
    mean_gap: Span,
    next: Time,
    left: u64,
}

impl Arrivals {
    fn schedule(&mut self) {
        let gap: f64 = -(1.0 - self.rng.random::<f64>()).ln();
        self.next += self.mean_gap.mul_f64(gap);
    }
}
