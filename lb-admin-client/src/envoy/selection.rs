//! Finds out which algorithm is active, and switches to another one.

use super::names::NAMES;
use super::policy::{self, Policy};
use super::wire::{Dump, Dumped, Runtime};
use super::xds::{Watched, share};
use super::{CONFIG_DUMP, EnvoyAdmin, RUNTIME, RUNTIME_MODIFY, Selector, get};
use crate::admin::Current;
use crate::error::AdminError;
use crate::group::Group;
use crate::http::Call;
use lb_core::{Algorithm, plain};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// The longest wait until clusters show their new policies. Envoy reports a new version as accepted before
/// its clusters have warmed up; until then, the previous clusters serve requests.
const WARMED: Duration = Duration::from_secs(2);

/// Time between two checks of the clusters. A dump of the configuration costs Envoy one or two milliseconds.
const RECHECK: Duration = Duration::from_millis(10);

/// Prefix of the keys in the runtime.
const KEY: &str = "lb.algorithm.";

/// The value of a key that means always; 0 means never.
const ALWAYS: u64 = 100;

const SWITCH: &str = "switch";

impl EnvoyAdmin {
    /// Returns the active algorithm.
    pub(super) async fn selected(&self) -> Result<Current, AdminError> {
        match &self.selector {
            Selector::Runtime(_) => self.by_runtime().await,
            Selector::File { .. } => Ok(by_policies(&self.configured(None).await?)),
        }
    }

    async fn by_runtime(&self) -> Result<Current, AdminError> {
        let runtime: Runtime = get(&self.http, RUNTIME, &[("format", "json")], "Envoy's runtime").await?;
        let keys = runtime.entries.iter().filter_map(|(key, entry)| Some((key.strip_prefix(KEY)?, entry)));
        let on: Vec<(&str, &str)> = keys
            .map(|(name, entry)| (name, entry.final_value.as_str()))
            .filter(|(_, value)| *value != "0")
            .collect();
        if let [(name, value)] = on[..]
            && value.parse().is_ok_and(|value: u64| value >= ALWAYS)
        {
            return Ok(named(name));
        }
        if on.is_empty() {
            return self.fall_through(&runtime).await;
        }
        let parts: Vec<String> = on.iter().map(|(name, value)| format!("{name} at {value}")).collect();
        Ok(Current { native: parts.join(" and "), algorithm: None })
    }

    /// Returns the algorithm of the first route that checks no key, or that matches when its key is missing.
    async fn fall_through(&self, runtime: &Runtime) -> Result<Current, AdminError> {
        for list in ["static_route_configs", "dynamic_route_configs"] {
            let dump: Dump = get(&self.http, CONFIG_DUMP, &[("resource", list)], "Envoy's routes").await?;
            let hosts = dump.configs.iter().flat_map(|one| items(&one.route_config["virtual_hosts"]));
            for route in hosts.flat_map(|host| items(&host["routes"])) {
                let asks = &route["match"]["runtime_fraction"];
                let is_set = |key: &str| runtime.entries.contains_key(key);
                let passes = asks.is_null()
                    || !asks["runtime_key"].as_str().is_some_and(is_set)
                        && asks["default_value"]["numerator"].as_u64().is_some_and(|value| value >= ALWAYS);
                if let Some(group) = route["route"]["cluster"].as_str().and_then(Group::parse)
                    && passes
                {
                    return Ok(named(&group.algorithm.to_string()));
                }
            }
        }
        Ok(Current { native: "the route without a key".to_owned(), algorithm: None })
    }

    /// Makes `algorithm` route, and checks that it does.
    pub(super) async fn select(&self, algorithm: Algorithm, native: &str) -> Result<(), AdminError> {
        let wanted = match &self.selector {
            Selector::Runtime(keys) => {
                self.set_keys(keys, algorithm, native).await?;
                None
            }
            Selector::File { file, .. } => Some(self.write_policies(file, algorithm).await?),
        };
        let (is_right, routes, place) = match wanted {
            None => {
                let current = self.selected().await?;
                (current.algorithm == Some(algorithm), current.native, RUNTIME)
            }
            Some(wanted) => {
                let deadline = Instant::now() + WARMED;
                loop {
                    let found = self.configured(None).await?;
                    let shows = |(name, policy): &(String, Policy)| {
                        found.iter().any(|one| one.name() == name && Policy::of(&one.cluster) == *policy)
                    };
                    let is_right = wanted.iter().all(shows);
                    if is_right || Instant::now() >= deadline {
                        break (is_right, by_policies(&found).native, CONFIG_DUMP);
                    }
                    tokio::time::sleep(RECHECK).await;
                }
            }
        };
        if is_right {
            return Ok(());
        }
        let url = format!("{}{place}", self.http.base());
        Err(AdminError::NotSwitched { url, wanted: native.to_owned(), routes })
    }

