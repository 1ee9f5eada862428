//! `/rl`: the current strategy, as the Spring dialect reports it, and the policy file of `rl`: what it
//! contains, how often guards overrode it, and how to replace it while requests are in flight.

use super::reply::{Refusal, Shared, available, spring_name};
use crate::config::{Trained, TrainedError};
use crate::state::State as Balancers;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use lb_core::policy::GuardCounts;
use lb_core::policy::learned::FEATURE_SET;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

pub(super) fn routes() -> axum::Router<Arc<Balancers>> {
    axum::Router::new()
        .route("/rl/status", get(status))
        .route("/rl/strategies", get(strategies))
        .route("/rl/reload", post(reload))
        .route("/rl/reset-stats", post(reset_stats))
}

async fn status(State(state): Shared) -> Json<Value> {
    let trained = state.trained();
    Json(json!({
        "currentStrategy": spring_name(state.current().algorithm),
        "rlModelsReady": trained.is_some(),
        "policy": trained.as_ref().map(policy),
        "routingStats": routing_stats(state.guard_counts()),
    }))
}

/// Describes the policy file for operators.
fn policy(trained: &Trained) -> Value {
    let file = &trained.file;
    json!({
        "path": trained.path,
        "sha256": file.sha256,
        "featureSet": FEATURE_SET,
        "action": file.action,
        "guards": file.guards,
    })
}

/// Returns how many decisions the learned policy and its fallback made while it was current, under the
/// dialect's names, and how often each guard stepped in.
fn routing_stats(counts: GuardCounts) -> Value {
    let fallback = counts.stale + counts.not_finite;
    let share = |part: u64| if counts.picks > 0 { part as f64 / counts.picks as f64 } else { 0.0 };
    json!({
        "totalDecisions": counts.picks,
        "rlDecisions": counts.picks - fallback - counts.minimum_share,
        "fallbackDecisions": fallback,
        "fallbackRate": share(fallback),
        "guards": self::counts(counts),
    })
}

/// Returns how often each guard stepped in, by the guard's name.
pub(super) fn counts(counts: GuardCounts) -> Value {
    json!({
        "picks": counts.picks,
        "minimum_share": counts.minimum_share,
        "stale": counts.stale,
        "not_finite": counts.not_finite,
        "distrusted": counts.distrusted,
    })
}

async fn strategies(State(state): Shared) -> Json<Value> {
    let trained = state.trained();
    let implementations: Vec<_> = trained.iter().map(|_| "shared-scorer-mlp").collect();
    Json(json!({
        "current": spring_name(state.current().algorithm),
        "available": available(&state),
        "rlModelsReady": trained.is_some(),
        "rlImplementations": implementations,
    }))
}

/// The file to read; by default, the one that was read last.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reload {
    path: Option<PathBuf>,
}

/// Builds an error reply in the shape that the dialect uses below `/rl`.
fn refuse(status: StatusCode, message: &str) -> Refusal {
    Refusal::new(status, json!({ "status": "error", "message": message, "error": message }))
}

async fn reload(State(state): Shared, body: String) -> Result<Json<Value>, Refusal> {
    let asked: Reload = match body.trim() {
        "" => Reload::default(),
        text => serde_json::from_str(text).map_err(|error| {
            let message = format!("body must be empty or {{\"path\": \"policy.safetensors\"}}: {error}");
            refuse(StatusCode::BAD_REQUEST, &message)
        })?,
    };
    let path = match asked.path {
        Some(path) => state.config.folder.join(path),
        None => match state.trained() {
            Some(trained) => trained.path,
            None => {
                let message = "no policy file is loaded; name one: {\"path\": \"policy.safetensors\"}";
                return Err(refuse(StatusCode::BAD_REQUEST, message));
            }
        },
    };
    // Use a thread that does not serve requests: the disk may be slow.
    let table = state.table();
    let read = tokio::task::spawn_blocking(move || {
        let backends: Vec<_> = table.pools.iter().flat_map(|pool| pool.listed()).collect();
        let ids: Vec<&str> = backends.iter().map(|backend| backend.id.as_str()).collect();
        Trained::read(&path, &ids)
    })
    .await;
    let trained = match read {
        Ok(Ok(trained)) => trained,
        Ok(Err(error)) => {
            let status = match error {
                TrainedError::Refused { .. } | TrainedError::OtherPool { .. } => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                TrainedError::Unreadable { .. } => StatusCode::BAD_REQUEST,
            };
            return Err(refuse(status, &format!("{error}; the policy is unchanged")));
        }
        Err(error) => return Err(refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())),
    };
    tracing::info!(path = %trained.path.display(), sha256 = trained.file.sha256, "policy reloaded");
    let policy = policy(&trained);
    state.reload(trained);
    Ok(Json(json!({ "status": "success", "message": "policy reloaded", "policy": policy })))
}

async fn reset_stats(State(state): Shared) -> Result<Json<Value>, Refusal> {
    if !state.current().learned {
        return Err(refuse(StatusCode::BAD_REQUEST, "the learned strategy is not active"));
    }
    state.forget_guard_counts();
    Ok(Json(json!({ "status": "success", "message": "statistics reset" })))
}
