//! A decision log for any policy. It records the features behind each decision, the backend picked, the
//! probability of the pick, and how the request ended.
//!
//! The wrapper computes the features of [`super::learned`] under every inner policy, so that logs of
//! all algorithms can train a learned one. With a configured probability it overrules the inner policy
//! and picks an eligible backend uniformly at random (*exploration*), because logs of a deterministic
//! policy contain nothing about the choices it never made. The inner policy still makes its pick, and
//! is notified of the backend that actually got the request.
//!
//! Decision and ending are matched by backend and time of sending, `now - latency`, as in features.
//! What happens with the records is up to the [`DecisionLog`]. While the log is closed, the wrapper
//! only keeps features up to date and does not explore.

use super::learned::{Features, WIDTH};
use super::reward::{Typical, reward};
use super::{BackendIndex, GuardCounts, LoadReport, Policy, PoolView, Reply, ReplyKind, RequestInfo};
use crate::hints::Hints;
use crate::rng::Rng;
use crate::time::{Span, Time};
use rand::RngExt;
use std::collections::VecDeque;

/// One decision, at the time when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Number of the decision within its policy, from 0.
    pub id: u64,
    /// When the decision was made.
    pub at: Time,
    /// Route class of the request.
    pub route: u16,
    /// What the request says about its cost.
    pub hints: Hints,
    /// Number of backends of the pool, eligible or not.
    pub backends: usize,
    /// Backends that could be picked, in ascending order.
    pub eligible: &'a [BackendIndex],
    /// Features as a learned policy would see them, [`WIDTH`] numbers for each backend of the pool; 0
    /// for backends that could not be picked.
    pub features: &'a [f32],
    /// The backend that was picked.
    pub action: BackendIndex,
    /// Probability with which `action` was picked, including exploration; `None` if the inner policy
    /// does not know its own probability.
    pub propensity: Option<f64>,
    /// Whether exploration overruled the inner policy.
    pub explored: bool,
    /// Total time that all requests of the pool spent in the system since the previous decision.
    pub in_system: Span,
}

/// How the request of a decision ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ending {
    /// [`Decision::id`] of the decision that sent the request.
    pub id: u64,
    /// When the request ended. If the client cancelled it, this is the time of the last event before
    /// that.
    pub at: Time,
    /// Time from sending the request to `at`.
    pub latency: Span,
    /// How the request ended, and the reward of the decision ([`reward`]); `None` if the client
    /// cancelled the request, so that neither is known.
    pub ending: Option<(ReplyKind, f32)>,
}

/// Receives decisions and endings.
pub trait DecisionLog: Send {
    /// Returns whether decisions are currently recorded. While the log is closed, none is reported.
    fn is_open(&self) -> bool;

    /// Called after each decision.
    fn decision(&mut self, decision: &Decision<'_>);

    /// Called when the request of an earlier decision has ended.
    fn ending(&mut self, ending: &Ending);
}

/// A policy whose decisions are recorded in a log.
pub struct Logged {
    inner: Box<dyn Policy>,
    log: Box<dyn DecisionLog>,
    exploration: f64,
    features: Features,
    typical: Typical,
    sent: Vec<VecDeque<Sent>>,
    next_id: u64,
    in_system: InSystem,
    latest: Latest,
    rows: Vec<f32>,
    all_rows: Vec<f32>,
    prior: Vec<f32>,
}

/// A request that has been sent and not ended.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Time,
    /// Number of its decision; `None` if the log was closed at that time.
    id: Option<u64>,
}

/// The latest decision.
#[derive(Clone, Copy, Debug, Default)]
struct Latest {
    id: Option<u64>,
    propensity: Option<f64>,
}

/// Total time that requests spend in the system.
#[derive(Clone, Copy, Debug, Default)]
struct InSystem {
    requests: u64,
    changed: Time,
    sum: Span,
}

impl InSystem {
    fn advance(&mut self, now: Time) {
        self.sum += now.since(self.changed) * self.requests;
        self.changed = self.changed.max(now);
    }
}

impl Logged {
    /// Wraps `inner` and reports its decisions to `log`. While the log is open, a backend is picked
    /// uniformly at random instead with probability `exploration` (0 to 1).
    pub fn new(inner: Box<dyn Policy>, log: Box<dyn DecisionLog>, exploration: f64) -> Self {
        debug_assert!((0.0..=1.0).contains(&exploration), "{exploration} is not a probability");
        Self {
            inner,
            log,
            exploration,
            features: Features::default(),
            typical: Typical::default(),
            sent: Vec::new(),
            next_id: 0,
            in_system: InSystem::default(),
            latest: Latest::default(),
            rows: Vec::new(),
            all_rows: Vec::new(),
            prior: Vec::new(),
        }
    }

    /// Returns a random pick with the probability of exploration.
    fn explore(&self, pool: &PoolView<'_>, rng: &mut Rng) -> Option<BackendIndex> {
        let explores = self.exploration > 0.0 && rng.random::<f64>() < self.exploration;
        explores.then(|| pool.eligible[rng.random_range(0..pool.eligible.len())])
    }

