//! Traefik, by its API and its REST provider.
//!
//! In each pool there is one service for each algorithm ([`Group`]), and the pool's router names the one that
//! routes, together with the middleware `tag-<algorithm>` that tells the client. What follows from how Traefik
//! is:
//!
//! 1. A `PUT` replaces the provider's whole configuration, so it is read from the API, changed and sent back.
//!    Of what the API does not show (transports, TLS, TCP), nothing may come from this provider.
//! 2. The answer 200 says that a document was understood. It takes effect up to
//!    `providers.providersThrottleDuration` after the one before, by default 2 s, and a service with a bad strategy
//!    disables its routers, which then answer 404. So the adapter waits until the API shows the document, and
//!    quotes its errors.
//! 3. Entry points take over one after the other, and that of the API may be the first; hence
//!    [`SETTLE`]. Connections and requests in flight survive.
//! 4. Traefik checks whether a strategy exists only when a router uses the service.
//! 5. `hrw` hashes the address that a connection comes from, and never looks at `X-Forwarded-For`.
//! 6. `wrr` keeps exact shares, but not an order: ties are broken by where servers lie in a heap.
//! 7. It counts by service and does not report what is in flight. Only its access log covers single servers
//!    ([`RealOptions::access_log`]), so `rl` is offered only with the log: nothing else says how servers do.
//! 8. Each document begins `wrr` anew, the heaviest server first, so where few requests come between two settings
//!    of weights the light servers get less than their share. Health checks begin anew as well: a server that was
//!    down is up until it fails again.

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
const REST: &str = "/api/providers/rest";

/// Time between two looks at whether a document is in force.
const POLL: Duration = Duration::from_millis(5);

/// Time for the last entry point to take over when the first one has.
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

/// Gives a Traefik that was just started its first configuration, and waits until that is in force.
///
/// # Errors
/// When nothing answers in time, the REST provider is off, or Traefik reports a fault in the document.
pub async fn load(options: &RealOptions, document: Value) -> Result<(), AdminError> {
    const WHAT: &str = "load a configuration";
    let http = Http::new(&options.admin, options.token.as_deref(), options.limit)?;
    let deadline = Instant::now() + options.limit;
    // A Traefik that is starting listens late, and takes documents later. Neither did anything.
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

/// The error for a document that was taken and is not in force.
fn late(http: &Http, what: &'static str, limit: Duration) -> AdminError {
    let reason = format!(
        "{}{RAW} does not show after {limit:?} what was sent; is `providers.providersThrottleDuration` longer?",
        http.base()
    );
    AdminError::BadValue { what, reason }
}

async fn read(http: &Http) -> Result<Raw, AdminError> {
    http.call(Call::get(RAW)).await?.json("Traefik's routers and services as JSON")
}

/// Sends a document. Success says that it was understood, no more.
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

/// Waits until the API shows a document, for at most `limit`, and that nothing is wrong with it.
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

/// The name of the strategy that is an algorithm.
fn strategy(algorithm: Algorithm) -> Option<&'static str> {
    NAMES.native(algorithm)?.split(',').next()
}

/// Its own name for what a router runs, which is its service's where we have none.
fn native(router: &Router<'_>) -> String {
    NAMES.native(router.group.algorithm).unwrap_or(router.service).to_owned()
}
