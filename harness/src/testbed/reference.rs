//! The reference load balancer, as a child of `bench`, so that one binary does the main job on an empty
//! machine and CPU is accounted per process.

use super::backends::{Backends, write_json};
use super::child::{Child, LOAD_BALANCER};
use super::error::TestbedError;
use lb_config::TrainedPolicy;
use lb_core::topology::Topology;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

/// The policy file beside the load balancer's config.
const POLICY_FILE: &str = "policy.safetensors";

/// A running reference load balancer.
#[derive(Debug)]
pub struct Reference {
    /// The child process that it runs in.
    pub process: Child,
    /// The base address at which clients connect; services have paths below it.
    pub base_url: String,
    /// The address of its admin API.
    pub admin_url: String,
}

/// How to start the reference load balancer.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceSpec<'a> {
    /// The backends, by pool.
    pub topology: &'a Topology,
    /// The policy that `rl` follows; `None` if `rl` does not run.
    pub policy: Option<&'a TrainedPolicy>,
    /// Number of threads of the load balancer; with more than one, each has a view of its own.
    pub balancers: u16,
    /// Where the load balancer records decisions when it is told to, as seen from the folder of its config,
    /// and the probability with which it explores meanwhile.
    pub traces: Option<(&'a str, f64)>,
}

/// The line that the load balancer prints when it listens.
#[derive(Debug, Deserialize)]
struct Ready {
    url: String,
    admin: String,
}

impl Reference {
    /// Starts it on a free port, before `backends`. Its config and its log go to `dir`.
    ///
    /// # Errors
    /// When `dir` cannot be written, or it does not start.
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
        let base_url = format!("{}/proxy", at.url.trim_end_matches('/'));
        Ok(Self { process, base_url, admin_url: at.admin })
    }
}

fn config(spec: &ReferenceSpec<'_>, ready: &Backends) -> Value {
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
            json!({ "name": pool.name, "services": pool.services, "backends": backends })
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
    if let Some((folder, exploration)) = spec.traces {
        config["traces"] = json!({ "folder": folder, "exploration": exploration, "at_start": false });
    }
    if spec.policy.is_some() {
        config["policy_file"] = POLICY_FILE.into();
    }
    config
}
