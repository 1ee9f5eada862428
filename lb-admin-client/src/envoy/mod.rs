//! Envoy, controlled through its admin API and the files that it watches.
//!
//! Every pool has one cluster for each algorithm ([`Group`]), and its routes consult Envoy's runtime to
//! choose one: if the key `lb.algorithm.<algorithm>` is 100, that algorithm's route matches; if all keys are
//! 0, the last route matches, since it checks no key. Where clusters may not be multiplied
//! ([`Switching::Config`]), each pool has one cluster in a file, and a switch moves a new file into place.
//! The adapter depends on these properties of Envoy:
//!
//! 1. If two keys are at 100, the earlier route wins, so a switch sets all keys in one call.
//! 2. A restart clears the runtime, and then the last route serves requests.
//! 3. A file with an `lb_policy` that Envoy does not know is accepted silently and means round-robin (unless
//!    Envoy runs with `--reject-unknown-dynamic-fields`), so the adapter checks the policy that Envoy shows
//!    afterwards, not the version.
//! 4. `/reset_counters` does not reset the counters of hosts, so windows are differences of snapshots. Hosts
//!    count from zero when their cluster is rebuilt, which happens on a switch by file but not when weights
//!    change. A generation is named after the time of the latest rebuild.
//! 5. `rq_error` includes timeouts and failed connections; `rq_total` does not include failed connections, so
//!    a backend that is down has errors and no requests.
//! 6. LEAST_REQUEST with unequal weights is a weighted rotation in which a host counts with its weight divided by
//!    its requests in flight, one added; RANDOM ignores weights. The cluster `rl` should use LEAST_REQUEST: it reacts
//!    at each request, while weights come every hundred milliseconds.
//! 7. With ROUND_ROBIN, each worker thread rotates by itself. Requests in flight are counted across all
//!    threads.
//! 8. The admin API executes any request that it knows, even with unknown parameters, so the adapter calls
//!    only the paths below.

mod admin;
mod names;
mod policy;
pub mod program;
mod selection;
mod steering;
mod wire;
mod xds;

use crate::admin::Capabilities;
use crate::error::AdminError;
use crate::group::{Group, algorithms};
use crate::http::{Call, Http};
use crate::options::{RealOptions, Switching, capabilities};
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use names::NAMES;
use reqwest::Method;
use serde::de::DeserializeOwned;
use steering::Steered;
use wire::{Clusters, Dump, Dumped};
use xds::Watched;

pub use xds::{assignment, clusters};

const CLUSTERS: &str = "/clusters";
const CONFIG_DUMP: &str = "/config_dump";
const RUNTIME: &str = "/runtime";
const RUNTIME_MODIFY: &str = "/runtime_modify";
const STATS: &str = "/stats";

/// The resources of `/config_dump` that list the clusters of the bootstrap and those of a file.
const LISTS: [&str; 2] = ["static_clusters", "dynamic_active_clusters"];

const FIND: &str = "find what can be switched";

/// A running Envoy.
#[derive(Debug)]
pub struct EnvoyAdmin {
    http: Http,
    selector: Selector,
    steered: Vec<Steered>,
    capabilities: Capabilities,
    options: RealOptions,
}

/// What determines which algorithm is active.
#[derive(Debug)]
enum Selector {
    /// Keys of the runtime, one for each algorithm that any pool has.
    Runtime(Vec<Algorithm>),
    /// The policy of each pool's cluster, set in a file.
    File { file: Watched, pools: Vec<String> },
}

impl EnvoyAdmin {
    /// Connects to the admin API, and finds the clusters and the files, without changing anything.
    ///
    /// # Errors
    /// When nothing or another kind of server answers at the address, or the configuration has no algorithms
    /// to switch between.
    pub async fn connect(options: &RealOptions) -> Result<Self, AdminError> {
        let http = Http::new(&options.admin, options.token.as_deref(), options.limit)?;
        let (selector, offered) = match options.switching {
            Switching::Selector => find_groups(&http).await?,
            Switching::Config => find_file(&http, options).await?,
        };
        let steered = match selector {
            Selector::Runtime(_) => steering::find(&http).await?,
            Selector::File { .. } => Vec::new(),
        };
        let capabilities = Capabilities {
            per_backend: true,
            in_flight: true,
            weights: !steered.is_empty(),
            ..capabilities(&NAMES, offered)
        };
        Ok(Self { http, selector, steered, capabilities, options: options.clone() })
    }

    /// Returns the pool of a cluster and its algorithm, which a cluster from the file lacks; `None` if the
    /// cluster is not one of those that are switched.
    fn place(&self, cluster: &str) -> Option<(String, Option<Algorithm>)> {
        match &self.selector {
            Selector::Runtime(_) => Group::parse(cluster).map(|group| (group.pool, Some(group.algorithm))),
            Selector::File { pools, .. } => {
                pools.iter().find(|pool| *pool == cluster).map(|pool| (pool.clone(), None))
            }
        }
    }

