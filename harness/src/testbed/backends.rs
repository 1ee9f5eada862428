//! Starts the mock backends of one scenario as a child process of `bench`.

use super::child::{Child, MOCK_BACKENDS};
use super::error::TestbedError;
use super::mocks::Mocks;
use lb_core::topology::Topology;
use mock_backends::api_file;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

/// The mock backends of one scenario, running as a child process.
#[derive(Debug)]
pub struct Backends {
    process: Child,
    /// The client of the control API of the backends.
    pub mocks: Mocks,
    listening: Vec<Listening>,
}

/// A running backend.
#[derive(Clone, Debug, Deserialize)]
pub struct Listening {
    /// The id that the backend sends in `X-Backend`.
    pub id: String,
    /// The address at which the backend listens, as `http://host:port`.
    pub url: String,
    /// The weight that load balancers are configured with.
    pub weight: f64,
}

impl Listening {
    /// Returns the address as `host:port`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }
}

/// What mock backends serve besides a topology.
#[derive(Clone, Copy, Debug)]
pub struct MocksOptions<'a> {
    /// Products of the shop; empty for the built-in ones.
    pub catalogue: &'a [Value],
    /// Seed of the service times and failures of requests without a key.
    pub seed: u64,
    /// The API that they serve; `None` for the shop.
    pub api: Option<ApiText<'a>>,
    /// Whether they report their load.
    pub load_reports: bool,
}

/// A mock API as text ([`mock_backends::api_file`]).
#[derive(Clone, Copy, Debug)]
pub struct ApiText<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// The JSON of the file.
    pub json: &'a str,
}

/// The line that the mock backends print when they listen.
#[derive(Debug, Deserialize)]
struct Ready {
    control: String,
    backends: Vec<Listening>,
}

impl Backends {
    /// Starts the backends on free ports. Their configuration and log go to `dir`, so that a run can be
    /// repeated by hand.
    ///
    /// # Errors
    /// When the mock API is not valid, `dir` cannot be written, or the backends do not start.
    pub async fn start(
        topology: &Topology,
        options: MocksOptions<'_>,
        dir: &Path,
    ) -> Result<Self, TestbedError> {
        let MocksOptions { catalogue, seed, api, load_reports } = options;
        // The child would refuse it too, but by the name of a copy.
        let loaded = api.map(|api| api_file::load(api.name, api.json)).transpose().map_err(Box::new)?;
        std::fs::create_dir_all(dir).map_err(|source| TestbedError::File {
            what: "create the folder",
            path: dir.to_owned(),
            source,
        })?;
        let topology_file = write_json(dir, "topology.json", &serde_json::to_value(topology)?)?;
        let catalogue_file = write_json(dir, "catalogue.json", &json!(catalogue))?;
        let seed = seed.to_string();
        let mut args =
            vec![MOCK_BACKENDS, "--topology", &topology_file, "--seed", &seed, "--exit-with-parent"];
        args.extend(["--base-port", "0", "--control-port", "0"]);
        let api = api.map(|api| write_text(dir, "mock-api.json", api.json)).transpose()?;
        if let Some(api) = &api {
            args.extend(["--api", api]);
        }
        if load_reports {
            args.push("--load-reports");
        }
        if !catalogue.is_empty() && loaded.is_none_or(|api| api.has_catalogue()) {
            args.extend(["--catalogue", &catalogue_file]);
        }
        let (process, ready) =
            Child::start("the mock backends", &args, &dir.join("mock-backends.log")).await?;
        write_json(dir, "mock-backends.json", &ready)?;
        let ready: Ready = serde_json::from_value(ready).map_err(|source| TestbedError::Reply {
            what: "the addresses that the mock backends reported".to_owned(),
            source,
        })?;
        Ok(Self { process, mocks: Mocks::new(&ready.control), listening: ready.backends })
    }

    /// Finds the backend with this id.
    pub fn listening(&self, id: &str) -> Option<&Listening> {
        self.listening.iter().find(|backend| backend.id == id)
    }

    /// Returns all backends, in the order of the topology.
    pub fn all(&self) -> &[Listening] {
        &self.listening
    }

    /// Checks that the backends are still running.
    ///
    /// # Errors
    /// When the backends have ended; the error contains the last lines of their log.
    pub fn check(&mut self) -> Result<(), TestbedError> {
        self.process.check()
    }

    /// Returns the CPU seconds that the backends have used; `None` if the system does not report it.
    pub fn cpu_seconds(&self) -> Option<f64> {
        self.process.cpu_seconds()
    }

    /// Ends the child process.
    pub async fn stop(self) {
        self.process.stop().await;
    }
}

/// Writes a JSON file into `dir` and returns its path.
pub(super) fn write_json(dir: &Path, name: &str, content: &Value) -> Result<String, TestbedError> {
    write_text(dir, name, &serde_json::to_string_pretty(content)?)
}

/// Writes a file into `dir` and returns its path.
fn write_text(dir: &Path, name: &str, content: &str) -> Result<String, TestbedError> {
    let path = dir.join(name);
    if let Err(source) = std::fs::write(&path, content) {
        return Err(TestbedError::File { what: "write", path, source });
    }
    Ok(path.to_string_lossy().into_owned())
}
