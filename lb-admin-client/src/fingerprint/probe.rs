//! The probe: sends requests through the load balancer's data port, as a client would.
//!
//! The probe needs one endpoint behind the load balancer, `GET /api/hold?ms=N`, which answers after N
//! milliseconds with `X-Backend`; the mock backends have it. Without this endpoint the probe does not guess:
//! it reports the layer as *not tested*, with the reason.

use crate::error::AdminError;
use crate::fingerprint::judge::{FEWEST_REQUESTS, judge};
use crate::fingerprint::line::{Line, Tls};
use crate::fingerprint::observe::{Observations, PoolBackend, requests_to_hold, short_hold};
use crate::origin::Origin;
use lb_core::algorithm::Behaviour;
use lb_core::headers;
use lb_core::secret::{Secret, mask_passwords};
use lb_core::switch_evidence::{Layer, Verdict};
use lb_core::{Algorithm, BackendFrom};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Number of requests that count the backends if the load balancer does not list them: among eight backends
/// that are picked evenly, one remains unseen in 0.4 % of cases.
const SCOUTS: usize = 60;

/// Time for held requests to reach their backends before short ones follow.
const SETTLE: Duration = Duration::from_millis(30);

/// Why nothing is tested at an `https` address for which it is not known whom to trust.
const OVER_TLS: &str = "it is not known how to speak TLS there";

/// Where and how to probe. Keep one value for a whole run: it owns the connection that stays open across
/// switches.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    base: Secret,
    /// Whether the address is one of `https`. Without `tls`, the probe then sends nothing.
    secure: bool,
    /// How the probe speaks TLS.
    tls: Option<Tls>,
    service: String,
    old: Line,
    /// Where replies name their backend.
    backend_from: BackendFrom,
    /// How long requests are held while short ones test which backends are free.
    pub hold: Duration,
    /// The maximum number of short requests sent while others are held.
    pub requests: usize,
    /// The number of requests on new connections, and on the old one, whose headers are read.
    pub headers: usize,
}

impl VerifyOptions {
    /// Creates options that probe `{base}/{service}/api/hold`, such as `http://127.0.0.1:8080/proxy` and
    /// `inventory-service`, with 160 short requests within 400 ms. With 160 requests, two choices among three
    /// backends are in most cases told apart from least connections and from random choice at the level of
    /// [`FALSE_ALARM`](crate::fingerprint::FALSE_ALARM).
    ///
    /// To an `https` address, nothing is sent without [`Self::with_tls`]: all that depends on replies is then reported as
    /// not tested.
    ///
    /// # Errors
    /// When the address cannot be called.
    pub fn new(base: &str, service: &str) -> Result<Self, AdminError> {
        let secure = Origin::parse(base)?.is_secure();
        Ok(Self {
            base: Secret::new(base.trim_end_matches('/')),
            secure,
            tls: None,
            service: service.to_owned(),
            old: Line::new(None)?,
            backend_from: BackendFrom::default(),
            hold: Duration::from_millis(400),
            requests: 160,
            headers: 5,
        })
    }

    /// Sets how TLS is spoken with an `https` address, and the value of the `authorization` header there.
    ///
    /// # Errors
    /// When the address cannot be called.
    pub fn with_tls(
        self,
        config: Arc<ClientConfig>,
        authorization: Option<Secret>,
    ) -> Result<Self, AdminError> {
        let tls = Some(Tls { config, authorization }).filter(|_| self.secure);
        Ok(Self { old: Line::new(tls.as_ref())?, tls, ..self })
    }

    /// Sets where replies name their backend; by default in `X-Backend`.
    #[must_use]
    pub fn with_backend_from(self, backend_from: BackendFrom) -> Self {
        Self { backend_from, ..self }
    }

    /// Returns the service that is probed.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Sends one request, so that the old connection is open and the load balancer knows the
    /// service. Call it before the first switch of a run, so that the connection predates the switch.
    ///
    /// # Errors
    /// When the load balancer cannot be reached on its data port.
    pub async fn greet(&self) -> Result<(), AdminError> {
        if !self.sends() {
            return Ok(());
        }
        self.ask(&self.old, Duration::ZERO).await.map(drop)
    }

    /// Sends one request that is held for this long, and reads the reply.
    async fn ask(&self, line: &Line, held: Duration) -> Result<Seen, AdminError> {
        ask(line, &self.url(held), held, &self.backend_from).await
    }

    /// Returns whether anything is sent.
    fn sends(&self) -> bool {
        !self.secure || self.tls.is_some()
    }

    /// Returns a connection that is not open yet.
    fn connection(&self) -> Result<Line, AdminError> {
        Line::new(self.tls.as_ref())
    }

    fn url(&self, held: Duration) -> String {
        // Below a path, the reference load balancer expects a service name, which may be empty.
        let base = self.base.reveal();
        let has_path = base.splitn(4, '/').nth(3).is_some();
        let service = match self.service.as_str() {
            "" if !has_path => String::new(),
            service => format!("/{service}"),
        };
        format!("{base}{service}/api/hold?ms={}", held.as_millis())
    }
}

/// One reply: its status and the two headers.
struct Seen {
    status: u16,
    backend: Option<String>,
    algorithm: Option<String>,
}

