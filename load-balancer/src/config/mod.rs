//! The config file: parses the JSON and validates it into a [`Config`].
//!
//! All faults are reported at once, each with key path, value and rule. Unknown keys are refused with
//! the nearest known one, because a misspelt knob that is silently ignored changes what is measured.

mod keys;
mod trained;

pub(crate) use trained::{Trained, TrainedError};

use lb_core::Algorithm;
use lb_core::algorithm::AlgorithmError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A validated config.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) admin_token: Option<String>,
    pub(crate) threads: usize,
    pub(crate) algorithm: Algorithm,
    pub(crate) pools: Vec<PoolConfig>,
    pub(crate) timeouts: Timeouts,
    pub(crate) health: Health,
    pub(crate) trust_forwarded_for: bool,
    /// The policy file that `rl` follows; `None` if it cannot run.
    pub(crate) trained: Option<Trained>,
    pub(crate) views: Views,
    /// How decisions are recorded; `None` if they are not.
    pub(crate) traces: Option<TracesConfig>,
    /// The folder that relative paths are resolved against.
    pub(crate) folder: PathBuf,
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
        /// The error of the system.
        source: std::io::Error,
    },
    /// The text is not JSON.
    #[error("config is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// All faults, one line each.
    #[error("config has {} fault{}:\n  {}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.join("\n  "))]
    Faults(Vec<String>),
}

/// The file before validation.
#[derive(Deserialize)]
struct Raw {
    #[serde(default = "default_listen")]
    listen: String,
    admin_listen: Option<String>,
    admin_token: Option<String>,
    #[serde(default = "default_threads")]
    threads: usize,
    #[serde(default = "default_algorithm")]
    algorithm: String,
    #[serde(default)]
    pools: Vec<PoolConfig>,
    #[serde(default)]
    timeouts: RawTimeouts,
    #[serde(default)]
    health: RawHealth,
    trust_forwarded_for: Option<bool>,
    policy_file: Option<PathBuf>,
    #[serde(default)]
    views: Views,
    traces: Option<RawTraces>,
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

/// Backends that serve the same services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolConfig {
    /// Name of the pool, unique; any text.
    pub name: String,
    /// The services that it answers for; if empty, all services that no other pool names.
    #[serde(default)]
    pub services: Vec<String>,
    /// The initial backends; more can be added at run time.
    #[serde(default)]
    pub backends: Vec<BackendConfig>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendConfig {
    /// Id, unique among all pools; it appears in `X-Backend`.
    pub id: String,
    /// Where it listens: `http://host:port`, with a path prefix if need be.
    pub url: String,
    /// Its share of requests relative to the other backends of the pool, for weighted algorithms: above
    /// 0, at most 1,000,000.
    #[serde(default = "default_weight")]
    pub weight: f64,
}

#[derive(Deserialize)]
#[serde(default)]
struct RawTimeouts {
    connect_ms: u64,
    response_ms: u64,
    idle_ms: u64,
}

#[derive(Deserialize)]
#[serde(default)]
struct RawHealth {
    enabled: bool,
    path: String,
    interval_ms: u64,
    timeout_ms: u64,
    unhealthy_after: u32,
    healthy_after: u32,
}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// To open a connection to a backend.
    pub(crate) connect: Duration,
    /// To wait for a backend: for the head of its reply, then for each piece of the body.
    pub(crate) response: Duration,
    /// To keep a connection without a request, on either side.
    pub(crate) idle: Duration,
}

/// Active health checks; `*_after` are results in a row.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) enabled: bool,
    pub(crate) path: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) unhealthy_after: u32,
    pub(crate) healthy_after: u32,
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

/// One: the harness accounts CPU per process, and one data thread serves more than one core of users.
fn default_threads() -> usize {
    1
}

fn default_algorithm() -> String {
    "round-robin".to_owned()
}

fn default_weight() -> f64 {
    1.0
}

impl Default for RawTimeouts {
    /// 2 s to connect is two retransmitted SYNs; 30 s and 60 s are HAProxy's and nginx's habits.
    fn default() -> Self {
        Self { connect_ms: 2_000, response_ms: 30_000, idle_ms: 60_000 }
    }
}

impl Default for RawHealth {
    /// One check a second, two in a row to change the verdict: a dead backend is out within about 2 s.
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/actuator/health".to_owned(),
            interval_ms: 1_000,
            timeout_ms: 1_000,
            unhealthy_after: 2,
            healthy_after: 2,
        }
    }
}

