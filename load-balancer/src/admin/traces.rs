//! `/api/lb/traces`: starts and stops recordings of decisions while requests are served.

use super::parameters::Parameters;
use super::reply::{Refusal, Shared, fault};
use crate::config::is_name;
use crate::state::{State as Balancers, Traces};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use lb_traces::write::TraceError;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> axum::Router<Arc<Balancers>> {
    axum::Router::new()
        .route("/api/lb/traces", get(status))
        .route("/api/lb/traces/start", post(start))
        .route("/api/lb/traces/stop", post(stop))
}

async fn status(State(state): Shared) -> Json<Value> {
    Json(match &state.traces {
        None => json!({ "configured": false, "recording": null }),
        Some(traces) => json!({
            "configured": true,
            "recording": traces.current(),
            "folder": traces.config.folder,
            "exploration": traces.config.exploration,
        }),
    })
}

async fn start(State(state): Shared, parameters: Parameters) -> Result<Json<Value>, Refusal> {
    let name = parameters.required("name")?.to_owned();
    // It must be a plain name, not a path that leads out of the folder.
    if !is_name(&name.replace('+', "-")) || name.starts_with('.') {
        let text = format!("name is `{name}`: must be letters, digits, `-`, `_`, `+` or `.`");
        return Err(fault(StatusCode::BAD_REQUEST, text));
    }
    let run_id = parameters.get("run_id").unwrap_or(&name).to_owned();
    let file = with_traces(state, move |traces, state| traces.start(&name, &run_id, state.now())).await?;
    Ok(Json(json!({ "file": file })))
}

async fn stop(State(state): Shared) -> Result<Json<Value>, Refusal> {
    let summary = with_traces(state, |traces, _| traces.stop()).await?;
    Ok(Json(json!(summary)))
}

/// Runs `work` on a thread that may wait for the disk.
async fn with_traces<R: Send + 'static>(
    state: Arc<Balancers>,
    work: impl FnOnce(&Traces, &Balancers) -> Result<R, TraceError> + Send + 'static,
) -> Result<R, Refusal> {
    let work = move || state.traces.as_ref().map(|traces| work(traces, &state));
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| fault(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let Some(done) = done else {
        let text = "no traces are configured; start the load balancer with `traces` in its config";
        return Err(fault(StatusCode::BAD_REQUEST, text));
    };
    done.map_err(|error| {
        let status = match error {
            TraceError::Recording | TraceError::NotRecording => StatusCode::CONFLICT,
            TraceError::Create { .. } => StatusCode::BAD_REQUEST,
            TraceError::Write { .. } | TraceError::Gone => StatusCode::INTERNAL_SERVER_ERROR,
        };
        fault(status, error.to_string())
    })
}
