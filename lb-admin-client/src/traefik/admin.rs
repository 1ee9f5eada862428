//! Implements `LoadBalancerAdmin` for Traefik.

use super::log::AccessLog;
use super::names::NAMES;
use super::wire::{self, Raw, Version};
use super::{GREATEST_WEIGHT, METRICS, RAW, TraefikAdmin, VERSION, in_force, late, native, put, strategy};
use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind, unfit_weight};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::http::Call;
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use lb_core::switch_evidence::{Layer, Verdict};
use std::time::Duration;

#[async_trait]
impl LoadBalancerAdmin for TraefikAdmin {
    fn dialect(&self) -> &str {
        NAMES.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        Ok(current(&self.raw().await?))
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        const WHAT: &str = "switch to an algorithm";
        let native = self.native(algorithm)?.to_owned();
        let mut document = self.raw().await?.document();
        wire::select(&mut document, algorithm);
        put(&self.http, WHAT, &document).await?;
        if in_force(&self.http, WHAT, &document, self.options.limit).await? {
            return Ok(native);
        }
        Err(AdminError::NotSwitched {
            url: format!("{}{RAW}", self.http.base()),
            wanted: algorithm.to_string(),
            routes: services(&self.raw().await?),
        })
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let raw = self.raw().await?;
        let expected = strategy(*algorithm).unwrap_or("none that it has");
        let mut told = Vec::new();
        let mut right = true;
        for router in raw.routers() {
            let fits = router.strategy == expected;
            right &= fits && router.group.algorithm == *algorithm && router.error.is_none();
            let but = if fits { String::new() } else { format!(", but {algorithm} is `{expected}`") };
            let (name, service, strategy) = (router.name, router.service, router.strategy);
            told.push(format!("router `{name}` uses `{service}`, which balances with `{strategy}`{but}"));
            told.extend(router.error.map(|error| format!("Traefik says of `{name}`: {error}")));
        }
        let right = right && !told.is_empty();
        let verdict = if right { Verdict::Confirmed } else { Verdict::Contradicted };
        Ok(Layer::new(verdict, told.join("; ")))
    }

    /// Lists the backends of the pool. Traefik reports only addresses; their ids come from the options.
    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        let raw = self.raw().await?;
        let routers: Vec<_> = raw.routers().collect();
        let found = match (self.options.pool_of(service), routers.as_slice()) {
            (Some(pool), routers) => routers.iter().find(|router| router.group.pool == pool),
            (None, [only]) => Some(only),
            _ => None,
        };
        let Some(router) = found else { return Ok(None) };
        let may_be_picked = router.servers.iter().filter(|server| server.weight > 0.0);
        let backend = |server: &wire::Server| {
            let known = self.options.backends.iter().find(|known| known.address == server.address)?;
            Some(PoolBackend { id: known.id.clone(), weight: server.weight })
        };
        Ok(may_be_picked.map(backend).collect())
    }

    /// Returns the backends and their weights, with the counts from the access log.
    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        let version: Version = self.http.call(Call::get(VERSION)).await?.json("when Traefik started")?;
        let raw = self.raw().await?;
        let counted = self.log.as_ref().map(AccessLog::look).transpose()?;
        let mut backends: Vec<BackendCounters> = Vec::new();
        for router in raw.routers() {
            for server in &router.servers {
                let (id, pool) = (self.options.id_of(&server.address), &router.group.pool);
                // A pool may have several routers.
                if backends.iter().all(|one| one.id != id || one.pool != *pool) {
                    let one = BackendCounters {
                        healthy: server.healthy,
                        ..BackendCounters::unknown(id, pool.clone(), server.weight)
                    };
                    backends.push(match &self.log {
                        Some(log) => log.count(one, &server.address),
                        None => one,
                    });
                }
            }
        }
        let algorithm = current(&raw).native;
        let of_log = counted.map_or_else(String::new, |generation| format!(", log {generation}"));
        let generation = version.start + &of_log;
        Ok(Snapshot { generation, algorithm, backends, unassigned: 0, guards: None })
    }

    /// Adds up the retries of the services in Traefik's metrics, which it has if its configuration turns them on for
    /// the entry point of the API.
    async fn retries(&self) -> Result<Option<u64>, AdminError> {
        let reply = self.http.call(Call::get(METRICS)).await?;
        Ok((reply.status == 200).then(|| retries(&reply.body)).flatten())
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        Ok(ResetKind::None)
    }

    /// Sets the weights of the groups `rl`, whichever group routes, and returns when they are in force.
    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        const WHAT: &str = "set weights";
        let rl = Algorithm::plain(Rule::Rl);
        if !self.capabilities.weights {
            let way_out = "let `bench` start Traefik with `rl` among the algorithms: each pool needs a service `pool.rl`, \
                           and Traefik must write a JSON access log";
            return Err(self.cannot(WHAT, way_out));
        }
        let bad = |reason: String| AdminError::BadValue { what: WHAT, reason };
        if let Some(unfit) = unfit_weight(weights) {
            return Err(bad(unfit));
        }
        let greatest = weights.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        let scaled = |weight: f64| (weight / greatest * GREATEST_WEIGHT).round().max(1.0) as u32;
        let mut document = self.raw().await?.document();
        wire::weigh(&mut document, &rl, |address| {
            let id = self.options.id_of(address);
            weights.iter().find(|(named, _)| *named == id).map(|(_, weight)| scaled(*weight))
        });
        put(&self.http, WHAT, &document).await?;
        if in_force(&self.http, WHAT, &document, self.options.limit).await? {
            return Ok(());
        }
        Err(late(&self.http, WHAT, self.options.limit))
    }

    async fn set_draining(&self, _backend: &str, _draining: bool) -> Result<(), AdminError> {
        Err(self.cannot("drain a backend", "remove it from the load balancer's configuration"))
    }

    async fn drain(&self, _timeout: Duration) -> Result<(), AdminError> {
        Err(self.cannot("drain", "wait as long as its slowest request may take"))
    }
}

