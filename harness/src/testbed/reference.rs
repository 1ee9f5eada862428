//! Starts the reference load balancer as a child process of `bench`, so that one binary is enough and CPU
//! time is counted per process.

use super::backends::{Backends, write_json};
use super::child::{Child, LOAD_BALANCER};
use super::error::TestbedError;
use lb_config::{LoadReports, TrainedPolicy};
use lb_core::topology::{PAGES, Topology};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

/// The name of the policy file next to the load balancer's config.
const POLICY_FILE: &str = "policy.safetensors";

/// A running reference load balancer.
#[derive(Debug)]
pub struct Reference {
    /// The child process in which the load balancer runs.
    pub process: Child,
    /// The base address at which clients connect; services have paths below it, and pages lie at it.
    pub base_url: String,
    /// The address of its admin API.
    pub admin_url: String,
}

/// How to start the reference load balancer.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceSpec<'a> {
    /// The backends, by pool.
    pub topology: &'a Topology,
    /// Whether the backends serve a mock API, whose paths begin at `/`.
    pub has_mock_api: bool,
    /// The policy that `rl` follows; `None` if `rl` does not run.
    pub policy: Option<&'a TrainedPolicy>,
    /// Number of threads of the load balancer; with more than one, each has its own view.
    pub balancers: u16,
    /// How it learns what backends hold; `None` if it does not.
    pub load_reports: Option<LoadReports>,
    /// The folder for recorded decisions, relative to the folder of the config, and the probability of a
    /// random decision while recording; `None` if decisions are not recorded.
    pub traces: Option<(&'a str, f64)>,
}

/// The line that the load balancer prints when it listens.
#[derive(Debug, Deserialize)]
struct Ready {
    url: String,
    admin: String,
}

impl Reference {
    /// Starts the load balancer on a free port, in front of `backends`. Its config and log go to `dir`.
    ///
    /// # Errors
    /// When `dir` cannot be written, or the load balancer does not start.
    pub async fn start(
        spec: ReferenceSpec<'_>,
        backends: &Backends,
        dir: &Path,
    ) -> Result<Self, TestbedError> {
        if let Some(policy) = spec.policy {
            let path = dir.join(POLICY_FILE);
            if let Err(source) = std::fs::write(&path, &policy.bytes) {
                return Err(TestbedError::File { what: "write", path, source });
            }
        }
        let config_file = write_json(dir, "load-balancer.json", &config(&spec, backends))?;
        let args = [LOAD_BALANCER, "--config", &config_file, "--exit-with-parent"];
        let (process, at) = Child::start("the load balancer", &args, &dir.join("load-balancer.log")).await?;
        let at: Ready = serde_json::from_value(at).map_err(|source| TestbedError::Reply {
            what: "the address that the load balancer reported".to_owned(),
            source,
        })?;
        let root = at.url.trim_end_matches('/');
        let base_url = match serves_pages(&spec) {
            true => root.to_owned(),
            false => format!("{root}/proxy"),
        };
        Ok(Self { process, base_url, admin_url: at.admin })
    }
}

/// Returns whether all requests are for pages or for an API that expect to lie at `/`: redirects and cookies of pages
/// name no other path, and the paths of an API name no service.
fn serves_pages(spec: &ReferenceSpec<'_>) -> bool {
    match spec.topology.pools.as_slice() {
        [pool] if pool.services.is_empty() => spec.has_mock_api,
        [pool] => pool.services.iter().any(|service| service == PAGES),
        _ => false,
    }
}

fn config(spec: &ReferenceSpec<'_>, ready: &Backends) -> Value {
    let pages = serves_pages(spec);
    let pools: Vec<Value> = spec
        .topology
        .pools
        .iter()
        .map(|pool| {
            let backends: Vec<Value> = pool
                .backends
                .iter()
                .filter_map(|spec| ready.listening(&spec.id))
                .map(|backend| json!({ "id": backend.id, "url": backend.url, "weight": backend.weight }))
                .collect();
            let mut pool = json!({ "name": pool.name, "services": pool.services, "backends": backends });
            if pages {
                pool["at"] = "/".into();
            }
            pool
        })
        .collect();
    let views = if spec.balancers > 1 { "per-thread" } else { "shared" };
    let mut config = json!({
        "listen": "127.0.0.1:0",
        "algorithm": "round-robin",
        "threads": spec.balancers,
        "views": views,
        "pools": pools,
    });
    // As in simulations: these say what requests cost, and headers are not read unasked.
    let headers = spec.topology.cost_headers();
    if !headers.is_empty() {
        config["hints"] = json!({ "headers": headers });
    }
    if let Some((folder, exploration)) = spec.traces {
        config["traces"] = json!({ "folder": folder, "exploration": exploration, "at_start": false });
    }
    match spec.load_reports {
        None => {}
        Some(LoadReports::Orca) => config["load_reports"] = json!({ "orca": true }),
        Some(LoadReports::Probes) => config["load_reports"] = json!({ "probes": {} }),
    }
    if pages {
        // On the same port, the paths of the admin API would be taken for pages, or the other way round.
        config["admin_listen"] = "127.0.0.1:0".into();
    }
    if spec.policy.is_some() {
        config["policy_file"] = POLICY_FILE.into();
    }
    config
}
