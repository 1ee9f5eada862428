//! Which backends there are: pools of backends, the services each pool answers for, how long a
//! request of each route takes, and the faults that hit them.
//!
//! Read by the mock backends (which execute it in real time), by the simulator (in virtual time) and
//! by the harness (which tells the load balancer who is there).

mod glob;
mod problems;

use crate::fault::Fault;
use crate::service_time::ServiceTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A set of pools, as a JSON file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Short name, such as `situation-b`.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The pools. A service belongs to the first pool that names it, or else to the first pool that
    /// names no service at all.
    pub pools: Vec<Pool>,
    /// Service time of each route; the first match counts.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Service time of requests that no route matches.
    pub service_time: ServiceTime,
    /// What happens to the backends.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// Backends that serve the same services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Name of the pool.
    pub name: String,
    /// Services that it answers for; empty means all that no other pool names.
    #[serde(default)]
    pub services: Vec<String>,
    /// Its backends.
    pub backends: Vec<BackendSpec>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendSpec {
    /// Id, unique in the topology; it appears in `X-Backend` and in every result.
    pub id: String,
    /// Requests served at once.
    #[serde(default = "default_workers")]
    pub workers: u32,
    /// How waiting requests share the workers.
    #[serde(default)]
    pub discipline: Discipline,
    /// Requests that may wait; further ones are refused with 503.
    #[serde(default = "default_queue_cap")]
    pub queue_cap: u32,
    /// Speed: 2 serves a request in half of the time.
    #[serde(default = "one")]
    pub speed: f64,
    /// Weight told to the load balancer.
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
    /// HTTP method; absent matches all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Service; absent matches all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Path below the service, with `*` for any run of characters: `/api/inventory/product/*`.
    pub path: String,
    /// Service time.
    pub service_time: ServiceTime,
}

/// 4 workers: a small container's thread pool, and the setting of the experiments in the docs.
fn default_workers() -> u32 {
    4
}

/// 512 waiting requests: beyond it a client would have timed out anyway.
fn default_queue_cap() -> u32 {
    512
}

fn one() -> f64 {
    1.0
}

/// The position of a route in a topology; the last one stands for "no route matches".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteIndex(pub u16);

/// A backend and its place in the topology.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<'a> {
    /// Position of its pool in [`Topology::pools`].
    pub pool: usize,
    /// Position within its pool.
    pub place: usize,
    /// The backend as the topology describes it.
    pub spec: &'a BackendSpec,
    /// The services that its pool answers for.
    pub services: Vec<String>,
}

impl Topology {
    /// The pool that answers for `service`.
    pub fn pool_of(&self, service: &str) -> Option<usize> {
        let names = |pool: &Pool| pool.services.iter().any(|other| other == service);
        self.pools
            .iter()
            .position(names)
            .or_else(|| self.pools.iter().position(|pool| pool.services.is_empty()))
    }

    /// The services among `all` that pool number `pool` answers for, in the order of `all`.
    pub fn services_of(&self, pool: usize, all: &[String]) -> Vec<String> {
        all.iter().filter(|service| self.pool_of(service) == Some(pool)).cloned().collect()
    }

    /// All backends, pool after pool: the order in which results number them. `all` names the
    /// services that there are, for pools that answer for all services that no other pool names.
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

    /// The route of a request; `path` is the part below the service, without the query.
    pub fn route(&self, service: &str, method: &str, path: &str) -> RouteIndex {
        let found = self.routes.iter().position(|route| {
            route.service.as_deref().is_none_or(|name| name == service)
                && route.method.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(method))
                && glob::matches(&route.path, path)
        });
        RouteIndex(u16::try_from(found.unwrap_or(self.routes.len())).unwrap_or(u16::MAX))
    }

    /// The service time of a route.
    pub fn service_time(&self, route: RouteIndex) -> &ServiceTime {
        self.routes.get(usize::from(route.0)).map_or(&self.service_time, |route| &route.service_time)
    }
}
