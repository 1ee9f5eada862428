//! The JSON of Envoy's admin API. What is zero, empty or the default is left out there, so nearly every
//! field may be missing. Configurations stay as they are: they are read by [`policy`](super::policy).

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// `GET /clusters?format=json`.
#[derive(Debug, Deserialize)]
pub(super) struct Clusters {
    pub(super) cluster_statuses: Vec<Cluster>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    pub(super) name: String,
    #[serde(default)]
    pub(super) host_statuses: Vec<Host>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Host {
    #[serde(default)]
    pub(super) hostname: String,
    #[serde(default)]
    address: Address,
    #[serde(default)]
    stats: Vec<HostStat>,
    #[serde(default = "one")]
    pub(super) weight: u32,
    #[serde(default)]
    pub(super) health_status: Health,
}

#[derive(Debug, Default, Deserialize)]
struct Address {
    socket_address: Option<SocketAddress>,
}

#[derive(Debug, Deserialize)]
struct SocketAddress {
    address: String,
    #[serde(default)]
    port_value: u16,
}

/// Values are texts, and left out when they are zero.
#[derive(Debug, Deserialize)]
struct HostStat {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Health {
    #[serde(default)]
    eds_health_status: String,
    #[serde(default)]
    failed_active_health_check: bool,
    #[serde(default)]
    failed_outlier_check: bool,
}

fn one() -> u32 {
    1
}

impl Host {
    /// Where it listens, as `host:port`.
    pub(super) fn address(&self) -> String {
        let socket = self.address.socket_address.as_ref();
        socket.map_or_else(String::new, |socket| join(&socket.address, socket.port_value))
    }

    pub(super) fn count(&self, name: &str) -> u64 {
        let stat = self.stats.iter().find(|stat| stat.name == name);
        stat.and_then(|stat| stat.value.parse().ok()).unwrap_or(0)
    }
}

impl Health {
    pub(super) fn healthy(&self) -> bool {
        !self.failed_active_health_check
            && !["UNHEALTHY", "TIMEOUT"].contains(&self.eds_health_status.as_str())
    }

    pub(super) fn draining(&self) -> bool {
        self.eds_health_status == "DRAINING"
    }

    pub(super) fn ejected(&self) -> bool {
        self.failed_outlier_check
    }
}

/// An address as `host:port`, that of IPv6 in brackets.
pub(super) fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `GET /runtime?format=json`.
#[derive(Debug, Deserialize)]
pub(super) struct Runtime {
    pub(super) entries: BTreeMap<String, RuntimeEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RuntimeEntry {
    #[serde(default)]
    pub(super) final_value: String,
}

/// `GET /config_dump`; `{}` when there is nothing of the kind.
#[derive(Debug, Deserialize)]
pub(super) struct Dump {
    #[serde(default)]
    pub(super) configs: Vec<Dumped>,
}

/// One part of the configuration: which field there is depends on what was asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Dumped {
    #[serde(default)]
    pub(super) cluster: Value,
    #[serde(default)]
    pub(super) route_config: Value,
    #[serde(default)]
    pub(super) bootstrap: Value,
    /// When Envoy took it over; of a cluster, when its hosts began to count.
    #[serde(default)]
    pub(super) last_updated: String,
}

impl Dumped {
    /// The cluster's name.
    pub(super) fn name(&self) -> &str {
        self.cluster["name"].as_str().unwrap_or_default()
    }
}

/// `GET /stats?format=json`.
#[derive(Debug, Deserialize)]
pub(super) struct Stats {
    pub(super) stats: Vec<Stat>,
}

/// Histograms have neither.
#[derive(Debug, Deserialize)]
pub(super) struct Stat {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: Value,
}
