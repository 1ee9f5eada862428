//! The open load as an environment that is stepped from outside: it runs until a request must be placed, and goes on
//! when the caller has picked a backend.
//!
//! It is the system of [`simulate_open`](crate::simulate_open): the same picks give the same samples. Learning code that
//! cannot be a [`Policy`], such as a program in another language, plays it like a game:
//!
//! 1. [`Stepped::next`] returns the next [`Decision`], or `None` after the last request.
//! 2. [`Stepped::observe`] writes the rows that a served learned policy would see.
//! 3. [`Stepped::decide`] places the request.
//!
//! Rewards come in two forms, both in mean service times. [`Stepped::settle`] returns each decision whose request has
//! ended, for the reward of [`lb_core::policy::reward`]. [`Stepped::waited`] returns the integral of the number of
//! requests in flight over time, which is known at each decision. By Little's law, both sums are the same over an
//! episode that ends without requests in flight (Mao et al., Park: an open platform for learning-augmented computer
//! systems, 2019), apart from failures and the limits of the first one.
//!
//! What load balancers observe is kept in a ledger that their policies share with the caller. It is behind a lock, which
//! no other thread ever holds, so that an environment can move between threads.

use crate::decider::{self, Decider};
use crate::error::SimulationError;
use crate::open::{OpenCalls, OpenLoad, SENDER, start};
use crate::options::Options;
use crate::report::Report;
use crate::sample::sample;
use crate::system::System;
use lb_core::policy::learned::{Features, WIDTH};
use lb_core::policy::{BackendIndex, LoadReport, Policy, PoolView, Reply, ReplyKind, RequestInfo};
use lb_core::rng::Rng;
use lb_core::topology::Topology;
use lb_core::workload::Observer;
use lb_core::{Span, Time};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request that must be placed.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Number of the decision, from 0.
    pub number: u64,
    /// The load balancer that decides. Each knows only its own requests.
    pub balancer: u16,
    /// Time since the start.
    pub now: Time,
    /// What the load balancer knows about the request.
    pub request: &'a RequestInfo,
    /// The pool as this load balancer sees it; at least one backend is eligible.
    pub pool: PoolView<'a>,
}

/// A decision whose request has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settled {
    /// Number of the decision.
    pub decision: u64,
    /// The backend that was picked.
    pub backend: BackendIndex,
    /// How the request ended, as the load balancer saw it.
    pub kind: ReplyKind,
    /// Time from the decision to the end.
    pub latency: Span,
}

/// Why a pick is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// No request waits for a decision.
    #[error("no request is to be placed; call `next` first, and stop when it returns none")]
    NothingToPlace,
    /// The backend may not get requests now, or there is none with this number.
    #[error("backend {0} may not get requests now; pick one of the decision's `pool.eligible`")]
    NotEligible(u32),
}

/// The prior of a backend that may not be picked, far below all others: a softmax gives it no probability.
pub const NOT_ELIGIBLE: f32 = -1_000.0;

/// The waiting decision.
#[derive(Clone, Copy, Debug)]
struct Open {
    slot: u32,
    number: usize,
    now: Time,
    request: RequestInfo,
}

/// An open load that is stepped from outside.
pub struct Stepped {
    system: System,
    calls: OpenCalls,
    ledger: Arc<Mutex<Ledger>>,
    options: Options,
    open: Option<Open>,
    /// Number of decisions made.
    made: u64,
    /// Where the policies find the pick that the next event carries out.
    chosen: Arc<AtomicU32>,
    /// Rows and priors of the eligible backends, if not all are.
    rows: Vec<f32>,
    priors: Vec<f32>,
}

impl Stepped {
    /// Creates the environment, at time zero and without requests.
    ///
    /// # Errors
    /// Fails in the same cases as [`simulate_open`](crate::simulate_open).
    pub fn new(topology: &Topology, load: &OpenLoad, options: &Options) -> Result<Self, SimulationError> {
        let (ledger, chosen): (Arc<Mutex<Ledger>>, Arc<AtomicU32>) = Default::default();
        let mut policy = || -> Box<dyn Policy> {
            let mut all = lock(&ledger);
            all.hands.push(Hand::default());
            let (ledger, chosen) = (Arc::clone(&ledger), Arc::clone(&chosen));
            Box::new(Handed { number: all.hands.len() - 1, ledger, chosen })
        };
        let (system, calls) = start(topology, load, Decider::Policies(&mut policy), options)?;
        Ok(Self {
            system,
            calls,
            ledger,
            options: *options,
            open: None,
            made: 0,
            chosen,
            rows: Vec::new(),
            priors: Vec::new(),
        })
    }

