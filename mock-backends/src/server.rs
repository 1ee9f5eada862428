//! A backend answers a request: read, wait for the model, answer.
//!
//! The application runs after the service, so a request that was refused, failed or given up does not affect
//! the shop.

use crate::api::{self, Call};
use crate::boutique;
use crate::counts::CallKind;
use crate::declared_api::RunningApi;
use crate::degrade;
use crate::echo;
use crate::engine::{Admission, Engine};
use crate::hold::Trickle;
use crate::operators::{DEGRADATION, EVENTS, HEALTH, HOLD, LOAD, METRICS};
use crate::reply::Answer;
use crate::store::Store;
use crate::target::Target;
use crate::unit::NewJob;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use lb_core::backend::{JobResult, demand_at_cost};
use lb_core::topology::{Costs, Topology};
use lb_core::{Rng, Seed, Span, headers};
use lb_listen::{Gate, Limits, ReadError, Seats, descriptors, read};
use rand::Rng as _;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

const REQUEST_KEY: HeaderName = HeaderName::from_static(headers::REQUEST_KEY);

/// Longest body that is read: a hundred times the largest order.
pub(crate) const MAX_BODY: usize = 1 << 20;
/// Descriptors that connections to backends do not get: the control API, listeners and logs need some.
const OTHERS: usize = 64;
/// A hanging request is dropped after this time, so that it does not outlive its run by much.
const HANG_LIMIT: Duration = Duration::from_secs(120);
/// State shared by all servers.
pub(crate) struct Shared {
    pub(crate) topology: Topology,
    /// What requests cost by what they say; `None` if they all cost the same.
    pub(crate) costs: Option<Costs>,
    pub(crate) engine: Rc<Engine>,
    pub(crate) store: RefCell<Store>,
    /// The API that a file declares; `None` if the backends serve the shop or its pages.
    pub(crate) declared: Option<RunningApi>,
    /// Who may call what steers the backends.
    pub(crate) gate: Gate,
    /// Accepts TLS; `None` if the backends do not speak it.
    pub(crate) tls: Option<TlsAcceptor>,
    /// The seats of the connections to all backends.
    pub(crate) seats: Arc<Seats>,
    seed: Seed,
    /// Source of keys for requests without one.
    keys: RefCell<Rng>,
}

impl Shared {
    pub(crate) fn new(
        topology: Topology,
        engine: Engine,
        store: Store,
        declared: Option<RunningApi>,
        gate: Gate,
        seed: Seed,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let (keys, costs) = (RefCell::new(seed.stream(&[])), Costs::new(&topology));
        let (engine, store) = (Rc::new(engine), RefCell::new(store));
        let seats = Seats::new(descriptors().saturating_sub(OTHERS).max(OTHERS));
        Self { topology, costs, engine, store, declared, gate, tls, seats, seed, keys }
    }

    /// Resets everything to the initial state.
    pub(crate) fn reset(&self) {
        self.engine.reset();
        self.store.borrow_mut().reset();
        if let Some(declared) = &self.declared {
            declared.reset();
        }
        *self.keys.borrow_mut() = self.seed.stream(&[]);
    }
}

/// A backend from the perspective of its server.
pub(crate) struct Instance {
    pub(crate) unit: usize,
    pub(crate) id: HeaderValue,
    pub(crate) address: SocketAddr,
    /// The services of its pool.
    pub(crate) services: Vec<String>,
    /// Whether it serves the shop for browsers at its root.
    pub(crate) pages: bool,
    pub(crate) shared: Rc<Shared>,
}

/// A reply, whole or in parts.
pub(crate) type Reply = Response<Either<Full<Bytes>, Trickle>>;

/// The backend is down or went down during the request, so the connection is reset.
#[derive(Debug, thiserror::Error)]
#[error("backend went down")]
pub(crate) struct Broken;

