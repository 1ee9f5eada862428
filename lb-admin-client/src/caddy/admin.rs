//! Implements `LoadBalancerAdmin` for Caddy.

use super::config::{HASH_OF_CLIENT, policies, trusts_proxies};
use super::names::NAMES;
use super::{CONFIG, CaddyAdmin, Route, read};
use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::http::Call;
use crate::options::Switching;
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::switch_evidence::{Layer, Verdict};
use lb_core::{Algorithm, plain};
use reqwest::Method;
use serde_json::{Value, json};

/// Generation of all snapshots: Caddy keeps no counters by backend that a restart could reset.
const GENERATION: &str = "no counters";

#[async_trait]
impl LoadBalancerAdmin for CaddyAdmin {
    fn dialect(&self) -> &str {
        NAMES.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        Ok(current(&self.routing().await?))
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        match self.options.switching {
            Switching::Selector => {
                if let Some(flags) = &self.flags {
                    flags.set(&algorithm.to_string())?;
                }
            }
            Switching::Config => self.change(algorithm, &native).await?,
        }
        let routes = self.routing().await?;
        match routes.iter().find(|route| route.algorithm != Some(*algorithm)) {
            None => Ok(native),
            Some(other) => Err(AdminError::NotSwitched {
                url: format!("{}{CONFIG}", self.http.base()),
                wanted: algorithm.to_string(),
                routes: said(other),
            }),
        }
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let routes = self.routing().await?;
        let mut told = match &self.flags {
            Some(flags) => match flags.present()?.as_slice() {
                [] => vec![format!("there is no flag file in {}", flags.dir().display())],
                names => {
                    vec![format!("the flag file `{}` is in {}", names.join("`, `"), flags.dir().display())]
                }
            },
            None => Vec::new(),
        };
        let mut right = !routes.is_empty();
        for route in &routes {
            let expected = policies(*algorithm);
            let fits = expected.contains(&route.proxy.policy.as_str());
            right &= fits && route.algorithm == Some(*algorithm);
            let policy = &route.proxy.policy;
            let but = if fits {
                String::new()
            } else {
                format!(", but {algorithm} is `{}`", expected.join("` or `"))
            };
            told.push(format!("`{}` is active and balances with `{policy}`{but}", route.proxy.id));
        }
        let verdict = if right { Verdict::Confirmed } else { Verdict::Contradicted };
        Ok(Layer::new(verdict, told.join("; ")))
    }

    /// Lists the backends of the pool. Caddy reports only addresses; their ids come from the options.
    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        let routes = self.routing().await?;
        let found = match (self.options.pool_of(service), routes.as_slice()) {
            (Some(pool), routes) => routes.iter().find(|route| route.pool == pool),
            (None, [only]) => Some(only),
            _ => None,
        };
        let Some(route) = found else { return Ok(None) };
        let known =
            |address: &String| self.options.backends.iter().find(|backend| backend.address == *address);
        let backend = |address| Some(PoolBackend { id: known(address)?.id.clone(), weight: 1.0 });
        Ok(route.proxy.addresses.iter().map(backend).collect())
    }

    /// Reports only the requests in flight, since Caddy keeps no other counters by backend.
    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        let routes = self.routing().await?;
        let upstreams = self.in_flight(&routes).await?;
        let mut seen = Vec::new();
        let mut backends = Vec::new();
        for route in &routes {
            for address in &route.proxy.addresses {
                // If two pools share an address, its requests count for the first pool only.
                let listed = upstreams.iter().find(|upstream| upstream.address == *address);
                let Some(listed) = listed.filter(|_| !seen.contains(&address)) else { continue };
                seen.push(address);
                let unknown = BackendCounters::unknown(self.options.id_of(address), route.pool.clone(), 1.0);
                backends.push(BackendCounters { in_flight: listed.num_requests, ..unknown });
            }
        }
        let algorithm = current(&routes).native;
        Ok(Snapshot { generation: GENERATION.to_owned(), algorithm, backends, unassigned: 0, guards: None })
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        Ok(ResetKind::None)
    }

    async fn set_weights(&self, _weights: &[(String, f64)]) -> Result<(), AdminError> {
        Err(self.cannot("set weights", "set them in its configuration, and restart it"))
    }

    async fn set_draining(&self, _backend: &str, _draining: bool) -> Result<(), AdminError> {
        Err(self.cannot("drain a backend", "remove it from the load balancer's configuration"))
    }
}

impl CaddyAdmin {
    /// Changes the policy and the label of each pool's handler in one call.
    async fn change(&self, algorithm: &Algorithm, native: &str) -> Result<(), AdminError> {
        let hashes_clients = trusts_proxies(&read(&self.http).await?);
        let policy = match policies(*algorithm) {
            known if hashes_clients && known.contains(&HASH_OF_CLIENT) => HASH_OF_CLIENT,
            [first, ..] => first,
            [] => return Err(self.cannot("switch to an algorithm", "choose one that it has a policy for")),
        };
        for route in self.routing().await? {
            let path = format!("/id/{}", route.proxy.id);
            let expected = "a `reverse_proxy` as JSON";
            let mut handler: Value = self.http.call(Call::get(&path)).await?.json(expected)?;
            handler["load_balancing"]["selection_policy"] = json!({"policy": policy});
            handler["headers"]["response"]["set"]["X-LB-Algorithm"] = json!([algorithm.to_string()]);
            let body = Some(handler);
            let call = Call { method: Method::PATCH, path: &path, query: &[], body, limit: None };
            let reply = self.http.call(call).await?;
            if reply.status != 200 {
                return Err(AdminError::Refused {
                    url: reply.url,
                    status: reply.status,
                    native: native.to_owned(),
                    said: plain::line(reply.body.trim()).into_owned(),
                    available: self
                        .capabilities
                        .algorithms
                        .iter()
                        .map(|offer| offer.native.clone())
                        .collect(),
                });
            }
        }
        Ok(())
    }

    fn cannot(&self, what: &'static str, way_out: &'static str) -> AdminError {
        AdminError::not_supported(NAMES.name, self.http.base(), what, way_out)
    }
}

/// Returns what the pools run: the policy that all share, or a list of the different ones.
fn current(routes: &[Route]) -> Current {
    let mut policies: Vec<&str> = routes.iter().map(|route| route.proxy.policy.as_str()).collect();
    policies.dedup();
    let first = routes.first().and_then(|route| route.algorithm);
    let algorithm = first.filter(|first| routes.iter().all(|route| route.algorithm == Some(*first)));
    Current { native: policies.join(", "), algorithm }
}

/// Names what a route runs: our name for the algorithm, if there is one.
fn said(route: &Route) -> String {
    route.algorithm.map_or_else(|| route.proxy.policy.clone(), |algorithm| algorithm.to_string())
}
