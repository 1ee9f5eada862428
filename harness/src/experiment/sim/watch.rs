//! Counts how often guards overrule the learned policies of a simulation. The policies are dropped with the
//! simulation, so after every pick each stores its counts in a place that outlives it.

use lb_core::policy::{BackendIndex, GuardCounts, Policy, PoolView, Reply, RequestInfo};
use lb_core::{Rng, Time};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The guard counts of all policies of one simulation.
#[derive(Debug, Default)]
pub(super) struct Watch(RefCell<Vec<Arc<Latest>>>);

impl Watch {
    /// Wraps a policy that has guards so that it is watched, and returns any other policy unchanged.
    pub(super) fn over(&self, policy: Box<dyn Policy>) -> Box<dyn Policy> {
        if policy.guard_counts().is_none() {
            return policy;
        }
        let latest = Arc::<Latest>::default();
        self.0.borrow_mut().push(Arc::clone(&latest));
        Box::new(Watched { policy, latest })
    }

    /// Returns the sum over all policies; `None` when no policy has guards.
    pub(super) fn counts(&self) -> Option<GuardCounts> {
        self.0.borrow().iter().map(|latest| latest.get()).reduce(GuardCounts::plus)
    }
}

/// The latest counts of one policy.
#[derive(Debug, Default)]
struct Latest {
    picks: AtomicU64,
    minimum_share: AtomicU64,
    stale: AtomicU64,
    not_finite: AtomicU64,
    distrusted: AtomicU64,
}

impl Latest {
    fn set(&self, counts: GuardCounts) {
        self.picks.store(counts.picks, Relaxed);
        self.minimum_share.store(counts.minimum_share, Relaxed);
        self.stale.store(counts.stale, Relaxed);
        self.not_finite.store(counts.not_finite, Relaxed);
        self.distrusted.store(counts.distrusted, Relaxed);
    }

    fn get(&self) -> GuardCounts {
        GuardCounts {
            picks: self.picks.load(Relaxed),
            minimum_share: self.minimum_share.load(Relaxed),
            stale: self.stale.load(Relaxed),
            not_finite: self.not_finite.load(Relaxed),
            distrusted: self.distrusted.load(Relaxed),
        }
    }
}

/// A policy with guards that stores its counts after each pick.
struct Watched {
    policy: Box<dyn Policy>,
    latest: Arc<Latest>,
}

impl Policy for Watched {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        let picked = self.policy.pick(request, pool, now, rng);
        self.latest.set(self.policy.guard_counts().unwrap_or_default());
        picked
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.policy.on_sent(backend, request, now);
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.policy.on_reply(backend, reply, now);
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.policy.on_cancel(backend, sent);
    }

    fn propensity(&self) -> Option<f64> {
        self.policy.propensity()
    }

    fn guard_counts(&self) -> Option<GuardCounts> {
        self.policy.guard_counts()
    }

    fn ejected_until(&self, backend: BackendIndex, now: Time) -> Option<Time> {
        self.policy.ejected_until(backend, now)
    }
}
