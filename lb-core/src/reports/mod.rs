//! Reports of backends about their own load: the format in which they are exchanged ([`orca`]), and what a backend needs to
//! remember in order to write them ([`Reporter`]).
//!
//! What a load balancer does with them is in [`policy::report`](crate::policy::report).

mod latencies;
pub mod orca;
mod reporter;

pub use latencies::LatencyByLoad;
pub use reporter::Reporter;

/// The path at which mock backends answer probes, and which the reference load balancer asks unless it is told another.
pub const PROBE_PATH: &str = "/actuator/load";

/// Mean number of backends that a load balancer asks with each request, unless it is told another.
pub const PROBES_PER_REQUEST: f64 = 1.0;