    /// Reads the configuration of the switched clusters: all of it, or the fields in `mask`.
    async fn configured(&self, mask: Option<&str>) -> Result<Vec<Dumped>, AdminError> {
        let mut found = configured(&self.http, mask).await?;
        found.retain(|one| self.place(one.name()).is_some());
        Ok(found)
    }

    /// Reads the switched clusters with their hosts, ordered by name.
    async fn hosts(&self) -> Result<Vec<(String, Option<Algorithm>, wire::Cluster)>, AdminError> {
        let mut all = listed(&self.http).await?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let placed = all.into_iter().filter_map(|cluster| {
            let (pool, algorithm) = self.place(&cluster.name)?;
            Some((pool, algorithm, cluster))
        });
        Ok(placed.collect())
    }

    /// Returns the id of a host: the name in its configuration, or the id that belongs to its address.
    fn id(&self, hostname: &str, address: &str) -> String {
        if hostname.is_empty() { self.options.id_of(address) } else { hostname.to_owned() }
    }
}

/// Makes a call and parses the JSON of its reply.
async fn get<T: DeserializeOwned>(
    http: &Http,
    path: &str,
    query: &[(&str, &str)],
    expected: &'static str,
) -> Result<T, AdminError> {
    http.call(Call { method: Method::GET, path, query, body: None, limit: None }).await?.json(expected)
}

/// Reads all clusters with their hosts.
async fn listed(http: &Http) -> Result<Vec<wire::Cluster>, AdminError> {
    let json = [("format", "json")];
    let clusters: Clusters = get(http, CLUSTERS, &json, "Envoy's clusters with their hosts").await?;
    Ok(clusters.cluster_statuses)
}

/// Reads the configuration of all clusters: all of it, or the fields in `mask`.
async fn configured(http: &Http, mask: Option<&str>) -> Result<Vec<Dumped>, AdminError> {
    let mut found = Vec::new();
    for list in LISTS {
        let query: Vec<_> = [("resource", list)].into_iter().chain(mask.map(|mask| ("mask", mask))).collect();
        let dump: Dump = get(http, CONFIG_DUMP, &query, "Envoy's configuration").await?;
        found.extend(dump.configs);
    }
    Ok(found)
}

/// Finds the groups, and the algorithms that all pools have.
async fn find_groups(http: &Http) -> Result<(Selector, Vec<Algorithm>), AdminError> {
    let groups: Vec<Group> =
        listed(http).await?.iter().filter_map(|cluster| Group::parse(&cluster.name)).collect();
    let common = algorithms(&groups);
    if common.is_empty() {
        let lacking = match groups.is_empty() {
            true => "lists no cluster that is named after an algorithm, such as `main.round-robin`",
            false => "lists no algorithm for which every pool has a cluster",
        };
        let reason = format!("{}{CLUSTERS} {lacking}", http.base());
        return Err(AdminError::BadValue { what: FIND, reason });
    }
    // Envoy lists clusters in arbitrary order.
    let offered = NAMES.algorithms().filter(|algorithm| common.contains(algorithm)).collect();
    let mut keys: Vec<Algorithm> = groups.into_iter().map(|group| group.algorithm).collect();
    keys.sort_unstable();
    keys.dedup();
    Ok((Selector::Runtime(keys), offered))
}

/// Finds the file of the clusters, and the algorithms that they can run. Learned weights are excluded,
/// because each new file would rebuild the hosts. Weighted algorithms are included only if the options list
/// the backends.
async fn find_file(http: &Http, options: &RealOptions) -> Result<(Selector, Vec<Algorithm>), AdminError> {
    let query = [("mask", "bootstrap.dynamic_resources")];
    let dump: Dump = get(http, CONFIG_DUMP, &query, "Envoy's configuration").await?;
    let source = |one: &Dumped| {
        let source = &one.bootstrap["dynamic_resources"]["cds_config"];
        Watched::of(source, "cluster_manager.cds".to_owned())
    };
    let Some(file) = dump.configs.iter().find_map(source) else {
        let reason = format!(
            "{}{CONFIG_DUMP} shows no `dynamic_resources.cds_config.path_config_source.path`; give Envoy its clusters in such \
             a file, or switch with the selector",
            http.base()
        );
        return Err(AdminError::BadValue { what: FIND, reason });
    };
    let known = |name: &str| {
        options.backends.is_empty() || options.backends.iter().any(|backend| backend.pool == name)
    };
    let document = file.read(FIND)?;
    let names = document["resources"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
    let pools: Vec<String> = names.filter(|name| known(name)).map(str::to_owned).collect();
    if pools.is_empty() {
        let reason = format!("`{}` has no cluster that is named after a pool", file.path().display());
        return Err(AdminError::BadValue { what: FIND, reason });
    }
    let can = |algorithm: &Algorithm| match algorithm.rule {
        Rule::Rl => false,
        Rule::WeightedRoundRobin => !options.backends.is_empty(),
        _ => true,
    };
    Ok((Selector::File { file, pools }, NAMES.algorithms().filter(can).collect()))
}
