//! The JSON of Envoy's admin API. Envoy omits fields that are zero, empty or the default, so nearly every
//! field may be missing. Configurations are kept as JSON and read by [`policy`](super::policy).

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The reply to `GET /clusters?format=json`.
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

/// One counter of a host. Values are text, and omitted if they are zero.
#[derive(Debug, Deserialize)]
struct HostStat {
    name: String,
    #[serde(default)]
    value: String,
}

impl Stats {
    /// Adds up the retries of the clusters that `wanted` accepts.
    pub(super) fn retries(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let of = |stat: &&Stat| {
            let rest = stat.name.strip_prefix("cluster.");
            rest.and_then(|rest| rest.strip_suffix(".upstream_rq_retry")).is_some_and(&wanted)
        };
        self.stats.iter().filter(of).filter_map(|stat| stat.value.as_u64()).sum()
    }
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
    /// Returns the address of the host as `host:port`.
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

/// Formats an address as `host:port`, with brackets around an IPv6 address.
pub(super) fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The reply to `GET /runtime?format=json`.
#[derive(Debug, Deserialize)]
pub(super) struct Runtime {
    pub(super) entries: BTreeMap<String, RuntimeEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RuntimeEntry {
    #[serde(default)]
    pub(super) final_value: String,
}

/// The reply to `GET /config_dump`; `{}` if there is no such resource.
#[derive(Debug, Deserialize)]
pub(super) struct Dump {
    #[serde(default)]
    pub(super) configs: Vec<Dumped>,
}

/// One part of the configuration. The requested resource determines which field is present.
#[derive(Debug, Deserialize)]
pub(super) struct Dumped {
    #[serde(default)]
    pub(super) cluster: Value,
    #[serde(default)]
    pub(super) route_config: Value,
    #[serde(default)]
    pub(super) bootstrap: Value,
    /// When Envoy applied it; for a cluster, when its hosts began to count.
    #[serde(default)]
    pub(super) last_updated: String,
}

impl Dumped {
    /// Returns the name of the cluster.
    pub(super) fn name(&self) -> &str {
        self.cluster["name"].as_str().unwrap_or_default()
    }
}

/// The reply to `GET /stats?format=json`.
#[derive(Debug, Deserialize)]
pub(super) struct Stats {
    pub(super) stats: Vec<Stat>,
}

/// One statistic. Histograms have neither field.
#[derive(Debug, Deserialize)]
pub(super) struct Stat {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: Value,
}
