//! The admin API: the dialect of the Spring system that this load balancer stands in for, and what
//! that lacks, under `/api/lb/`.
//!
//! It shares the data port unless it has an address of its own. On the shared port it answers only
//! clients that come over a loopback address; a bearer token is asked for when one is configured.
//! `/actuator/health` is for everybody, because probes carry no tokens.

pub(crate) mod benchmark;
mod parameters;
mod pools;
mod rl;
mod services;
mod traces;

use crate::proxy::{Client, ReplyBody};
use crate::state::State as Balancers;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use lb_core::Algorithm;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

/// The state of all handlers.
type Shared = State<Arc<Balancers>>;

const HEALTH: &str = "/actuator/health";

/// All routes of the admin API.
pub(crate) fn router(state: Arc<Balancers>) -> axum::Router {
    axum::Router::new()
        .route(HEALTH, get(async || Json(json!({ "status": "UP" }))))
        .route("/actuator/info", get(async || Json(json!({}))))
        .route("/actuator/metrics", get(metric_names))
        .route("/actuator/prometheus", get(prometheus))
        .merge(benchmark::routes())
        .merge(services::routes())
        .route("/api/metrics/{service}", get(services::metrics))
        .merge(pools::routes())
        .merge(rl::routes())
        .merge(traces::routes())
        .fallback(async || fault(StatusCode::NOT_FOUND, "no such path"))
        .layer(from_fn_with_state(Arc::clone(&state), authorise))
        .with_state(state)
}

/// Serves the admin API on its own address until cancelled.
pub(crate) async fn serve(listener: tokio::net::TcpListener, router: axum::Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("admin API stopped: {error}");
    }
}

/// Answers a request that came in on the data port.
pub(crate) async fn answer(
    router: axum::Router,
    client: &Client,
    request: http::Request<Incoming>,
) -> http::Response<ReplyBody> {
    let reply = if client.loopback || request.uri().path() == HEALTH {
        match router.oneshot(request).await {
            Ok(reply) => reply,
            Err(never) => match never {},
        }
    } else {
        let refusal = fault(
            StatusCode::FORBIDDEN,
            "the admin API answers on loopback addresses only; set `admin_listen` and `admin_token` to reach it from elsewhere",
        );
        refusal.into_response()
    };
    reply.map(ReplyBody::Admin)
}

async fn authorise(State(state): Shared, request: Request, next: Next) -> Response {
    let Some(token) = &state.config.admin_token else {
        return next.run(request).await;
    };
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if request.uri().path() == HEALTH || given.is_some_and(|given| same(given, token.as_bytes())) {
        return next.run(request).await;
    }
    let mut reply = fault(StatusCode::UNAUTHORIZED, "a bearer token is needed").into_response();
    reply.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    reply
}

/// Compares in a time that does not depend on where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// An error reply. Boxed: handlers hand it on through several `Result`s.
struct Refusal(Box<Response>);

impl Refusal {
    fn new(status: StatusCode, body: Value) -> Self {
        Self(Box::new((status, Json(body)).into_response()))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// An error reply in the shape that clients of the dialect read.
fn fault(status: StatusCode, text: impl Into<String>) -> Refusal {
    Refusal::new(status, json!({ "error": text.into() }))
}

/// The names of all algorithms that can run, each also with ejection.
fn available(state: &Balancers) -> Vec<String> {
    let with =
        |ejection| Algorithm::table().iter().map(move |entry| Algorithm { rule: entry.rule, ejection });
    with(false)
        .chain(with(true))
        .filter(|algorithm| state.can_run(*algorithm).is_ok())
        .map(spring_name)
        .collect()
}

/// An algorithm's name in the Spring dialect, which calls the learned one `rl-agent`.
fn spring_name(algorithm: Algorithm) -> String {
    let name = algorithm.to_string();
    match name.strip_prefix("rl") {
        Some(rest) if rest.is_empty() || rest.starts_with('+') => format!("rl-agent{rest}"),
        _ => name,
    }
}

/// Why an algorithm cannot be had: the dialect's reply, and what to do.
fn refuse_algorithm(state: &Balancers, name: &str, error: &dyn std::fmt::Display) -> Refusal {
    let body = json!({
        "error": format!("Invalid algorithm: {name}"),
        "message": error.to_string(),
        "availableAlgorithms": available(state),
    });
    Refusal::new(StatusCode::BAD_REQUEST, body)
}

async fn prometheus(State(state): Shared) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, state.scrape()).into_response()
}

async fn metric_names() -> Json<Value> {
    Json(json!({ "names": crate::metrics::NAMES }))
}
