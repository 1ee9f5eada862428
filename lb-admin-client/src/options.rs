//! The options with which an adapter connects, and the capabilities that most load balancers share.

use crate::admin::{Capabilities, Offer, ResetKind};
use crate::fingerprint::PoolBackend;
use crate::names::Names;
use lb_core::Algorithm;
use lb_core::steering::Carrier;
use std::path::PathBuf;
use std::time::Duration;

/// The way in which an algorithm is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switching {
    /// One group of backends for each algorithm, and a selector that names the group: the next request uses
    /// the new algorithm, and no connection breaks.
    #[default]
    Selector,
    /// The configuration is changed and reloaded; for setups whose configuration cannot be restructured.
    Config,
}

/// A backend as the configuration of the load balancer lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownBackend {
    /// The id that it sends in `X-Backend`.
    pub id: String,
    /// The name of its pool.
    pub pool: String,
    /// The services that its pool serves; if empty, all that no other pool names.
    pub services: Vec<String>,
    /// The address at which it listens, as `host:port`.
    pub address: String,
    /// Weight of the backend relative to the others, above zero.
    pub weight: f64,
}

/// How to reach a running load balancer, and what is known about it.
#[derive(Clone, Debug)]
pub struct RealOptions {
    /// Where the load balancer accepts commands: a URL (Envoy, Caddy, Traefik), a Unix socket's path or
    /// `tcp:host:port` (HAProxy), a folder (nginx).
    pub admin: String,
    /// The bearer token of an admin API over HTTP; `None` if it needs none.
    pub token: Option<String>,
    /// Backends of the load balancer; if empty, the backends that it lists itself are used.
    pub backends: Vec<KnownBackend>,
    /// How algorithms are selected.
    pub switching: Switching,
    /// The file on this machine to which it writes a line for each request, if it keeps no counters. Traefik
    /// needs its JSON access log here for steered weights; other load balancers ignore it.
    pub access_log: Option<PathBuf>,
    /// The longest time that one call may take.
    pub limit: Duration,
}

impl RealOptions {
    /// Creates options with no known backends, switching by selector, no access log, and at most 5 s for a
    /// call.
    pub fn new(admin: impl Into<String>) -> Self {
        Self {
            admin: admin.into(),
            token: None,
            backends: Vec::new(),
            switching: Switching::default(),
            access_log: None,
            limit: Duration::from_secs(5),
        }
    }
}

impl RealOptions {
    /// Returns the pool that serves `service`; `None` if it is not known.
    pub(crate) fn pool_of(&self, service: &str) -> Option<&str> {
        let backends = || self.backends.iter();
        let names = |backend: &&KnownBackend| backend.services.iter().any(|name| name == service);
        let open = |backend: &&KnownBackend| backend.services.is_empty();
        let found = backends().find(names).or_else(|| backends().find(open));
        found.map(|backend| backend.pool.as_str())
    }

    /// Returns the backends of the pool that serves `service`; `None` if no backends are known.
    pub(crate) fn pool_for(&self, service: &str) -> Option<Vec<PoolBackend>> {
        let pool = self.pool_of(service)?;
        let members = self.backends.iter().filter(|backend| backend.pool == pool);
        Some(members.map(|one| PoolBackend { id: one.id.clone(), weight: one.weight }).collect())
    }

    /// Returns the id of the backend that listens at `address`, or the address itself if it is unknown.
    pub(crate) fn id_of(&self, address: &str) -> String {
        let found = self.backends.iter().find(|backend| backend.address == address);
        found.map_or(address, |backend| backend.id.as_str()).to_owned()
    }
}

/// Returns the capabilities that most load balancers share; adapters change those that differ.
pub(crate) fn capabilities(names: &Names, algorithms: impl IntoIterator<Item = Algorithm>) -> Capabilities {
    let offer = |algorithm: Algorithm| Some(Offer { algorithm, native: names.native(algorithm)?.to_owned() });
    Capabilities {
        algorithms: algorithms.into_iter().filter_map(offer).collect(),
        reset: ResetKind::None,
        per_backend: false,
        in_flight: false,
        switch_breaks_idle_connections: false,
        sees_old_in_flight: false,
        weights: false,
        carrier: Carrier::Shares,
        drain: false,
        names_backends: false,
        measurement: false,
        views: 1,
    }
}
