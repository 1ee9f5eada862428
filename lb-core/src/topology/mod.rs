//! The pools of backends, the services of each pool, the service time and the cost of each route, and the faults of
//! the backends.
//!
//! It is read by the mock backends (which run it in real time), by the simulator (in virtual time) and
//! by the harness (which configures the load balancer accordingly).

mod bundled;
mod cost;
mod costs;
mod glob;
mod name;
mod problems;

pub use bundled::BUNDLED;
pub use cost::{Cost, Law};
pub use costs::Costs;
pub use name::{NAME_RULE, is_name, is_part};

use crate::fault::Fault;
use crate::service_time::ServiceTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The service whose pages lie at `/`: the mock backends' shop for browsers.
pub const PAGES: &str = "boutique";

/// A set of pools with routes and faults, as described by a JSON file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Short name, such as `situation-b`.
    pub name: String,
    /// What the topology is for.
    #[serde(default)]
    pub description: String,
    /// The pools. A service belongs to the first pool that names it, or otherwise to the first pool
    /// that names no services. Requests that name no service belong to that pool too, or if there is none, to the one
    /// with the service `boutique`, whose pages lie at `/`.
    pub pools: Vec<Pool>,
    /// Service times of routes; the first matching route applies.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Service time of requests that match no route.
    pub service_time: ServiceTime,
    /// What requests cost by what they say, for routes without a cost of their own: the factor of their service time. If
    /// absent, they cost 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Faults of the backends.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// Backends that serve the same services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Name of the pool.
    pub name: String,
    /// Services that the pool serves; empty means all services that no other pool names.
    #[serde(default)]
    pub services: Vec<String>,
    /// Backends of the pool.
    pub backends: Vec<BackendSpec>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendSpec {
    /// Id, unique in the topology; used in the `X-Backend` header and in all results.
    pub id: String,
    /// Number of workers: requests served at once.
    #[serde(default = "default_workers")]
    pub workers: u32,
    /// How waiting requests share the workers.
    #[serde(default)]
    pub discipline: Discipline,
    /// Maximum number of waiting requests; further ones are rejected with 503.
    #[serde(default = "default_queue_cap")]
    pub queue_cap: u32,
    /// Speed; a backend of speed 2 serves a request in half the time.
    #[serde(default = "one")]
    pub speed: f64,
    /// Weight configured in the load balancer.
    #[serde(default = "one")]
    pub weight: f64,
}

/// How waiting requests share the workers of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// First come, first served; each worker serves one request.
    #[default]
    Fcfs,
    /// Processor sharing: all requests progress at once and share the workers evenly.
    ProcessorSharing,
}

/// The service time of one kind of request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// HTTP method; if absent, every method matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Service; if absent, every service matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Path below the service; `*` matches any sequence of characters: `/api/inventory/product/*`.
    pub path: String,
    /// Service time of requests that match.
    pub service_time: ServiceTime,
    /// What requests that match cost by what they say: the factor of their service time. If absent, that of the topology.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// Returns 4 workers, the size of a small container's thread pool, as in the experiments of the docs.
fn default_workers() -> u32 {
    4
}

/// Returns 512 waiting requests: in a longer queue, a client would time out anyway.
fn default_queue_cap() -> u32 {
    512
}

fn one() -> f64 {
    1.0
}

/// The position of a route in a topology; the number of routes stands for "no route matches".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteIndex(pub u16);

/// A backend and its position in the topology.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<'a> {
    /// Position of its pool in [`Topology::pools`].
    pub pool: usize,
    /// Position within its pool.
    pub place: usize,
    /// The backend as described in the topology.
    pub spec: &'a BackendSpec,
    /// The services that its pool serves.
    pub services: Vec<String>,
}

impl Topology {
    /// Returns the service of a request by the one that it names: the same, or [`PAGES`] if it names none (an empty
    /// text) and only that pool can answer it.
    pub fn meant<'a>(&self, service: &'a str) -> &'a str {
        let names_pages = |pool: &Pool| pool.services.iter().any(|other| other == PAGES);
        let by_pages = service.is_empty()
            && self.pools.iter().any(names_pages)
            && self.pools.iter().all(|pool| !pool.services.is_empty());
        if by_pages { PAGES } else { service }
    }

    /// Returns the position of the pool that serves `service`, which is empty for requests that name none; `None` if no
    /// pool does.
    pub fn pool_of(&self, service: &str) -> Option<usize> {
        let service = self.meant(service);
        let names = |pool: &Pool| pool.services.iter().any(|other| other == service);
        self.pools
            .iter()
            .position(names)
            .or_else(|| self.pools.iter().position(|pool| pool.services.is_empty()))
    }

    /// Returns the services in `all` that pool number `pool` serves, in the order of `all`.
    pub fn services_of(&self, pool: usize, all: &[String]) -> Vec<String> {
        all.iter().filter(|service| self.pool_of(service) == Some(pool)).cloned().collect()
    }

    /// Returns all backends, pool by pool, in the order in which results number them. `all` lists all
    /// services, for pools that serve every service that no other pool names.
    pub fn backends<'a>(&'a self, all: &'a [String]) -> impl Iterator<Item = Placed<'a>> {
        self.pools.iter().enumerate().flat_map(move |(number, pool)| {
            let services = self.services_of(number, all);
            pool.backends.iter().enumerate().map(move |(place, spec)| Placed {
                pool: number,
                place,
                spec,
                services: services.clone(),
            })
        })
    }

    /// Returns the route of a request; `path` is the part below the service, without the query.
    pub fn route(&self, service: &str, method: &str, path: &str) -> RouteIndex {
        let service = self.meant(service);
        let found = self.routes.iter().position(|route| {
            route.service.as_deref().is_none_or(|name| name == service)
                && route.method.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(method))
                && glob::matches(&route.path, path)
        });
        RouteIndex(u16::try_from(found.unwrap_or(self.routes.len())).unwrap_or(u16::MAX))
    }

    /// Returns the service time of a route.
    pub fn service_time(&self, route: RouteIndex) -> &ServiceTime {
        self.routes.get(usize::from(route.0)).map_or(&self.service_time, |route| &route.service_time)
    }
}