    /// Sets all keys in one call, since another key that stayed at 100 might take precedence.
    async fn set_keys(&self, keys: &[Algorithm], wanted: Algorithm, native: &str) -> Result<(), AdminError> {
        let names: Vec<String> = keys.iter().map(|algorithm| format!("{KEY}{algorithm}")).collect();
        let value = |algorithm: &Algorithm| if *algorithm == wanted { "100" } else { "0" };
        let query: Vec<(&str, &str)> =
            names.iter().zip(keys).map(|(name, algorithm)| (name.as_str(), value(algorithm))).collect();
        let reply = self.http.call(Call::post(RUNTIME_MODIFY, &query)).await?;
        if reply.status == 200 {
            return Ok(());
        }
        Err(AdminError::Refused {
            status: reply.status,
            native: native.to_owned(),
            said: plain::line(reply.body.trim()).into_owned(),
            available: self.capabilities.algorithms.iter().map(|offer| offer.native.clone()).collect(),
            url: reply.url,
        })
    }

    /// Rewrites the policies of the pools' clusters in the file, and returns those that should now be in
    /// force.
    async fn write_policies(
        &self,
        file: &Watched,
        algorithm: Algorithm,
    ) -> Result<Vec<(String, Policy)>, AdminError> {
        let mut document = file.read(SWITCH)?;
        let mut wanted = Vec::new();
        for resource in document["resources"].as_array_mut().into_iter().flatten() {
            let name = resource["name"].as_str().unwrap_or_default().to_owned();
            let Some(fields) = resource.as_object_mut().filter(|_| self.place(&name).is_some()) else {
                continue;
            };
            policy::write(fields, algorithm, |endpoint| share(endpoint, &self.options.backends));
            wanted.push((name, Policy::of(resource)));
        }
        file.publish(&self.http, SWITCH, document).await?;
        Ok(wanted)
    }

    /// Checks whether the clusters that should run `algorithm` do, and describes what they run.
    pub(super) async fn judge(&self, algorithm: Algorithm) -> Result<(bool, String), AdminError> {
        let of_it =
            |one: &Dumped| self.place(one.name()).is_some_and(|(_, of)| of.is_none_or(|of| of == algorithm));
        let found = self.configured(None).await?;
        let mut right = found.iter().any(of_it);
        let mut told: Vec<String> = Vec::new();
        if let Selector::Runtime(_) = self.selector {
            let current = self.selected().await?;
            right &= current.algorithm == Some(algorithm);
            told.push(format!("the runtime selects `{}`", current.native));
        }
        for one in found.iter().filter(|one| of_it(one)) {
            let policy = Policy::of(&one.cluster);
            let fits = policy.fits(algorithm);
            right &= fits != Some(false);
            let unjudged = if fits.is_none() { ", which is unknown" } else { "" };
            told.push(format!("cluster `{}` balances with {policy}{unjudged}", one.name()));
        }
        Ok((right, told.join(", ")))
    }
}

/// Returns the algorithm that the name of a key stands for.
fn named(name: &str) -> Current {
    let algorithm: Option<Algorithm> = name.parse().ok();
    let native = algorithm.and_then(|algorithm| NAMES.native(algorithm)).unwrap_or(name);
    Current { native: native.to_owned(), algorithm }
}

/// Returns what the clusters of the file run: one policy, or the policy of each cluster if they differ.
fn by_policies(clusters: &[Dumped]) -> Current {
    let policies: Vec<(&str, Policy)> =
        clusters.iter().map(|one| (one.name(), Policy::of(&one.cluster))).collect();
    match policies.as_slice() {
        [] => Current { native: "no known cluster".to_owned(), algorithm: None },
        [(_, first), rest @ ..] if rest.iter().all(|(_, policy)| policy == first) => {
            Current { native: first.to_string(), algorithm: first.algorithm() }
        }
        several => {
            let parts: Vec<String> =
                several.iter().map(|(name, policy)| format!("{policy} in {name}")).collect();
            Current { native: parts.join(" and "), algorithm: None }
        }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