impl Config {
    /// Reads and validates the file at `path`.
    ///
    /// # Errors
    /// The file is unreadable, not JSON, or has faults; all faults are listed.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
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
        if !(1..=256).contains(&raw.threads) {
            faults.push(format!("`threads` is {}: must be from 1 to 256", raw.threads));
        }
        let trained = raw.policy_file.as_ref().map(|path| Trained::read(&folder.join(path)));
        let algorithm = algorithm(&raw.algorithm, trained.as_ref(), &mut faults);
        let trained = trained
            .and_then(|read| read.map_err(|error| faults.push(format!("`policy_file`: {error}"))).ok());
        pools(&raw.pools, &mut faults);
        let timeouts = Timeouts {
            connect: millis("timeouts.connect_ms", raw.timeouts.connect_ms, &mut faults),
            response: millis("timeouts.response_ms", raw.timeouts.response_ms, &mut faults),
            idle: millis("timeouts.idle_ms", raw.timeouts.idle_ms, &mut faults),
        };
        let health = health(raw.health, &mut faults);
        let traces = raw.traces.map(|raw| traces(raw, folder, &mut faults));
        match (faults.is_empty(), algorithm) {
            (true, Some(algorithm)) => Ok(Self {
                listen,
                admin_listen,
                admin_token: raw.admin_token,
                threads: raw.threads,
                algorithm,
                pools: raw.pools,
                timeouts,
                health,
                trust_forwarded_for: raw.trust_forwarded_for.unwrap_or(listen.ip().is_loopback()),
                trained,
                views: raw.views,
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

fn millis(key: &str, value: u64, faults: &mut Vec<String>) -> Duration {
    /// A day: more is a typing error.
    const LONGEST: u64 = 86_400_000;
    if !(1..=LONGEST).contains(&value) {
        faults.push(format!("`{key}` is {value}: must be from 1 to {LONGEST} milliseconds"));
    }
    Duration::from_millis(value)
}

fn health(raw: RawHealth, faults: &mut Vec<String>) -> Health {
    if !raw.path.starts_with('/') || raw.path.parse::<http::uri::PathAndQuery>().is_err() {
        faults.push(format!("`health.path` is `{}`: must be a path that begins with `/`", raw.path));
    }
    for (key, value) in [("unhealthy_after", raw.unhealthy_after), ("healthy_after", raw.healthy_after)] {
        if value == 0 {
            faults.push(format!("`health.{key}` is 0: must be 1 or more"));
        }
    }
    Health {
        enabled: raw.enabled,
        interval: millis("health.interval_ms", raw.interval_ms, faults),
        timeout: millis("health.timeout_ms", raw.timeout_ms, faults),
        path: raw.path,
        unhealthy_after: raw.unhealthy_after,
        healthy_after: raw.healthy_after,
    }
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

/// The algorithm, if it can run. A policy file that cannot be read is a fault of its own.
fn algorithm(
    name: &str,
    trained: Option<&Result<Trained, TrainedError>>,
    faults: &mut Vec<String>,
) -> Option<Algorithm> {
    let file = trained.map(|read| read.as_ref().map(|trained| &trained.file));
    let can_run = |algorithm: Algorithm| match file {
        Some(Err(_)) => Ok(algorithm),
        Some(Ok(file)) => algorithm.policy_with(Some(file)).map(|_| algorithm),
        None => algorithm.policy().map(|_| algorithm),
    };
    let way_out = |error: &AlgorithmError| match error {
        AlgorithmError::NoPolicyFile => " (the key is `policy_file`)",
        AlgorithmError::Unknown { .. } => "",
    };
    name.parse::<Algorithm>()
        .and_then(can_run)
        .map_err(|error| faults.push(format!("`algorithm` is `{name}`: {error}{}", way_out(&error))))
        .ok()
}

fn pools(pools: &[PoolConfig], faults: &mut Vec<String>) {
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
                    "`{path}.services[{s}]` is `{service}`, which pool `{first}` already answers for"
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
    if pools.iter().filter(|pool| pool.services.is_empty()).count() > 1 {
        faults.push(
            "`pools`: more than one pool has no `services`; only one can answer for all others".to_owned(),
        );
    }
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

/// Whether `text` can stand in a header, a path and a metric label.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// Where a backend listens, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `host:port`, to connect to.
    pub(crate) authority: String,
    /// What the URL has before the request's own path; no slash at its end.
    pub(crate) prefix: String,
}

impl Origin {
    /// Takes `http://host:port/prefix` apart.
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