impl TraefikAdmin {
    fn cannot(&self, what: &'static str, way_out: &'static str) -> AdminError {
        AdminError::not_supported(NAMES.name, self.http.base(), what, way_out)
    }
}

/// Returns what the routers run: the strategy that all share, or a list of the different ones.
fn current(raw: &Raw) -> Current {
    let mut natives: Vec<String> = raw.routers().map(|router| native(&router)).collect();
    natives.dedup();
    let first = raw.routers().next().map(|router| router.group.algorithm);
    let algorithm = first.filter(|first| raw.routers().all(|router| router.group.algorithm == *first));
    Current { native: natives.join(", "), algorithm }
}

/// Lists the services that routers use.
fn services(raw: &Raw) -> String {
    raw.routers().map(|router| router.service.to_owned()).collect::<Vec<_>>().join(", ")
}

/// Returns the repeated attempts of all services in a page of metrics. `None` if the page does not tell.
///
/// Traefik has a counter of its own, which versions after 3 leave at zero for retries of a router. There, services got more
/// requests than came in, and the difference is the number of retries.
fn retries(page: &str) -> Option<u64> {
    let of = |metric: &str, wanted: &dyn Fn(&str) -> bool| {
        let count = |line: &str| {
            let rest = line.strip_prefix(metric).filter(|rest| rest.starts_with('{') && wanted(rest))?;
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        };
        page.lines().filter_map(count).reduce(|sum, count| sum + count)
    };
    let any = |_: &str| true;
    let counted = of("traefik_service_retries_total", &any).unwrap_or(0.0);
    // The API has an entry point of its own, and no service.
    let came_in =
        of("traefik_entrypoint_requests_total", &|labels| !labels.contains("entrypoint=\"traefik\""));
    let attempts = of("traefik_service_requests_total", &any);
    let is_traefik = page.lines().any(|line| line.starts_with("traefik_config_reloads_total"));
    let more = attempts.zip(came_in).map_or(0.0, |(attempts, came_in)| attempts - came_in);
    is_traefik.then(|| counted.max(more) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# TYPE traefik_config_reloads_total counter\ntraefik_config_reloads_total 3\n";

    #[test]
    fn retries_of_all_services_add_up_and_none_are_zero() {
        let page = format!(
            "{HEAD}# TYPE traefik_service_retries_total counter\n\
             traefik_service_retries_total{{service=\"main.p2c@rest\"}} 12\n\
             traefik_service_retries_total{{service=\"other@rest\"}} 1.5e+01\n\
             traefik_service_retries_total_other{{}} 9\n"
        );
        assert_eq!(retries(&page), Some(27));
        assert_eq!(retries(HEAD), Some(0), "a service that never retried has no line");
        assert_eq!(retries("<html>404</html>"), None, "another page tells nothing");
    }

    #[test]
    fn attempts_beyond_the_requests_that_came_in_are_retries() {
        let page = |came_in: u32| {
            format!(
                "{HEAD}traefik_entrypoint_requests_total{{code=\"200\",entrypoint=\"web\"}} {came_in}\n\
                 traefik_entrypoint_requests_total{{code=\"200\",entrypoint=\"traefik\"}} 50\n\
                 traefik_service_requests_total{{code=\"200\",service=\"main@rest\"}} 4\n\
                 traefik_service_requests_total{{code=\"502\",service=\"main@rest\"}} 3\n"
            )
        };
        assert_eq!(retries(&page(4)), Some(3));
        assert_eq!(retries(&page(9)), Some(0), "some requests had no route");
    }
}
