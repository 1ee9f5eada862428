//! One pool and the policy that picks backends in it: the state of a load balancer, the same for the
//! live one (behind a lock) and the simulated one.
//!
//! A pick reads the policy, one view and one set of counters. The list of eligible backends is only
//! updated by the rare calls that change it, never by a pick.

use crate::policy::{
    BackendIndex, BackendView, GuardCounts, LoadReport, Policy, PoolView, Reply, RequestInfo,
};
use crate::rng::Rng;
use crate::time::{Span, Time};
use std::sync::Arc;

/// Monotone counters of one backend, as a load balancer sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests sent.
    pub requests: u64,
    /// Replies that were errors (5xx, timeouts, connection failures).
    pub errors: u64,
    /// Requests that were cancelled by the client.
    pub cancelled: u64,
    /// Sum of latencies of all replies.
    pub latency_sum: Span,
    /// Highest number of requests in flight at once since the last reset.
    pub peak_in_flight: u32,
}

/// Whether a backend may get requests, according to health checks and the operator.
#[derive(Clone, Copy, Debug)]
struct State {
    healthy: bool,
    draining: bool,
}

impl State {
    const FRESH: Self = Self { healthy: true, draining: false };

    const fn takes_requests(self) -> bool {
        self.healthy && !self.draining
    }
}

/// One pool: views, counters, eligibility and the policy.
pub struct Balancer {
    policy: Box<dyn Policy>,
    rng: Rng,
    backends: Vec<BackendView>,
    /// Ids of the backends, as far as they are named.
    ids: Vec<Option<Arc<str>>>,
    counters: Vec<Counters>,
    states: Vec<State>,
    /// Backends that may get requests, in ascending order.
    eligible: Vec<BackendIndex>,
    generation: u64,
}

impl Balancer {
    /// Creates a pool with one healthy backend for each of `weights`, all of which must be above zero.
    pub fn new(weights: &[f64], policy: Box<dyn Policy>, rng: Rng) -> Self {
        let mut balancer = Self {
            policy,
            rng,
            backends: Vec::with_capacity(weights.len()),
            ids: Vec::with_capacity(weights.len()),
            counters: Vec::with_capacity(weights.len()),
            states: Vec::with_capacity(weights.len()),
            eligible: Vec::with_capacity(weights.len()),
            generation: 0,
        };
        for weight in weights {
            balancer.add(*weight);
        }
        balancer
    }

    /// Picks a backend for a request and counts the request as in flight there. `None` when no
    /// backend is eligible.
    pub fn pick(&mut self, request: &RequestInfo, now: Time) -> Option<BackendIndex> {
        let pool =
            PoolView { backends: &self.backends, eligible: &self.eligible, generation: self.generation };
        let picked = self.policy.pick(request, &pool, now, &mut self.rng)?;
        debug_assert!(self.eligible.binary_search(&picked).is_ok(), "{picked:?} is not eligible");
        let backend = &mut self.backends[picked.get()];
        backend.in_flight += 1;
        let counters = &mut self.counters[picked.get()];
        counters.requests += 1;
        counters.peak_in_flight = counters.peak_in_flight.max(backend.in_flight);
        self.policy.on_sent(picked, request, now);
        Some(picked)
    }

