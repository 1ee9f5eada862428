//! A decision log around any policy: what each decision was made from, what was picked and with which
//! probability, and how the request ended.
//!
//! The wrapper computes the features of [`super::learned`] under every inner policy, so that logs of
//! all algorithms can teach a learned one. With a stated probability it overrules the inner policy and picks
//! evenly among the eligible backends (*exploration*): logs of a deterministic policy say nothing of what it
//! never did. The inner policy is asked all the same, and is told where the request really went.
//!
//! Decision and ending are joined by backend and time of sending, `now - latency`, as features are. What a log
//! does with them is its own business ([`DecisionLog`]); while it is closed nothing is observed and nothing
//! explored, and only the features are kept up to date.

use super::learned::{Features, WIDTH};
use super::reward::{Typical, reward};
use super::{BackendIndex, GuardCounts, Policy, PoolView, Reply, ReplyKind, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};
use rand::RngExt;
use std::collections::VecDeque;

/// One decision, at the moment at which it was made.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Number of the decision within its policy, from 0.
    pub id: u64,
    /// When the decision was made.
    pub at: Time,
    /// Route class of the request.
    pub route: u16,
    /// Backends of the pool, eligible or not.
    pub backends: usize,
    /// Backends that could be picked, ascending.
    pub eligible: &'a [BackendIndex],
    /// [`WIDTH`] numbers for each backend of the pool, as a learned policy would see them; 0 for those that
    /// could not be picked.
    pub features: &'a [f32],
    /// The backend that was picked.
    pub action: BackendIndex,
    /// The probability with which `action` was picked, exploration included; `None` where the inner policy does
    /// not know its own.
    pub propensity: Option<f64>,
    /// Whether exploration overruled the inner policy.
    pub explored: bool,
    /// Time that all requests of the pool together have spent in the system since the last decision.
    pub in_system: Span,
}

/// How the request of a decision ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ending {
    /// [`Decision::id`] of the decision that sent the request.
    pub id: u64,
    /// When the request ended. If its client gave it up, this is the time of the last event before that.
    pub at: Time,
    /// Time from sending the request to `at`.
    pub latency: Span,
    /// How the request ended, and what the decision was worth ([`reward`]); `None` when the client gave up
    /// first, so that neither is known.
    pub ending: Option<(ReplyKind, f32)>,
}

/// Receives decisions and endings.
pub trait DecisionLog: Send {
    /// Whether decisions are recorded at present; while it is closed none is reported.
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
    /// Number of its decision; `None` if the log was closed.
    id: Option<u64>,
}

/// The latest decision.
#[derive(Clone, Copy, Debug, Default)]
struct Latest {
    id: Option<u64>,
    propensity: Option<f64>,
}

/// The sum of the times that requests spend in the system.
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
    /// Wraps `inner`, whose decisions go to `log`; with probability `exploration` (0 to 1) a backend is
    /// picked evenly in its place while the log is open.
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

    /// Exploration's pick, if it is its turn.
    fn explore(&self, pool: &PoolView<'_>, rng: &mut Rng) -> Option<BackendIndex> {
        let explores = self.exploration > 0.0 && rng.random::<f64>() < self.exploration;
        explores.then(|| pool.eligible[rng.random_range(0..pool.eligible.len())])
    }

    /// The probability with which `action` was picked, where the inner policy picked `own`: evenly with the
    /// rate of exploration, as the inner policy does otherwise.
    fn combined(&self, own: BackendIndex, action: BackendIndex, pool: &PoolView<'_>) -> Option<f64> {
        let evenly = 1.0 / pool.eligible.len() as f64;
        let inner = match self.inner.propensity() {
            _ if self.exploration >= 1.0 => 0.0,
            Some(propensity) if action == own => propensity,
            // It could have picked nothing else.
            Some(1.0) => 0.0,
            _ => return None,
        };
        Some(self.exploration * evenly + (1.0 - self.exploration) * inner)
    }

    /// Observes all eligible backends, each at the place of its index.
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

    /// Takes out the request that was sent to `backend` at `at`; the oldest come first.
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
        self.features.on_arrival(now);
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
        // Learnt from first, so that the first success has something to be held against.
        if reply.is_success() {
            self.typical.learn(reply.latency);
        }
        let at = Time::from_nanos(now.as_nanos().saturating_sub(reply.latency.as_nanos()));
        if let Some(Sent { id: Some(id), .. }) = self.take(backend, at, now) {
            // An error before the first success has the price of an error.
            let typical = self.typical.latency().unwrap_or(reply.latency);
            let reward = reward(reply.kind, reply.latency, typical);
            let ending = Some((reply.kind, reward));
            self.log.ending(&Ending { id, at: now, latency: reply.latency, ending });
        }
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.inner.on_cancel(backend, sent);
        self.features.on_cancel(backend, sent);
        // The time is not reported: nothing has happened since the last event.
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
