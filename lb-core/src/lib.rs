//! The rules of load balancing, as pure code: no clock, no sockets, no runtime.
//!
//! Everything that decides lives here, and takes time and randomness as parameters, so that two
//! drivers can run the very same rules: the live one (real HTTP, real time) and the simulator
//! (virtual time, millions of events a second).
//!
//! - [`policy`]: which backend serves the next request; [`balancer`]: the view a policy decides on.
//! - [`backend`]: how a backend queues, serves and fails.
//! - [`workload`]: what virtual users do, fixed by a seed.
//! - [`topology`]: which backends there are; [`fault`]: what happens to them, and when.
//! - [`trace_summary`]: what a recording of decisions holds, in figures.

pub mod algorithm;
pub mod backend;
pub mod balancer;
pub mod fault;
pub mod outcome;
pub mod policy;
pub mod rng;
pub mod service_time;
pub mod steering;
pub mod time;
pub mod topology;
pub mod trace_summary;
pub mod workload;

pub use algorithm::Algorithm;
pub use outcome::Outcome;
pub use rng::{Rng, Seed};
pub use time::{Span, Time};
