//! The Spring dialect: `/api/benchmark`, `/rl`, and the additions of our reference load balancer under
//! `/api/lb`.
//!
//! The dialect is that of a Spring Boot load balancer, and it has traps:
//!
//! 1. `/api/benchmark/status` names the algorithm under which the benchmark books requests; the algorithm
//!    that routes is `/rl/strategies.current`. A switch counts only if the latter confirms it.
//! 2. `/api/benchmark/start` does not change the routing, and books under an algorithm of its own choosing
//!    unless told otherwise: start first, then switch, then check.
//! 3. Names are not validated everywhere, so the adapter sends only names that are offered.
//! 4. Parameters belong in the query; a JSON body is silently ignored.
//! 5. `/api/benchmark/stop` reports its errors with status 200.
//! 6. `/rl/strategies.available` advertises algorithms that the router does not know; the algorithms that it
//!    can switch to are in `/api/benchmark/status.testAlgorithms`, or in its `availableAlgorithms` if
//!    present: the reference load balancer supports more algorithms than a complete benchmark compares.
//! 7. The learned algorithm is `rl-agent` there and `rl` here.
//! 8. It does not report what is in flight, and requests in flight during a switch corrupt its
//!    least-connections counts for good: wait for them to finish first.
//! 9. If a single parameter is missing, Spring answers with its own error page, whose `status` is a number.

mod admin;
mod wire;

use crate::admin::{Capabilities, Offer, ResetKind};
use crate::error::AdminError;
use crate::http::{Call, Http, Reply};
use lb_core::Algorithm;
use lb_core::steering::Carrier;
use std::time::Duration;
use wire::{Answer, LbSnapshot, Status, Strategies};

const DIALECT: &str = "spring";

const STATUS: &str = "/api/benchmark/status";
const START: &str = "/api/benchmark/start";
const STOP: &str = "/api/benchmark/stop";
const SWITCH: &str = "/api/benchmark/switch";
const RESET: &str = "/api/benchmark/reset";
const STRATEGIES: &str = "/rl/strategies";
const LB_SNAPSHOT: &str = "/api/lb/snapshot";
const LB_RESET: &str = "/api/lb/reset";
const LB_WEIGHTS: &str = "/api/lb/weights";
const LB_DRAIN: &str = "/api/lb/drain";
const LB_UNDRAIN: &str = "/api/lb/undrain";
const LB_TRACE_START: &str = "/api/lb/traces/start";
const LB_TRACE_STOP: &str = "/api/lb/traces/stop";

const COUNTERS: &str = "counters of each backend by pool";

/// The learned algorithm's name in this dialect.
const RL: &str = "rl-agent";

/// The algorithms that every application of this dialect has, for those that do not list theirs.
const CLASSICAL: [&str; 3] = [RL, "round-robin", "least-connections"];

/// How to reach the admin API.
#[derive(Clone)]
pub struct SpringOptions {
    /// Base address, such as `http://127.0.0.1:8081`.
    pub url: String,
    /// Bearer token; `None` if the API needs none.
    pub token: Option<String>,
    /// The longest time that one call may take.
    pub limit: Duration,
}

impl SpringOptions {
    /// Creates options without a token and with 5 s per call, since an admin API under load answers slowly.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), token: None, limit: Duration::from_secs(5) }
    }
}

/// A load balancer that speaks the Spring dialect.
#[derive(Debug)]
pub struct SpringAdmin {
    http: Http,
    capabilities: Capabilities,
    /// Whether `/api/lb` exists.
    reference: bool,
}

impl SpringAdmin {
    /// Connects to the load balancer and finds out what it can do, without changing anything there.
    ///
    /// # Errors
    /// When nothing answers, a token is missing, or the server does not speak this dialect.
    pub async fn connect(options: &SpringOptions) -> Result<Self, AdminError> {
        let http = Http::new(&options.url, options.token.as_deref(), options.limit)?;
        let status: Status = http
            .call(Call::get(STATUS))
            .await?
            .json("the status of a benchmark with `benchmarkActive` and `currentAlgorithm`")?;
        let extra = http.call(Call::get(LB_SNAPSHOT)).await?;
        let reference = extra.status != 404;
        let views = match reference {
            true => extra.json::<LbSnapshot>(COUNTERS)?.views,
            false => 1,
        };
        let listed =
            [status.available_algorithms, status.test_algorithms].into_iter().find(|names| !names.is_empty());
        let natives = listed.unwrap_or_else(|| CLASSICAL.map(str::to_owned).to_vec());
        let capabilities = Capabilities { views, ..capabilities(offers(natives), reference) };
        Ok(Self { http, capabilities, reference })
    }

