//! Implements `LoadBalancerAdmin` for Envoy.

use super::names::NAMES;
use super::wire::{Host, Stats};
use super::{EnvoyAdmin, STATS, get};
use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::switch_evidence::{Layer, Verdict};

#[async_trait]
impl LoadBalancerAdmin for EnvoyAdmin {
    fn dialect(&self) -> &str {
        NAMES.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        self.selected().await
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        self.select(*algorithm, &native).await?;
        Ok(native)
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let (right, told) = self.judge(*algorithm).await?;
        Ok(Layer::new(if right { Verdict::Confirmed } else { Verdict::Contradicted }, told))
    }

    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        let current = self.selected().await?;
        let hosts = self.hosts().await?;
        let routing: Vec<_> =
            hosts.iter().filter(|(_, of, _)| of.is_none() || *of == current.algorithm).collect();
        let wanted = match (self.options.pool_of(service), routing.as_slice()) {
            (Some(pool), _) => pool,
            // A single pool serves all services, so its name does not matter.
            (None, [(only, ..)]) => only,
            _ => return Ok(None),
        };
        let Some((_, _, cluster)) = routing.iter().find(|(pool, ..)| pool == wanted) else { return Ok(None) };
        let may_be_picked = |host: &&Host| {
            let health = &host.health_status;
            health.healthy() && !health.draining() && !health.ejected()
        };
        let backend = |host: &Host| PoolBackend {
            id: self.id(&host.hostname, &host.address()),
            weight: f64::from(host.weight),
        };
        Ok(Some(cluster.host_statuses.iter().filter(may_be_picked).map(backend).collect()))
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        let current = self.selected().await?;
        let mut backends: Vec<BackendCounters> = Vec::new();
        for (pool, of, cluster) in &self.hosts().await? {
            let routes = of.is_none() || current.algorithm.is_none() || *of == current.algorithm;
            for host in &cluster.host_statuses {
                let id = self.id(&host.hostname, &host.address());
                let known = backends.iter().position(|one| one.id == id && one.pool == *pool);
                let place = known.unwrap_or_else(|| {
                    let fresh = BackendCounters::unknown(id, pool.clone(), 1.0);
                    backends.push(BackendCounters { requests: Some(0), errors: Some(0), ..fresh });
                    backends.len() - 1
                });
                add(&mut backends[place], host, routes);
            }
        }
        let configured = self.configured(Some("cluster.name,last_updated")).await?;
        // Zero fractions of a second are omitted. Without the `Z`, the order of the texts is that of the
        // times.
        let built = configured.iter().map(|one| one.last_updated.trim_end_matches('Z')).max();
        let generation = built.unwrap_or_default().to_owned();
        Ok(Snapshot { generation, algorithm: current.native, backends, unassigned: 0, guards: None })
    }

    /// Adds up the retries of the clusters. Envoy does not count them by host.
    async fn retries(&self) -> Result<Option<u64>, AdminError> {
        let query = [("format", "json"), ("filter", r"^cluster\..*\.upstream_rq_retry$")];
        let stats: Stats = get(&self.http, STATS, &query, "Envoy's counters as JSON").await?;
        Ok(Some(stats.retries(|cluster| self.place(cluster).is_some())))
    }

    /// Resets nothing, because Envoy cannot reset the counters of hosts.
    async fn reset(&self) -> Result<ResetKind, AdminError> {
        Ok(ResetKind::None)
    }

    /// Sets the weights of the clusters `rl`; other clusters keep theirs.
    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        if self.steered.is_empty() {
            return Err(self.cannot(
                "set weights",
                "switch with the selector, using clusters `rl` whose endpoints come from a file (`eds_cluster_config`)",
            ));
        }
        self.steer(weights).await
    }

    async fn set_draining(&self, _backend: &str, _draining: bool) -> Result<(), AdminError> {
        Err(self
            .cannot("drain a backend", "stop the backend once it is idle, or use a load balancer that can"))
    }
}

impl EnvoyAdmin {
    fn cannot(&self, what: &'static str, way_out: &'static str) -> AdminError {
        AdminError::not_supported(NAMES.name, self.http.base(), what, way_out)
    }
}

/// Adds the counts that one cluster keeps of a backend. The state of the backend comes from the cluster that
/// routes.
fn add(one: &mut BackendCounters, host: &Host, routes: bool) {
    let sum = |sum: Option<u64>, name: &str| sum.map(|sum| sum + host.count(name));
    one.requests = sum(one.requests, "rq_total");
    one.errors = sum(one.errors, "rq_error");
    one.in_flight += (host.count("rq_active") + host.count("rq_pending_active")) as u32;
    if routes {
        one.weight = f64::from(host.weight);
        one.healthy = host.health_status.healthy();
        one.draining = host.health_status.draining();
        one.ejected = host.health_status.ejected();
    }
}
