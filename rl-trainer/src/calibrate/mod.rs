//! The simulator, calibrated from traces: a topology and a load that behave as the real ones did.
//!
//! [`fit`] reads how backends queue, how fast they are, what routes cost and what went wrong out of
//! logged requests. [`Calibration::check`] then predicts policies that were logged and held back from the
//! fit. A policy is only worth training in a simulator that can do that: estimates straight from logs say
//! what one other decision would have cost, not what another policy would.

mod arrivals;
mod changes;
mod check;
mod demand;
mod error;
mod fit;
mod mishaps;
mod overhead;
mod pace;
mod queueing;
mod replay;
mod stats;
mod visits;

pub use check::{PolicyCheck, Skipped, Tolerance, Verdict, cross_check};
pub use error::CalibrationError;
pub use fit::fit;
pub use overhead::OverheadSource;

use lb_core::topology::Topology;
use lb_core::{Seed, Span};
use serde::Serialize;
use simulator::{Bursts, OpenLoad, Options};

/// A simulator's input, fitted to traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Backends, service times and faults. Faults begin at the offsets that they have in an episode.
    pub topology: Topology,
    /// The load of the longest episode.
    pub load: Load,
    /// What a request costs between load balancer and backend, both ways together.
    pub overhead: Span,
    /// How the overhead was determined.
    pub overhead_source: OverheadSource,
    /// The evidence for the fit of each backend, in the order of the topology.
    pub backends: Vec<BackendEvidence>,
}

/// The evidence for the fit of one backend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackendEvidence {
    /// Id of the backend.
    pub id: String,
    /// Requests whose service could be timed.
    pub timed: usize,
    /// Highest number of requests in flight at the backend.
    pub most_in_flight: u32,
    /// Whether requests had to wait for a worker often enough to count workers. If not, the number is
    /// that of other backends, and at least the number that were busy at the same time.
    pub saturated: bool,
    /// Whether its queue was ever full. If not, the cap is the usual one.
    pub queue_was_full: bool,
    /// How much the fitted service still depends on the queue; about 1 when it does not, as it should.
    pub f_ratio: f64,
}

/// The load: its rate, its mix of routes, and how long clients wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Load {
    /// Requests per second on average.
    pub rate: f64,
    /// Factor by which the rate rises in a burst; 1 without bursts.
    pub burst_factor: f64,
    /// Mean length of bursts and of lulls, in seconds.
    pub burst_length_s: Option<f64>,
    /// Share of each class of route.
    pub routes: Vec<(String, f64)>,
    /// Number of load balancers.
    pub balancers: u16,
    /// After how many seconds clients give up, if any did.
    pub request_timeout_s: Option<f64>,
    /// Seconds that the slowest request took.
    pub longest_latency_s: f64,
    /// Number of requests.
    pub requests: u64,
}

/// Where no client ever gave up, simulated ones wait this many times the longest latency of all.
const PATIENCE: f64 = 10.0;

impl Load {
    /// After how long simulated clients give up.
    pub fn request_timeout(&self) -> Span {
        Span::from_secs_f64(self.request_timeout_s.unwrap_or(PATIENCE * self.longest_latency_s))
    }

    /// Converts the load into the form that the simulator takes.
    pub fn open(&self, topology: &Topology, seed: Seed) -> OpenLoad {
        let shares = self.routes.iter().map(|(_, share)| *share);
        OpenLoad {
            rate: self.rate,
            bursts: self
                .burst_length_s
                .map(|length| Bursts { factor: self.burst_factor, mean_length: Span::from_secs_f64(length) }),
            routes: if topology.routes.is_empty() { Vec::new() } else { shares.collect() },
            requests: self.requests,
            request_timeout: self.request_timeout(),
            seed,
        }
    }
}

impl Calibration {
    /// What surrounds the backends, for as many load balancers as `load` has.
    pub fn options(&self, load: &Load, seed: Seed) -> Options {
        Options {
            balancers: load.balancers.max(1),
            // Two hops lie between load balancer and backend.
            network_delay: Span::from_nanos(self.overhead.as_nanos() / 2),
            seed,
            ..Options::default()
        }
    }
}
