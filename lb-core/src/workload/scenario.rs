//! Everything that one trial needs besides the algorithm.

use super::workload::Workload;
use crate::time::Span;
use crate::topology::Topology;
use std::sync::Arc;

/// Everything that one trial needs besides the algorithm and the seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name in results.
    pub name: String,
    /// What users do, and when.
    pub workload: Arc<Workload>,
    /// Length of the measured phase: users stop there, in the middle of a session if need be.
    pub duration: Span,
    /// Length of the warm-up, run with other users before the measured phase.
    pub warm_up: Span,
    /// Most sessions of open stages at once. An arrival beyond that is dropped and counted; it
    /// never waits.
    pub max_in_flight: u32,
    /// A request without a complete reply after this long is a timeout.
    pub request_timeout: Span,
    /// Backends and faults, where the run brings its own.
    pub topology: Arc<Topology>,
}
