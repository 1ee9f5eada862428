//! The files that Envoy watches: what they contain, and how a new version takes effect.
//!
//! Envoy notices a file that is moved into place, but not one that is written in place. Its statistics show
//! whether it accepted or rejected a version; the reason for a rejection is in its log.

use super::names::NAMES;
use super::policy;
use super::wire::Stats;
use super::{STATS, get};
use crate::error::AdminError;
use crate::http::Http;
use crate::options::KnownBackend;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ASSIGNMENT: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/// The greatest weight of an endpoint. The least is 1, since Envoy rejects 0.
const GREATEST_WEIGHT: f64 = 1000.0;

/// The longest time that Envoy may take to notice a file; it usually takes a few milliseconds.
const NOTICED: Duration = Duration::from_secs(1);

/// Time between two checks of whether Envoy noticed the file.
const LOOK: Duration = Duration::from_millis(1);

/// Builds the file of an EDS cluster: its endpoints with their weights. Each endpoint carries its id as
/// `hostname`.
pub fn assignment(cluster: &str, backends: &[(KnownBackend, f64)]) -> Value {
    let weights: Vec<f64> = backends.iter().map(|(_, weight)| *weight).collect();
    let weighted = backends.iter().zip(shares(&weights)).map(|((backend, _), share)| {
        let mut endpoint = endpoint(backend);
        endpoint["load_balancing_weight"] = share.into();
        endpoint
    });
    let endpoints: Vec<Value> = weighted.collect();
    document(vec![json!({
        "@type": ASSIGNMENT,
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": endpoints}],
    })])
}

/// Builds the file of all clusters, one for each pool and named after it, that run `algorithm`. `None` if
/// Envoy does not have the algorithm, or if it needs a separate file of endpoints, as `rl` does.
pub fn clusters(backends: &[KnownBackend], algorithm: Algorithm) -> Option<Value> {
    NAMES.native(algorithm).filter(|_| algorithm.rule != Rule::Rl)?;
    let mut pools: Vec<&str> = Vec::new();
    for backend in backends {
        if !pools.contains(&backend.pool.as_str()) {
            pools.push(&backend.pool);
        }
    }
    let cluster = |pool: &str| {
        let members: Vec<&KnownBackend> = backends.iter().filter(|backend| backend.pool == pool).collect();
        let endpoints: Vec<Value> = members.iter().map(|backend| endpoint(backend)).collect();
        let most = 100_000;
        let limits = json!({"max_connections": most, "max_pending_requests": most, "max_requests": most});
        let mut cluster = json!({
            "@type": CLUSTER,
            "name": pool,
            "type": "STATIC",
            "connect_timeout": "2s",
            "circuit_breakers": {"thresholds": [limits]},
            "health_checks": [{
                "timeout": "1s",
                "interval": "1s",
                "no_traffic_interval": "1s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 2,
                "http_health_check": {"path": "/actuator/health"},
            }],
            "load_assignment": {"cluster_name": pool, "endpoints": [{"lb_endpoints": endpoints}]},
        });
        if let Some(fields) = cluster.as_object_mut() {
            policy::write(fields, algorithm, |endpoint| share(endpoint, backends));
        }
        cluster
    };
    Some(document(pools.into_iter().map(cluster).collect()))
}

/// Returns the weight of a configured endpoint relative to its pool's known backends; 1 if it is not among
/// them.
pub(super) fn share(endpoint: &Value, backends: &[KnownBackend]) -> u32 {
    let is = |backend: &&KnownBackend| {
        endpoint["endpoint"]["hostname"] == backend.id.as_str() || address(endpoint) == backend.address
    };
    let Some(found) = backends.iter().find(is) else { return 1 };
    let pool: Vec<&KnownBackend> = backends.iter().filter(|backend| backend.pool == found.pool).collect();
    let weights: Vec<f64> = pool.iter().map(|backend| backend.weight).collect();
    let place = pool.iter().position(|backend| backend.id == found.id);
    place.and_then(|place| shares(&weights).get(place).copied()).unwrap_or(1)
}

/// Scales weights to those that Envoy accepts: whole numbers from 1, in proportion.
pub(super) fn shares(weights: &[f64]) -> Vec<u32> {
    let greatest = weights.iter().copied().fold(0.0, f64::max);
    let are_whole =
        weights.iter().all(|weight| weight.fract() == 0.0 && (1.0..=GREATEST_WEIGHT).contains(weight));
    let scale = if are_whole { 1.0 } else { GREATEST_WEIGHT / greatest };
    weights.iter().map(|weight| (weight * scale).round().clamp(1.0, GREATEST_WEIGHT) as u32).collect()
}

fn endpoint(backend: &KnownBackend) -> Value {
    let (host, port) = backend.address.rsplit_once(':').unwrap_or((&backend.address, "80"));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port: u16 = port.parse().unwrap_or(80);
    let address = json!({"socket_address": {"address": host, "port_value": port}});
    json!({"endpoint": {"hostname": backend.id, "address": address}})
}

/// Returns the address of a configured endpoint as `host:port`.
pub(super) fn address(endpoint: &Value) -> String {
    let socket = &endpoint["endpoint"]["address"]["socket_address"];
    let port = socket["port_value"].as_u64().and_then(|port| u16::try_from(port).ok());
    super::wire::join(socket["address"].as_str().unwrap_or_default(), port.unwrap_or(0))
}