    /// Runs until a request must be placed; `None` after the last request has ended. Requests for which no backend is
    /// eligible fail without a decision. `observer` receives the requests that end meanwhile.
    ///
    /// Until the decision is made, further calls return the same one.
    pub fn next(&mut self, observer: &mut impl Observer) -> Option<Decision<'_>> {
        while self.open.is_none() {
            if self.calls.left == 0 && self.system.is_idle() {
                return None;
            }
            let next = self.system.next_time();
            if self.calls.next_time() <= next {
                let (call, hints, at) = self.calls.take();
                self.system.send(call, hints.as_ref(), at);
            } else if let Some(open) = self.waiting(next) {
                self.open = Some(open);
            } else if let Some(ended) = self.system.step(next) {
                observer.sample(&sample(&ended, Time::ZERO, &SENDER));
            }
        }
        self.decision()
    }

    /// Returns the request that the next event, at `now`, brings to a load balancer, if it can be placed, and lets the load
    /// balancer note its arrival.
    fn waiting(&self, now: Time) -> Option<Open> {
        let slot = self.system.next_to_place(now)?;
        let call = self.system.call(slot);
        let pool = self.system.balancer_of(call).view();
        if pool.eligible.is_empty() {
            return None;
        }
        let number = self.system.number_of_balancer(call);
        let request = self.system.info(slot);
        let mut ledger = lock(&self.ledger);
        ledger.advance(now);
        let features = &mut ledger.hands[number].features;
        features.adapt(&pool, now);
        features.on_arrival(&request, now);
        Some(Open { slot, number, now, request })
    }

    /// Returns the decision that is to be made, if [`Self::next`] found one.
    pub fn decision(&self) -> Option<Decision<'_>> {
        let open = self.open.as_ref()?;
        let call = self.system.call(open.slot);
        Some(Decision {
            number: self.made,
            balancer: call.balancer,
            now: open.now,
            request: &open.request,
            pool: self.system.balancer_of(call).view(),
        })
    }

    /// Writes what a learned policy would see: one row of [`WIDTH`] numbers and one prior for each backend of the pool, in
    /// order. The row of a backend that is not eligible holds zeros, and its prior is [`NOT_ELIGIBLE`]. Without a decision
    /// to make, all rows and priors are zero.
    ///
    /// # Panics
    /// Panics if `rows` or `priors` is too short for the pool.
    pub fn observe(&mut self, rows: &mut [f32], priors: &mut [f32]) {
        let Some(open) = &self.open else {
            rows.fill(0.0);
            priors.fill(0.0);
            return;
        };
        let pool = self.system.balancer_of(self.system.call(open.slot)).view();
        let ledger = lock(&self.ledger);
        let features = &ledger.hands[open.number].features;
        let (count, all) = (pool.eligible.len(), pool.backends.len());
        let (rows, priors) = (&mut rows[..all * WIDTH], &mut priors[..all]);
        if count == all {
            features.observe(&open.request, &pool, pool.eligible, open.now, rows, priors);
            return;
        }
        self.rows.resize(count * WIDTH, 0.0);
        self.priors.resize(count, 0.0);
        features.observe(&open.request, &pool, pool.eligible, open.now, &mut self.rows, &mut self.priors);
        rows.fill(0.0);
        priors.fill(NOT_ELIGIBLE);
        let seen = self.rows.chunks_exact(WIDTH).zip(&self.priors);
        for (backend, (row, prior)) in pool.eligible.iter().zip(seen) {
            let place = backend.get();
            rows[place * WIDTH..(place + 1) * WIDTH].copy_from_slice(row);
            priors[place] = *prior;
        }
    }

    /// Places the request that waits.
    ///
    /// # Errors
    /// Fails if no request waits, or the backend is not eligible; nothing has changed then.
    pub fn decide(&mut self, backend: BackendIndex) -> Result<(), PickError> {
        let open = self.open.as_ref().ok_or(PickError::NothingToPlace)?;
        let pool = self.system.balancer_of(self.system.call(open.slot)).view();
        if pool.eligible.binary_search(&backend).is_err() {
            return Err(PickError::NotEligible(backend.0));
        }
        let now = open.now;
        // One thread does all, so no order is needed.
        self.chosen.store(backend.0, Ordering::Relaxed);
        self.made += 1;
        self.open = None;
        let ended = self.system.step(now);
        debug_assert!(ended.is_none(), "the event places the request");
        Ok(())
    }

    /// Hands every decision whose request has ended since the last call to `each`, in the order in which they ended.
    pub fn settle(&mut self, each: impl FnMut(Settled)) {
        lock(&self.ledger).settled.drain(..).for_each(each);
    }

    /// Returns the integral of the number of requests in flight over time, in nanoseconds, since the last call (or the
    /// start) until the decision that is to be made. A request is in flight from its decision to its end, as its load
    /// balancer sees them.
    pub fn waited(&mut self) -> u128 {
        std::mem::take(&mut lock(&self.ledger).waited)
    }

    /// Returns the random stream from which a policy in this load balancer would draw, from its start.
    pub fn stream(&self, balancer: u16) -> Rng {
        decider::stream(&self.options, balancer, 0)
    }

    /// Reports on the run so far.
    pub fn report(&self) -> Report {
        self.system.report(Time::ZERO, 0)
    }
}

