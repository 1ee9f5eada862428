//! One HTTP server for each backend: accept, read, wait for the model, answer.
//!
//! The application runs after the service, so a request that was refused, failed or given up leaves
//! no trace in the shop. What a backend that is down does to its connections is done here too:
//! resets for open ones, refusal for new ones.

use crate::api::{Call, answer};
use crate::degrade;
use crate::engine::{Admission, Engine};
use crate::hold::{Hold, Trickle};
use crate::reply::Answer;
use crate::socket::{Reserved, reset_on_drop};
use crate::store::Store;
use crate::unit::{NewJob, is_up};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lb_core::backend::{JobResult, demand};
use lb_core::topology::Topology;
use lb_core::{Rng, Seed, headers};
use rand::Rng as _;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const REQUEST_KEY: HeaderName = HeaderName::from_static(headers::REQUEST_KEY);
const SERVICE: HeaderName = HeaderName::from_static(headers::SERVICE);
const BACKEND: HeaderName = HeaderName::from_static(headers::BACKEND);

/// Longest body that is read: a hundred times the largest order.
const MAX_BODY: usize = 1 << 20;
/// A request that hangs is given up after this, so that none outlives its run by much.
const HANG_LIMIT: Duration = Duration::from_secs(120);
/// Pause after a failed accept (no file descriptor left) or bind.
const RETRY: Duration = Duration::from_millis(20);

/// What all servers share.
pub(crate) struct Shared {
    pub(crate) topology: Topology,
    pub(crate) engine: Rc<Engine>,
    pub(crate) store: RefCell<Store>,
    seed: Seed,
    /// Keys of requests that bring none.
    keys: RefCell<Rng>,
}

impl Shared {
    pub(crate) fn new(topology: Topology, engine: Engine, store: Store, seed: Seed) -> Self {
        let keys = RefCell::new(seed.stream(&[]));
        let (engine, store) = (Rc::new(engine), RefCell::new(store));
        Self { topology, engine, store, seed, keys }
    }

    /// Returns to the state after the start.
    pub(crate) fn reset(&self) {
        self.engine.reset();
        self.store.borrow_mut().reset();
        *self.keys.borrow_mut() = self.seed.stream(&[]);
    }
}

/// One backend as its server knows it.
pub(crate) struct Instance {
    pub(crate) unit: usize,
    pub(crate) id: HeaderValue,
    pub(crate) address: SocketAddr,
    pub(crate) shared: Rc<Shared>,
}

/// A reply, whole or in parts.
type Reply = Response<Either<Full<Bytes>, Trickle>>;

/// The backend is down, or broke with the request in it: the connection is reset.
#[derive(Debug, thiserror::Error)]
#[error("backend went down")]
struct Broken;

/// Serves one backend for ever, through all its crashes.
pub(crate) async fn serve(instance: Rc<Instance>, mut listener: TcpListener) {
    let mut incarnation = instance.shared.engine.incarnation(instance.unit);
    loop {
        accept_while_up(&instance, listener, &mut incarnation).await;
        let reserved = until_ok(|| Reserved::bind(instance.address)).await;
        // The sender lives as long as the engine, which this instance holds.
        let _ = incarnation.wait_for(|number| is_up(*number)).await;
        listener = match reserved.listen() {
            Ok(listener) => listener,
            Err(_) => until_ok(|| Reserved::bind(instance.address)?.listen()).await,
        };
    }
}

async fn until_ok<T>(mut attempt: impl FnMut() -> std::io::Result<T>) -> T {
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) => tracing::warn!(%error, "failed to bind the port again, retrying"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Accepts connections until the backend goes down, then closes the listener.
async fn accept_while_up(
    instance: &Rc<Instance>,
    listener: TcpListener,
    incarnation: &mut watch::Receiver<u64>,
) {
    while is_up(*incarnation.borrow_and_update()) {
        tokio::select! {
            biased;
            _ = incarnation.changed() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let incarnation = instance.shared.engine.incarnation(instance.unit);
                    tokio::task::spawn_local(connection(Rc::clone(instance), stream, incarnation));
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(RETRY).await;
                }
            },
        }
    }
}

/// Serves one connection until either side ends it or the backend goes down.
async fn connection(instance: Rc<Instance>, stream: TcpStream, mut incarnation: watch::Receiver<u64>) {
    // A reply is written at once; waiting for more to send would add to the service time.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(Rc::clone(&instance), request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let reset = tokio::select! {
        biased;
        result = &mut connection => result.is_err_and(|error| is_broken(&error)),
        _ = incarnation.changed() => true,
    };
    let stream = connection.into_parts().io.into_inner();
    if reset {
        reset_on_drop(&stream);
    }
}

fn is_broken(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Broken>())
}

async fn handle(instance: Rc<Instance>, request: Request<Incoming>) -> Result<Reply, Broken> {
    let (head, body) = request.into_parts();
    let target = Target::new(head.uri.path(), &head.headers);
    let query = head.uri.query().unwrap_or_default();
    let engine = &instance.shared.engine;
    if target.path == "/actuator/health" {
        return Ok(instance.reply(&Answer { status: 200, body: HEALTH.into() }));
    }
    if let Some(call) = target.path.strip_prefix("/api/degradation/") {
        let answer = degrade::answer(engine, instance.unit, &head.method, call, query);
        return Ok(instance.reply(&answer));
    }
    if target.path == "/api/hold" && head.method == Method::GET {
        return Ok(instance.hold(query).await);
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(ReadError::TooLarge) => {
            return Ok(instance.reply(&Answer::error(413, "body is too large")));
        }
        Err(ReadError::Client) => return Err(Broken),
    };
    let answer = match instance.serve(&head.method, &target, &head.headers).await? {
        Service::Done => {
            let call = Call {
                service: target.service,
                method: head.method.as_str(),
                path: target.path,
                authorization: head.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()),
                body: &body,
            };
            answer(&mut instance.shared.store.borrow_mut(), &call)
        }
        Service::Failed => Answer { status: 500, body: FAILED.into() },
        Service::Refused => Answer { status: 503, body: REFUSED.into() },
    };
    engine.count(instance.unit, |counts| counts.replied(answer.status));
    Ok(instance.reply(&answer))
}