fn document(resources: Vec<Value>) -> Value {
    json!({"version_info": version(), "resources": resources})
}

/// Returns a version that no earlier file had.
fn version() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}

/// A file that Envoy watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    path: PathBuf,
    /// Prefix of the statistics of its subscription.
    stats: String,
}

/// Envoy's statistics on a subscription.
#[derive(Debug, Default)]
struct Progress {
    version: String,
    rejected: u64,
    failed: u64,
}

impl Watched {
    /// Returns the file of a `ConfigSource`; `None` if it does not come from a file.
    pub(super) fn of(source: &Value, stats: String) -> Option<Self> {
        let path = source["path_config_source"]["path"].as_str().or_else(|| source["path"].as_str())?;
        Some(Self { path: PathBuf::from(path), stats })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the current content of the file.
    pub(super) fn read(&self, what: &'static str) -> Result<Value, AdminError> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| self.io(what, &error))?;
        serde_json::from_str(&text).map_err(|error| AdminError::BadValue {
            what,
            reason: format!("`{}` is not JSON ({error}); write it again as JSON", self.path.display()),
        })
    }

    /// Moves a new version into place, and waits until it is in force. A rejected version is replaced by the
    /// previous one, so that Envoy can be restarted.
    pub(super) async fn publish(
        &self,
        http: &Http,
        what: &'static str,
        mut document: Value,
    ) -> Result<(), AdminError> {
        let version = version();
        document["version_info"] = version.as_str().into();
        let before = self.progress(http).await?;
        // The file has a few kilobytes, so reading it blocks only briefly.
        let former = std::fs::read(&self.path).map_err(|error| self.io(what, &error))?;
        self.put(format!("{document:#}\n").as_bytes()).map_err(|error| self.io(what, &error))?;
        let deadline = Instant::now() + NOTICED;
        loop {
            let now = self.progress(http).await?;
            if now.version == version {
                return Ok(());
            }
            let bad = |said: String| {
                Err(AdminError::BadValue { what, reason: format!("`{}`: {said}", self.path.display()) })
            };
            for (name, now, before) in
                [("rejected", now.rejected, before.rejected), ("failure", now.failed, before.failed)]
            {
                if now > before {
                    self.put(&former).map_err(|error| self.io(what, &error))?;
                    return bad(format!(
                        "Envoy did not accept the new version (`{}.update_{name}` went from {before} to {now}), so the \
                         previous one is still in force and was restored; Envoy's log says why",
                        self.stats
                    ));
                }
            }
            if Instant::now() >= deadline {
                return bad(format!(
                    "Envoy has not noticed the new version after {NOTICED:?}; does it watch this file, on this machine?"
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn put(&self, content: &[u8]) -> std::io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        std::fs::write(&beside, content)?;
        std::fs::rename(&beside, &self.path)
    }

    async fn progress(&self, http: &Http) -> Result<Progress, AdminError> {
        let prefix = self.stats.replace('.', "\\.");
        let filter = format!("^{prefix}\\.(version_text|update_rejected|update_failure)$");
        let stats: Stats = get(http, STATS, &[("format", "json"), ("filter", &filter)], "statistics").await?;
        let mut progress = Progress::default();
        for stat in &stats.stats {
            let count = stat.value.as_u64().unwrap_or(0);
            match stat.name.rsplit('.').next() {
                Some("version_text") => progress.version = stat.value.as_str().unwrap_or_default().to_owned(),
                Some("update_rejected") => progress.rejected = count,
                Some("update_failure") => progress.failed = count,
                _ => {}
            }
        }
        Ok(progress)
    }

    fn io(&self, what: &'static str, error: &std::io::Error) -> AdminError {
        let place = self.path.display().to_string();
        match error.kind() {
            ErrorKind::PermissionDenied => AdminError::Denied {
                place,
                way_out: "run `bench` as a user who may write to the folder that Envoy watches",
            },
            _ => AdminError::BadValue {
                what,
                reason: format!(
                    "`{place}`: {error}; Envoy reads this file, so this machine must be able to reach it at this path"
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_whole_numbers_from_one_in_proportion() {
        assert_eq!(shares(&[0.1, 0.3, 0.6]), [167, 500, 1000]);
        assert_eq!(shares(&[1.0, 2.0, 3.0]), [1, 2, 3], "whole ones are exact as they are");
        assert_eq!(shares(&[0.000_01, 1.0]), [1, 1000], "never 0, which would be rejected");
        assert_eq!(shares(&[5000.0, 2500.0]), [1000, 500]);
    }

    #[test]
    fn a_backend_is_an_endpoint_with_its_id() {
        let backend = KnownBackend {
            id: "shop-1".to_owned(),
            pool: "shop".to_owned(),
            services: Vec::new(),
            address: "[::1]:9001".to_owned(),
            weight: 1.0,
        };
        let file = assignment("shop.rl", &[(backend.clone(), 0.5)]);
        let resource = &file["resources"][0];
        assert_eq!(resource["cluster_name"], "shop.rl");
        let endpoint = &resource["endpoints"][0]["lb_endpoints"][0];
        assert_eq!(endpoint["endpoint"]["hostname"], "shop-1");
        assert_eq!(endpoint["endpoint"]["address"]["socket_address"]["address"], "::1", "without brackets");
        assert_eq!(address(endpoint), "[::1]:9001", "and back");
        assert!(clusters(&[backend], "rl".parse().expect("known")).is_none(), "it needs a file of endpoints");
    }
}
