//! The rules of lb-core in virtual time: a discrete-event driver.
//!
//! It runs the very users, balancers, policies and backend models that the live driver runs, so a
//! scenario of hours is answered in seconds, and every live result can be held against its
//! simulation.
//!
//! - [`Simulation`]: a scenario with its virtual users (closed model) and its arrivals (open model).
//! - [`simulate_open`]: Poisson arrivals at a rate without users, for physics and for benchmarks.
//! - [`oracle`]: policies that see the true state, as bounds for those that do not.
//!
//! All feed the same system: load balancers, wires and backends. A request is six events: sent,
//! at the balancer (placed), at the backend (queued), served, back at the balancer (learnt from),
//! back at the client. Nothing allocates per event: requests live in a slab, constant delays keep
//! their order and so need only a FIFO, and each backend has one pending event in a tournament tree.

mod decider;
mod error;
mod health;
mod next_events;
mod open;
mod options;
pub mod oracle;
mod population;
mod report;
mod requests;
mod sample;
mod simulation;
mod system;

pub use decider::Lesson;
pub use error::SimulationError;
pub use open::{Bursts, OpenLoad, simulate_open, simulate_open_taught, simulate_open_with_oracle};
pub use options::{HealthChecks, Options};
pub use report::{ArrivalCounts, BackendReport, Report};
pub use simulation::Simulation;
