//! A load balancer in memory, for tests of whoever drives one; it can misbehave in all the ways that
//! real ones do.
//!
//! It routes with the real policies of `lb-core`, so that its behavioural evidence is the verdict on
//! real choices: a fake that claims one algorithm and routes with another is found out the way a
//! real one is. No sockets, no clock: equal calls give equal results.

use crate::admin::{Capabilities, Current, LoadBalancerAdmin, Offer, ResetKind};
use crate::error::{AdminError, Remaining};
use crate::evidence::{Evidence, Layer, Verdict};
use crate::fingerprint::{Observations, PoolBackend, VerifyOptions, judge};
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::algorithm::Behaviour;
use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::time::{Span, Time};
use lb_core::{Algorithm, Seed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the fake treats a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Conduct {
    /// Switches.
    #[default]
    Honest,
    /// Says no.
    Refuses,
    /// Says yes, keeps routing as before, and its control plane admits it.
    ClaimsSwitch,
    /// Says yes in everything it says (control plane and header), and routes with this one.
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

/// Requests of one probe.
const PROBE: usize = 160;

impl FakeAdmin {
    /// An honest one with these backends (id and weight), which offers all algorithms that can run
    /// and starts with round-robin.
    pub fn new(backends: &[(&str, f64)]) -> Self {
        let entries = Algorithm::table()
            .iter()
            .map(|entry| Algorithm::plain(entry.rule));
        let offered = entries.filter(|algorithm| algorithm.policy().is_ok());
        let algorithms = offered.map(|algorithm| Offer {
            algorithm,
            native: algorithm.to_string(),
        });
        let algorithms: Vec<Offer> = algorithms.collect();
        let first = Algorithm::plain(lb_core::algorithm::Rule::RoundRobin);
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
                drain: true,
                measurement: true,
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

    /// The same with another conduct.
    #[must_use]
    pub fn with_conduct(mut self, conduct: Conduct) -> Self {
        self.conduct = conduct;
        self
    }

    /// The same with other dice.
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

    /// The same with other capabilities; calls without the capability are refused.
    #[must_use]
    pub fn with_capabilities(mut self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.capabilities);
        self
    }

    /// Sends `count` requests through it that end well after `latency` each; who served them.
    pub fn serve(&self, count: usize, latency: Span) -> Vec<String> {
        let mut state = self.state();
        (0..count).filter_map(|_| state.serve(latency)).collect()
    }

    /// Sends one request that never ends; who has it.
    pub fn hold(&self) -> Option<String> {
        let mut state = self.state();
        let backend = state.pick()?;
        Some(state.ids[backend.get()].clone())
    }

    /// What was called so far, in order, such as `switch p2c`.
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
        Err(AdminError::NotSupported {
            what,
            dialect: self.dialect().to_owned(),
            url: "memory".to_owned(),
            way_out: "give the fake the capability",
        })
    }
}

impl State {
    fn pick(&mut self) -> Option<BackendIndex> {
        self.balancer.pick(&RequestInfo::default(), self.now)
    }

    fn serve(&mut self, latency: Span) -> Option<String> {
        let backend = self.pick()?;
        self.now += latency;
        let reply = Reply {
            kind: ReplyKind::Success,
            latency,
        };
        self.balancer.reply(backend, &reply, self.now);
        Some(self.ids[backend.get()].clone())
    }

    fn route_with(&mut self, algorithm: Algorithm) -> Result<(), AdminError> {
        let policy = algorithm.policy().map_err(|error| AdminError::BadValue {
            what: "switch",
            reason: error.to_string(),
        })?;
        self.balancer.set_policy(policy);
        self.routes = algorithm;
        Ok(())
    }

    fn place(&self, id: &str) -> Result<BackendIndex, AdminError> {
        let place = self.ids.iter().position(|known| known == id);
        let place = place.and_then(|place| u32::try_from(place).ok());
        place.map(BackendIndex).ok_or_else(|| AdminError::BadValue {
            what: "find a backend",
            reason: format!("`{id}` is none of {}", self.ids.join(", ")),
        })
    }

    fn pool(&self) -> Vec<PoolBackend> {
        let views = self.ids.iter().zip(self.balancer.backends());
        views
            .map(|(id, view)| PoolBackend {
                id: id.clone(),
                weight: view.weight,
            })
            .collect()
    }

    /// What a probe over real sockets would see.
    fn observe(&mut self, hold: bool) -> Observations {
        let holds = if hold {
            self.ids.len().saturating_sub(1).clamp(1, 15)
        } else {
            0
        };
        let held: Vec<BackendIndex> = (0..holds).filter_map(|_| self.pick()).collect();
        let short = Span::from_micros(300);
        let sequence = (0..PROBE).filter_map(|_| self.serve(short)).collect();
        for backend in &held {
            let reply = Reply {
                kind: ReplyKind::Success,
                latency: Span::from_millis(400),
            };
            self.balancer.reply(*backend, &reply, self.now);
        }
        Observations {
            pool: Some(self.pool()),
            held: held
                .iter()
                .map(|backend| self.ids[backend.get()].clone())
                .collect(),
            sequence,
        }
    }
}

#[async_trait]
impl LoadBalancerAdmin for FakeAdmin {
    fn dialect(&self) -> &str {
        "fake"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        let claimed = self.note("current").claimed;
        Ok(Current {
            native: claimed.to_string(),
            algorithm: Some(claimed),
        })
    }

    async fn start(&self, algorithm: &Algorithm) -> Result<(), AdminError> {
        let mut state = self.note(format!("start {algorithm}"));
        if std::mem::replace(&mut state.measuring, true) {
            return Err(AdminError::AlreadyMeasuring {
                url: "memory".to_owned(),
                status: 400,
                said: "a measurement runs".to_owned(),
            });
        }
        Ok(())
    }

    async fn stop(&self) -> Result<(), AdminError> {
        let mut state = self.note("stop");
        if !std::mem::replace(&mut state.measuring, false) {
            return Err(AdminError::NotMeasuring {
                url: "memory".to_owned(),
                said: "no measurement runs".to_owned(),
            });
        }
        Ok(())
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let mut state = self.note(format!("switch {algorithm}"));
        match &self.conduct {
            Conduct::Honest => {
                state.route_with(*algorithm)?;
                state.claimed = *algorithm;
            }
            Conduct::Refuses => {
                return Err(AdminError::Refused {
                    url: "memory".to_owned(),
                    status: 400,
                    native,
                    said: "no".to_owned(),
                    available: vec![state.routes.to_string()],
                });
            }
            Conduct::ClaimsSwitch => {
                return Err(AdminError::NotSwitched {
                    url: "memory".to_owned(),
                    wanted: native,
                    routes: state.routes.to_string(),
                });
            }
            Conduct::Lies(truth) => {
                state.route_with(*truth)?;
                state.claimed = *algorithm;
            }
        }
        Ok(native)
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let claimed = self.state().claimed;
        let verdict = if claimed == *algorithm {
            Verdict::Confirmed
        } else {
            Verdict::Contradicted
        };
        Ok(Layer::new(verdict, format!("it says `{claimed}`")))
    }

    async fn pool(&self, _service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        Ok(Some(self.state().pool()))
    }

    async fn verify(
        &self,
        algorithm: &Algorithm,
        _options: &VerifyOptions,
    ) -> Result<Evidence, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let control_plane = self.control_plane(algorithm).await?;
        let behaviour = algorithm.behaviour();
        let hold = !matches!(behaviour, Behaviour::LatencyAware | Behaviour::Learned);
        let seen = self.note(format!("verify {algorithm}")).observe(hold);
        let header = control_plane.clone();
        let behaviour = judge(behaviour, &seen);
        Ok(Evidence {
            algorithm: *algorithm,
            native,
            control_plane,
            header,
            behaviour,
        })
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        self.need(self.capabilities.per_backend, "read counters per backend")?;
        let state = self.note("snapshot");
        let backend = |(place, id): (usize, &String)| {
            let index = BackendIndex(place as u32);
            let (counters, view) = (
                state.balancer.counters(index),
                state.balancer.backends()[place],
            );
            let (healthy, draining) = state.balancer.state(index);
            BackendCounters {
                id: id.clone(),
                pool: "fake".to_owned(),
                requests: counters.requests,
                errors: counters.errors,
                cancelled: counters.cancelled,
                latency_sum: counters.latency_sum,
                in_flight: view.in_flight,
                peak_in_flight: counters.peak_in_flight,
                weight: view.weight,
                healthy,
                draining,
                ejected: false,
            }
        };
        Ok(Snapshot {
            generation: state.generation.to_string(),
            algorithm: state.claimed.to_string(),
            backends: state.ids.iter().enumerate().map(backend).collect(),
        })
    }

    /// Without waiting: what is held never ends by itself.
    async fn drain(&self, timeout: Duration) -> Result<(), AdminError> {
        self.need(self.capabilities.in_flight, "drain")?;
        let state = self.note("drain");
        let views = state.ids.iter().zip(state.balancer.backends());
        let busy = views.filter(|(_, view)| view.in_flight > 0);
        let remaining: Vec<_> = busy
            .map(|(id, view)| (id.clone(), view.in_flight))
            .collect();
        if remaining.is_empty() {
            return Ok(());
        }
        Err(AdminError::StillInFlight {
            dialect: self.dialect().to_owned(),
            waited: timeout,
            remaining: Remaining(remaining),
        })
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        let mut state = self.note("reset");
        if self.capabilities.reset != ResetKind::None {
            state.balancer.reset_counters();
            state.generation += 1;
        }
        Ok(self.capabilities.reset)
    }

    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        self.need(self.capabilities.weights, "set weights")?;
        let mut state = self.note("set_weights");
        for (id, weight) in weights {
            let place = state.place(id)?;
            state.balancer.set_weight(place, *weight);
        }
        Ok(())
    }

    async fn set_draining(&self, backend: &str, draining: bool) -> Result<(), AdminError> {
        self.need(self.capabilities.drain, "drain a backend")?;
        let mut state = self.note(format!("set_draining {backend} {draining}"));
        let place = state.place(backend)?;
        state.balancer.set_draining(place, draining);
        Ok(())
    }
}
