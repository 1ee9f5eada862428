//! Balancing policies, one file each. A policy picks the backend that serves the next request.
//!
//! A policy knows what a load balancer knows: in-flight counts, weights and replies. It never sees a
//! backend's true speed, queue or faults. To add a policy, write one file here and one entry in
//! [`crate::algorithm`].

pub mod consistent_hash;
pub mod cost;
pub mod ejection;
pub(crate) mod estimate;
pub mod ewma_scan;
pub mod haproxy_random;
pub mod ip_hash;
pub mod learned;
pub mod least_connections;
pub mod least_predicted_work;
pub mod logged;
mod outstanding;
pub mod p2c;
pub mod peak_ewma;
pub mod prequal;
mod probes;
pub mod random;
pub mod report;
pub mod reward;
pub mod round_robin;
mod scan;
pub mod serving;
pub mod shortest_expected_delay;
pub mod weighted_round_robin;

pub use consistent_hash::ConsistentHash;
pub use cost::{CostModel, PredictedCost};
pub use ejection::{Ejection, Limits};
pub use ewma_scan::EwmaScan;
pub use haproxy_random::HaproxyRandom;
pub use ip_hash::IpHash;
pub use learned::{GuardCounts, Learned, PolicyFile};
pub use least_connections::LeastConnections;
pub use least_predicted_work::LeastPredictedWork;
pub use logged::{Decision, DecisionLog, Ending, Logged};
pub use p2c::{P2c, P2cReplacing};
pub use peak_ewma::PeakEwma;
pub use prequal::Prequal;
pub use random::Random;
pub use report::{LoadReport, Reported};
pub use reward::{REWARD_VERSION, reward};
pub use round_robin::RoundRobin;
pub use serving::Serving;
pub use shortest_expected_delay::ShortestExpectedDelay;
pub use weighted_round_robin::WeightedRoundRobin;

use crate::hints::Hints;
use crate::rng::Rng;
use crate::time::{Span, Time};

/// The position of a backend in its pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendIndex(pub u32);

impl BackendIndex {
    /// Returns the position as an index into a slice.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// What a load balancer knows about one backend at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackendView {
    /// Configured weight, above zero; 1 when none is configured.
    pub weight: f64,
    /// Requests that were sent and have not been answered, failed or given up.
    pub in_flight: u32,
}

/// The pool at the moment of a decision.
#[derive(Clone, Copy, Debug)]
pub struct PoolView<'a> {
    /// All backends, eligible or not, by [`BackendIndex`].
    pub backends: &'a [BackendView],
    /// The backends that may be picked (healthy, not draining, not ejected), in ascending order.
    pub eligible: &'a [BackendIndex],
    /// Changes whenever `eligible`, a weight or the pool's size does, so that a policy that caches
    /// (a ring, smooth weights) knows when to rebuild.
    pub generation: u64,
}

impl PoolView<'_> {
    /// Returns the view of one backend.
    pub fn backend(&self, index: BackendIndex) -> &BackendView {
        &self.backends[index.get()]
    }

    /// Returns whether each backend is eligible, by index, for policies that cache it.
    fn eligibility(&self) -> Vec<bool> {
        let mut eligibility = vec![false; self.backends.len()];
        for backend in self.eligible {
            eligibility[backend.get()] = true;
        }
        eligibility
    }
}

/// What a policy knows about the request to be placed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestInfo {
    /// Hash of the client's identity, for policies with affinity.
    pub client_key: u64,
    /// The class of route, for learned policies that estimate a cost per route.
    pub route: u16,
    /// What the request says about its cost.
    pub hints: Hints,
}

/// How a request ended, as the load balancer saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// A reply below 500.
    Success,
    /// A 5xx from the backend.
    ServerError,
    /// No reply within the timeout.
    Timeout,
    /// The connection failed or broke.
    ConnectionError,
}

/// One finished request, as the load balancer saw it.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// How the request ended.
    pub kind: ReplyKind,
    /// Time from sending the request to the end of the reply; for a timeout, the timeout.
    pub latency: Span,
}

impl Reply {
    /// Returns whether the backend served the request successfully.
    pub const fn is_success(&self) -> bool {
        matches!(self.kind, ReplyKind::Success)
    }
}

/// Picks the backend that serves the next request.
pub trait Policy: Send {
    /// Picks one of `pool.eligible`; `None` if that is empty.
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex>;

    /// Called when a request was sent to `backend`.
    fn on_sent(&mut self, _backend: BackendIndex, _request: &RequestInfo, _now: Time) {}

    /// Called when a request to `backend` ended. It was sent at `now - reply.latency`, possibly by the
    /// previous policy.
    fn on_reply(&mut self, _backend: BackendIndex, _reply: &Reply, _now: Time) {}

    /// Called when the client cancelled a request sent to `backend` at `sent`, so that its outcome is
    /// unknown.
    fn on_cancel(&mut self, _backend: BackendIndex, _sent: Time) {}

    /// Called when a backend reported its load.
    fn on_report(&mut self, _backend: BackendIndex, _report: &LoadReport, _now: Time) {}

    /// Called before the first pick, and when a backend joins: which id `backend` has in configs and results. A pool whose
    /// backends have no ids is not named.
    fn on_named(&mut self, _backend: BackendIndex, _id: &str) {}

    /// Returns the probability with which the latest pick was drawn; `None` if the policy does not know
    /// it.
    fn propensity(&self) -> Option<f64> {
        None
    }

    /// Returns how often guards overruled a learned policy; `None` for other policies.
    fn guard_counts(&self) -> Option<GuardCounts> {
        None
    }

    /// Returns the time until which outlier ejection excludes `backend`; `None` if it is not ejected.
    fn ejected_until(&self, _backend: BackendIndex, _now: Time) -> Option<Time> {
        None
    }
}
