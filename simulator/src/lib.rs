//! The rules of lb-core in virtual time: a discrete-event driver.
//!
//! It runs the very users, balancers, policies and backend models that the live driver runs, so a
//! scenario of hours is answered in seconds, and every live result can be held against its
//! simulation.
//!
//! - [`Simulation`]: a scenario with its virtual users (closed model).
//! - [`simulate_open`]: Poisson arrivals at a rate, for physics and for benchmarks (open model).
//!
//! Both feed the same system: load balancers, wires and backends. A request is six events: sent,
//! at the balancer (placed), at the backend (queued), served, back at the balancer (learnt from),
//! back at the client. Nothing allocates per event: requests live in a slab, constant delays keep
//! their order and so need only a FIFO, and each backend has one pending event in a tournament tree.

mod closed;
mod error;
mod health;
mod next_events;
mod open;
mod options;
mod report;
mod requests;
mod system;

pub use closed::Simulation;
pub use error::SimulationError;
pub use open::{OpenLoad, simulate_open};
pub use options::{HealthChecks, Options};
pub use report::{BackendReport, Report};
