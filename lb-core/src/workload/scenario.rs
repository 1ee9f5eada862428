//! The description of a trial, without the algorithm.

use super::workload::Workload;
use crate::time::Span;
use crate::topology::Topology;
use std::sync::Arc;

/// Everything that a trial needs besides the algorithm and the seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name in results.
    pub name: String,
    /// What users do, and when.
    pub workload: Arc<Workload>,
    /// Length of the measured phase. Users stop at its end, even in the middle of a session.
    pub duration: Span,
    /// Length of the warm-up, which runs with other users before the measured phase.
    pub warm_up: Span,
    /// Maximum number of concurrent sessions of open stages. Further arrivals are dropped and counted;
    /// they never wait.
    pub max_in_flight: u32,
    /// A request without a complete reply after this long is a timeout.
    pub request_timeout: Span,
    /// Backends and faults, if the run starts its own backends.
    pub topology: Arc<Topology>,
}
