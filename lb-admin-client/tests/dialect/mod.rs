//! A server on loopback that speaks the Spring dialect of docs/admin-api.md, traps included, and on
//! demand the additions of the reference load balancer. Behind it a real policy picks among three
//! backends, so that it can be probed.

#![allow(clippy::result_large_err, reason = "handlers refuse with whole responses, as axum has it")]

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::time::{Span, Time};
use lb_core::{Algorithm, Seed};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How the server differs from an honest, plain Spring application.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traits {
    /// Has `/api/lb`, offers all algorithms, names backend and algorithm in replies.
    pub reference: bool,
    /// A switch changes the label and not the router.
    pub label_only: bool,
    /// Routes with this, whatever it is switched to and says.
    pub truth: Option<&'static str>,
    /// Has no endpoint that holds requests.
    pub no_hold: bool,
    /// Says that so many threads have views of their own.
    pub views: Option<u32>,
    /// Wants this token.
    pub token: Option<&'static str>,
    /// Answers every admin call with this, as some other server would.
    pub other: Option<(u16, &'static str)>,
}

/// What happened there and how it stands.
pub(crate) struct Inner {
    pub traits: Traits,
    /// Admin calls that change something, such as `POST /api/benchmark/switch?algorithm=random`.
    pub calls: Vec<String>,
    pub label: String,
    pub routes: String,
    pub active: bool,
    pub generation: u64,
    pub balancer: Balancer,
}

pub(crate) type Shared = Arc<Mutex<Inner>>;

/// A running server; it ends with the test's runtime.
pub(crate) struct Server {
    pub url: String,
    pub state: Shared,
}

const IDS: [&str; 3] = ["cart-1", "cart-2", "cart-3"];
const ORIGINAL: [&str; 3] = ["rl-agent", "round-robin", "least-connections"];

impl Server {
    pub(crate) async fn start(traits: Traits) -> Self {
        let routes = "round-robin";
        let policy = truth(&traits, routes).policy().expect("it can run");
        let state = Arc::new(Mutex::new(Inner {
            traits,
            calls: Vec::new(),
            // One of the traps: label and router differ until the first switch.
            label: "rl-agent".to_owned(),
            routes: routes.to_owned(),
            active: false,
            generation: 7,
            balancer: Balancer::new(&[1.0; 3], policy, Seed(5).stream(&[])),
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let router = router(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().expect("no handler panicked")
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.inner().calls.clone()
    }
}

fn truth(traits: &Traits, claimed: &str) -> Algorithm {
    traits.truth.unwrap_or(claimed).parse().expect("tests name known algorithms")
}

fn router(state: Shared) -> Router {
    let mut router = Router::new()
        .route("/api/benchmark/status", get(status))
        .route("/api/benchmark/start", post(start))
        .route("/api/benchmark/stop", post(stop))
        .route("/api/benchmark/switch", post(switch))
        .route("/api/benchmark/reset", post(reset))
        .route("/rl/strategies", get(strategies));
    if state.lock().expect("new").traits.reference {
        router = router
            .route("/api/lb/snapshot", get(snapshot))
            .route("/api/lb/reset", post(lb_reset))
            .route("/api/lb/weights", put(weights))
            .route("/api/lb/drain", post(drain))
            .route("/api/lb/undrain", post(undrain));
    }
    router
        .layer(from_fn_with_state(Arc::clone(&state), gate))
        .route("/proxy/{service}/api/hold", get(hold))
        .with_state(state)
}

/// Books the call, asks for the token, and stands in for some other server.
async fn gate(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let traits = {
        let mut inner = state.lock().expect("no handler panicked");
        if request.method() != "GET" {
            let call = format!("{} {}", request.method(), request.uri());
            inner.calls.push(call);
        }
        inner.traits.clone()
    };
    let bearer = traits.token.map(|token| format!("Bearer {token}"));
    let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if let Some((status, body)) = traits.other {
        (StatusCode::from_u16(status).expect("a status"), body).into_response()
    } else if bearer.is_some() && bearer.as_deref() != given {
        (StatusCode::UNAUTHORIZED, Json(json!({"error": "a bearer token is required"}))).into_response()
    } else {
        next.run(request).await
    }
}

type Parameters = Query<HashMap<String, String>>;

impl Inner {
    fn offered(&self) -> Vec<String> {
        if !self.traits.reference {
            return ORIGINAL.map(str::to_owned).to_vec();
        }
        let names = Algorithm::table().iter().map(|entry| Algorithm::plain(entry.rule));
        names.filter(|one| one.policy().is_ok()).map(|one| one.to_string()).collect()
    }

    fn known(&self, name: &str) -> Result<(), Response> {
        let available = self.offered();
        if available.iter().any(|known| known == name) {
            return Ok(());
        }
        let body = json!({"error": format!("Invalid algorithm: {name}"), "availableAlgorithms": available});
        Err((StatusCode::BAD_REQUEST, Json(body)).into_response())
    }
}

fn missing(name: &str, path: &str) -> Response {
    let body = json!({
        "timestamp": "2026-01-01T00:00:00.000+00:00", "status": 400, "error": "Bad Request",
        "message": format!("Required request parameter '{name}' is not present"), "path": path,
    });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

async fn status(State(state): State<Shared>) -> Json<Value> {
    let inner = state.lock().expect("no handler panicked");
    let mut status = json!({
        "benchmarkActive": inner.active, "currentAlgorithm": inner.label, "currentPhase": 1,
        "totalPhases": 3, "testAlgorithms": ORIGINAL,
    });
    if inner.traits.reference {
        // The load balancer supports more algorithms than a complete benchmark compares.
        status["availableAlgorithms"] = json!(inner.offered());
    }
    Json(status)
}

/// Does not route, and does not look at the name.
async fn start(State(state): State<Shared>, Query(query): Parameters) -> Response {
    let mut inner = state.lock().expect("no handler panicked");
    if inner.active {
        let body = json!({"error": "Benchmark already running"});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    inner.active = true;
    inner.label = query.get("startAlgorithm").cloned().unwrap_or("rl-agent".to_owned());
    Json(json!({
        "status": "started", "duration_minutes": 60, "current_algorithm": inner.label,
        "test_algorithms": inner.offered(), "start_time": 1_767_225_600_000_u64,
    }))
    .into_response()
}

async fn stop(State(state): State<Shared>) -> Json<Value> {
    let mut inner = state.lock().expect("no handler panicked");
    if !std::mem::replace(&mut inner.active, false) {
        return Json(json!({"status": "error", "message": "No benchmark currently running"}));
    }
    Json(json!({"status": "completed", "totalDurationMs": 1, "results": {}}))
}

async fn switch(State(state): State<Shared>, Query(query): Parameters) -> Result<Json<Value>, Response> {
    let name = query.get("algorithm").ok_or_else(|| missing("algorithm", "/api/benchmark/switch"))?;
    let mut inner = state.lock().expect("no handler panicked");
    inner.known(name)?;
    inner.label = name.clone();
    if !inner.traits.label_only {
        inner.routes = name.clone();
        // Nothing can be learnt here: the agent is unreachable, and the router falls back.
        let policy = truth(&inner.traits, name).policy();
        let fallback = || truth(&inner.traits, "round-robin").policy().expect("it can run");
        let policy = policy.unwrap_or_else(|_| fallback());
        inner.balancer.set_policy(policy);
    }
    Ok(Json(
        json!({"status": "switched", "currentAlgorithm": name, "message": format!("Switched to {name}")}),
    ))
}

async fn reset(State(state): State<Shared>, Query(query): Parameters) -> Result<Json<Value>, Response> {
    let inner = state.lock().expect("no handler panicked");
    let name = query.get("algorithm").unwrap_or(&inner.label);
    inner.known(name)?;
    Ok(Json(json!({"status": "reset", "algorithm": name, "message": "Metrics reset"})))
}

async fn strategies(State(state): State<Shared>) -> Json<Value> {
    let inner = state.lock().expect("no handler panicked");
    // It advertises one that the router does not know.
    let available = ["round-robin", "least-connections", "rl-agent", "connection-aware"];
    Json(
        json!({"current": inner.routes, "available": available, "rlModelsReady": false, "rlImplementations": []}),
    )
}

async fn snapshot(State(state): State<Shared>) -> Json<Value> {
    let inner = state.lock().expect("no handler panicked");
    let backends: Vec<Value> = (0..IDS.len())
        .map(|i| {
            let index = BackendIndex(i as u32);
            let (counters, view) = (inner.balancer.counters(index), inner.balancer.backends()[i]);
            let (healthy, draining) = inner.balancer.state(index);
            json!({
                "id": IDS[i], "url": "http://127.0.0.1:1", "weight": view.weight, "healthy": healthy,
                "draining": draining, "ejected": false, "in_flight": view.in_flight,
                "requests": counters.requests, "errors": counters.errors, "cancelled": counters.cancelled,
                "latency_sum_ms": counters.latency_sum.as_millis_f64(),
                "peak_in_flight": counters.peak_in_flight,
            })
        })
        .collect();
    Json(json!({
        "algorithm": inner.routes, "generation": inner.generation, "views": inner.traits.views.unwrap_or(1),
        "guards": { "picks": 7, "minimum_share": 1, "stale": 0, "not_finite": 0 },
        "pools": [
            {"name": "cart", "services": ["cart-service"], "backends": backends},
            {"name": "rest", "services": ["user-service"], "backends": []},
        ],
    }))
}

async fn lb_reset(State(state): State<Shared>) -> Json<Value> {
    let mut inner = state.lock().expect("no handler panicked");
    inner.balancer.reset_counters();
    inner.generation += 1;
    Json(json!({"status": "reset", "algorithm": inner.routes, "generation": inner.generation}))
}

fn place(id: &str) -> Result<BackendIndex, Response> {
    let place = IDS.iter().position(|known| *known == id);
    let unknown = || {
        let body = json!({"error": format!("unknown backend `{id}`")});
        (StatusCode::NOT_FOUND, Json(body)).into_response()
    };
    place.map(|place| BackendIndex(place as u32)).ok_or_else(unknown)
}

async fn weights(
    State(state): State<Shared>,
    Json(weights): Json<HashMap<String, f64>>,
) -> Result<Json<Value>, Response> {
    let mut inner = state.lock().expect("no handler panicked");
    for (id, weight) in &weights {
        inner.balancer.set_weight(place(id)?, *weight);
    }
    Ok(Json(json!({"weights": weights})))
}

async fn drain(state: State<Shared>, query: Parameters) -> Result<Json<Value>, Response> {
    set_draining(state, query, true)
}

async fn undrain(state: State<Shared>, query: Parameters) -> Result<Json<Value>, Response> {
    set_draining(state, query, false)
}

fn set_draining(
    State(state): State<Shared>,
    Query(query): Parameters,
    draining: bool,
) -> Result<Json<Value>, Response> {
    let id = query.get("backend").ok_or_else(|| missing("backend", "/api/lb/drain"))?;
    let index = place(id)?;
    state.lock().expect("no handler panicked").balancer.set_draining(index, draining);
    Ok(Json(json!({"backend": id, "draining": draining})))
}

/// The data entry with a backend behind it that holds requests.
async fn hold(
    State(state): State<Shared>,
    Path(_service): Path<String>,
    Query(query): Parameters,
) -> Response {
    let (index, headers) = {
        let mut inner = state.lock().expect("no handler panicked");
        let index = inner.balancer.pick(&RequestInfo::default(), Time::ZERO).expect("a backend");
        let mut headers = HeaderMap::new();
        headers.insert("x-backend", IDS[index.get()].parse().expect("a header"));
        if inner.traits.reference {
            headers.insert("x-lb-algorithm", inner.routes.parse().expect("a header"));
        }
        (index, headers)
    };
    let no_hold = state.lock().expect("no handler panicked").traits.no_hold;
    let held: u64 = query["ms"].parse().expect("a number");
    if !no_hold {
        tokio::time::sleep(Duration::from_millis(held)).await;
    }
    let reply = Reply { kind: ReplyKind::Success, latency: Span::from_millis(held) };
    state.lock().expect("no handler panicked").balancer.reply(index, &reply, Time::ZERO);
    let status = if no_hold { StatusCode::NOT_FOUND } else { StatusCode::OK };
    (status, headers, "{}").into_response()
}
