//! Routes paths of the admin API to handlers, and checks who may call them.

use super::reply::{Shared, fault};
use super::{benchmark, pools, prometheus, rl, services, traces};
use crate::state::State as Balancers;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use serde_json::json;
use std::sync::Arc;
use tower::ServiceExt;

const HEALTH: &str = "/actuator/health";

/// All routes of the admin API.
pub(crate) fn router(state: Arc<Balancers>) -> axum::Router {
    axum::Router::new()
        .route(HEALTH, get(async || Json(json!({ "status": "UP" }))))
        .route("/actuator/info", get(async || Json(json!({}))))
        .route("/actuator/metrics", get(prometheus::names))
        .route("/actuator/prometheus", get(prometheus::scrape))
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

/// Serves the admin API on its own address until cancelled.
pub(crate) async fn serve(listener: tokio::net::TcpListener, router: axum::Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("admin API stopped: {error}");
    }
}

/// Answers a request that came in on the data port, over a loopback address or not.
pub(crate) async fn answer(
    router: axum::Router,
    loopback: bool,
    request: http::Request<Incoming>,
) -> Response {
    if loopback || request.uri().path() == HEALTH {
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
