//! Implements `LoadBalancerAdmin` for the Spring dialect.

use super::wire::{LbPool, LbSnapshot};
use super::{
    DIALECT, LB_DRAIN, LB_RESET, LB_SNAPSHOT, LB_TRACE_START, LB_TRACE_STOP, LB_UNDRAIN, LB_WEIGHTS, RESET,
    START, STATUS, STOP, STRATEGIES, SWITCH, SpringAdmin, answer, refused, same,
};
use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind, unfit_weight, wait_until_idle};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::http::Call;
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::switch_evidence::{Layer, Verdict};
use lb_core::time::Span;
use lb_core::trace_summary::TraceSummary;
use reqwest::Method;
use serde_json::{Map, Value};
use std::time::Duration;

const TRACES: &str = "record decisions";
const NO_TRACES: &str = "use the reference load balancer, with `traces` in its config";

/// Time limit for writing a recording of several hours to disk.
const WRITING: Duration = Duration::from_secs(120);

#[async_trait]
impl LoadBalancerAdmin for SpringAdmin {
    fn dialect(&self) -> &str {
        DIALECT
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        let (native, _) = self.claimed().await?;
        let algorithm = native.parse().ok();
        Ok(Current { native, algorithm })
    }

    async fn start(&self, algorithm: &Algorithm) -> Result<(), AdminError> {
        let native = self.native(algorithm)?;
        let query = [("startAlgorithm", native)];
        let reply = self.http.call(Call::post(START, &query)).await?;
        let answer = answer(&reply);
        match (reply.status, answer.available_algorithms.clone()) {
            (200, _) if answer.is("started") => Ok(()),
            (400, Some(available)) => Err(refused(&reply, native, answer.said(), available)),
            // The only other rejection that the dialect has here.
            (400, None) => Err(AdminError::AlreadyMeasuring {
                url: reply.url.clone(),
                status: reply.status,
                said: answer.said(),
            }),
            _ => Err(reply.unexpected("200 with status `started`", None)),
        }
    }

