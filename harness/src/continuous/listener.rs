//! The listener of a load without end: live metrics for Prometheus, windows, and marks.
//!
//! | Call | Answer |
//! |---|---|
//! | GET `/metrics` | live metrics, in Prometheus' text format |
//! | GET `/windows` | the windows of the last 70 minutes |
//! | GET `/marks` | the marks with their verdicts |
//! | POST `/marks` | sets a mark: `{"name": "v2", "settle_s": 0}`; from this machine only |
//! | GET `/healthz` | `ok` |
//!
//! It has a thread of its own, so that a scrape delays nothing else. Who may call is decided by [`lb_listen::Gate`].

use super::shared::Shared;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use lb_continuous::{MEDIA_TYPE, MarkRequest};
use lb_listen::{Door, Gate, Limits, Seats, read};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// The most connections at once.
const SEATS: usize = 32;

/// Descriptors that no connection of the load gets.
const RESERVE: usize = 4;

/// The longest body in bytes.
const MOST_BODY: usize = 64 * 1024;

/// What it answers, for whoever asks for something else.
const CALLS: &str = "GET /metrics, GET /windows, GET /marks, POST /marks, GET /healthz";

/// A listener that is bound and does not answer yet.
#[derive(Debug)]
pub(super) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    gate: Gate,
}

/// A listener that answers until it is dropped.
#[derive(Debug)]
pub(super) struct Listening {
    _stop: oneshot::Sender<()>,
}

impl Bound {
    /// Binds `address`; `hosts` are names under which it may be called, besides addresses of this machine.
    ///
    /// # Errors
    /// The address cannot be bound, or a host is not one.
    pub(super) fn bind(address: SocketAddr, hosts: &[String]) -> Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| {
            format!("--metrics-listen {address}: failed to listen there; give another address such as `127.0.0.1:0`")
        })?;
        listener.set_nonblocking(true).context("failed to prepare the listener of metrics")?;
        let address =
            listener.local_addr().context("failed to read the address of the listener of metrics")?;
        let gate = Gate::new("--metrics-host", hosts)?.bound_to(address);
        Ok(Self { listener, address, gate })
    }

    /// Returns the address.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to answer.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(self, shared: Arc<Shared>) -> Result<Listening> {
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                let serve = || -> std::io::Result<()> {
                    let runtime = Builder::new_current_thread().enable_all().build()?;
                    LocalSet::new().block_on(&runtime, async {
                        let listener = tokio::net::TcpListener::from_std(self.listener)?;
                        tokio::select! {
                            () = answer_all(listener, self.gate, shared) => {}
                            _ = stopped => {}
                        }
                        Ok(())
                    })
                };
                if let Err(error) = serve() {
                    tracing::error!("the listener of metrics ended: {error}");
                }
            })
            .context("failed to start the listener of metrics")?;
        Ok(Listening { _stop: stop })
    }
}

/// Accepts connections for ever.
async fn answer_all(listener: tokio::net::TcpListener, gate: Gate, shared: Arc<Shared>) {
    let limits = Limits::default();
    let mut door = Door::new("the metrics", listener, Seats::new(SEATS), RESERVE);
    let gate = Rc::new(gate);
    loop {
        let newcomer = door.accept().await;
        let (gate, shared) = (Rc::clone(&gate), Arc::clone(&shared));
        tokio::task::spawn_local(async move {
            let peer = newcomer.peer;
            newcomer
                .serve(&limits, |request| answer(Rc::clone(&gate), Arc::clone(&shared), peer, request))
                .await
        });
    }
}

/// A status, a media type and a body.
struct Answer(StatusCode, &'static str, String);

impl Answer {
    fn json(status: StatusCode, value: &Value) -> Self {
        Self(status, "application/json", value.to_string())
    }

    fn error(status: StatusCode, message: &str) -> Self {
        Self::json(status, &json!({ "error": message }))
    }
}

async fn answer(
    gate: Rc<Gate>,
    shared: Arc<Shared>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let admitted = gate.admit(&head);
    let Answer(status, media, text) = match &admitted {
        Err(refusal) => Answer::error(refusal.status, &refusal.reason),
        Ok(admitted) if admitted.is_preflight() => Answer(StatusCode::NO_CONTENT, MEDIA_TYPE, String::new()),
        Ok(_) => match read(body, MOST_BODY, Limits::default().body).await {
            Ok(body) => call(&shared, peer, &head.method, head.uri.path(), &body),
            Err(error) => {
                let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
                Answer::error(status, &error.to_string())
            }
        },
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    if let Ok(admitted) = admitted {
        admitted.mark(response.headers_mut());
    }
    Ok(response)
}

fn call(shared: &Shared, peer: SocketAddr, method: &Method, path: &str, body: &[u8]) -> Answer {
    let get = method == Method::GET || method == Method::HEAD;
    match path {
        "/metrics" if get => Answer(StatusCode::OK, MEDIA_TYPE, shared.exposition()),
        "/windows" if get => Answer::json(StatusCode::OK, &json!({ "windows": shared.recent() })),
        "/marks" if get => Answer::json(StatusCode::OK, &json!({ "marks": shared.marks() })),
        "/marks" if method == Method::POST => set_mark(shared, peer, body),
        "/healthz" if get => Answer(StatusCode::OK, "text/plain", "ok\n".to_owned()),
        "/metrics" | "/windows" | "/marks" | "/healthz" => {
            Answer::error(StatusCode::METHOD_NOT_ALLOWED, &format!("calls are {CALLS}"))
        }
        _ => Answer::error(StatusCode::NOT_FOUND, &format!("there is no `{path}`; calls are {CALLS}")),
    }
}

/// Sets a mark. Only who is on this machine may, since a mark changes what results say.
fn set_mark(shared: &Shared, peer: SocketAddr, body: &[u8]) -> Answer {
    if !peer.ip().to_canonical().is_loopback() {
        return Answer::error(StatusCode::FORBIDDEN, "marks are set from the machine on which `bench` runs");
    }
    let request: MarkRequest = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("a mark is an object such as {{\"name\": \"v2\"}}: {error}");
            return Answer::error(StatusCode::BAD_REQUEST, &message);
        }
    };
    match shared.mark(&request) {
        Ok(mark) => Answer::json(StatusCode::CREATED, &json!(mark)),
        Err(error) => Answer::error(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}
