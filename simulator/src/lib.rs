//! The rules of `lb-core` in virtual time: a discrete-event driver.
//!
//! It runs the same users, balancers, policies and backend models as the live driver. A scenario of
//! hours takes seconds, and every live result can be compared with its simulation.
//!
//! - [`Simulation`]: a scenario with its virtual users (closed model) and its arrivals (open model).
//! - [`simulate_open`]: Poisson arrivals at a rate without users, for queueing theory and benchmarks.
//! - [`Stepped`]: such a load, stepped from outside: the caller places each request.
//! - [`simulate_recorded`]: the arrivals of a log, without users.
//! - [`oracle`]: deciders that know the true state, as bounds for policies that do not.
//!
//! All of them use the same system of load balancers, network links and backends. A request is six
//! events: sent, at the balancer (picked), at the backend (queued), served, back at the balancer
//! (learned from), back at the client. No event allocates memory: requests live in a slab, messages
//! with constant delays stay in order and need only a FIFO queue, and the next event of each backend is
//! in a tournament tree.
//!
//! Within this repository it depends only on `lb-core` and, like it, reads no clock.
//!
//! # Example
//!
//! Ten thousand requests at 80 % of what two backends can serve, within milliseconds:
//!
//! ```
//! use lb_core::topology::Topology;
//! use lb_core::workload::{Observer, Sample};
//! use lb_core::{Algorithm, Seed, Span};
//! use simulator::{OpenLoad, Options, simulate_open};
//!
//! #[derive(Default)]
//! struct Sum {
//!     requests: u64,
//!     seconds: f64,
//! }
//!
//! impl Observer for Sum {
//!     fn sample(&mut self, sample: &Sample) {
//!         self.requests += 1;
//!         self.seconds += sample.done.since(sample.intended).as_secs_f64();
//!     }
//! }
//!
//! let topology: Topology = serde_json::from_str(
//!     r#"{
//!         "name": "two equal backends",
//!         "pools": [{"name": "all", "backends": [{"id": "b1"}, {"id": "b2"}]}],
//!         "service_time": {"distribution": "exponential", "mean_ms": 10.0}
//!     }"#,
//! )?;
//! let workers: u32 = topology.pools[0].backends.iter().map(|backend| backend.workers).sum();
//! let load = OpenLoad::poisson(f64::from(workers) * 80.0, 10_000, Span::from_secs(2), Seed(1));
//! let algorithm: Algorithm = "p2c".parse()?;
//! let mut sum = Sum::default();
//! let mut policy = || algorithm.policy().expect("p2c needs no training");
//! let report = simulate_open(&topology, &load, &mut policy, &Options::default(), &mut sum)?;
//!
//! assert_eq!(sum.requests, 10_000, "each request ends in one sample");
//! let mean_ms = sum.seconds / 10_000.0 * 1e3;
//! assert!(mean_ms > 10.0, "a request is served for 10 ms on average, and may wait: {mean_ms:.1}");
//! assert_eq!(report.backends.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decider;
mod error;
mod health;
mod next_events;
mod open;
mod options;
pub mod oracle;
mod population;
mod recorded;
mod report;
mod reports;
mod request_costs;
mod requests;
mod sample;
mod simulation;
mod stepped;
mod system;
mod telling;

pub use decider::Lesson;
pub use error::SimulationError;
pub use open::{Bursts, OpenLoad, simulate_open, simulate_open_taught, simulate_open_with_oracle};
pub use options::{HealthChecks, Options};
pub use recorded::{RecordedArrival, simulate_recorded};
pub use report::{ArrivalCounts, BackendReport, Report};
pub use reports::Reports;
pub use simulation::Simulation;
pub use stepped::{Decision, NOT_ELIGIBLE, PickError, Settled, Stepped};
pub use telling::Telling;