    async fn stop(&self) -> Result<(), AdminError> {
        let reply = self.http.call(Call::post(STOP, &[])).await?;
        let answer = answer(&reply);
        if reply.status == 200 && answer.is("completed") {
            Ok(())
        } else if reply.status == 200 && answer.is("error") {
            Err(AdminError::NotMeasuring { url: reply.url, said: answer.said() })
        } else {
            Err(reply.unexpected("200 with status `completed`", None))
        }
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let query = [("algorithm", native.as_str())];
        let reply = self.http.call(Call::post(SWITCH, &query)).await?;
        let answer = answer(&reply);
        if reply.status != 200 {
            let available = answer.available_algorithms.clone();
            return Err(match (reply.status, available) {
                (400, Some(available)) => refused(&reply, &native, answer.said(), available),
                (400..500, None) => refused(&reply, &native, answer.said(), self.natives()),
                _ => reply.unexpected("200 with status `switched`", None),
            });
        }
        if !answer.is("switched") {
            return Err(reply.unexpected("200 with status `switched`", None));
        }
        let (routes, url) = self.claimed().await?;
        if same(&routes, &native) {
            Ok(native)
        } else {
            Err(AdminError::NotSwitched { url, wanted: native, routes })
        }
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let native = self.native(algorithm)?;
        let (label, _) = self.label().await?;
        let Some((routes, _)) = self.routes().await? else {
            let told = format!("{STATUS} says `{label}`, which is a label; {STRATEGIES} does not exist");
            let verdict = if same(&label, native) { Verdict::Consistent } else { Verdict::Contradicted };
            return Ok(Layer::new(verdict, told));
        };
        let mut told = format!("{STRATEGIES} says that `{routes}` is active");
        let mut right = same(&routes, native);
        if !same(&label, native) {
            // Requests would be booked under a name other than that of the algorithm that chose.
            told += &format!(", but {STATUS} books under `{label}`");
            right = false;
        }
        if self.reference {
            let picks = self.lb_snapshot().await?.algorithm;
            told += &format!(", {LB_SNAPSHOT} says `{picks}`");
            right &= same(&picks, native);
        }
        let verdict = if right { Verdict::Confirmed } else { Verdict::Contradicted };
        Ok(Layer::new(verdict, told))
    }

    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        if !self.reference {
            return Ok(None);
        }
        let pools = self.lb_snapshot().await?.pools;
        let named = |pool: &&LbPool| pool.services.iter().any(|name| name == service);
        // A pool that serves all other services may list none, and the name of a single pool does not
        // matter.
        let answers =
            pools.iter().find(named).or_else(|| pools.iter().find(|pool| pool.services.is_empty())).or(
                match pools.as_slice() {
                    [only] => Some(only),
                    _ => None,
                },
            );
        let may_be_picked = answers.map(|pool| {
            let backends = pool.backends.iter();
            let takes = backends.filter(|one| one.healthy && !one.draining && !one.ejected);
            takes.map(|one| PoolBackend { id: one.id.clone(), weight: one.weight }).collect()
        });
        Ok(may_be_picked)
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        let LbSnapshot { algorithm, generation, pools, guards, .. } = self.lb_snapshot().await?;
        let counters = pools.into_iter().flat_map(|LbPool { name, backends, .. }| {
            backends.into_iter().map(move |one| BackendCounters {
                requests: Some(one.requests),
                errors: Some(one.errors),
                cancelled: Some(one.cancelled),
                latency_sum: Some(Span::from_millis_f64(one.latency_sum_ms)),
                in_flight: one.in_flight,
                peak_in_flight: Some(one.peak_in_flight),
                healthy: one.healthy,
                draining: one.draining,
                ejected: one.ejected,
                ..BackendCounters::unknown(one.id, name.clone(), one.weight)
            })
        });
        let generation = generation.to_string();
        Ok(Snapshot { generation, algorithm, backends: counters.collect(), unassigned: 0, guards })
    }

    async fn start_trace(&self, name: &str, run_id: &str) -> Result<(), AdminError> {
        self.reference(TRACES, NO_TRACES)?;
        self.lb_post(Call::post(LB_TRACE_START, &[("name", name), ("run_id", run_id)]), TRACES).await
    }

    async fn stop_trace(&self) -> Result<TraceSummary, AdminError> {
        self.reference(TRACES, NO_TRACES)?;
        let call = Call { limit: Some(WRITING), ..Call::post(LB_TRACE_STOP, &[]) };
        self.http.call(call).await?.json("the summary of a recording")
    }

    async fn drain(&self, timeout: Duration) -> Result<(), AdminError> {
        self.reference("drain", "wait as long as its slowest request may take")?;
        wait_until_idle(self, timeout).await
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        let (routes, _) = self.claimed().await?;
        let offered = self.capabilities.algorithms.iter().find(|offer| same(&offer.native, &routes));
        // Without a name, the dialect resets the counts of the label, which may differ from the algorithm
        // that routes.
        let query: Vec<_> = offered.map(|offer| ("algorithm", offer.native.as_str())).into_iter().collect();
        let reply = self.http.call(Call::post(RESET, &query)).await?;
        if reply.status != 200 || !answer(&reply).is("reset") {
            return Err(reply.unexpected("200 with status `reset`", None));
        }
        if self.reference {
            self.lb_post(Call::post(LB_RESET, &[]), "reset the counters").await?;
        }
        Ok(self.capabilities.reset)
    }

    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        const WHAT: &str = "set weights";
        self.reference(WHAT, "configure the weights in the load balancer itself")?;
        if let Some(unfit) = unfit_weight(weights) {
            let reason = format!("{unfit}; to stop requests to a backend, drain it");
            return Err(AdminError::BadValue { what: WHAT, reason });
        }
        let body: Map<String, Value> =
            weights.iter().map(|(id, weight)| (id.clone(), (*weight).into())).collect();
        let body = Some(body.into());
        let call = Call { method: Method::PUT, path: LB_WEIGHTS, query: &[], body, limit: None };
        self.lb_post(call, WHAT).await
    }

    async fn set_draining(&self, backend: &str, draining: bool) -> Result<(), AdminError> {
        const WHAT: &str = "drain a backend";
        self.reference(WHAT, "remove it from the load balancer's configuration")?;
        let path = if draining { LB_DRAIN } else { LB_UNDRAIN };
        self.lb_post(Call::post(path, &[("backend", backend)]), WHAT).await
    }
}
