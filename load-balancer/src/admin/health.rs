//! `/actuator/health`: the probes of orchestrators, for routing traffic and restarting the process.
//!
//! These calls need neither a token nor a loopback address, since an orchestrator's probes have neither.

use super::reply::Shared;
use crate::state::State as Balancers;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;

/// Path of the general health check: the process runs, whatever the state of its backends.
const HEALTH: &str = "/actuator/health";
/// Path of the liveness probe, which answers the same.
const LIVENESS: &str = "/actuator/health/liveness";
/// Path of the readiness probe: whether requests can be served.
const READINESS: &str = "/actuator/health/readiness";

pub(super) fn routes() -> axum::Router<Arc<Balancers>> {
    axum::Router::new().route(HEALTH, get(up)).route(LIVENESS, get(up)).route(READINESS, get(readiness))
}

/// Returns whether anyone may request this path.
pub(super) fn is_probe(path: &str) -> bool {
    [HEALTH, LIVENESS, READINESS].contains(&path)
}

async fn up() -> Json<Value> {
    Json(json!({ "status": "UP" }))
}

/// Reports ready while at least one backend can take requests.
async fn readiness(State(state): Shared) -> (StatusCode, Json<Value>) {
    let takes_requests = state.table().pools.iter().any(|pool| {
        let states = pool.listed().into_iter().map(|backend| pool.state(backend.index));
        states.into_iter().any(|(healthy, draining)| healthy && !draining)
    });
    match takes_requests {
        true => (StatusCode::OK, Json(json!({ "status": "UP" }))),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "OUT_OF_SERVICE" }))),
    }
}
