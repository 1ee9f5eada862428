//! The config file: parses the JSON and validates it into a [`Config`].
//!
//! All faults are reported at once, each with its key path, value and rule. Unknown keys are rejected with
//! the closest known one, because ignoring a misspelt setting would change what is measured.

mod algorithms;
mod hints;
mod keys;
mod limits;
mod load_reports;
mod pools;
mod trained;

pub(crate) use lb_core::topology::is_name;
pub(crate) use limits::{Health, Timeouts};
pub(crate) use load_reports::{LoadReports, ProbesConfig};
pub use pools::{BackendConfig, PoolConfig};
pub(crate) use pools::{OTHERS, Origin};
pub(crate) use trained::{Trained, TrainedError};

use crate::tls::Identity;
use hints::RawHints;
use lb_core::Algorithm;
use lb_core::hints::Reader;
use lb_listen::Gate;
use limits::{RawHealth, RawTimeouts};
use load_reports::RawLoadReports;
use serde::Deserialize;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A validated config.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) admin_token: Option<String>,
    /// Who may call the admin API.
    pub(crate) admin_gate: Gate,
    pub(crate) threads: usize,
    pub(crate) algorithm: Algorithm,
    /// The algorithms that a complete benchmark compares, in this order.
    pub(crate) test_algorithms: Vec<Algorithm>,
    pub(crate) pools: Vec<PoolConfig>,
    /// The service of requests whose path is not below `/proxy/`; `None` if no pool serves them.
    pub(crate) root: Option<Box<str>>,
    pub(crate) host: HostField,
    /// Who the load balancer is to clients that speak TLS; `None` if they speak plain HTTP.
    pub(crate) tls: Option<Arc<Identity>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) health: Health,
    pub(crate) trust_forwarded_for: bool,
    /// The policy file that `rl` follows; `None` if it cannot run.
    pub(crate) trained: Option<Trained>,
    pub(crate) views: Views,
    /// Reads what requests say about their cost; `None` if nothing is read.
    pub(crate) hints: Option<Arc<Reader>>,
    /// How the load balancer learns what backends hold; `None` if they do not report it.
    pub(crate) load_reports: Option<LoadReports>,
    /// How decisions are recorded; `None` if they are not.
    pub(crate) traces: Option<TracesConfig>,
    /// The folder that relative paths are resolved against.
    pub(crate) folder: PathBuf,
}

/// What backends see as `Host`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostField {
    /// What the client sent, so that redirects and cookies name the host that the client knows.
    #[default]
    Client,
    /// Host and port of the backend's own URL.
    Backend,
}

/// Whether data threads share one view of the backends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Views {
    /// All data threads share one view.
    #[default]
    Shared,
    /// Each data thread sees only its own requests, as if it were a separate load balancer.
    PerThread,
}

/// How decisions are recorded.
#[derive(Clone, Debug)]
pub(crate) struct TracesConfig {
    /// The folder that trace files are written to.
    pub(crate) folder: PathBuf,
    /// The probability that a decision is made uniformly at random while decisions are recorded.
    pub(crate) exploration: f64,
    /// Whether a recording starts with the process.
    pub(crate) at_start: bool,
}

/// The reason why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read config {path}: {source}")]
    Unreadable {
        /// The path as given.
        path: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The text is not JSON.
    #[error("config is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// All faults, one line each.
    #[error("config has {} fault{}:\n  {}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.join("\n  "))]
    Faults(Vec<String>),
}

/// The content of the file before validation.
#[derive(Deserialize)]
struct Raw {
    #[serde(default = "default_listen")]
    listen: String,
    admin_listen: Option<String>,
    admin_token: Option<String>,
    #[serde(default)]
    admin_hosts: Vec<String>,
    #[serde(default = "default_threads")]
    threads: usize,
    #[serde(default = "default_algorithm")]
    algorithm: String,
    test_algorithms: Option<Vec<String>>,
    #[serde(default)]
    pools: Vec<PoolConfig>,
    #[serde(default)]
    host: HostField,
    tls: Option<RawTls>,
    #[serde(default)]
    timeouts: RawTimeouts,
    #[serde(default)]
    health: RawHealth,
    trust_forwarded_for: Option<bool>,
    policy_file: Option<PathBuf>,
    #[serde(default)]
    views: Views,
    #[serde(default)]
    hints: RawHints,
    #[serde(default)]
    load_reports: RawLoadReports,
    traces: Option<RawTraces>,
}

