//! The Spring dialect: `/api/benchmark`, `/rl`, and what our reference load balancer adds to it under
//! `/api/lb`.
//!
//! The dialect is that of the original Spring Boot application, and it has traps:
//!
//! 1. `/api/benchmark/status` names the algorithm that the benchmark books requests under; what
//!    routes is `/rl/strategies.current`. A switch counts only when the latter says so.
//! 2. `/api/benchmark/start` does not route, and books under an algorithm of its own choosing unless
//!    told: start first, then switch, then look.
//! 3. Names are not checked everywhere, so only offered ones are sent.
//! 4. Parameters belong in the query; a JSON body is ignored without a word.
//! 5. `/api/benchmark/stop` reports its errors with status 200.
//! 6. `/rl/strategies.available` advertises what the router does not know; what can be switched to
//!    is `/api/benchmark/status.testAlgorithms`.
//! 7. The learned algorithm is `rl-agent` there and `rl` here.
//! 8. It cannot say what is in flight, and requests in flight during a switch spoil its
//!    least-connections counts for ever: wait them out before.

mod wire;

use crate::admin::{Capabilities, Current, LoadBalancerAdmin, Offer, ResetKind};
use crate::error::AdminError;
use crate::evidence::{Layer, Verdict};
use crate::fingerprint::PoolBackend;
use crate::http::{Call, Http, Reply};
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::time::Span;
use reqwest::Method;
use serde_json::{Map, Value};
use std::time::Duration;
use wire::{Answer, LbAlgorithms, LbPool, LbSnapshot, Status, Strategies};

const STATUS: &str = "/api/benchmark/status";
const START: &str = "/api/benchmark/start";
const STOP: &str = "/api/benchmark/stop";
const SWITCH: &str = "/api/benchmark/switch";
const RESET: &str = "/api/benchmark/reset";
const STRATEGIES: &str = "/rl/strategies";
const LB_ALGORITHMS: &str = "/api/lb/algorithms";
const LB_SNAPSHOT: &str = "/api/lb/snapshot";
const LB_RESET: &str = "/api/lb/reset";
const LB_WEIGHTS: &str = "/api/lb/weights";
const LB_DRAIN: &str = "/api/lb/drain";
const LB_UNDRAIN: &str = "/api/lb/undrain";

/// The learned algorithm's name in this dialect.
const RL: &str = "rl-agent";

/// Names that every application of this dialect routes by, for those that do not list theirs.
const CLASSICAL: [&str; 3] = [RL, "round-robin", "least-connections"];

/// Where the admin API is.
#[derive(Clone)]
pub struct SpringOptions {
    /// Base address, such as `http://127.0.0.1:8081`.
    pub url: String,
    /// Bearer token, where one is wanted.
    pub token: Option<String>,
    /// Longest that one call may take.
    pub limit: Duration,
}

impl SpringOptions {
    /// No token, and 5 s for a call: an admin API under load is slow, not silent.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            token: None,
            limit: Duration::from_secs(5),
        }
    }
}

/// A load balancer that speaks the Spring dialect.
#[derive(Debug)]
pub struct SpringAdmin {
    http: Http,
    capabilities: Capabilities,
    /// Whether `/api/lb` is there.
    reference: bool,
}

impl SpringAdmin {
    /// Connects to the load balancer and finds out what it can do. Changes nothing there.
    ///
    /// # Errors
    /// Nobody answers, a token is missing, or what answers does not speak this dialect.
    pub async fn connect(options: &SpringOptions) -> Result<Self, AdminError> {
        let http = Http::new(&options.url, options.token.as_deref(), options.limit)?;
        let status: Status = http
            .call(Call::get(STATUS))
            .await?
            .json("the status of a benchmark with `benchmarkActive` and `currentAlgorithm`")?;
        let extra = http.call(Call::get(LB_ALGORITHMS)).await?;
        let reference = extra.status != 404;
        let natives = if reference {
            let expected = "the algorithms of the reference load balancer";
            extra.json::<LbAlgorithms>(expected)?.names()
        } else if status.test_algorithms.is_empty() {
            CLASSICAL.map(str::to_owned).to_vec()
        } else {
            status.test_algorithms
        };
        Ok(Self {
            http,
            capabilities: capabilities(offers(natives), reference),
            reference,
        })
    }

