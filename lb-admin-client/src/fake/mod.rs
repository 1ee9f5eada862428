//! A load balancer in memory, for tests of code that drives load balancers. It can misbehave in all the ways
//! that real ones do.
//!
//! It routes with the real policies of `lb-core`, so its behavioural evidence comes from real choices: a fake
//! that claims one algorithm and routes with another is detected in the same way as a real load balancer. It
//! uses no sockets and no clock, so equal calls give equal results.

mod admin;

use crate::admin::{Capabilities, LoadBalancerAdmin, Offer, ResetKind};
use crate::error::AdminError;
use crate::fingerprint::{Observations, PoolBackend, requests_to_hold, short_hold};
use lb_core::algorithm::{Behaviour, Rule};
use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::steering::Carrier;
use lb_core::time::{Span, Time};
use lb_core::{Algorithm, Seed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the fake treats a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Conduct {
    /// Does what it is asked to do.
    #[default]
    Honest,
    /// Refuses to switch.
    Refuses,
    /// Accepts the switch but keeps routing as before, and its control plane shows that.
    ClaimsSwitch,
    /// Claims to have switched (control plane and header), but routes with this algorithm.
    Lies(Algorithm),
}

/// A load balancer in memory.
pub struct FakeAdmin {
    capabilities: Capabilities,
    conduct: Conduct,
    state: Mutex<State>,
}

struct State {
    ids: Vec<String>,
    balancer: Balancer,
    claimed: Algorithm,
    routes: Algorithm,
    generation: u64,
    measuring: bool,
    now: Time,
    calls: Vec<String>,
}

/// The number of short requests in one probe.
const PROBE: usize = 160;

/// The latency of a short request.
const REPLY: Span = Span::from_micros(300);

impl FakeAdmin {
    /// Creates an honest fake with these backends (id and weight). It offers all algorithms that can run
    /// and starts with round-robin.
    pub fn new(backends: &[(&str, f64)]) -> Self {
        let entries = Algorithm::table().iter().map(|entry| Algorithm::plain(entry.rule));
        let offered = entries.filter(|algorithm| algorithm.policy().is_ok());
        let algorithms = offered.map(|algorithm| Offer { algorithm, native: algorithm.to_string() });
        let algorithms: Vec<Offer> = algorithms.collect();
        let first = Algorithm::plain(Rule::RoundRobin);
        let weights: Vec<f64> = backends.iter().map(|(_, weight)| *weight).collect();
        let policy = first.policy().expect("round-robin needs nothing");
        Self {
            capabilities: Capabilities {
                algorithms,
                reset: ResetKind::Full,
                per_backend: true,
                in_flight: true,
                switch_breaks_idle_connections: false,
                sees_old_in_flight: true,
                weights: true,
                carrier: Carrier::Shares,
                drain: true,
                names_backends: true,
                measurement: true,
                views: 1,
            },
            conduct: Conduct::Honest,
            state: Mutex::new(State {
                ids: backends.iter().map(|(id, _)| (*id).to_owned()).collect(),
                balancer: Balancer::new(&weights, policy, Seed(1).stream(&[])),
                claimed: first,
                routes: first,
                generation: 1,
                measuring: false,
                now: Time::ZERO,
                calls: Vec::new(),
            }),
        }
    }

    /// Sets how the fake responds to a switch.
    #[must_use]
    pub fn with_conduct(mut self, conduct: Conduct) -> Self {
        self.conduct = conduct;
        self
    }

    /// Sets the seed of its random choices.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        {
            let mut state = self.state();
            let views = state.balancer.backends().iter();
            let weights: Vec<f64> = views.map(|view| view.weight).collect();
            let policy = state.routes.policy().expect("what routes can run");
            state.balancer = Balancer::new(&weights, policy, Seed(seed).stream(&[]));
        }
        self
    }

    /// Changes its capabilities. Calls that need a missing capability are rejected.
    #[must_use]
    pub fn with_capabilities(mut self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.capabilities);
        self
    }

    /// Sends `count` requests through it, each of which succeeds after `latency`, and returns the ids of the
    /// backends that served them.
    pub fn serve(&self, count: usize, latency: Span) -> Vec<String> {
        let mut state = self.state();
        (0..count).filter_map(|_| state.serve(latency)).collect()
    }

    /// Sends one request that never ends, and returns the id of its backend.
    pub fn hold(&self) -> Option<String> {
        let mut state = self.state();
        let backend = state.pick()?;
        Some(state.ids[backend.get()].clone())
    }

    /// Returns the calls so far in order, such as `switch p2c`.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// Begins a new generation, as a restart does.
    pub fn restart(&self) {
        let mut state = self.state();
        state.balancer.reset_counters();
        state.generation += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, call: impl Into<String>) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.calls.push(call.into());
        state
    }

    fn need(&self, can: bool, what: &'static str) -> Result<(), AdminError> {
        if can {
            return Ok(());
        }
        Err(AdminError::not_supported(self.dialect(), "memory", what, "give the fake the capability"))
    }
}

impl State {
    fn pick(&mut self) -> Option<BackendIndex> {
        self.balancer.pick(&RequestInfo::default(), self.now)
    }

    fn serve(&mut self, latency: Span) -> Option<String> {
        let backend = self.pick()?;
        self.now += latency;
        let reply = Reply { kind: ReplyKind::Success, latency };
        self.balancer.reply(backend, &reply, self.now);
        Some(self.ids[backend.get()].clone())
    }

    fn route_with(&mut self, algorithm: Algorithm) -> Result<(), AdminError> {
        let policy = algorithm
            .policy()
            .map_err(|error| AdminError::BadValue { what: "switch", reason: error.to_string() })?;
        self.balancer.set_policy(policy);
        self.routes = algorithm;
        Ok(())
    }

    fn place(&self, id: &str) -> Result<BackendIndex, AdminError> {
        let place = self.ids.iter().position(|known| known == id);
        let place = place.and_then(|place| u32::try_from(place).ok());
        place.map(BackendIndex).ok_or_else(|| AdminError::BadValue {
            what: "find a backend",
            reason: format!("`{id}` is not one of {}", self.ids.join(", ")),
        })
    }

    fn pool(&self) -> Vec<PoolBackend> {
        let views = self.ids.iter().zip(self.balancer.backends());
        views.map(|(id, view)| PoolBackend { id: id.clone(), weight: view.weight }).collect()
    }

    /// Returns what a probe over real sockets would observe.
    fn observe(&mut self, behaviour: Behaviour) -> Observations {
        let hold = requests_to_hold(behaviour, self.ids.len());
        let held: Vec<BackendIndex> = (0..hold).filter_map(|_| self.pick()).collect();
        let latency = |position| REPLY + Span::from(short_hold(behaviour, position));
        let sequence = (0..PROBE).filter_map(|i| self.serve(latency(i))).collect();
        for backend in &held {
            let reply = Reply { kind: ReplyKind::Success, latency: Span::from_millis(400) };
            self.balancer.reply(*backend, &reply, self.now);
        }
        Observations {
            pool: Some(self.pool()),
            held: held.iter().map(|backend| self.ids[backend.get()].clone()).collect(),
            sequence,
        }
    }
}