/// What the load balancers' policies and the caller share.
#[derive(Debug, Default)]
struct Ledger {
    /// One for each load balancer and pool.
    hands: Vec<Hand>,
    /// Number of requests sent.
    decisions: u64,
    settled: Vec<Settled>,
    in_flight: u64,
    /// Integral of `in_flight` over nanoseconds up to `until` that was not yet asked for.
    waited: u128,
    until: Time,
}

/// What one load balancer knows.
#[derive(Debug, Default)]
struct Hand {
    features: Features,
    /// Times and numbers of decisions whose requests are in flight, by backend.
    pending: Vec<VecDeque<(Time, u64)>>,
}

impl Ledger {
    /// Integrates up to `now`.
    fn advance(&mut self, now: Time) {
        self.waited += u128::from(self.in_flight) * u128::from(now.since(self.until).as_nanos());
        self.until = now;
    }
}

/// Locks a ledger. No code panics between a change and the next, so a poisoned one is sound.
fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A policy that picks what the caller chose.
struct Handed {
    number: usize,
    ledger: Arc<Mutex<Ledger>>,
    chosen: Arc<AtomicU32>,
}

impl Policy for Handed {
    fn pick(
        &mut self,
        _request: &RequestInfo,
        pool: &PoolView<'_>,
        _now: Time,
        _rng: &mut Rng,
    ) -> Option<BackendIndex> {
        // Without eligible backends, there was no decision.
        (!pool.eligible.is_empty()).then(|| BackendIndex(self.chosen.load(Ordering::Relaxed)))
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        let mut ledger = lock(&self.ledger);
        ledger.advance(now);
        ledger.in_flight += 1;
        let number = ledger.decisions;
        ledger.decisions += 1;
        let hand = &mut ledger.hands[self.number];
        hand.features.on_sent(backend, request, now);
        if hand.pending.len() <= backend.get() {
            hand.pending.resize_with(backend.get() + 1, VecDeque::new);
        }
        hand.pending[backend.get()].push_back((now, number));
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let mut ledger = lock(&self.ledger);
        ledger.advance(now);
        ledger.in_flight -= 1;
        let hand = &mut ledger.hands[self.number];
        hand.features.on_reply(backend, reply, now);
        let sent = Time::from_nanos(now.as_nanos() - reply.latency.as_nanos());
        let pending = &mut hand.pending[backend.get()];
        let place = pending.iter().position(|(at, _)| *at == sent);
        if let Some((_, decision)) = place.and_then(|place| pending.remove(place)) {
            let Reply { kind, latency } = *reply;
            ledger.settled.push(Settled { decision, backend, kind, latency });
        }
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        lock(&self.ledger).hands[self.number].features.on_report(backend, report, now);
    }

    fn on_named(&mut self, backend: BackendIndex, id: &str) {
        lock(&self.ledger).hands[self.number].features.on_named(backend, id);
    }
}
