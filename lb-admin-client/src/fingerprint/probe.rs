//! The probe: sends requests through the load balancer's data port, as a client would.
//!
//! What is needed behind the load balancer is one endpoint, `GET /api/hold?ms=N`, which answers after
//! N milliseconds with `X-Backend`; the mock backends have it. Without it the probe does not guess: the
//! layer is *not tested*, with the reason.

use crate::error::AdminError;
use crate::fingerprint::judge::{FEWEST_REQUESTS, judge};
use crate::fingerprint::observe::{Observations, PoolBackend, requests_to_hold, short_hold};
use crate::http::unreachable;
use crate::origin::Origin;
use lb_core::Algorithm;
use lb_core::algorithm::Behaviour;
use lb_core::headers;
use lb_core::switch_evidence::{Layer, Verdict};
use reqwest::Client;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Requests that find out how many backends there are if the load balancer does not say: among eight backends that
/// are picked evenly, one remains unseen in 0.4 % of cases.
const SCOUTS: usize = 60;

/// Time for held requests to reach their backends before short ones follow.
const SETTLE: Duration = Duration::from_millis(30);

/// Longer than any reply to a short request should take.
const SLACK: Duration = Duration::from_secs(2);

/// Where and how to probe. Keep one for a whole run: it owns the connection that stays open across
/// switches.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    base: String,
    service: String,
    old: Client,
    /// How long requests are held while short ones look for the free backends.
    pub hold: Duration,
    /// Short requests sent meanwhile, if there is time.
    pub requests: usize,
    /// Requests on new connections, and as many on the old one, whose header is read.
    pub headers: usize,
}

impl VerifyOptions {
    /// Probes `{base}/{service}/api/hold`, such as `http://127.0.0.1:8080/proxy` and
    /// `inventory-service`, with 160 short requests within 400 ms. 160: two choices among three
    /// backends, taken for least connections or for chance, are a miss in the sense of
    /// [`FALSE_ALARM`](crate::fingerprint::FALSE_ALARM) in most cases, not in a few.
    ///
    /// # Errors
    /// When the address cannot be called.
    pub fn new(base: &str, service: &str) -> Result<Self, AdminError> {
        Origin::parse(base)?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            service: service.to_owned(),
            old: connection()?,
            hold: Duration::from_millis(400),
            requests: 160,
            headers: 5,
        })
    }

    /// The service that is asked.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Sends one request, so that the old connection is open and the load balancer knows the
    /// service. Call it before the first switch of a run, so that the connection predates the switch.
    ///
    /// # Errors
    /// The data entry cannot be reached.
    pub async fn greet(&self) -> Result<(), AdminError> {
        let url = self.url(Duration::ZERO);
        ask(&self.old, &url, Duration::ZERO).await.map(drop)
    }

    fn url(&self, held: Duration) -> String {
        // Below a path, the reference load balancer wants a service, if only an empty one.
        let has_path = self.base.splitn(4, '/').nth(3).is_some();
        let service = match self.service.as_str() {
            "" if !has_path => String::new(),
            service => format!("/{service}"),
        };
        format!("{}{service}/api/hold?ms={}", self.base, held.as_millis())
    }
}

/// A client that keeps one connection, of its own.
fn connection() -> Result<Client, AdminError> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(SLACK)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(None)
        .build()
        .map_err(|error| AdminError::BadAddress {
            url: "the data entry".to_owned(),
            reason: error.to_string(),
        })
}

/// One reply: its status and the two headers.
struct Seen {
    status: u16,
    backend: Option<String>,
    algorithm: Option<String>,
}

