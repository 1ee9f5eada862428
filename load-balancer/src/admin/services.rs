//! `/api/services` and `/api/metrics`: lists, adds and removes instances, in the Spring dialect.
//!
//! Instances added here take requests at once, like configured ones. Each has a unique name (the Spring
//! application gives all instances the same one), and removal works (there it does not).

use super::parameters::Parameters;
use super::reply::{Refusal, Shared, fault};
use crate::config::PoolConfig;
use crate::health;
use crate::state::{Backend, ChangeError, Route, State as Balancers};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The instances of one service.
const INSTANCES: &str = "/api/services/{service}/instances";

pub(super) fn routes() -> axum::Router<Arc<Balancers>> {
    axum::Router::new()
        .route("/api/services", get(list))
        .route("/api/services/status", get(status))
        .route("/api/services/{service}", get(one).post(add_service))
        .route(INSTANCES, get(instances).post(add_instance).delete(remove_instance))
        .route("/api/services/{service}/instances/{instance}/health-check", post(check_instance))
}

fn bad(error: &ChangeError) -> Refusal {
    fault(StatusCode::BAD_REQUEST, error.to_string())
}

/// Lists the routes of all services, ordered by name.
fn services(state: &Balancers) -> Vec<Arc<Route>> {
    let mut routes: Vec<_> = state.table().routes.values().cloned().collect();
    routes.sort_by(|a, b| a.service.cmp(&b.service));
    routes
}

fn find(state: &Balancers, service: &str) -> Option<Arc<Route>> {
    state.table().routes.get(service).cloned()
}

fn is_healthy(route: &Route, backend: &Backend) -> bool {
    route.pool.state(backend.index).0
}

fn instance(state: &Balancers, route: &Route, backend: &Backend) -> Value {
    let record = *backend.health.lock();
    let checked = record.last_check.and_then(|time| jiff::Timestamp::try_from(time).ok());
    let health_url = backend
        .health_url
        .clone()
        .unwrap_or_else(|| format!("{}{}", backend.url.trim_end_matches('/'), state.config.health.path));
    json!({
        "serviceName": route.service,
        "instanceName": backend.id,
        "url": backend.url,
        "healthUrl": health_url,
        "healthy": is_healthy(route, backend),
        "lastHealthCheck": checked.map(|time| time.to_string()),
        "responseTime": record.response_ms,
    })
}

/// Returns all instances of a service.
fn all(state: &Balancers, route: &Route) -> Vec<Value> {
    route.pool.listed().iter().map(|backend| instance(state, route, backend)).collect()
}

fn service(state: &Balancers, route: &Route) -> Value {
    let instances = all(state, route);
    let healthy: Vec<_> = instances.iter().filter(|instance| instance["healthy"] == true).cloned().collect();
    json!({
        "name": route.service,
        "totalInstances": instances.len(),
        "healthyInstanceCount": healthy.len(),
        "instances": instances,
        "healthyInstances": healthy,
        "instanceIndex": 0,
    })
}

async fn list(State(state): Shared) -> Json<Value> {
    Json(services(&state).iter().map(|route| service(&state, route)).collect())
}

async fn status(State(state): Shared) -> Json<Value> {
    let all: Vec<_> = services(&state).iter().map(|route| service(&state, route)).collect();
    let sum = |key: &str| all.iter().filter_map(|service| service[key].as_u64()).sum::<u64>();
    Json(json!({
        "totalServices": all.len(),
        "totalInstances": sum("totalInstances"),
        "healthyInstances": sum("healthyInstanceCount"),
        "services": all,
    }))
}

async fn one(State(state): Shared, Path(name): Path<String>) -> Response {
    match find(&state, &name) {
        Some(route) => Json(service(&state, &route)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn instances(State(state): Shared, Path(name): Path<String>) -> Response {
    match find(&state, &name) {
        Some(route) => Json(all(&state, &route)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Adds a pool for `service` unless a pool already serves it.
fn ensure(state: &Balancers, service: &str) -> Result<(), ChangeError> {
    if find(state, service).is_some() {
        return Ok(());
    }
    state.add_pool(&PoolConfig {
        name: service.to_owned(),
        services: vec![service.to_owned()],
        at: None,
        backends: Vec::new(),
    })
}

async fn add_service(State(state): Shared, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    ensure(&state, &name).map_err(|error| bad(&error))?;
    Ok(Json(json!({ "message": "Service registered successfully", "serviceName": name })))
}

/// An instance to add.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewInstance {
    url: String,
    health_url: Option<String>,
}

async fn add_instance(
    State(state): Shared,
    Path(name): Path<String>,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: NewInstance = serde_json::from_str(&body).map_err(|error| {
        let text = format!("body must be {{\"url\": .., \"healthUrl\": ..}}: {error}");
        fault(StatusCode::BAD_REQUEST, text)
    })?;
    if let Some(url) = &new.health_url {
        crate::config::Origin::parse(url).map_err(|fault| bad(&ChangeError::BadUrl(url.clone(), fault)))?;
    }
    let added = ensure(&state, &name).and_then(|()| state.add_backend(&name, &new.url, new.health_url));
    added.map_err(|error| bad(&error))?;
    Ok(Json(json!({
        "message": "Instance added successfully",
        "serviceName": name,
        "url": new.url,
    })))
}

async fn remove_instance(
    State(state): Shared,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let url = parameters.required("url")?;
    state.remove_backend(&name, url).map_err(|error| bad(&error))?;
    Ok(Json(json!({
        "message": "Instance removed successfully",
        "serviceName": name,
        "url": url,
    })))
}

/// Checks one instance now. The path contains its URL with `_` for `/` and `-` for `:`. Known URLs are
/// compared in that spelling, so that hosts with a dash work, too.
async fn check_instance(State(state): Shared, Path((name, spelt)): Path<(String, String)>) -> Response {
    let Some(route) = find(&state, &name) else {
        return bad(&ChangeError::UnknownService(name)).into_response();
    };
    let listed = route.pool.listed();
    let found = listed.iter().find(|backend| backend.url.replace('/', "_").replace(':', "-") == spelt);
    let Some(backend) = found else {
        return bad(&ChangeError::UnknownBackend(spelt)).into_response();
    };
    let success = health::check(&state, &route.pool, backend).await;
    Json(json!({
        "message": "Health check completed",
        "serviceName": name,
        "url": backend.url,
        "healthy": is_healthy(&route, backend),
        "checkSucceeded": success,
    }))
    .into_response()
}

/// Answers `GET /api/metrics/{service}` with lifetime figures for each instance. Values that a load balancer
/// cannot know (CPU and memory of an instance) are 0, which is what the dialect reports for a missing series.
pub(super) async fn metrics(State(state): Shared, Path(name): Path<String>) -> Response {
    let Some(route) = find(&state, &name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let now = state.now();
    let uptime = now.as_secs_f64();
    let listed = route.pool.listed();
    let tallies = route.pool.tally(now);
    let figures: Map<String, Value> = listed
        .iter()
        .map(|backend| {
            let counters = tallies[backend.index.get()].counters;
            let requests = counters.requests.max(1) as f64;
            let figures = json!({
                "cpuUsagePercent": 0.0,
                "jvmMemoryUsagePercent": 0.0,
                "uptimeSeconds": 0.0,
                "avgResponseTimeMs": counters.latency_sum.as_millis_f64() / requests,
                "errorRatePercent": counters.errors as f64 * 100.0 / requests,
                "requestRatePerSecond": counters.requests as f64 / uptime,
            });
            (backend.id.clone(), figures)
        })
        .collect();
    Json(figures).into_response()
}