    /// Records that the request sent to `backend` ended with `reply`.
    pub fn reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.release(backend);
        let counters = &mut self.counters[backend.get()];
        counters.errors += u64::from(!reply.is_success());
        counters.latency_sum += reply.latency;
        self.policy.on_reply(backend, reply, now);
    }

    /// Records that the client cancelled the request sent to `backend` at `sent`. The request is no
    /// longer in flight, and the policy learns nothing from it.
    pub fn cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.release(backend);
        self.policy.on_cancel(backend, sent);
        self.counters[backend.get()].cancelled += 1;
    }

    /// Releasing a request that was never picked is a bug in the driver. In release builds the count
    /// stays at zero instead of wrapping, which would starve the backend for good.
    fn release(&mut self, backend: BackendIndex) {
        let view = &mut self.backends[backend.get()];
        debug_assert!(view.in_flight > 0, "{backend:?} has nothing in flight to release");
        view.in_flight = view.in_flight.saturating_sub(1);
    }

    /// Tells the policy what a backend reported, and how many requests of this load balancer it holds. A report that came
    /// with a reply is told after [`Self::reply`].
    pub fn report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        let own = self.backends[backend.get()].in_flight;
        self.policy.on_report(backend, &LoadReport { own, ..*report }, now);
    }

    /// Replaces the policy; in-flight counts, health, weights and ids stay.
    pub fn set_policy(&mut self, policy: Box<dyn Policy>) {
        self.policy = policy;
        for (place, id) in self.ids.iter().enumerate() {
            if let Some(id) = id {
                self.policy.on_named(BackendIndex(place as u32), id);
            }
        }
    }

    /// Gives a backend the id that it has in configs and results.
    pub fn name(&mut self, backend: BackendIndex, id: Arc<str>) {
        self.policy.on_named(backend, &id);
        self.ids[backend.get()] = Some(id);
    }

    /// Sets whether health checks let `backend` take requests.
    pub fn set_healthy(&mut self, backend: BackendIndex, healthy: bool) {
        self.set_state(backend, State { healthy, ..self.states[backend.get()] });
    }

    /// Sets whether `backend` is being drained: it finishes its requests and gets no new ones.
    pub fn set_draining(&mut self, backend: BackendIndex, draining: bool) {
        self.set_state(backend, State { draining, ..self.states[backend.get()] });
    }

    fn set_state(&mut self, backend: BackendIndex, state: State) {
        self.states[backend.get()] = state;
        match (state.takes_requests(), self.eligible.binary_search(&backend)) {
            (true, Err(place)) => self.eligible.insert(place, backend),
            (false, Ok(place)) => drop(self.eligible.remove(place)),
            // Nothing changed for the policy: caches stay valid.
            (true, Ok(_)) | (false, Err(_)) => return,
        }
        self.generation += 1;
    }

    /// Sets the weight of `backend` (above zero).
    pub fn set_weight(&mut self, backend: BackendIndex, weight: f64) {
        debug_assert!(is_weight(weight), "weight {weight} is not above zero");
        self.backends[backend.get()].weight = weight;
        self.generation += 1;
    }

    /// Adds a healthy backend and returns its index, which is the previous number of backends.
    pub fn add(&mut self, weight: f64) -> BackendIndex {
        debug_assert!(is_weight(weight), "weight {weight} is not above zero");
        let index = BackendIndex(u32::try_from(self.backends.len()).expect("below 2^32 backends"));
        self.backends.push(BackendView { weight, in_flight: 0 });
        self.ids.push(None);
        self.counters.push(Counters::default());
        self.states.push(State::FRESH);
        self.eligible.push(index);
        self.generation += 1;
        index
    }

    /// Returns the pool as the policy would see it now.
    pub fn view(&self) -> PoolView<'_> {
        PoolView { backends: &self.backends, eligible: &self.eligible, generation: self.generation }
    }

    /// Returns what the policy knows about each backend.
    pub fn backends(&self) -> &[BackendView] {
        &self.backends
    }

    /// Returns whether `backend` is healthy, and whether it is draining.
    pub fn state(&self, backend: BackendIndex) -> (bool, bool) {
        let state = self.states[backend.get()];
        (state.healthy, state.draining)
    }

    /// Returns the time until which outlier ejection excludes `backend`; `None` if it is not ejected.
    pub fn ejected_until(&self, backend: BackendIndex, now: Time) -> Option<Time> {
        self.policy.ejected_until(backend, now)
    }

    /// Returns how often guards overruled a learned policy; `None` for other policies.
    pub fn guard_counts(&self) -> Option<GuardCounts> {
        self.policy.guard_counts()
    }

    /// Returns the counters of `backend`.
    pub fn counters(&self, backend: BackendIndex) -> Counters {
        self.counters[backend.get()]
    }

    /// Resets all counters to zero, and each peak to the number of requests now in flight.
    pub fn reset_counters(&mut self) {
        for (counters, backend) in self.counters.iter_mut().zip(&self.backends) {
            *counters = Counters { peak_in_flight: backend.in_flight, ..Counters::default() };
        }
    }

    /// Returns the number of requests in flight in the whole pool.
    pub fn in_flight(&self) -> u32 {
        self.backends.iter().map(|backend| backend.in_flight).sum()
    }
}

fn is_weight(weight: f64) -> bool {
    weight.is_finite() && weight > 0.0
}
