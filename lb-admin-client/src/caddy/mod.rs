//! Caddy, controlled through its admin API and flag files.
//!
//! Each pool has one route for each algorithm, whose `reverse_proxy` has the `@id` `pool.algorithm`
//! ([`Group`]). For each request, a `file` matcher checks whether the algorithm's [flag file](Flags) exists
//! in the folder that all routes share; the last route has no matcher. Where routes may not be restructured
//! ([`Switching::Config`]), the adapter changes the one handler that is named after its pool instead. The
//! adapter depends on these properties of Caddy:
//!
//! 1. Setting a flag breaks no connection. Changing the configuration closes idle client connections.
//! 2. After Caddy rejects a change, it does not list its upstreams until it is restarted. So the adapter
//!    sends only policies that Caddy knows, and an unlisted upstream counts as unknown, not as idle.
//! 3. `num_requests` is the number of requests in flight now. Caddy counts nothing else by backend.
//! 4. Requests in flight are counted by address, whichever route sent them: a new algorithm sees those of the
//!    old one, and an address that is in two pools is listed once.
//! 5. `ip_hash` hashes the address of the connection; `client_ip_hash`, with `trusted_proxies`, hashes the
//!    client's address from `X-Forwarded-For`.
//! 6. `weighted_round_robin` sends consecutive requests to the same backend and starts over after each
//!    change, so weights are not offered.

mod admin;
mod config;
mod names;
pub mod program;

use crate::admin::Capabilities;
use crate::error::AdminError;
use crate::flags::Flags;
use crate::group::{Group, algorithms};
use crate::http::{Call, Http};
use crate::options::{RealOptions, Switching, capabilities};
use config::{Proxy, policies, proxies};
use lb_core::Algorithm;
use names::NAMES;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

const CONFIG: &str = "/config/";
const UPSTREAMS: &str = "/reverse_proxy/upstreams";

const FIND: &str = "find what can be switched";

/// A running Caddy.
#[derive(Debug)]
pub struct CaddyAdmin {
    http: Http,
    /// `None` if the configuration uses no flag files.
    flags: Option<Flags>,
    capabilities: Capabilities,
    options: RealOptions,
}

/// The handler that serves the requests of one pool.
#[derive(Debug)]
struct Route {
    pool: String,
    /// `None` if this project has no name for it.
    algorithm: Option<Algorithm>,
    proxy: Proxy,
}

/// One entry of `/reverse_proxy/upstreams`.
#[derive(Debug, Deserialize)]
struct Upstream {
    address: String,
    num_requests: u32,
}

impl CaddyAdmin {
    /// Connects to the admin API, and finds the handlers and the folder of flags.
    ///
    /// # Errors
    /// When nothing answers at the address, or no handler has an `@id` by which it can be switched.
    pub async fn connect(options: &RealOptions) -> Result<Self, AdminError> {
        let http = Http::new(&options.admin, options.token.as_deref(), options.limit)?;
        let config = read(&http).await?;
        let (flags, offered) = match options.switching {
            Switching::Selector => selectable(&http, &proxies(&config))?,
            Switching::Config => {
                named_like_pools(&http, &proxies(&config))?;
                (None, NAMES.algorithms().collect())
            }
        };
        let capabilities = Capabilities {
            switch_breaks_idle_connections: options.switching == Switching::Config,
            sees_old_in_flight: true,
            ..capabilities(&NAMES, offered)
        };
        let mut admin = Self { http, flags, capabilities, options: options.clone() };
        let routes = admin.routes(&config)?;
        admin.capabilities.in_flight = admin.in_flight(&routes).await.is_ok();
        Ok(admin)
    }

    /// Returns the route that serves requests now, one for each pool.
    async fn routing(&self) -> Result<Vec<Route>, AdminError> {
        self.routes(&read(&self.http).await?)
    }