    /// Connects if a load balancer with this admin API answers; `None` if nothing listens there or
    /// something else does.
    ///
    /// # Errors
    /// When the address is malformed, or the token is missing and the load balancer cannot be identified.
    pub async fn probe(options: &SpringOptions) -> Result<Option<Self>, AdminError> {
        match Self::connect(options).await {
            Ok(admin) => Ok(Some(admin)),
            Err(AdminError::Unreachable { .. } | AdminError::Unexpected { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether this is our reference load balancer, with all its additions.
    pub fn is_reference(&self) -> bool {
        self.reference
    }

    /// Returns the base address of the admin API.
    pub fn url(&self) -> &str {
        self.http.base()
    }

    /// Returns the names of all algorithms that it can switch to.
    fn natives(&self) -> Vec<String> {
        let offers = self.capabilities.algorithms.iter();
        offers.map(|offer| offer.native.clone()).collect()
    }

    /// Returns an error if the additions of the reference load balancer are missing.
    fn reference(&self, what: &'static str, way_out: &'static str) -> Result<(), AdminError> {
        if self.reference {
            return Ok(());
        }
        Err(AdminError::not_supported(DIALECT, self.http.base(), what, way_out))
    }

    async fn lb_snapshot(&self) -> Result<LbSnapshot, AdminError> {
        self.reference(
            "read counters per backend",
            "read the backends' own counters, or use a load balancer that has them",
        )?;
        self.http.call(Call::get(LB_SNAPSHOT)).await?.json(COUNTERS)
    }

    /// Returns the active algorithm and the URL that says so; `None` if the load balancer has no such
    /// call.
    async fn routes(&self) -> Result<Option<(String, String)>, AdminError> {
        let reply = self.http.call(Call::get(STRATEGIES)).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let strategies: Strategies = reply.json("the active strategy, as `current`")?;
        Ok(Some((strategies.current, reply.url)))
    }

    /// Returns the label under which the benchmark books, and the URL that says so.
    async fn label(&self) -> Result<(String, String), AdminError> {
        let reply = self.http.call(Call::get(STATUS)).await?;
        let status: Status = reply.json("the status of a benchmark")?;
        Ok((status.current_algorithm, reply.url))
    }

    /// Returns the algorithm that the load balancer reports (the active one, or else the label) and the
    /// URL.
    async fn claimed(&self) -> Result<(String, String), AdminError> {
        match self.routes().await? {
            Some(routes) => Ok(routes),
            None => self.label().await,
        }
    }

    async fn lb_post(&self, call: Call<'_>, what: &'static str) -> Result<(), AdminError> {
        let reply = self.http.call(call).await?;
        match reply.status {
            200 | 204 => Ok(()),
            400 | 404 | 422 => Err(AdminError::BadValue {
                what,
                reason: format!("{} answered {}: {}", reply.url, reply.status, answer(&reply).said()),
            }),
            _ => Err(reply.unexpected("success or a reason", None)),
        }
    }
}

/// Parses the body of a reply to a POST; empty if it is not the expected JSON.
fn answer(reply: &Reply) -> Answer {
    serde_json::from_str(&reply.body).unwrap_or_default()
}

/// Returns the offers whose names this project knows.
fn offers(natives: Vec<String>) -> Vec<Offer> {
    let offer = |native: String| {
        let algorithm = native.parse().ok()?;
        Some(Offer { algorithm, native })
    };
    let mut offers: Vec<Offer> = natives.into_iter().filter_map(offer).collect();
    // If a name and its alias are both listed, keep one of them.
    let mut known = Vec::new();
    offers.retain(|offer| {
        let new = !known.contains(&offer.algorithm);
        known.push(offer.algorithm);
        new
    });
    offers
}

fn capabilities(algorithms: Vec<Offer>, reference: bool) -> Capabilities {
    Capabilities {
        algorithms,
        reset: if reference { ResetKind::Full } else { ResetKind::Partial },
        per_backend: reference,
        in_flight: reference,
        switch_breaks_idle_connections: false,
        sees_old_in_flight: reference,
        weights: reference,
        carrier: Carrier::Shares,
        drain: reference,
        names_backends: reference,
        measurement: true,
        views: 1,
    }
}

/// Returns whether two names of this dialect mean the same: `rl` and `rl-agent` do.
fn same(a: &str, b: &str) -> bool {
    let algorithm = |name: &str| name.parse::<Algorithm>().ok();
    a == b || algorithm(a).is_some_and(|known| algorithm(b) == Some(known))
}

fn refused(reply: &Reply, native: &str, said: String, available: Vec<String>) -> AdminError {
    AdminError::Refused {
        url: reply.url.clone(),
        status: reply.status,
        native: native.to_owned(),
        said,
        available,
    }
}
