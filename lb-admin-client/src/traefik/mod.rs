//! Traefik, controlled through its API and its REST provider.
//!
//! Each pool has one service for each algorithm ([`Group`]), and the pool's router names the service that
//! routes, together with the middleware `tag-<algorithm>`, which adds the algorithm to replies. The adapter
//! depends on these properties of Traefik:
//!
//! 1. A `PUT` replaces the provider's whole configuration, so the adapter reads it from the API, changes it
//!    and sends it back. Settings that the API does not show (transports, TLS, TCP) must not come from this
//!    provider.
//! 2. Status 200 means only that a document was understood. It takes effect up to
//!    `providers.providersThrottleDuration` (2 s by default) after the previous one, and a service with a bad
//!    strategy disables its routers, which then answer 404. So the adapter waits until the API shows the
//!    document, and quotes the errors that it reports.
//! 3. Entry points apply a document one after the other, and that of the API may be the first; hence
//!    [`SETTLE`]. Connections and requests in flight survive.
//! 4. Traefik checks whether a strategy exists only when a router uses the service.
//! 5. `hrw` hashes the address of the connection and ignores `X-Forwarded-For`.
//! 6. `wrr` keeps exact shares but no fixed order: ties are broken by the position of servers in a heap.
//! 7. Traefik counts by service and does not report requests in flight. Only its access log covers individual
//!    servers ([`RealOptions::access_log`]), so `rl` is offered only with the log.
//! 8. Each document restarts `wrr` with the heaviest server, so if few requests arrive between two changes of
//!    weights, light servers get less than their share. Health checks restart as well: a server that was down
//!    counts as up until it fails again.

mod admin;
mod log;
mod names;
pub mod program;
mod wire;

use crate::admin::Capabilities;
use crate::error::AdminError;
use crate::group::{Group, algorithms};
use crate::http::{Call, Http, Reply};
use crate::options::{RealOptions, capabilities};
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use log::AccessLog;
use names::NAMES;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use wire::{Raw, Router};

const RAW: &str = "/api/rawdata";
const VERSION: &str = "/api/version";
const METRICS: &str = "/metrics";
const REST: &str = "/api/providers/rest";

/// Time between two checks of whether a document is in force.
const POLL: Duration = Duration::from_millis(5);

/// Time for the last entry point to apply a document after the first one has.
const SETTLE: Duration = Duration::from_millis(20);

/// The greatest weight of a server.
const GREATEST_WEIGHT: f64 = 1000.0;

/// A running Traefik.
#[derive(Debug)]
pub struct TraefikAdmin {
    http: Http,
    capabilities: Capabilities,
    options: RealOptions,
    log: Option<AccessLog>,
}

impl TraefikAdmin {
    /// Connects to the API, and finds the routers and the groups.
    ///
    /// # Errors
    /// When nothing answers at the address, no router of the REST provider has a service that is named after an
    /// algorithm, or the access log cannot be read.
    pub async fn connect(options: &RealOptions) -> Result<Self, AdminError> {
        let http = Http::new(&options.admin, options.token.as_deref(), options.limit)?;
        let raw = read(&http).await?;
        let routed: Vec<String> = raw.routers().map(|router| router.group.pool).collect();
        if routed.is_empty() {
            return Err(AdminError::BadValue {
                what: "find what can be switched",
                reason: format!(
                    "{}{RAW} lists no router of the provider `rest` whose service is named after an algorithm, \
                     such as `main.round-robin`",
                    http.base()
                ),
            });
        }
        let groups: Vec<Group> = raw.groups().filter(|group| routed.contains(&group.pool)).collect();
        let log = options.access_log.as_deref().map(AccessLog::open).transpose()?;
        let rl = Algorithm::plain(Rule::Rl);
        let mut offered = algorithms(&groups);
        offered.retain(|algorithm| *algorithm != rl || log.is_some());
        let weights = offered.contains(&rl);
        let per_backend = log.is_some();
        let capabilities = Capabilities { weights, per_backend, ..capabilities(&NAMES, offered) };
        Ok(Self { http, capabilities, options: options.clone(), log })
    }

    async fn raw(&self) -> Result<Raw, AdminError> {
        read(&self.http).await
    }
}

/// Sends the first configuration to a Traefik that was just started, and waits until it is in force.
///
/// # Errors
/// When nothing answers in time, the REST provider is off, or Traefik reports a fault in the document.
pub async fn load(options: &RealOptions, document: Value) -> Result<(), AdminError> {
    const WHAT: &str = "load a configuration";
    let http = Http::new(&options.admin, options.token.as_deref(), options.limit)?;
    let deadline = Instant::now() + options.limit;
    // While Traefik starts, it refuses connections, then documents. Both are safe to repeat.
    loop {
        match put(&http, WHAT, &document).await {
            Err(AdminError::Unreachable { .. } | AdminError::Unexpected { status: 404, .. })
                if Instant::now() < deadline => {}
            other => break other?,
        }
        sleep(POLL).await;
    }
    if in_force(&http, WHAT, &document, options.limit).await? {
        return Ok(());
    }
    Err(late(&http, WHAT, options.limit))
}

/// Returns the error for a document that was accepted but is not in force.
fn late(http: &Http, what: &'static str, limit: Duration) -> AdminError {
    let reason = format!(
        "{}{RAW} does not show the change after {limit:?}; is `providers.providersThrottleDuration` longer?",
        http.base()
    );
    AdminError::BadValue { what, reason }
}

async fn read(http: &Http) -> Result<Raw, AdminError> {
    http.call(Call::get(RAW)).await?.json("Traefik's routers and services as JSON")
}

/// Sends a document. Success means only that Traefik understood it.
async fn put(http: &Http, what: &'static str, document: &Value) -> Result<(), AdminError> {
    let body = Some(document.clone());
    let reply = http.call(Call { method: Method::PUT, path: REST, query: &[], body, limit: None }).await?;
    match reply.status {
        200 => Ok(()),
        400 => Err(AdminError::BadValue { what, reason: refusal(&reply) }),
        _ => {
            Err(reply
                .unexpected("200 from the REST provider, which `providers.rest.insecure` turns on", None))
        }
    }
}

fn refusal(reply: &Reply) -> String {
    format!("{} answered {}: {}", reply.url, reply.status, reply.body.trim())
}

/// Waits for at most `limit` until the API shows a document, and fails if it reports an error in it.
async fn in_force(
    http: &Http,
    what: &'static str,
    document: &Value,
    limit: Duration,
) -> Result<bool, AdminError> {
    let deadline = Instant::now() + limit;
    loop {
        let raw = read(http).await?;
        if raw.shows(document) {
            if let Some((name, error)) = raw.routers().find_map(|router| Some((router.name, router.error?))) {
                let reason = format!("{}{RAW} reports for router `{name}`: {error}", http.base());
                return Err(AdminError::BadValue { what, reason });
            }
            sleep(SETTLE).await;
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(POLL).await;
    }
}

/// Returns the name of the strategy that implements an algorithm.
fn strategy(algorithm: Algorithm) -> Option<&'static str> {
    NAMES.native(algorithm)?.split(',').next()
}

/// Returns Traefik's own name for what a router runs, or the name of the service if there is none.
fn native(router: &Router<'_>) -> String {
    NAMES.native(router.group.algorithm).unwrap_or(router.service).to_owned()
}
