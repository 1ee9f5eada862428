//! Code that handlers share: their state, error replies, and the Spring dialect's names for algorithms.

use crate::state::State as Balancers;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lb_core::Algorithm;
use serde_json::{Value, json};
use std::sync::Arc;

/// The state of all handlers.
pub(super) type Shared = State<Arc<Balancers>>;

/// An error reply. Boxed, because handlers pass it on through several `Result`s.
pub(super) struct Refusal(Box<Response>);

impl Refusal {
    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        Self(Box::new((status, Json(body)).into_response()))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// Builds an error reply in the shape that clients of the dialect read.
pub(super) fn fault(status: StatusCode, text: impl Into<String>) -> Refusal {
    Refusal::new(status, json!({ "error": text.into() }))
}

/// Lists the names of all algorithms that can run, each also with ejection.
pub(super) fn available(state: &Balancers) -> Vec<String> {
    let with =
        |ejection| Algorithm::table().iter().map(move |entry| Algorithm { rule: entry.rule, ejection });
    with(false)
        .chain(with(true))
        .filter(|algorithm| state.can_run(*algorithm).is_ok())
        .map(spring_name)
        .collect()
}

/// Returns the names of the algorithms that a complete benchmark compares and that can run. Clients of the
/// dialect test each of them, so the list is short.
pub(super) fn tested(state: &Balancers) -> Vec<String> {
    let tested = state.config.test_algorithms.iter().copied();
    tested.filter(|algorithm| state.can_run(*algorithm).is_ok()).map(spring_name).collect()
}

/// Returns an algorithm's name in the Spring dialect, which calls the learned one `rl-agent`.
pub(super) fn spring_name(algorithm: Algorithm) -> String {
    let name = algorithm.to_string();
    match name.strip_prefix("rl") {
        Some(rest) if rest.is_empty() || rest.starts_with('+') => format!("rl-agent{rest}"),
        _ => name,
    }
}

/// Builds the dialect's reply for an algorithm that is unknown or cannot run: the reason, and the available
/// algorithms.
pub(super) fn refuse_algorithm(state: &Balancers, name: &str, error: &dyn std::fmt::Display) -> Refusal {
    let body = json!({
        "error": format!("Invalid algorithm: {name}"),
        "message": error.to_string(),
        "availableAlgorithms": available(state),
    });
    Refusal::new(StatusCode::BAD_REQUEST, body)
}