    /// Returns the overall probability with which `action` was picked, given the inner policy's pick
    /// `own`: uniform with the probability of exploration, and that of the inner policy otherwise.
    fn combined(&self, own: BackendIndex, action: BackendIndex, pool: &PoolView<'_>) -> Option<f64> {
        let evenly = 1.0 / pool.eligible.len() as f64;
        let inner = match self.inner.propensity() {
            _ if self.exploration >= 1.0 => 0.0,
            Some(propensity) if action == own => propensity,
            // It could not have picked any other backend.
            Some(1.0) => 0.0,
            _ => return None,
        };
        Some(self.exploration * evenly + (1.0 - self.exploration) * inner)
    }

    /// Observes all eligible backends and stores each row at the index of its backend.
    fn observe(&mut self, request: &RequestInfo, pool: &PoolView<'_>, now: Time) {
        self.rows.resize(pool.eligible.len() * WIDTH, 0.0);
        self.prior.resize(pool.eligible.len(), 0.0);
        self.features.observe(request, pool, pool.eligible, now, &mut self.rows, &mut self.prior);
        self.all_rows.clear();
        self.all_rows.resize(pool.backends.len() * WIDTH, 0.0);
        for (row, backend) in self.rows.chunks_exact(WIDTH).zip(pool.eligible) {
            self.all_rows[backend.get() * WIDTH..][..WIDTH].copy_from_slice(row);
        }
    }

    fn tell(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        action: BackendIndex,
        explored: bool,
        now: Time,
    ) {
        self.observe(request, pool, now);
        let decision = Decision {
            id: self.next_id,
            at: now,
            route: request.route,
            hints: request.hints,
            backends: pool.backends.len(),
            eligible: pool.eligible,
            features: &self.all_rows,
            action,
            propensity: self.latest.propensity,
            explored,
            in_system: self.in_system.sum,
        };
        self.log.decision(&decision);
        self.latest.id = Some(self.next_id);
        self.next_id += 1;
        self.in_system.sum = Span::ZERO;
    }

    /// Removes the request that was sent to `backend` at `at`. The oldest come first.
    fn take(&mut self, backend: BackendIndex, at: Time, now: Time) -> Option<Sent> {
        let sent = self.sent.get_mut(backend.get())?;
        let place = sent.iter().position(|one| one.at == at)?;
        self.in_system.advance(now);
        self.in_system.requests -= 1;
        sent.remove(place)
    }
}

impl Policy for Logged {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        let own = self.inner.pick(request, pool, now, rng)?;
        self.features.adapt(pool, now);
        self.features.on_arrival(request, now);
        self.in_system.advance(now);
        if self.sent.len() < pool.backends.len() {
            self.sent.resize_with(pool.backends.len(), VecDeque::new);
        }
        if !self.log.is_open() {
            self.latest = Latest { id: None, propensity: self.inner.propensity() };
            return Some(own);
        }
        let explored = self.explore(pool, rng);
        let action = explored.unwrap_or(own);
        self.latest.propensity = self.combined(own, action, pool);
        self.tell(request, pool, action, explored.is_some(), now);
        Some(action)
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.inner.on_sent(backend, request, now);
        self.features.on_sent(backend, request, now);
        if let Some(sent) = self.sent.get_mut(backend.get()) {
            sent.push_back(Sent { at: now, id: self.latest.id.take() });
            self.in_system.requests += 1;
        }
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.inner.on_reply(backend, reply, now);
        self.features.on_reply(backend, reply, now);
        // Learn first, so that even the first success has a typical latency to be compared with.
        if reply.is_success() {
            self.typical.learn(reply.latency);
        }
        let at = Time::from_nanos(now.as_nanos().saturating_sub(reply.latency.as_nanos()));
        if let Some(Sent { id: Some(id), .. }) = self.take(backend, at, now) {
            // An error before the first success counts as an ordinary error.
            let typical = self.typical.latency().unwrap_or(reply.latency);
            let reward = reward(reply.kind, reply.latency, typical);
            let ending = Some((reply.kind, reward));
            self.log.ending(&Ending { id, at: now, latency: reply.latency, ending });
        }
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.inner.on_report(backend, report, now);
        self.features.on_report(backend, report, now);
    }

    fn on_named(&mut self, backend: BackendIndex, id: &str) {
        self.inner.on_named(backend, id);
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.inner.on_cancel(backend, sent);
        self.features.on_cancel(backend, sent);
        // The time is not known; nothing has happened since the last event.
        let now = self.in_system.changed.max(sent);
        if let Some(Sent { id: Some(id), .. }) = self.take(backend, sent, now) {
            self.log.ending(&Ending { id, at: now, latency: now.since(sent), ending: None });
        }
    }

    fn propensity(&self) -> Option<f64> {
        self.latest.propensity
    }

    fn guard_counts(&self) -> Option<GuardCounts> {
        self.inner.guard_counts()
    }

    fn ejected_until(&self, backend: BackendIndex, now: Time) -> Option<Time> {
        self.inner.ejected_until(backend, now)
    }
}
