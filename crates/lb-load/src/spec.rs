//! What one phase of live load is told.

use crate::target::{Direct, Target};
use lb_core::Span;
use lb_core::workload::{Scenario, Schedule};
use lb_record::{Progress, RequestSink};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One phase of live load.
#[derive(Clone, Debug)]
pub struct LoadSpec {
    /// Name of the phase, in thread names and logs.
    pub phase: &'static str,
    /// Where the load goes.
    pub target: Target,
    /// Backends in place of the target.
    pub direct: Option<Arc<Direct>>,
    /// What users do, after how long a request is a timeout, how many sessions of open stages there may
    /// be at once.
    pub scenario: Arc<Scenario>,
    /// Who does it when.
    pub schedule: Arc<Schedule>,
    /// Length of the phase. It lasts this long even if users are gone earlier.
    pub duration: Span,
    /// How long requests in flight at the end may take; what is then left is a timeout.
    pub drain_timeout: Span,
    /// Threads. Users and arrivals are dealt out to them in turn.
    pub workers: NonZeroUsize,
    /// Cores to pin the workers to, in turn; empty: wherever the system likes.
    pub cores: Vec<usize>,
    /// Ids of the backends by number, in the order of the topology.
    pub backends: Vec<String>,
    /// The algorithm that replies should name in `x-lb-algorithm`, as the target's control plane spells it
    /// and as we do, either of which is right; none: nobody looks.
    pub algorithm_names: Option<[String; 2]>,
    /// Whether requests carry `x-request-key`, from which mock backends draw service times. Foreign
    /// targets have no use for it.
    pub request_key: bool,
    /// Whether requests carry `x-forwarded-for` with an address of the user's own, for policies that
    /// hash clients.
    pub forwarded_for: bool,
    /// Whether to keep every user's sequence of steps.
    pub keep_actions: bool,
    /// Where every single request goes, if anywhere.
    pub requests: Option<RequestSink>,
    /// Where to show what goes on.
    pub progress: Option<Arc<Progress>>,
    /// Set from outside to end the phase at once: what is complete is kept, what is in flight is
    /// neither success nor failure and left out.
    pub stop: Arc<AtomicBool>,
}

impl LoadSpec {
    /// Connections of each user.
    pub(crate) fn lanes(&self) -> usize {
        self.direct.as_ref().map_or(1, |direct| direct.backends.len())
    }

    /// Where the connection with this number goes.
    pub(crate) fn addresses(&self, lane: usize) -> &[SocketAddr] {
        match &self.direct {
            Some(direct) => std::slice::from_ref(&direct.backends[lane]),
            None => &self.target.addresses,
        }
    }
}
