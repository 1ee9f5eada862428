//! The pools of a config: their backends, the services that they serve, and the paths at which they are mounted.

use super::is_name;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// The only path at which a pool can be mounted by itself.
const ROOT: &str = "/";

/// The service under which requests count if theirs has no valid name, if there are too many services, or if a pool
/// that serves all is mounted at `/`.
pub(crate) const OTHERS: &str = "others";

/// Backends that serve the same services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolConfig {
    /// Name of the pool, unique; any text.
    pub name: String,
    /// The services that it serves; if empty, all services that no other pool names.
    #[serde(default)]
    pub services: Vec<String>,
    /// The path below which it serves requests by their own paths, besides `/proxy/{service}/`: `/`, or `None`. These
    /// requests count for the first of its services, or for `others` if it serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The initial backends; more can be added at run time.
    #[serde(default)]
    pub backends: Vec<BackendConfig>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendConfig {
    /// Id, unique among all pools; it appears in `X-Backend`.
    pub id: String,
    /// URL of the backend: `http://host:port`, optionally with a path prefix.
    pub url: String,
    /// Its share of requests relative to the other backends of the pool, for weighted algorithms: above
    /// 0, at most 1,000,000.
    #[serde(default = "default_weight")]
    pub weight: f64,
}

fn default_weight() -> f64 {
    1.0
}

/// Checks the pools.
pub(super) fn check(pools: &[PoolConfig], faults: &mut Vec<String>) {
    let mut names = HashMap::new();
    let mut ids = HashMap::new();
    let mut services = BTreeMap::new();
    for (p, pool) in pools.iter().enumerate() {
        let path = format!("pools[{p}]");
        if pool.name.is_empty() {
            faults.push(format!("`{path}.name` is empty"));
        }
        if let Some(first) = names.insert(&pool.name, p) {
            faults.push(format!("`{path}.name` is `{}`, as is `pools[{first}].name`", pool.name));
        }
        for (s, service) in pool.services.iter().enumerate() {
            if !is_name(service) {
                faults.push(format!(
                    "`{path}.services[{s}]` is `{service}`: must be letters, digits, `-`, `_` or `.`"
                ));
            }
            if let Some(first) = services.insert(service, &pool.name) {
                faults.push(format!(
                    "`{path}.services[{s}]` is `{service}`, which pool `{first}` already serves"
                ));
            }
        }
        for (b, backend) in pool.backends.iter().enumerate() {
            backend_faults(&format!("{path}.backends[{b}]"), backend, faults);
            if let Some(first) = ids.insert(&backend.id, &pool.name) {
                faults.push(format!(
                    "`{path}.backends[{b}].id` is `{}`, already taken in pool `{first}`",
                    backend.id
                ));
            }
        }
    }
    mounts(pools, faults);
    if pools.iter().filter(|pool| pool.services.is_empty()).count() > 1 {
        faults
            .push("`pools`: more than one pool has no `services`; only one can serve all others".to_owned());
    }
}

/// Checks where pools are mounted.
fn mounts(pools: &[PoolConfig], faults: &mut Vec<String>) {
    let mut first: Option<&str> = None;
    for (p, pool) in pools.iter().enumerate() {
        match pool.at.as_deref() {
            None => {}
            Some(ROOT) => {
                if let Some(other) = first.replace(&pool.name) {
                    faults.push(format!("`pools[{p}].at` is `/`, where pool `{other}` is already mounted"));
                }
            }
            Some(at) => faults.push(format!(
                "`pools[{p}].at` is `{at}`: must be `/`, or be left out (each service is below `/proxy/SERVICE/` in any case)"
            )),
        }
    }
}

/// Returns the service of requests whose path is not below `/proxy/`; `None` if no pool serves them.
pub(super) fn root(pools: &[PoolConfig]) -> Option<Box<str>> {
    let pool = pools.iter().find(|pool| pool.at.as_deref() == Some(ROOT))?;
    Some(pool.services.first().map_or(OTHERS, String::as_str).into())
}

fn backend_faults(path: &str, backend: &BackendConfig, faults: &mut Vec<String>) {
    if !is_name(&backend.id) {
        faults
            .push(format!("`{path}.id` is `{}`: must be letters, digits, `-`, `_`, `.` or `:`", backend.id));
    }
    if !(backend.weight > 0.0 && backend.weight <= 1e6) {
        faults.push(format!("`{path}.weight` is {}: must be above 0, at most 1000000", backend.weight));
    }
    if let Err(fault) = Origin::parse(&backend.url) {
        faults.push(format!("`{path}.url` is `{}`: {fault}", backend.url));
    }
}

/// The parts of a backend's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The address to connect to, as `host:port`.
    pub(crate) authority: String,
    /// The path that precedes the request's own path, without a slash at its end.
    pub(crate) prefix: String,
}

impl Origin {
    /// Parses an address such as `http://host:port/prefix`.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: http::Uri = url.parse().map_err(|_| "is not a URL")?;
        if uri.scheme_str() != Some("http") {
            return Err("must begin with `http://`");
        }
        if uri.query().is_some() {
            return Err("must not have a query");
        }
        let authority = uri.authority().ok_or("must name a host")?;
        if authority.as_str().contains('@') {
            return Err("must not have credentials");
        }
        Ok(Self {
            authority: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}