const HEALTH: &str = r#"{"status":"UP"}"#;
const FAILED: &str = r#"{"error":"service failed"}"#;
const REFUSED: &str = r#"{"error":"service is overloaded"}"#;

/// How the model let go of a request.
enum Service {
    Done,
    Failed,
    Refused,
}

impl Instance {
    /// Puts a request through the model.
    async fn serve(
        &self,
        method: &Method,
        target: &Target<'_>,
        headers: &HeaderMap,
    ) -> Result<Service, Broken> {
        let shared = &self.shared;
        let key = headers.get(REQUEST_KEY).and_then(key_of);
        let key = key.unwrap_or_else(|| shared.keys.borrow_mut().next_u64());
        let route = shared.topology.route(target.service, method.as_str(), target.path);
        let demand = demand(shared.topology.service_time(route), key);
        let service = shared.engine.service(target.service);
        match shared.engine.arrive(self.unit, NewJob { demand, service, key }) {
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

    /// Holds a request outside of the workers.
    async fn hold(&self, query: &str) -> Reply {
        let Hold { ms, chunks } = match Hold::parse(query) {
            Ok(hold) => hold,
            Err(problem) => return self.reply(&Answer::error(400, problem)),
        };
        self.shared.engine.count(self.unit, |counts| counts.held += 1);
        if let Some(chunks) = chunks {
            let head = self.reply(&Answer { status: 200, body: Bytes::new() });
            return head.map(|_| Either::Right(Trickle::new(ms, chunks)));
        }
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.reply(&Answer::json(200, &serde_json::json!({ "heldMs": ms })))
    }

    fn reply(&self, answer: &Answer) -> Reply {
        let mut response = Response::new(Either::Left(Full::new(answer.body.clone())));
        *response.status_mut() =
            StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response.headers_mut().insert(BACKEND, self.id.clone());
        response
    }
}

/// Which service a request is for, and the path below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target<'a> {
    service: &'a str,
    path: &'a str,
}

impl<'a> Target<'a> {
    /// The service comes from the header, else from a leading `/{service}`, else from the path.
    fn new(path: &'a str, headers: &'a HeaderMap) -> Self {
        let named = headers.get(SERVICE).and_then(|value| value.to_str().ok());
        // A client that names the service in the header may leave it out of the path, which can then begin
        // with anything.
        let is_service =
            |first: &str| named.map_or(!["api", "actuator"].contains(&first), |named| named == first);
        let (prefix, path) = match path[1.min(path.len())..].split_once('/') {
            Some((first, rest)) if is_service(first) => (Some(first), &path[path.len() - rest.len() - 1..]),
            _ => (None, path),
        };
        Self { service: named.or(prefix).unwrap_or_else(|| service_of(path)), path }
    }
}

/// The service that answers for a path.
fn service_of(path: &str) -> &'static str {
    let area = path.strip_prefix("/api/").and_then(|rest| rest.split('/').next());
    match area {
        Some("users") => "user-service",
        Some("inventory") => "inventory-service",
        Some("cart") => "cart-service",
        Some("orders") => "order-service",
        // The API of synthesised traffic: `/api/v1/resource`, `/api/v1/item`, `/api/v1/user`.
        Some("v1") => "api",
        _ => "",
    }
}

fn key_of(value: &HeaderValue) -> Option<u64> {
    u64::from_str_radix(value.to_str().ok()?, 16).ok()
}

/// Why a body could not be read.
pub(crate) enum ReadError {
    TooLarge,
    Client,
}

/// Reads a whole body of bounded size.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, ReadError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge),
        Err(_) => Err(ReadError::Client),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_comes_from_header_prefix_or_path() {
        let mut headers = HeaderMap::new();
        for (path, service, below) in [
            ("/api/users/me", "user-service", "/api/users/me"),
            ("/api/cart", "cart-service", "/api/cart"),
            ("/cart-service/api/cart", "cart-service", "/api/cart"),
            ("/my-service/actuator/health", "my-service", "/actuator/health"),
            ("/actuator/health", "", "/actuator/health"),
            ("/api/other", "", "/api/other"),
            ("/", "", "/"),
            ("*", "", "*"),
        ] {
            let target = Target::new(path, &headers);
            assert_eq!(target, Target { service, path: below }, "the target of {path}");
        }
        headers.insert(SERVICE, HeaderValue::from_static("payment-service"));
        let target = Target::new("/api/cart", &headers);
        assert_eq!(target.service, "payment-service", "the header outranks the path");
        for (path, below) in
            [("/v1/resource", "/v1/resource"), ("/payment-service/v1/resource", "/v1/resource")]
        {
            let target = Target { service: "payment-service", path: below };
            assert_eq!(Target::new(path, &headers), target, "only the service itself is left out of {path}");
        }
    }

    #[test]
    fn a_request_key_is_hexadecimal() {
        let key = |text: &'static str| key_of(&HeaderValue::from_static(text));
        assert_eq!(key("00000000000000ff"), Some(255));
        assert_eq!(key("nonsense"), None, "such a request draws from the process's own stream");
    }
}
