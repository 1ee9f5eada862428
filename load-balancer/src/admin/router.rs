//! Routes paths of the admin API to handlers, and checks who may call them: the gate of `lb-listen` first,
//! then the token.

use super::reply::{Refusal, Shared, fault};
use super::{benchmark, health, pools, prometheus, rl, services, traces};
use crate::state::State as Balancers;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lb_listen::{Door, Limits, Seats, descriptors, read};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// The longest body of a call in bytes: a list of weights for thousands of backends fits.
const LONGEST_BODY: usize = 1 << 20;

/// The most connections at once on an address of its own. It is called by a harness, some scrapers and people.
const SEATS: usize = 64;

/// Descriptors that this listener keeps for itself, whatever the data port uses.
const RESERVE: usize = 8;

/// Builds the routes of the admin API.
pub(crate) fn router(state: Arc<Balancers>) -> axum::Router {
    axum::Router::new()
        .route("/actuator/info", get(async || Json(json!({}))))
        .route("/actuator/metrics", get(prometheus::names))
        .route("/actuator/prometheus", get(prometheus::scrape))
        .merge(health::routes())
        .merge(benchmark::routes())
        .merge(services::routes())
        .route("/api/metrics/{service}", get(services::metrics))
        .merge(pools::routes())
        .merge(rl::routes())
        .merge(traces::routes())
        .fallback(async || fault(StatusCode::NOT_FOUND, "the admin API has no such path"))
        .layer(from_fn_with_state(Arc::clone(&state), authorise))
        .with_state(state)
}

/// Returns whether the target of a request belongs to the admin API even where a pool is mounted at `/`.
pub(crate) fn is_own(target: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 6] =
        [b"/actuator", b"/api/benchmark", b"/api/lb", b"/api/metrics", b"/api/services", b"/rl"];
    BEGINNINGS.iter().any(|beginning| {
        target.strip_prefix(*beginning).is_some_and(|rest| matches!(rest, [] | [b'/' | b'?', ..]))
    })
}

/// Serves the admin API on its own address until cancelled. A connection without a request is kept for `idle`.
pub(crate) async fn serve(listener: tokio::net::TcpListener, router: axum::Router, idle: Duration) {
    let limits = Limits { idle, ..Limits::default() };
    let seats = Seats::new(SEATS.min(descriptors() / 8));
    let mut door = Door::new("the admin API", listener, seats, RESERVE);
    loop {
        let newcomer = door.accept().await;
        let router = router.clone();
        tokio::spawn(async move { newcomer.serve(&limits, |request| router.clone().oneshot(request)).await });
    }
}

/// Answers a request that arrived on the data port, over a loopback address or not.
pub(crate) async fn answer(router: axum::Router, loopback: bool, request: Request) -> Response {
    if loopback || health::is_probe(request.uri().path()) {
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
    }
}

/// Lets a call pass that comes neither from a foreign page nor without the token. Probes, which tell little, need
/// no token and may name any address.
async fn authorise(State(state): Shared, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let gate = &state.config.admin_gate;
    let probe = health::is_probe(head.uri.path()) && gate.admits_probe(&head);
    let admitted = match gate.admit(&head) {
        Ok(admitted) => Some(admitted),
        Err(_) if probe => None,
        Err(refusal) => return fault(refusal.status, refusal.reason).into_response(),
    };
    let mut reply = if admitted.as_ref().is_some_and(lb_listen::Admitted::is_preflight) {
        StatusCode::NO_CONTENT.into_response()
    } else if probe || has_token(&state, &head.headers) {
        match read(body, LONGEST_BODY, Limits::default().body).await {
            Ok(body) => next.run(Request::from_parts(head, Body::from(body))).await,
            Err(error) => unread(&error).into_response(),
        }
    } else {
        let mut reply = fault(StatusCode::UNAUTHORIZED, "a bearer token is required").into_response();
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        reply
    };
    if let Some(admitted) = admitted {
        admitted.mark(reply.headers_mut());
    }
    reply
}

fn unread(error: &lb_listen::ReadError) -> Refusal {
    fault(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST), error.to_string())
}

/// Returns whether the token is given, if one is configured.
fn has_token(state: &Balancers, fields: &header::HeaderMap) -> bool {
    const SCHEME: &[u8] = b"bearer ";
    let Some(token) = &state.config.admin_token else { return true };
    let given = fields.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    given.split_at_checked(SCHEME.len()).is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case(SCHEME) && same(given.trim_ascii(), token.as_bytes())
    })
}

/// Compares two values in a time that does not depend on where they first differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
