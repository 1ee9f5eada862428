//! The configuration of a real load balancer: one template for each, filled with the pools and algorithms of
//! one scenario.

use anyhow::{Context, Result};
use lb_admin_client::{Kind, KnownBackend, Switching};
use lb_core::Algorithm;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Weights are told as whole numbers up to this, which all of them take.
const GREATEST_SHARE: f64 = 100.0;

/// What nginx steers weights by, in the file `steered.lua` of its folder.
pub(super) const NGINX_LUA: &str = include_str!("../../../../configs/load-balancers/nginx.lua");

/// What a template may use.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    /// Where clients connect.
    host: String,
    port: u16,
    /// Where it is told what to do: `host:port`, or the path of a socket.
    admin: String,
    admin_host: String,
    admin_port: u16,
    /// A folder of its own.
    dir: &'a Path,
    threads: u16,
    /// Whether all this runs as root.
    root: bool,
    /// `selector` or `config`.
    switching: &'static str,
    /// Those that will run; the first is in force at the start.
    algorithms: Vec<Named>,
    first: String,
    pools: Vec<Pool>,
    /// Files that it has to load for what it cannot do alone.
    modules: &'a [PathBuf],
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    native: &'static str,
}

#[derive(Debug, Serialize)]
struct Pool {
    name: String,
    services: Vec<String>,
    /// Beginnings of the paths of its services, such as `/cart-service/`.
    paths: Vec<String>,
    /// Whether it answers for all that no other pool names.
    fallback: bool,
    backends: Vec<Backend>,
}

#[derive(Debug, Serialize)]
struct Backend {
    id: String,
    address: String,
    host: String,
    port: u16,
    weight: f64,
    /// The weight as a whole number.
    share: u32,
}

/// What is known when a template is filled.
pub(super) struct Facts<'a> {
    pub(super) kind: Kind,
    pub(super) listen: SocketAddr,
    pub(super) admin: &'a Admin,
    pub(super) dir: &'a Path,
    pub(super) threads: u16,
    pub(super) switching: Switching,
    pub(super) algorithms: &'a [Algorithm],
    pub(super) backends: &'a [KnownBackend],
    pub(super) modules: &'a [PathBuf],
}

/// Where a load balancer is told what to do.
pub(super) enum Admin {
    Address(SocketAddr),
    Socket(String),
}

impl<'a> Content<'a> {
    pub(super) fn new(facts: &Facts<'a>) -> Self {
        let named = |algorithm: &Algorithm| {
            let native = facts.kind.native(*algorithm)?;
            Some(Named { name: algorithm.to_string(), native })
        };
        let algorithms: Vec<Named> = facts.algorithms.iter().filter_map(named).collect();
        let (admin, admin_host, admin_port) = match facts.admin {
            Admin::Address(address) => (address.to_string(), address.ip().to_string(), address.port()),
            Admin::Socket(path) => (path.clone(), String::new(), 0),
        };
        Self {
            host: facts.listen.ip().to_string(),
            port: facts.listen.port(),
            admin,
            admin_host,
            admin_port,
            dir: facts.dir,
            threads: facts.threads,
            root: rustix::process::geteuid().is_root(),
            switching: match facts.switching {
                Switching::Selector => "selector",
                Switching::Config => "config",
            },
            first: algorithms.first().map_or_else(String::new, |first| first.name.clone()),
            algorithms,
            pools: pools(facts.backends),
            modules: facts.modules,
        }
    }
}

fn pools(backends: &[KnownBackend]) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    let greatest = backends.iter().map(|backend| backend.weight).fold(0.0, f64::max);
    for known in backends {
        if !pools.iter().any(|pool| pool.name == known.pool) {
            // As in a topology: of several pools that name no service, the first answers.
            let fallback = known.services.is_empty() && !pools.iter().any(|pool| pool.fallback);
            pools.push(Pool {
                name: known.pool.clone(),
                services: known.services.clone(),
                paths: known.services.iter().map(|service| format!("/{service}/")).collect(),
                fallback,
                backends: Vec::new(),
            });
        }
        let (host, port) = known.address.rsplit_once(':').unwrap_or((&known.address, "80"));
        let equal = backends.iter().all(|other| other.weight == known.weight);
        let share = if equal { 1.0 } else { (known.weight / greatest * GREATEST_SHARE).round().max(1.0) };
        let backend = Backend {
            id: known.id.clone(),
            address: known.address.clone(),
            host: host.to_owned(),
            port: port.parse().unwrap_or(80),
            weight: known.weight,
            share: share as u32,
        };
        if let Some(pool) = pools.iter_mut().find(|pool| pool.name == known.pool) {
            pool.backends.push(backend);
        }
    }
    // What has a single pool needs no names.
    if let [only] = pools.as_mut_slice() {
        only.fallback = true;
    }
    pools
}

/// The template of a load balancer.
fn template(kind: Kind) -> &'static str {
    match kind {
        Kind::Haproxy => include_str!("../../../../configs/load-balancers/haproxy.cfg.j2"),
        Kind::Nginx => include_str!("../../../../configs/load-balancers/nginx.conf.j2"),
        Kind::Envoy => include_str!("../../../../configs/load-balancers/envoy.json.j2"),
        Kind::Caddy => include_str!("../../../../configs/load-balancers/caddy.json.j2"),
        Kind::Traefik => include_str!("../../../../configs/load-balancers/traefik.json.j2"),
    }
}

/// The configuration.
pub(super) fn render(facts: &Facts<'_>) -> Result<String> {
    let mut environment = Environment::new();
    // A key that the template misspells is a defect, not an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_keep_trailing_newline(true);
    environment
        .render_str(template(facts.kind), Content::new(facts))
        .with_context(|| format!("failed to fill the template of {}", facts.kind))
}