/// Answers a request. Sets `upgraded` if the connection goes on as a WebSocket; `None` if it cannot.
pub(crate) async fn handle(
    instance: Rc<Instance>,
    request: Request<Incoming>,
    upgraded: Option<&Cell<bool>>,
) -> Result<Reply, Broken> {
    let (head, body) = request.into_parts();
    let target = Target::new(head.uri.path(), &head.headers, &instance.services, instance.pages);
    let pages = instance.pages && target.service == boutique::SERVICE;
    let query = head.uri.query().unwrap_or_default();
    let engine = &instance.shared.engine;
    let arrived = engine.now();
    match target.path {
        path if HEALTH.contains(&path) => {
            return Ok(instance.reply(&Answer { status: 200, body: UP.into() }));
        }
        METRICS if head.method == Method::GET => return Ok(instance.scrape()),
        LOAD if head.method == Method::GET && engine.reports_load() => {
            return Ok(instance.answer_probe().await);
        }
        boutique::HEALTH if pages => return Ok(instance.page(boutique::healthy())),
        _ => {}
    }
    if let Some(call) = target.path.strip_prefix(DEGRADATION) {
        // What steers this backend is no page's business; the shop itself takes requests from anyone.
        let admitted = match instance.shared.gate.admit(&head) {
            Ok(admitted) => admitted,
            Err(refusal) => return Ok(instance.reply(&Answer::refused(&refusal))),
        };
        let answer = match admitted.is_preflight() {
            true => Answer::empty(),
            false => degrade::answer(engine, instance.unit, &head.method, call, query),
        };
        let mut reply = instance.reply(&answer);
        admitted.mark(reply.headers_mut());
        return Ok(reply);
    }
    match target.path {
        HOLD if head.method == Method::GET => return Ok(instance.hold(query).await),
        EVENTS if head.method == Method::GET => return Ok(instance.events(query)),
        _ if head.uri.path().ends_with(echo::PATH) && head.method == Method::GET => {
            let reply = instance.echo(&head.headers);
            if let (StatusCode::SWITCHING_PROTOCOLS, Some(upgraded)) = (reply.status(), upgraded) {
                upgraded.set(true);
            }
            return Ok(reply);
        }
        _ => {}
    }
    let body = match read(body, MAX_BODY, Limits::default().body).await {
        Ok(body) => body,
        Err(ReadError::Client) => return Err(Broken),
        Err(error) => return Ok(instance.reply(&Answer::error(error.status(), &error.to_string()))),
    };
    if let Some(declared) = &instance.shared.declared {
        return instance.answer_declared(declared, &head, &target, &body, arrived).await;
    }
    let reply = match instance.serve(&head, &target, &body).await? {
        Service::Done if pages => instance.visit(&head, target.path, &body),
        Service::Done => {
            let call = Call {
                service: target.service,
                method: head.method.as_str(),
                path: target.path,
                query,
                authorization: head.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()),
                body: &body,
            };
            instance.reply(&api::answer(&mut instance.shared.store.borrow_mut(), &call))
        }
        Service::Failed => instance.failed(),
        Service::Refused => instance.refused(),
    };
    let uri = if pages { boutique::template(target.path) } else { api::template(target.path) };
    let call = CallKind::new(head.method.as_str(), uri, reply.status().as_u16());
    let now = engine.now();
    engine.count(instance.unit, |counts| counts.replied(call, now.since(arrived), now));
    Ok(reply)
}

const UP: &str = r#"{"status":"UP"}"#;
const FAILED: &str = r#"{"error":"service failed"}"#;
const REFUSED: &str = r#"{"error":"service is overloaded"}"#;

/// Outcome of a request in the model.
pub(crate) enum Service {
    Done,
    Failed,
    Refused,
}

impl Instance {
    /// Runs a request through the model.
    async fn serve(&self, head: &Parts, target: &Target<'_>, body: &[u8]) -> Result<Service, Broken> {
        let topology = &self.shared.topology;
        let key = self.key(&head.headers);
        let route = topology.route(target.service, head.method.as_str(), target.path);
        let cost = self.cost(head, target.path, body, route);
        let demand = demand_at_cost(topology.service_time(route), key, cost);
        self.queue(key, target.service, demand).await
    }

    /// Returns the key that all random draws of a request come from.
    pub(crate) fn key(&self, headers: &HeaderMap) -> u64 {
        let key = headers.get(REQUEST_KEY).and_then(key_of);
        key.unwrap_or_else(|| self.shared.keys.borrow_mut().next_u64())
    }

    /// Waits for a worker, and until the worker has served the request.
    pub(crate) async fn queue(&self, key: u64, service: &str, demand: Span) -> Result<Service, Broken> {
        let engine = &self.shared.engine;
        let service = engine.service(service);
        match engine.arrive(self.unit, NewJob { demand, service, key }) {
            Admission::Queued(ticket) => match ticket.await {
                JobResult::Served => Ok(Service::Done),
                JobResult::Failed => Ok(Service::Failed),
                JobResult::Broken => Err(Broken),
            },
            Admission::Hangs(ticket) => {
                let _ = tokio::time::timeout(HANG_LIMIT, ticket).await;
                Err(Broken)
            }
            Admission::Refused => Ok(Service::Refused),
            Admission::Down => Err(Broken),
        }
    }

    /// Answers a request that was served in vain.
    pub(crate) fn failed(&self) -> Reply {
        self.reply(&Answer { status: 500, body: FAILED.into() })
    }

    /// Answers a request for which the queue has no room.
    pub(crate) fn refused(&self) -> Reply {
        self.reply(&Answer { status: 503, body: REFUSED.into() })
    }
}

fn key_of(value: &HeaderValue) -> Option<u64> {
    u64::from_str_radix(value.to_str().ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_key_is_hexadecimal() {
        let key = |text: &'static str| key_of(&HeaderValue::from_static(text));
        assert_eq!(key("00000000000000ff"), Some(255));
        assert_eq!(key("nonsense"), None, "such a request draws from the process's own stream");
    }
}
