//! Envoy, by its admin API and the files that it watches.
//!
//! Every pool has one cluster for each algorithm ([`Group`]), and its routes ask the runtime which of them is
//! used: the key `lb.algorithm.<algorithm>` at 100 lets that algorithm's route answer, and the last route,
//! which checks no key, answers where all keys are 0. Where clusters may not be multiplied
//! ([`Switching::Config`]), each pool has one cluster in a file, and a switch moves a new file to its place.
//! What follows from how Envoy is:
//!
//! 1. Of two keys at 100 the earlier route wins: a switch sets all keys, in one call.
//! 2. What is set in the runtime is forgotten at a restart, and then the last route answers.
//! 3. A file with an `lb_policy` that Envoy does not know is accepted silently, and means round-robin
//!    (unless Envoy runs with `--reject-unknown-dynamic-fields`): what counts is the policy that it shows
//!    afterwards, not the version.
//! 4. `/reset_counters` leaves the counters of hosts alone, so windows are differences. Hosts count from zero
//!    when their cluster is built anew, which a switch by file does and new weights do not: a generation is
//!    named after the time of the latest building.
//! 5. `rq_error` already contains timeouts and failed connections; a failed connection does not count in
//!    `rq_total`, so a backend that is down has errors and no requests.
//! 6. LEAST_REQUEST with unequal weights is a weighted rotation, and RANDOM ignores weights: the cluster `rl`
//!    is ROUND_ROBIN, whose shares are exact however often its weights are rewritten.
//! 7. ROUND_ROBIN turns in each worker thread by itself; requests in flight are counted by all of them together.
//! 8. The admin API executes what it is asked for, unknown parameters notwithstanding; only the paths below
//!    are ever called.

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

/// What `/config_dump` calls the clusters of the bootstrap and those of a file.
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

/// What says which algorithm routes.
#[derive(Debug)]
enum Selector {
    /// Keys of the runtime, one for each algorithm that any pool has.
    Runtime(Vec<Algorithm>),
    /// The policy of each pool's cluster in a file.
    File { file: Watched, pools: Vec<String> },
}

impl EnvoyAdmin {
    /// Connects to the admin API, and finds the clusters and the files. Changes nothing.
    ///
    /// # Errors
    /// When nothing or something else answers at the address, or the configuration has nothing that can be switched.
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

    /// The pool of a cluster and its algorithm, which a cluster from the file lacks; none when it is not one of
    /// those that are switched.
    fn place(&self, cluster: &str) -> Option<(String, Option<Algorithm>)> {
        match &self.selector {
            Selector::Runtime(_) => Group::parse(cluster).map(|group| (group.pool, Some(group.algorithm))),
            Selector::File { pools, .. } => {
                pools.iter().find(|pool| *pool == cluster).map(|pool| (pool.clone(), None))
            }
        }
    }

    /// The configuration of the clusters that are switched: all of it, or the fields in `mask`.
    async fn configured(&self, mask: Option<&str>) -> Result<Vec<Dumped>, AdminError> {
        let mut found = configured(&self.http, mask).await?;
        found.retain(|one| self.place(one.name()).is_some());
        Ok(found)
    }

    /// The clusters that are switched with their hosts, in the order of their names.
    async fn hosts(&self) -> Result<Vec<(String, Option<Algorithm>, wire::Cluster)>, AdminError> {
        let mut all = listed(&self.http).await?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let placed = all.into_iter().filter_map(|cluster| {
            let (pool, algorithm) = self.place(&cluster.name)?;
            Some((pool, algorithm, cluster))
        });
        Ok(placed.collect())
    }

    /// The id of a host: the name that its configuration gives, or what is known of its address.
    fn id(&self, hostname: &str, address: &str) -> String {
        if hostname.is_empty() { self.options.id_of(address) } else { hostname.to_owned() }
    }
}

/// Calls, and reads the JSON that comes back.
async fn get<T: DeserializeOwned>(
    http: &Http,
    path: &str,
    query: &[(&str, &str)],
    expected: &'static str,
) -> Result<T, AdminError> {
    http.call(Call { method: Method::GET, path, query, body: None, limit: None }).await?.json(expected)
}

/// All clusters with their hosts.
async fn listed(http: &Http) -> Result<Vec<wire::Cluster>, AdminError> {
    let json = [("format", "json")];
    let clusters: Clusters = get(http, CLUSTERS, &json, "Envoy's clusters with their hosts").await?;
    Ok(clusters.cluster_statuses)
}

/// The configuration of all clusters: all of it, or the fields in `mask`.
async fn configured(http: &Http, mask: Option<&str>) -> Result<Vec<Dumped>, AdminError> {
    let mut found = Vec::new();
    for list in LISTS {
        let query: Vec<_> = [("resource", list)].into_iter().chain(mask.map(|mask| ("mask", mask))).collect();
        let dump: Dump = get(http, CONFIG_DUMP, &query, "Envoy's configuration").await?;
        found.extend(dump.configs);
    }
    Ok(found)
}

/// The groups, and what all pools have.
async fn find_groups(http: &Http) -> Result<(Selector, Vec<Algorithm>), AdminError> {
    let groups: Vec<Group> =
        listed(http).await?.iter().filter_map(|cluster| Group::parse(&cluster.name)).collect();
    let common = algorithms(&groups);
    if common.is_empty() {
        let lacking = match groups.is_empty() {
            true => "lists no cluster that is named after an algorithm, such as `main.round-robin`",
            false => "lists no algorithm of which every pool has a cluster",
        };
        let reason = format!("{}{CLUSTERS} {lacking}", http.base());
        return Err(AdminError::BadValue { what: FIND, reason });
    }
    // Envoy lists clusters in no order.
    let offered = NAMES.algorithms().filter(|algorithm| common.contains(algorithm)).collect();
    let mut keys: Vec<Algorithm> = groups.into_iter().map(|group| group.algorithm).collect();
    keys.sort_unstable();
    keys.dedup();
    Ok((Selector::Runtime(keys), offered))
}

/// The file of the clusters, and what they could run: no learned weights, since with each new file hosts would
/// be built anew; weights only if the options list the backends.
async fn find_file(http: &Http, options: &RealOptions) -> Result<(Selector, Vec<Algorithm>), AdminError> {
    let query = [("mask", "bootstrap.dynamic_resources")];
    let dump: Dump = get(http, CONFIG_DUMP, &query, "Envoy's configuration").await?;
    let source = |one: &Dumped| {
        let source = &one.bootstrap["dynamic_resources"]["cds_config"];
        Watched::of(source, "cluster_manager.cds".to_owned())
    };
    let Some(file) = dump.configs.iter().find_map(source) else {
        let reason = format!(
            "{}{CONFIG_DUMP} shows no `dynamic_resources.cds_config.path_config_source.path`; give Envoy its clusters by such \
             a file, or switch by the selector",
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
        let reason = format!("`{}` has no cluster that is called like a pool", file.path().display());
        return Err(AdminError::BadValue { what: FIND, reason });
    }
    let can = |algorithm: &Algorithm| match algorithm.rule {
        Rule::Rl => false,
        Rule::WeightedRoundRobin => !options.backends.is_empty(),
        _ => true,
    };
    Ok((Selector::File { file, pools }, NAMES.algorithms().filter(can).collect()))
}
