//! Implements `LoadBalancerAdmin` for the fake, faithfully or not, depending on its conduct.

use super::{Conduct, FakeAdmin};
use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind};
use crate::error::{AdminError, Remaining};
use crate::fingerprint::{PoolBackend, VerifyOptions, judge};
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::policy::BackendIndex;
use lb_core::switch_evidence::{Evidence, Layer, Verdict};
use std::time::Duration;

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
        Ok(Current { native: claimed.to_string(), algorithm: Some(claimed) })
    }

    async fn start(&self, algorithm: &Algorithm) -> Result<(), AdminError> {
        let mut state = self.note(format!("start {algorithm}"));
        if std::mem::replace(&mut state.measuring, true) {
            return Err(AdminError::AlreadyMeasuring {
                url: "memory".to_owned(),
                status: 400,
                said: "a measurement is running".to_owned(),
            });
        }
        Ok(())
    }

    async fn stop(&self) -> Result<(), AdminError> {
        let mut state = self.note("stop");
        if !std::mem::replace(&mut state.measuring, false) {
            return Err(AdminError::NotMeasuring {
                url: "memory".to_owned(),
                said: "no measurement is running".to_owned(),
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
        let verdict = if claimed == *algorithm { Verdict::Confirmed } else { Verdict::Contradicted };
        Ok(Layer::new(verdict, format!("it says `{claimed}`")))
    }

    async fn pool(&self, _service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        Ok(Some(self.state().pool()))
    }

    async fn verify(&self, algorithm: &Algorithm, _options: &VerifyOptions) -> Result<Evidence, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let control_plane = self.control_plane(algorithm).await?;
        let behaviour = algorithm.behaviour();
        let seen = self.note(format!("verify {algorithm}")).observe(behaviour);
        let header = control_plane.clone();
        let behaviour = judge(behaviour, &seen);
        Ok(Evidence { algorithm: *algorithm, native, control_plane, header, behaviour })
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        self.need(self.capabilities.per_backend, "read counters per backend")?;
        let state = self.note("snapshot");
        let backend = |(place, id): (usize, &String)| {
            let index = BackendIndex(place as u32);
            let (counters, view) = (state.balancer.counters(index), state.balancer.backends()[place]);
            let (healthy, draining) = state.balancer.state(index);
            BackendCounters {
                requests: Some(counters.requests),
                errors: Some(counters.errors),
                cancelled: Some(counters.cancelled),
                latency_sum: Some(counters.latency_sum),
                in_flight: view.in_flight,
                peak_in_flight: Some(counters.peak_in_flight),
                healthy,
                draining,
                ..BackendCounters::unknown(id, "fake", view.weight)
            }
        };
        Ok(Snapshot {
            generation: state.generation.to_string(),
            algorithm: state.claimed.to_string(),
            backends: state.ids.iter().enumerate().map(backend).collect(),
            unassigned: 0,
            guards: state.balancer.guard_counts(),
        })
    }

    /// Returns without waiting, because held requests never end by themselves.
    async fn drain(&self, timeout: Duration) -> Result<(), AdminError> {
        self.need(self.capabilities.in_flight, "drain")?;
        let state = self.note("drain");
        let views = state.ids.iter().zip(state.balancer.backends());
        let busy = views.filter(|(_, view)| view.in_flight > 0);
        let remaining: Vec<_> = busy.map(|(id, view)| (id.clone(), view.in_flight)).collect();
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
