//! One pool and the policy that places requests in it: the state that a load balancer keeps, the
//! same for the live one (behind a lock) and the simulated one.

use crate::policy::{BackendIndex, BackendView, Policy, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};

/// Monotone counters of one backend, as a load balancer sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests sent.
    pub requests: u64,
    /// Replies that were errors (5xx, timeouts, connection failures).
    pub errors: u64,
    /// Requests that the client gave up.
    pub cancelled: u64,
    /// Sum of latencies of all replies.
    pub latency_sum: Span,
    /// Most requests in flight at once since the last reset.
    pub peak_in_flight: u32,
}

/// One pool: views, counters, eligibility and the policy.
pub struct Balancer {
    policy: Box<dyn Policy>,
    rng: Rng,
    backends: Vec<BackendView>,
    // the implementation adds what it needs
}

impl Balancer {
    /// A pool of backends with these weights, all healthy.
    pub fn new(_weights: &[f64], policy: Box<dyn Policy>, rng: Rng) -> Self {
        Self { policy, rng, backends: Vec::new() }
    }

    /// Picks a backend for a request and counts the request as in flight there. None when no
    /// backend is eligible.
    pub fn pick(&mut self, _request: &RequestInfo, _now: Time) -> Option<BackendIndex> {
        let _ = (&mut self.policy, &mut self.rng);
        todo!()
    }

    /// The request that was sent to `backend` ended with `reply`.
    pub fn reply(&mut self, _backend: BackendIndex, _reply: &Reply, _now: Time) {
        todo!()
    }

    /// The client gave up the request that was sent to `backend`: released, and nothing is learnt.
    pub fn cancel(&mut self, _backend: BackendIndex) {
        todo!()
    }

    /// Replaces the policy; in-flight counts, health and weights stay.
    pub fn set_policy(&mut self, policy: Box<dyn Policy>) {
        self.policy = policy;
    }

    /// Says whether health checks let `backend` take requests.
    pub fn set_healthy(&mut self, _backend: BackendIndex, _healthy: bool) {
        todo!()
    }

    /// Says whether `backend` is being drained: it finishes what it has and gets nothing new.
    pub fn set_draining(&mut self, _backend: BackendIndex, _draining: bool) {
        todo!()
    }

    /// Sets the weight of `backend` (above zero).
    pub fn set_weight(&mut self, _backend: BackendIndex, _weight: f64) {
        todo!()
    }

    /// Adds a backend, healthy; its index is the number of backends before.
    pub fn add(&mut self, _weight: f64) -> BackendIndex {
        todo!()
    }

    /// What the policy sees of each backend.
    pub fn backends(&self) -> &[BackendView] {
        &self.backends
    }

    /// Whether `backend` is healthy, and whether it is draining.
    pub fn state(&self, _backend: BackendIndex) -> (bool, bool) {
        todo!()
    }

    /// The counters of `backend`.
    pub fn counters(&self, _backend: BackendIndex) -> Counters {
        todo!()
    }

    /// Sets all counters to zero and each peak to what is in flight now.
    pub fn reset_counters(&mut self) {
        todo!()
    }

    /// Requests in flight in the whole pool.
    pub fn in_flight(&self) -> u32 {
        self.backends.iter().map(|backend| backend.in_flight).sum()
    }
}
