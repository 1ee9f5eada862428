//! Calibrates the simulator from traces and access logs: fits a topology and a load that behave like the real
//! ones.
//!
//! From logged requests, [`fit`] estimates how backends queue, how fast they are, how expensive routes are,
//! and which faults occurred. [`Calibration::check`] then predicts logged policies that were held back from
//! the fit. Training only makes sense in a simulator that passes this check; estimates taken directly from
//! logs apply to individual decisions, not to another policy.
//!
//! [`FittedTraces`] also has variations of a fit, which say how sure it is, and [`profile`] tells policies.
//!
//! [`log`] reads what access logs hold, [`what_if`] predicts what other algorithms would have done with the
//! same requests, and [`costs`] tells what requests say about their cost.

mod arrivals;
mod changes;
mod check;
pub mod costs;
mod demand;
mod error;
mod fit;
mod fitted;
pub mod log;
mod look;
mod mishaps;
mod overhead;
mod pace;
mod profile;
mod queueing;
mod replay;
mod resampling;
mod stats;
mod visits;
pub mod what_if;

pub use check::{PolicyCheck, Skipped, Tolerance, Verdict, cross_check};
pub use error::CalibrationError;
pub use fit::fit;
pub use fitted::FittedTraces;
pub use overhead::OverheadSource;
pub use profile::{METHOD_ERROR, ordinary_ms, profile};

use lb_core::topology::Topology;
use lb_core::{Seed, Span};
use serde::Serialize;
use simulator::{Bursts, OpenLoad, Options};

/// A simulator's input, fitted to traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Backends, service times and faults. Faults begin at the same offsets as in an episode.
    pub topology: Topology,
    /// The load of the longest episode.
    pub load: Load,
    /// Overhead of a request between load balancer and backend, in both directions together.
    pub overhead: Span,
    /// How the overhead was determined.
    pub overhead_source: OverheadSource,
    /// The evidence for the fit of each backend, in the order of the topology.
    pub backends: Vec<BackendEvidence>,
}

/// How exact the times of a recording are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// All times were cut off to multiples of this; zero for exact times.
    pub unit: Span,
    /// Whether durations were measured by themselves and then cut off, as timers of HAProxy are. If not, they are
    /// differences of two clock times that were cut off, as in nginx.
    pub durations_cut: bool,
}

/// The evidence for the fit of one backend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackendEvidence {
    /// Id of the backend.
    pub id: String,
    /// Number of requests whose service could be timed.
    pub timed: usize,
    /// Highest number of requests in flight at the backend.
    pub most_in_flight: u32,
    /// Whether requests waited for a worker often enough to determine the number of workers. If not, the
    /// number is taken from other backends, and is at least the number of workers that were busy at once.
    pub saturated: bool,
    /// Whether the queue was ever full. If not, the capacity is the default.
    pub queue_was_full: bool,
    /// F ratio of the dependence of fitted service times on the queue; about 1 if the fit is good.
    pub f_ratio: f64,
}

/// The load: rate, mix of routes, and client timeout.
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
    /// Client timeout in seconds; `None` if no client gave up.
    pub request_timeout_s: Option<f64>,
    /// Latency of the slowest request in seconds.
    pub longest_latency_s: f64,
    /// Number of requests.
    pub requests: u64,
}

/// If no client gave up, the simulated timeout is this many times the longest latency.
const PATIENCE: f64 = 10.0;

impl Load {
    /// Returns the timeout of simulated clients.
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
            telling: None,
        }
    }
}

impl Calibration {
    /// Returns the simulator options for the number of load balancers in `load`.
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
