//! `/rl`: which strategy routes, as the Spring dialect tells it. There is no learned agent yet, so
//! its statistics are absent rather than zero.

use super::{Shared, available, spring_name};
use crate::state::State as Balancers;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> axum::Router<Arc<Balancers>> {
    axum::Router::new()
        .route("/rl/status", get(status))
        .route("/rl/strategies", get(strategies))
        .route("/rl/reload", post(reload))
        .route("/rl/reset-stats", post(reset_stats))
}

async fn status(State(state): Shared) -> Json<Value> {
    Json(json!({ "currentStrategy": spring_name(state.current().algorithm) }))
}

async fn strategies(State(state): Shared) -> Json<Value> {
    Json(json!({
        "current": spring_name(state.current().algorithm),
        "available": available(),
        "rlModelsReady": false,
        "rlImplementations": [],
    }))
}

async fn reload() -> Json<Value> {
    Json(json!({ "status": "info", "message": "no policy file is loaded, so there is none to reload" }))
}

async fn reset_stats() -> (StatusCode, Json<Value>) {
    let body = json!({ "status": "error", "message": "the learned strategy is not active" });
    (StatusCode::BAD_REQUEST, Json(body))
}