    /// Finds the routes that serve requests in a configuration that was read before.
    fn routes(&self, config: &Value) -> Result<Vec<Route>, AdminError> {
        let present = self.flags.as_ref().map(Flags::present).transpose()?.unwrap_or_default();
        let mut routes: Vec<Route> = Vec::new();
        for proxy in proxies(config) {
            let (pool, algorithm) = match (self.options.switching, Group::parse(&proxy.id)) {
                (Switching::Selector, Some(group)) => (group.pool, Some(group.algorithm)),
                (Switching::Config, None) => (proxy.id.clone(), named(&proxy.policy)),
                _ => continue,
            };
            let flag = proxy.flag.as_deref().and_then(Path::file_name);
            let open = flag.is_none_or(|flag| present.iter().any(|name| flag == *name));
            if open && routes.iter().all(|route| route.pool != pool) {
                routes.push(Route { pool, algorithm, proxy });
            }
        }
        Ok(routes)
    }

    /// Reads the number of requests in flight at each address that these routes lead to.
    async fn in_flight(&self, routes: &[Route]) -> Result<Vec<Upstream>, AdminError> {
        let reply = self.http.call(Call::get(UPSTREAMS)).await?;
        let listed: Vec<Upstream> = reply.json("a list of upstreams with `num_requests`")?;
        let mut addresses = routes.iter().flat_map(|route| &route.proxy.addresses);
        match addresses.find(|address| listed.iter().all(|upstream| upstream.address != **address)) {
            None => Ok(listed),
            Some(missing) => Err(AdminError::BadValue {
                what: "read the requests in flight",
                reason: format!(
                    "{} does not list {missing}; after a rejected configuration change, Caddy loses \
                     its upstreams: restart it",
                    reply.url
                ),
            }),
        }
    }
}

/// Reads Caddy's configuration.
async fn read(http: &Http) -> Result<Value, AdminError> {
    http.call(Call::get(CONFIG)).await?.json("Caddy's configuration as JSON")
}

/// Returns the flags, and the algorithms that they select.
fn selectable(http: &Http, proxies: &[Proxy]) -> Result<(Option<Flags>, Vec<Algorithm>), AdminError> {
    let bad = |reason: String| AdminError::BadValue {
        what: FIND,
        reason: format!("{}{CONFIG} {reason}", http.base()),
    };
    let groups: Vec<Group> = proxies.iter().filter_map(|proxy| Group::parse(&proxy.id)).collect();
    if groups.is_empty() {
        return Err(bad(
            "has no `reverse_proxy` whose `@id` ends in an algorithm, such as `main.round-robin`".to_owned(),
        ));
    }
    let mut dir = None;
    for proxy in proxies {
        let Some((group, flag)) = Group::parse(&proxy.id).zip(proxy.flag.as_deref()) else { continue };
        let folder = flag.parent().unwrap_or(Path::new("/"));
        if !flag.ends_with(group.algorithm.to_string()) || dir.is_some_and(|dir| dir != folder) {
            let flag = flag.display();
            let reason = format!(
                "matches `{}` with the file {flag}; the file must be named after the algorithm, and be in the same folder as the others",
                proxy.id
            );
            return Err(bad(reason));
        }
        dir = Some(folder);
    }
    let names = groups.iter().map(|group| group.algorithm.to_string());
    Ok((dir.map(|dir| Flags::new(dir, names.clone())), algorithms(&groups)))
}

/// Returns an error if no handler is named after a pool.
fn named_like_pools(http: &Http, proxies: &[Proxy]) -> Result<(), AdminError> {
    if proxies.iter().any(|proxy| Group::parse(&proxy.id).is_none()) {
        return Ok(());
    }
    let reason =
        format!("{}{CONFIG} has no `reverse_proxy` with an `@id`; give it the name of its pool", http.base());
    Err(AdminError::BadValue { what: FIND, reason })
}

/// Returns the algorithm that a policy implements.
fn named(policy: &str) -> Option<Algorithm> {
    NAMES.algorithms().find(|algorithm| policies(*algorithm).contains(&policy))
}
