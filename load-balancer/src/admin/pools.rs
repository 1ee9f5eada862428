//! `/api/lb`: additions to the Spring dialect: per-backend counters, draining, weights and a full reset.

use super::parameters::Parameters;
use super::reply::{Refusal, Shared, fault};
use crate::state::{ChangeError, Pool, State as Balancers, Tally};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use lb_core::Algorithm;
use lb_core::algorithm::Entry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn routes() -> axum::Router<Arc<Balancers>> {
    axum::Router::new()
        .route("/api/lb/snapshot", get(snapshot))
        .route("/api/lb/in-flight", get(in_flight))
        .route("/api/lb/algorithms", get(algorithms))
        .route("/api/lb/drain", post(drain))
        .route("/api/lb/undrain", post(undrain))
        .route("/api/lb/weights", put(weights))
        .route("/api/lb/reset", post(reset))
}

/// Returns 404 for something that does not exist, and 400 for a value that is out of range.
fn refuse(error: &ChangeError) -> Refusal {
    let status = match error {
        ChangeError::UnknownBackend(_) | ChangeError::UnknownService(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    };
    fault(status, error.to_string())
}

async fn snapshot(State(state): Shared) -> Json<Value> {
    let table = state.table();
    let pools: Vec<_> = table
        .pools
        .iter()
        .map(|pool| {
            let mut services: Vec<_> = table
                .routes
                .values()
                .filter(|route| Arc::ptr_eq(&route.pool, pool))
                .map(|route| &route.service)
                .collect();
            services.sort();
            json!({ "name": pool.name, "services": services, "backends": backends(&state, pool) })
        })
        .collect();
    Json(json!({
        "algorithm": state.current().name,
        "generation": state.generation(),
        "views": state.views(),
        "guards": super::rl::counts(state.total_guard_counts()),
        "pools": pools,
    }))
}

/// Lists the backends of one pool. The values of one view are from the same moment.
fn backends(state: &Balancers, pool: &Pool) -> Vec<Value> {
    let listed = pool.listed();
    let tallies = pool.tally(state.now());
    listed
        .iter()
        .map(|backend| {
            let Tally { weight, in_flight, counters, ejected } = tallies[backend.index.get()];
            let (healthy, draining) = pool.state(backend.index);
            json!({
                "id": backend.id,
                "url": backend.url,
                "weight": weight,
                "healthy": healthy,
                "draining": draining,
                "ejected": ejected,
                "in_flight": in_flight,
                "requests": counters.requests,
                "errors": counters.errors,
                "cancelled": counters.cancelled,
                "latency_sum_ms": counters.latency_sum.as_millis_f64(),
                "peak_in_flight": counters.peak_in_flight,
            })
        })
        .collect()
}

async fn in_flight(State(state): Shared) -> Json<Value> {
    Json(json!({ "in_flight": state.in_flight() }))
}

async fn algorithms(State(state): Shared) -> Json<Value> {
    let line = |entry: &Entry| {
        let runs = |ejection| state.can_run(Algorithm { rule: entry.rule, ejection });
        json!({
            "name": entry.name,
            "aliases": entry.aliases,
            "summary": entry.summary,
            "available": runs(false).is_ok(),
            "reason": runs(false).err().map(|error| error.to_string()),
            "ejection": runs(true).is_ok(),
        })
    };
    let all: Vec<_> = Algorithm::table().iter().map(line).collect();
    Json(json!({ "current": state.current().name, "algorithms": all }))
}

async fn drain(State(state): Shared, parameters: Parameters) -> Result<Json<Value>, Refusal> {
    set_draining(&state, &parameters, true)
}

async fn undrain(State(state): Shared, parameters: Parameters) -> Result<Json<Value>, Refusal> {
    set_draining(&state, &parameters, false)
}

fn set_draining(state: &Balancers, parameters: &Parameters, draining: bool) -> Result<Json<Value>, Refusal> {
    let id = parameters.required("backend")?;
    let (pool, backend) = state.backend(id).map_err(|error| refuse(&error))?;
    let mut in_flight = 0;
    pool.each(|balancer| {
        balancer.set_draining(backend.index, draining);
        in_flight += balancer.backends()[backend.index.get()].in_flight;
    });
    Ok(Json(json!({ "backend": id, "draining": draining, "in_flight": in_flight })))
}

async fn weights(State(state): Shared, body: String) -> Result<Json<Value>, Refusal> {
    let weights: BTreeMap<String, f64> = serde_json::from_str(&body).map_err(|error| {
        let text = format!("body must map backend ids to weights: {error}");
        fault(StatusCode::BAD_REQUEST, text)
    })?;
    let weights: Vec<_> = weights.into_iter().collect();
    state.set_weights(&weights).map_err(|error| refuse(&error))?;
    let set: serde_json::Map<_, _> = weights.into_iter().map(|(id, weight)| (id, weight.into())).collect();
    Ok(Json(json!({ "weights": set })))
}

async fn reset(State(state): Shared) -> Json<Value> {
    let label = state.reset();
    Json(json!({
        "status": "reset",
        "algorithm": label.name,
        "generation": state.generation(),
    }))
}