    /// Connects if a load balancer with this admin API answers; none if nobody listens there or
    /// something else does.
    ///
    /// # Errors
    /// The address is none, or a token is missing: then it may be one.
    pub async fn probe(options: &SpringOptions) -> Result<Option<Self>, AdminError> {
        match Self::connect(options).await {
            Ok(admin) => Ok(Some(admin)),
            Err(AdminError::Unreachable { .. } | AdminError::Unexpected { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it is our reference load balancer, with all its additions.
    pub fn is_reference(&self) -> bool {
        self.reference
    }

    /// The base address of the admin API.
    pub fn url(&self) -> &str {
        self.http.base()
    }

    fn reference(&self, what: &'static str, way_out: &'static str) -> Result<(), AdminError> {
        if self.reference {
            return Ok(());
        }
        Err(AdminError::NotSupported {
            what,
            dialect: self.dialect().to_owned(),
            url: self.http.base().to_owned(),
            way_out,
        })
    }

    async fn lb_snapshot(&self) -> Result<LbSnapshot, AdminError> {
        self.reference(
            "read counters per backend",
            "read the backends' own counters, or use a load balancer that has them",
        )?;
        self.http
            .call(Call::get(LB_SNAPSHOT))
            .await?
            .json("counters of each backend by pool")
    }

    /// What routes; none when the load balancer has no such call.
    async fn routes(&self) -> Result<Option<(String, String)>, AdminError> {
        let reply = self.http.call(Call::get(STRATEGIES)).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let strategies: Strategies = reply.json("the strategy that routes, as `current`")?;
        Ok(Some((strategies.current, reply.url)))
    }

    /// The label that the benchmark books under.
    async fn label(&self) -> Result<(String, String), AdminError> {
        let reply = self.http.call(Call::get(STATUS)).await?;
        let status: Status = reply.json("the status of a benchmark")?;
        Ok((status.current_algorithm, reply.url))
    }

    /// What the load balancer says it runs and where: what routes, or else the label.
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
                reason: format!(
                    "{} answered {}: {}",
                    reply.url,
                    reply.status,
                    answer(&reply).said()
                ),
            }),
            _ => Err(reply.unexpected("success or a reason", None)),
        }
    }
}

/// The body of a reply to a POST; empty when it is none.
fn answer(reply: &Reply) -> Answer {
    serde_json::from_str(&reply.body).unwrap_or_default()
}

/// The names we have a word for.
fn offers(natives: Vec<String>) -> Vec<Offer> {
    let offer = |native: String| {
        let algorithm = native.parse().ok()?;
        Some(Offer { algorithm, native })
    };
    let mut offers: Vec<Offer> = natives.into_iter().filter_map(offer).collect();
    // Where a name and its alias are both listed, one of them will do.
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
        reset: if reference {
            ResetKind::Full
        } else {
            ResetKind::Partial
        },
        per_backend: reference,
        in_flight: reference,
        switch_breaks_idle_connections: false,
        sees_old_in_flight: reference,
        weights: reference,
        drain: reference,
        measurement: true,
    }
}

/// Whether two names of this dialect mean the same: `rl` and `rl-agent` do.
fn same(a: &str, b: &str) -> bool {
    let algorithm = |name: &str| name.parse::<Algorithm>().ok();
    a == b || algorithm(a).is_some_and(|known| algorithm(b) == Some(known))
}

#[async_trait]
impl LoadBalancerAdmin for SpringAdmin {
    fn dialect(&self) -> &str {
        "spring"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        let (native, _) = self.claimed().await?;
        let algorithm = native.parse().ok();
        Ok(Current { native, algorithm })
    }

    async fn start(&self, algorithm: &Algorithm) -> Result<(), AdminError> {
        let native = self.native(algorithm)?;
        let query = [("startAlgorithm", native)];
        let reply = self.http.call(Call::post(START, &query)).await?;
        let answer = answer(&reply);
        match (reply.status, answer.available_algorithms.clone()) {
            (200, _) if answer.is("started") => Ok(()),
            (400, Some(available)) => Err(refused(&reply, native, answer.said(), available)),
            // The one other refusal that the dialect has here.
            (400, None) => Err(AdminError::AlreadyMeasuring {
                url: reply.url.clone(),
                status: reply.status,
                said: answer.said(),
            }),
            _ => Err(reply.unexpected("200 with status `started`", None)),
        }
    }