/// Sends one request and reads the reply to its end, so that the connection is free again.
async fn ask(client: &Client, url: &str, held: Duration) -> Result<Seen, AdminError> {
    let fail = |error: reqwest::Error| unreachable(url, &error);
    let sent = client.get(url).timeout(held + SLACK).send().await;
    let reply = sent.map_err(fail)?;
    let header = |name: &str| {
        let value = reply.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let seen = Seen {
        status: reply.status().as_u16(),
        backend: header(headers::BACKEND),
        algorithm: header(headers::ALGORITHM),
    };
    reply.bytes().await.map_err(fail)?;
    Ok(seen)
}

/// The second layer: which algorithm the replies name, on new connections and on the old one.
///
/// # Errors
/// The data entry cannot be reached.
pub async fn probe_header(
    algorithm: &Algorithm,
    native: &str,
    options: &VerifyOptions,
) -> Result<Layer, AdminError> {
    let url = options.url(Duration::ZERO);
    let mut named = Vec::new();
    for _ in 0..options.headers {
        let fresh = connection()?;
        named.push(("a new connection", ask(&fresh, &url, Duration::ZERO).await?.algorithm));
        named.push(("the old connection", ask(&options.old, &url, Duration::ZERO).await?.algorithm));
    }
    Ok(judge_header(algorithm, native, &named))
}

/// Holds the algorithms that replies named against the one that should route.
fn judge_header(algorithm: &Algorithm, native: &str, named: &[(&'static str, Option<String>)]) -> Layer {
    let is_right = |name: &String| name == native || name.parse().as_ref() == Ok(algorithm);
    let present = named.iter().filter_map(|(on, name)| Some((on, name.as_ref()?)));
    let (right, wrong): (Vec<_>, Vec<_>) = present.partition(|(_, name)| is_right(name));
    let (all, count) = (named.len(), right.len());
    let layer = if let Some((on, name)) = wrong.first() {
        let told =
            format!("{} of {all} replies name another algorithm, such as `{name}` on {on}", wrong.len());
        Layer::new(Verdict::Contradicted, told)
    } else if count == 0 {
        Layer::not_tested("replies carry no X-LB-Algorithm header")
    } else if count < all {
        let told = format!("only {count} of {all} replies name an algorithm, all of them the right one");
        Layer::new(Verdict::Consistent, told)
    } else {
        let told = format!("all {all} replies on new connections and on the old one name it");
        Layer::new(Verdict::Confirmed, told)
    };
    layer.with("replies", all as f64).with("right", count as f64).with("wrong", wrong.len() as f64)
}

/// The third layer: whether the choices match those of `algorithm`. `pool` names the backends that may
/// be picked, if they are known.
///
/// # Errors
/// The data entry cannot be reached.
pub async fn probe_behaviour(
    algorithm: &Algorithm,
    options: &VerifyOptions,
    pool: Option<&[PoolBackend]>,
) -> Result<Layer, AdminError> {
    let behaviour = algorithm.behaviour();
    let first = ask(&options.old, &options.url(Duration::ZERO), Duration::ZERO).await?;
    if first.status != 200 {
        return Ok(Layer::not_tested(format!(
            "{} answered {}; without an endpoint that holds requests behind the load balancer, \
             algorithms look alike",
            options.url(Duration::ZERO),
            first.status
        )));
    }
    if first.backend.is_none() {
        return Ok(Layer::not_tested("replies carry no X-Backend header"));
    }
    let backends = match pool {
        Some(pool) => pool.len(),
        None => scout(options).await?,
    };
    let held = requests_to_hold(behaviour, backends);
    let mut attempt = Attempt {
        hold: options.hold,
        settle: SETTLE,
        held,
        requests: options.requests.max(4 * backends),
        behaviour,
    };
    let enough = |seen: &Observations| seen.sequence.len() >= FEWEST_REQUESTS;
    let mut seen = attempt.run(options).await?;
    if !seen.as_ref().is_ok_and(enough) {
        // A slow or busy machine: once more, with more patience.
        attempt.hold *= 2;
        attempt.settle *= 4;
        seen = attempt.run(options).await?;
    }
    let pool = pool.map(<[_]>::to_vec);
    Ok(match seen {
        Ok(seen) => judge(behaviour, &Observations { pool, ..seen }),
        Err(reason) => Layer::not_tested(reason),
    })
}

/// How many backends answer.
async fn scout(options: &VerifyOptions) -> Result<usize, AdminError> {
    let mut met: Vec<String> = Vec::new();
    for _ in 0..SCOUTS {
        let seen = ask(&options.old, &options.url(Duration::ZERO), Duration::ZERO).await?;
        met.extend(seen.backend.filter(|id| !met.contains(id)));
    }
    Ok(met.len())
}

/// One try: so many requests held for so long, and so many short ones meanwhile.
struct Attempt {
    hold: Duration,
    settle: Duration,
    held: usize,
    requests: usize,
    behaviour: Behaviour,
}

/// A request that is held: its reply, and how long it took.
type Held = JoinHandle<Result<(Seen, Duration), AdminError>>;

impl Attempt {
    /// What was seen, or why that says nothing.
    async fn run(&self, options: &VerifyOptions) -> Result<Result<Observations, String>, AdminError> {
        let sent = Instant::now();
        let holding = (0..self.held).map(|_| self.hold_one(options));
        let holding: Vec<Held> = holding.collect::<Result<_, _>>()?;
        if self.held > 0 {
            sleep(self.settle).await;
        }
        let settled = sent.elapsed();
        let short = self.sequence(options, sent + self.hold.mul_f64(0.9)).await;
        let early = holding.iter().any(JoinHandle::is_finished);
        // Waited for in any case: requests given up would count as cancelled.
        let mut replies = Vec::new();
        for task in holding {
            let reply = task.await.map_err(|error| AdminError::Unreachable {
                url: options.url(self.hold),
                reason: error.to_string(),
            })?;
            replies.push(reply?);
        }
        // A request that took longer than it was held may have arrived when short ones were on their
        // way, and then those found less load than `held` says.
        let late = replies.iter().any(|(_, took)| *took > self.hold + settled);
        let refused = replies.iter().find(|(reply, _)| reply.status != 200);
        let fault = if early {
            Some("a held request was answered early".to_owned())
        } else if let Some((reply, _)) = refused {
            Some(format!("a held request was answered with {}", reply.status))
        } else {
            late.then(|| "a held request may have arrived late".to_owned())
        };
        Ok(match (short?, fault) {
            (Err(reason), _) | (Ok(_), Some(reason)) => Err(reason),
            (Ok(sequence), None) => Ok(Observations {
                pool: None,
                held: replies.into_iter().filter_map(|(reply, _)| reply.backend).collect(),
                sequence,
            }),
        })
    }

    fn hold_one(&self, options: &VerifyOptions) -> Result<Held, AdminError> {
        let (client, url, hold) = (connection()?, options.url(self.hold), self.hold);
        Ok(tokio::spawn(async move {
            let sent = Instant::now();
            let reply = ask(&client, &url, hold).await?;
            Ok((reply, sent.elapsed()))
        }))
    }

    /// Short requests, one after another on the old connection, until enough or until `deadline`.
    async fn sequence(
        &self,
        options: &VerifyOptions,
        deadline: Instant,
    ) -> Result<Result<Vec<String>, String>, AdminError> {
        let mut sequence = Vec::with_capacity(self.requests);
        while sequence.len() < self.requests && Instant::now() < deadline {
            let hold = short_hold(self.behaviour, sequence.len());
            let seen = ask(&options.old, &options.url(hold), hold).await?;
            match seen.backend {
                Some(backend) if seen.status == 200 => sequence.push(backend),
                _ => {
                    return Ok(Err(format!("a short request was answered with {}", seen.status)));
                }
            }
        }
        Ok(Ok(sequence))
    }
}
