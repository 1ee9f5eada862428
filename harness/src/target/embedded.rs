//! The embedded target: the reference load balancer and the mock backends, as children of `bench`,
//! so that one binary does the main job on an empty machine and CPU is accounted per process.

use super::child::{Child, cpu_seconds};
use super::mocks::Mocks;
use crate::config::TrainedPolicy;
use anyhow::{Context, Result};
use lb_core::topology::Topology;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

/// The policy file beside the load balancer's config.
const POLICY_FILE: &str = "policy.safetensors";

/// The load balancer and the backends of one scenario.
#[derive(Debug)]
pub struct Embedded {
    balancer: Child,
    backends: Child,
    /// Control of the backends.
    pub mocks: Mocks,
    /// Where requests go: services lie below it.
    pub base_url: String,
    /// Where the admin API is.
    pub admin_url: String,
}

/// What to start.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedSpec<'a> {
    /// The backends.
    pub topology: &'a Topology,
    /// Products that the backends know.
    pub catalogue: &'a [Value],
    /// Fixes the luck of the backends.
    pub seed: u64,
    /// What `rl` follows.
    pub policy: Option<&'a TrainedPolicy>,
    /// Threads of the load balancer; more than one have views of their own.
    pub balancers: u16,
    /// Where the load balancer records decisions when it is told to, as seen from the folder of its config,
    /// and the probability with which it explores meanwhile.
    pub traces: Option<(&'a str, f64)>,
}

/// What the mock backends say when they listen.
#[derive(Debug, Deserialize)]
struct MocksReady {
    control: String,
    backends: Vec<ReadyBackend>,
}

#[derive(Debug, Deserialize)]
struct ReadyBackend {
    id: String,
    url: String,
    weight: f64,
}

/// What the load balancer says when it listens.
#[derive(Debug, Deserialize)]
struct BalancerReady {
    url: String,
    admin: String,
}

impl Embedded {
    /// Starts both on free ports. Their configs and logs go to `dir`, so that a run can be repeated
    /// by hand.
    pub async fn start(spec: EmbeddedSpec<'_>, dir: &Path) -> Result<Self> {
        let EmbeddedSpec { topology, catalogue, seed, policy, .. } = spec;
        std::fs::create_dir_all(dir)
            .with_context(|| format!("failed to make the folder `{}`", dir.display()))?;
        let file = |name: &str, content: &Value| -> Result<String> {
            let path = dir.join(name);
            std::fs::write(&path, serde_json::to_vec_pretty(content)?)
                .with_context(|| format!("failed to write `{}`", path.display()))?;
            Ok(path.to_string_lossy().into_owned())
        };

        let topology_file = file("topology.json", &serde_json::to_value(topology)?)?;
        let catalogue_file = file("catalogue.json", &json!(catalogue))?;
        let seed = seed.to_string();
        let mut args =
            vec!["__mock-backends", "--topology", &topology_file, "--seed", &seed, "--exit-with-parent"];
        if !catalogue.is_empty() {
            args.extend(["--catalogue", &catalogue_file]);
        }
        let (backends, ready) = Child::start("mock backends", &args, &dir.join("mock-backends.log")).await?;
        file("mock-backends.json", &ready)?;
        let ready: MocksReady =
            serde_json::from_value(ready).context("failed to read where the mock backends listen")?;

        if let Some(policy) = policy {
            let path = dir.join(POLICY_FILE);
            std::fs::write(&path, &policy.bytes)
                .with_context(|| format!("failed to write `{}`", path.display()))?;
        }
        let config_file = file("load-balancer.json", &balancer_config(&spec, &ready))?;
        let args = ["__load-balancer", "--config", &config_file, "--exit-with-parent"];
        let (balancer, at) = Child::start("load balancer", &args, &dir.join("load-balancer.log")).await?;
        let at: BalancerReady =
            serde_json::from_value(at).context("failed to read where the load balancer listens")?;
        Ok(Self {
            balancer,
            backends,
            mocks: Mocks::new(&ready.control),
            base_url: format!("{}/proxy", at.url.trim_end_matches('/')),
            admin_url: at.admin,
        })
    }

    /// An error if one of the children has ended.
    pub fn check(&mut self) -> Result<()> {
        self.balancer.check()?;
        self.backends.check()
    }

    /// CPU seconds used so far, by process.
    pub fn cpu_seconds(&self) -> Vec<(&'static str, f64)> {
        [("load-balancer", &self.balancer), ("mock-backends", &self.backends)]
            .into_iter()
            .filter_map(|(name, child)| Some((name, cpu_seconds(child.pid()?)?)))
            .collect()
    }

    /// Ends both, the load balancer first so that it does not see its backends go.
    pub async fn stop(self) {
        self.balancer.stop().await;
        self.backends.stop().await;
    }
}

fn balancer_config(spec: &EmbeddedSpec<'_>, ready: &MocksReady) -> Value {
    let pools: Vec<Value> = spec
        .topology
        .pools
        .iter()
        .map(|pool| {
            let backends: Vec<Value> = pool
                .backends
                .iter()
                .filter_map(|spec| ready.backends.iter().find(|backend| backend.id == spec.id))
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