/// The files with the certificate and its private key, both PEM.
#[derive(Deserialize)]
struct RawTls {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
struct RawTraces {
    folder: PathBuf,
    #[serde(default)]
    exploration: f64,
    #[serde(default = "yes")]
    at_start: bool,
}

fn yes() -> bool {
    true
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

/// Returns one thread: the harness measures CPU per process, and one data thread can serve more users than
/// one core can generate.
fn default_threads() -> usize {
    1
}

fn default_algorithm() -> String {
    "round-robin".to_owned()
}

impl Config {
    /// Reads and validates the file at `path`.
    ///
    /// # Errors
    /// The file is unreadable, not JSON, or has faults; all faults are listed.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = lb_io::read_json(path)
            .map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Parses and validates `text`; relative paths in it are resolved against `folder`.
    ///
    /// # Errors
    /// The text is not JSON or has faults; all faults are listed.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let value: Value = serde_json::from_str(text).map_err(ConfigError::NotJson)?;
        let mut faults = Vec::new();
        keys::unknown(&value, &mut faults);
        let raw: Raw = match serde_path_to_error::deserialize(&value) {
            Ok(raw) => raw,
            Err(error) => {
                faults.push(format!("`{}`: {}", error.path(), error.inner()));
                return Err(ConfigError::Faults(faults));
            }
        };
        Self::validate(raw, folder, faults)
    }

    fn validate(raw: Raw, folder: &Path, mut faults: Vec<String>) -> Result<Self, ConfigError> {
        let listen = address("listen", &raw.listen, &mut faults);
        let admin_listen = raw.admin_listen.as_ref().map(|text| address("admin_listen", text, &mut faults));
        if let Some(admin) = admin_listen
            && !admin.ip().is_loopback()
            && raw.admin_token.is_none()
        {
            faults.push(format!(
                "`admin_listen` is `{admin}`, reachable from other machines: set `admin_token`, or listen on a loopback address"
            ));
        }
        if raw.admin_token.as_deref().is_some_and(|token| token.is_empty()) {
            faults.push("`admin_token` is empty: leave it out, or set a token".to_owned());
        }
        let admin_gate = Gate::new("admin_hosts", &raw.admin_hosts)
            .map(|gate| gate.bound_to(admin_listen.unwrap_or(listen)))
            .map_err(|error| faults.push(error.to_string()))
            .ok();
        if !(1..=256).contains(&raw.threads) {
            faults.push(format!("`threads` is {}: must be from 1 to 256", raw.threads));
        }
        let ids = raw.pools.iter().flat_map(|pool| &pool.backends).map(|backend| backend.id.as_str());
        let ids: Vec<&str> = ids.collect();
        let trained = raw.policy_file.as_ref().map(|path| Trained::read(&folder.join(path), &ids));
        let algorithm = algorithms::parse("algorithm", &raw.algorithm, trained.as_ref(), &mut faults);
        let test_algorithms =
            algorithms::tested(raw.test_algorithms.as_deref(), trained.as_ref(), &mut faults);
        let trained = trained
            .and_then(|read| read.map_err(|error| faults.push(format!("`policy_file`: {error}"))).ok());
        pools::check(&raw.pools, &mut faults);
        let timeouts = limits::timeouts(&raw.timeouts, &mut faults);
        let health = limits::health(raw.health, &mut faults);
        let tls = raw.tls.and_then(|raw| {
            let read = Identity::read(folder.join(raw.certificate), folder.join(raw.key));
            read.map(Arc::new).map_err(|error| faults.push(error.to_string())).ok()
        });
        let hints = hints::reader(&raw.hints, &mut faults);
        let load_reports = load_reports::check(raw.load_reports, &mut faults);
        let traces = raw.traces.map(|raw| traces(raw, folder, &mut faults));
        match (faults.is_empty(), algorithm, admin_gate) {
            (true, Some(algorithm), Some(admin_gate)) => Ok(Self {
                listen,
                admin_listen,
                admin_token: raw.admin_token,
                admin_gate,
                threads: raw.threads,
                algorithm,
                test_algorithms,
                root: pools::root(&raw.pools),
                host: raw.host,
                tls,
                pools: raw.pools,
                timeouts,
                health,
                trust_forwarded_for: raw.trust_forwarded_for.unwrap_or(listen.ip().is_loopback()),
                trained,
                views: raw.views,
                hints,
                load_reports,
                traces,
                folder: folder.to_owned(),
            }),
            _ => Err(ConfigError::Faults(faults)),
        }
    }
}

fn address(key: &str, text: &str, faults: &mut Vec<String>) -> SocketAddr {
    text.parse().unwrap_or_else(|_| {
        faults.push(format!("`{key}` is `{text}`: must be an address such as `127.0.0.1:8080`"));
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

fn traces(raw: RawTraces, folder: &Path, faults: &mut Vec<String>) -> TracesConfig {
    let traces = TracesConfig {
        folder: folder.join(&raw.folder),
        exploration: raw.exploration,
        at_start: raw.at_start,
    };
    if !(0.0..=1.0).contains(&raw.exploration) {
        faults.push(format!("`traces.exploration` is {}: must be from 0 to 1", raw.exploration));
    }
    if let Err(error) = std::fs::create_dir_all(&traces.folder) {
        let folder = traces.folder.display();
        faults.push(format!("`traces.folder` is `{folder}`, which cannot be created: {error}"));
    }
    traces
}