/// Sends one request and reads the reply.
async fn ask(line: &Line, url: &str, held: Duration, backend_from: &BackendFrom) -> Result<Seen, AdminError> {
    let answer = line.get(url, held).await?;
    let header = |name: &str| {
        let value = answer.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.as_bytes());
    let named = Some(backend_from.header()).filter(|name| !name.is_empty()).and_then(header);
    Ok(Seen {
        status: answer.status,
        backend: named.or_else(|| backend_from.find(cookies, &answer.body)),
        algorithm: header(headers::ALGORITHM),
    })
}

/// Probes the second layer: which algorithm the replies name, on new connections and on the old one.
///
/// # Errors
/// When the load balancer cannot be reached on its data port.
pub async fn probe_header(
    algorithm: &Algorithm,
    native: &str,
    options: &VerifyOptions,
) -> Result<Layer, AdminError> {
    if !options.sends() {
        return Ok(Layer::not_tested(OVER_TLS));
    }
    let mut named = Vec::new();
    for _ in 0..options.headers {
        let fresh = options.connection()?;
        named.push(("a new connection", options.ask(&fresh, Duration::ZERO).await?.algorithm));
        named.push(("the old connection", options.ask(&options.old, Duration::ZERO).await?.algorithm));
    }
    Ok(judge_header(algorithm, native, &named))
}

/// Compares the algorithms that replies named with the one that should route.
fn judge_header(algorithm: &Algorithm, native: &str, named: &[(&'static str, Option<String>)]) -> Layer {
    let is_right = |name: &String| name == native || name.parse().as_ref() == Ok(algorithm);
    let present = named.iter().filter_map(|(on, name)| Some((on, name.as_ref()?)));
    let (right, wrong): (Vec<_>, Vec<_>) = present.partition(|(_, name)| is_right(name));
    let (all, count) = (named.len(), right.len());
    let layer = if let Some((on, name)) = wrong.first() {
        let told =
            format!("{} of {all} replies name a different algorithm, such as `{name}` on {on}", wrong.len());
        Layer::new(Verdict::Contradicted, told)
    } else if count == 0 {
        Layer::not_tested("replies carry no X-LB-Algorithm header")
    } else if count < all {
        let told = format!("only {count} of {all} replies name an algorithm, all of them the right one");
        Layer::new(Verdict::Consistent, told)
    } else {
        let told = format!("all {all} replies, on new connections and on the old one, name the algorithm");
        Layer::new(Verdict::Confirmed, told)
    };
    layer.with("replies", all as f64).with("right", count as f64).with("wrong", wrong.len() as f64)
}

/// Probes the third layer: whether the choices match those of `algorithm`. `pool` names the backends that may
/// be picked, if they are known.
///
/// # Errors
/// When the load balancer cannot be reached on its data port.
pub async fn probe_behaviour(
    algorithm: &Algorithm,
    options: &VerifyOptions,
    pool: Option<&[PoolBackend]>,
) -> Result<Layer, AdminError> {
    if !options.sends() {
        return Ok(Layer::not_tested(OVER_TLS));
    }
    let behaviour = algorithm.behaviour();
    let first = options.ask(&options.old, Duration::ZERO).await?;
    if first.status != 200 {
        return Ok(Layer::not_tested(format!(
            "{} answered {}; without an endpoint that holds requests behind the load balancer, \
             algorithms look alike",
            mask_passwords(&options.url(Duration::ZERO)),
            first.status
        )));
    }
    if first.backend.is_none() {
        return Ok(Layer::not_tested(match &options.backend_from {
            BackendFrom::Header(name) if name == headers::BACKEND => {
                "replies carry no X-Backend header".to_owned()
            }
            BackendFrom::Header(name) => format!("replies carry no {name} header"),
            other => format!("replies do not name their backend in {other}"),
        }));
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
        // The machine is slow or busy: try once more and hold requests for longer.
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

/// Counts the backends that answer.
async fn scout(options: &VerifyOptions) -> Result<usize, AdminError> {
    let mut met: Vec<String> = Vec::new();
    for _ in 0..SCOUTS {
        let seen = options.ask(&options.old, Duration::ZERO).await?;
        met.extend(seen.backend.filter(|id| !met.contains(id)));
    }
    Ok(met.len())
}

/// One attempt: how many requests to hold and for how long, and how many short ones to send meanwhile.
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
    /// Returns the observations, or the reason why they are inconclusive.
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
        // Wait in any case: abandoned requests would count as cancelled.
        let mut replies = Vec::new();
        for task in holding {
            let reply = task.await.map_err(|error| AdminError::Unreachable {
                url: options.url(self.hold),
                reason: error.to_string(),
            })?;
            replies.push(reply?);
        }
        // A request that took longer than it was held may have arrived after the first short requests, which
        // then found less load than `held` says.
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
        let (line, options, hold) = (options.connection()?, options.clone(), self.hold);
        Ok(tokio::spawn(async move {
            let sent = Instant::now();
            let reply = options.ask(&line, hold).await?;
            Ok((reply, sent.elapsed()))
        }))
    }

    /// Sends short requests, one after another on the old connection, until there are enough or until
    /// `deadline`.
    async fn sequence(
        &self,
        options: &VerifyOptions,
        deadline: Instant,
    ) -> Result<Result<Vec<String>, String>, AdminError> {
        let mut sequence = Vec::with_capacity(self.requests);
        while sequence.len() < self.requests && Instant::now() < deadline {
            let hold = short_hold(self.behaviour, sequence.len());
            let seen = options.ask(&options.old, hold).await?;
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
