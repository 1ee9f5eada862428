//! The configuration of a real load balancer: one template for each, filled with the pools and algorithms of
//! one scenario.

use crate::testbed::error::TestbedError;
use lb_admin_client::program::{AdminPlace, Launch};
use lb_admin_client::{Kind, KnownBackend, Switching};
use lb_core::Algorithm;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Weights are told as whole numbers up to this, which all of them take.
const GREATEST_SHARE: f64 = 100.0;

/// What a template may use.
#[derive(Debug, Serialize)]
struct Content<'a> {
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

impl<'a> Content<'a> {
    fn new(kind: Kind, launch: &Launch<'a>, modules: &'a [PathBuf]) -> Self {
        let named = |algorithm: &Algorithm| {
            let native = kind.native(*algorithm)?;
            Some(Named { name: algorithm.to_string(), native })
        };
        let algorithms: Vec<Named> = launch.algorithms.iter().filter_map(named).collect();
        let address = launch.admin;
        let (admin, admin_host, admin_port) = match kind.admin {
            AdminPlace::Api | AdminPlace::Folder => {
                (address.to_string(), address.ip().to_string(), address.port())
            }
            AdminPlace::Socket(file) => (file.to_owned(), String::new(), 0),
        };
        Self {
            host: launch.listen.ip().to_string(),
            port: launch.listen.port(),
            admin,
            admin_host,
            admin_port,
            dir: if kind.relative_paths { Path::new(".") } else { launch.dir },
            threads: launch.threads,
            root: rustix::process::geteuid().is_root(),
            switching: match launch.switching {
                Switching::Selector => "selector",
                Switching::Config => "config",
            },
            first: algorithms.first().map_or_else(String::new, |first| first.name.clone()),
            algorithms,
            pools: pools(launch.backends),
            modules,
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

/// Fills the template of a load balancer and returns its configuration. `modules` are the files that it has to load
/// before its weights can be steered.
///
/// # Errors
/// When the template cannot be filled, which is a defect of the template.
pub fn render(kind: Kind, launch: &Launch<'_>, modules: &[PathBuf]) -> Result<String, TestbedError> {
    let mut environment = Environment::new();
    // A key that the template misspells is a defect, not an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_keep_trailing_newline(true);
    environment
        .render_str(kind.template, Content::new(kind, launch, modules))
        .map_err(|source| TestbedError::Template { name: kind.name(), source })
}