    async fn stop(&self) -> Result<(), AdminError> {
        let reply = self.http.call(Call::post(STOP, &[])).await?;
        let answer = answer(&reply);
        if reply.status == 200 && answer.is("completed") {
            Ok(())
        } else if reply.status == 200 && answer.is("error") {
            Err(AdminError::NotMeasuring {
                url: reply.url,
                said: answer.said(),
            })
        } else {
            Err(reply.unexpected("200 with status `completed`", None))
        }
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let query = [("algorithm", native.as_str())];
        let reply = self.http.call(Call::post(SWITCH, &query)).await?;
        let answer = answer(&reply);
        if reply.status != 200 {
            let available = answer.available_algorithms.clone();
            return Err(match (reply.status, available) {
                (400, Some(available)) => refused(&reply, &native, answer.said(), available),
                (400..500, None) => refused(&reply, &native, answer.said(), self.natives()),
                _ => reply.unexpected("200 with status `switched`", None),
            });
        }
        if !answer.is("switched") {
            return Err(reply.unexpected("200 with status `switched`", None));
        }
        let (routes, url) = self.claimed().await?;
        if same(&routes, &native) {
            Ok(native)
        } else {
            Err(AdminError::NotSwitched {
                url,
                wanted: native,
                routes,
            })
        }
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let native = self.native(algorithm)?;
        let (label, _) = self.label().await?;
        let Some((routes, _)) = self.routes().await? else {
            let told =
                format!("{STATUS} says `{label}`, which is a label; {STRATEGIES} does not exist");
            let verdict = if same(&label, native) {
                Verdict::Consistent
            } else {
                Verdict::Contradicted
            };
            return Ok(Layer::new(verdict, told));
        };
        let mut told = format!("{STRATEGIES} says that `{routes}` routes");
        let mut right = same(&routes, native);
        if !same(&label, native) {
            // Requests would be booked under another name than the one that chose.
            told += &format!(", but {STATUS} books under `{label}`");
            right = false;
        }
        if self.reference {
            let picks = self.lb_snapshot().await?.algorithm;
            told += &format!(", {LB_SNAPSHOT} says `{picks}`");
            right &= same(&picks, native);
        }
        let verdict = if right {
            Verdict::Confirmed
        } else {
            Verdict::Contradicted
        };
        Ok(Layer::new(verdict, told))
    }

    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        if !self.reference {
            return Ok(None);
        }
        let pools = self.lb_snapshot().await?.pools;
        let named = |pool: &&LbPool| pool.services.iter().any(|name| name == service);
        let answers = pools
            .iter()
            .find(named)
            .or_else(|| pools.iter().find(|pool| pool.catches_all()));
        let may_be_picked = answers.map(|pool| {
            let backends = pool.backends.iter();
            let takes = backends.filter(|one| one.healthy && !one.draining && !one.ejected);
            takes
                .map(|one| PoolBackend {
                    id: one.id.clone(),
                    weight: one.weight,
                })
                .collect()
        });
        Ok(may_be_picked)
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        let LbSnapshot {
            algorithm,
            generation,
            pools,
        } = self.lb_snapshot().await?;
        let counters = pools.into_iter().flat_map(|LbPool { name, backends, .. }| {
            backends.into_iter().map(move |one| BackendCounters {
                id: one.id,
                pool: name.clone(),
                requests: one.requests,
                errors: one.errors,
                cancelled: one.cancelled,
                latency_sum: Span::from_millis_f64(one.latency_sum_ms),
                in_flight: one.in_flight,
                peak_in_flight: one.peak_in_flight,
                weight: one.weight,
                healthy: one.healthy,
                draining: one.draining,
                ejected: one.ejected,
            })
        });
        Ok(Snapshot {
            generation: generation.to_string(),
            algorithm,
            backends: counters.collect(),
        })
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        let (routes, _) = self.claimed().await?;
        let offered = self
            .capabilities
            .algorithms
            .iter()
            .find(|offer| same(&offer.native, &routes));
        // Without a name the dialect resets the label's counts, which need not be the router's.
        let query: Vec<_> = offered
            .map(|offer| ("algorithm", offer.native.as_str()))
            .into_iter()
            .collect();
        let reply = self.http.call(Call::post(RESET, &query)).await?;
        if reply.status != 200 || !answer(&reply).is("reset") {
            return Err(reply.unexpected("200 with status `reset`", None));
        }
        if self.reference {
            self.lb_post(Call::post(LB_RESET, &[]), "reset the counters")
                .await?;
        }
        Ok(self.capabilities.reset)
    }

    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        const WHAT: &str = "set weights";
        self.reference(WHAT, "configure the weights in the load balancer itself")?;
        if let Some((id, weight)) = weights
            .iter()
            .find(|(_, weight)| !(weight.is_finite() && *weight > 0.0))
        {
            return Err(AdminError::BadValue {
                what: WHAT,
                reason: format!(
                    "weight of `{id}` is {weight}, must be above 0; drain a backend to give it nothing"
                ),
            });
        }
        let body: Map<String, Value> = weights
            .iter()
            .map(|(id, weight)| (id.clone(), (*weight).into()))
            .collect();
        let call = Call {
            method: Method::PUT,
            path: LB_WEIGHTS,
            query: &[],
            body: Some(body.into()),
        };
        self.lb_post(call, WHAT).await
    }

    async fn set_draining(&self, backend: &str, draining: bool) -> Result<(), AdminError> {
        const WHAT: &str = "drain a backend";
        self.reference(WHAT, "take it out of the load balancer's configuration")?;
        let path = if draining { LB_DRAIN } else { LB_UNDRAIN };
        self.lb_post(Call::post(path, &[("backend", backend)]), WHAT)
            .await
    }
}

impl SpringAdmin {
    fn natives(&self) -> Vec<String> {
        self.capabilities
            .algorithms
            .iter()
            .map(|offer| offer.native.clone())
            .collect()
    }
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
