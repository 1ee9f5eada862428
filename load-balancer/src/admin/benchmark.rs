//! `/api/benchmark`: start, switch, reset, status, stop and results, as in the Spring dialect.
//!
//! Where the Spring application misleads, this tells the truth in the same shapes: a switch takes effect, and
//! `currentAlgorithm` is the algorithm that routes; a request is booked under the algorithm that *placed*
//! it; comparisons omit algorithms without requests. As in the Spring application, requests count only
//! between start and stop, and never for paths with `/actuator/` or `/health`. An error is a reply
//! from 500 on: a 4xx is the client's mistake.

use super::parameters::Parameters;
use super::reply::{Refusal, Shared, available, fault, refuse_algorithm, spring_name};
use crate::state::{Label, Session, State as Balancers, Stats};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use lb_core::algorithm::AlgorithmError;
use lb_core::{Algorithm, Span, Time};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::SystemTime;

/// The figures of one algorithm that `status` tells.
fn brief(stats: &Stats) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("requestCount".to_owned(), stats.requests.into());
    map.insert("errorCount".to_owned(), stats.errors.into());
    map.insert("errorRate".to_owned(), stats.error_percent().into());
    map.insert("averageResponseTime".to_owned(), stats.mean_ms().into());
    map
}

/// The figures of one algorithm that `results` tells: those of [`brief`], the duration, and, unless there was
/// no request, percentiles. Times are whole milliseconds.
fn full(stats: &Stats, now: Time) -> Value {
    let mut map = brief(stats);
    map.insert("durationMs".to_owned(), millis(stats.duration(now)).into());
    if let Some(latencies) = &stats.latencies {
        let rounded = |micros: u64| (micros + 500) / 1000;
        for (name, micros) in [
            ("p50ResponseTime", latencies.value_at_quantile(0.5)),
            ("p95ResponseTime", latencies.value_at_quantile(0.95)),
            ("p99ResponseTime", latencies.value_at_quantile(0.99)),
            ("minResponseTime", latencies.min()),
            ("maxResponseTime", latencies.max()),
        ] {
            map.insert(name.to_owned(), rounded(micros).into());
        }
    }
    map.into()
}

fn millis(span: Span) -> u64 {
    span.as_nanos() / 1_000_000
}

pub(super) fn routes() -> axum::Router<Arc<Balancers>> {
    axum::Router::new()
        .route("/api/benchmark/start", post(start))
        .route("/api/benchmark/stop", post(stop))
        .route("/api/benchmark/status", get(status))
        .route("/api/benchmark/switch", post(switch))
        .route("/api/benchmark/reset", post(reset))
        .route("/api/benchmark/results", get(results))
}

/// The algorithm of this name. A `+` that was not escaped in the query has become a blank.
fn parse(name: &str) -> Result<Algorithm, AlgorithmError> {
    name.replace(' ', "+").parse()
}

/// Switches to the algorithm `name` and begins its stint; the error is the reply to give if it cannot run.
fn route_by(state: &Balancers, name: &str) -> Result<Arc<Label>, Refusal> {
    let before = state.current();
    let label = parse(name)
        .and_then(|algorithm| state.switch(algorithm))
        .map_err(|error| refuse_algorithm(state, name, &error))?;
    if state.benchmark.is_active() {
        let now = state.now();
        if !Arc::ptr_eq(&before, &label) {
            before.stats.leave(now);
        }
        label.stats.enter(now);
    }
    Ok(label)
}

async fn start(State(state): Shared, parameters: Parameters) -> Result<Json<Value>, Refusal> {
    let minutes = parameters.number("durationMinutes", 60)?;
    let mut session = state.benchmark.session();
    if state.benchmark.is_active() {
        return Err(fault(StatusCode::BAD_REQUEST, "Benchmark already running"));
    }
    // The Spring application only changes a label here. Without the parameter the algorithm stays.
    let label = match parameters.get("startAlgorithm") {
        Some(name) => route_by(&state, name)?,
        None => state.current(),
    };
    for label in state.labels() {
        label.stats.forget();
    }
    let now = state.now();
    let started = SystemTime::now();
    *session = Session { minutes, started: Some(started), began: now };
    label.stats.enter(now);
    state.benchmark.set_active(true);
    Ok(Json(json!({
        "status": "started",
        "duration_minutes": minutes,
        "current_algorithm": spring_name(label.algorithm),
        "test_algorithms": available(&state),
        "start_time": epoch_millis(started),
    })))
}

fn epoch_millis(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

async fn stop(State(state): Shared) -> Json<Value> {
    let session = state.benchmark.session();
    if !state.benchmark.set_active(false) {
        // The dialect answers 200 here.
        return Json(json!({ "status": "error", "message": "No benchmark currently running" }));
    }
    let now = state.now();
    for label in state.labels() {
        label.stats.leave(now);
    }
    Json(json!({
        "status": "completed",
        "totalDurationMs": millis(now.since(session.began)),
        "results": report(&state, &session),
    }))
}

async fn switch(State(state): Shared, parameters: Parameters) -> Result<Json<Value>, Refusal> {
    let label = route_by(&state, parameters.required("algorithm")?)?;
    let name = spring_name(label.algorithm);
    Ok(Json(json!({
        "status": "switched",
        "message": format!("Switched to algorithm: {name}"),
        "currentAlgorithm": name,
    })))
}

async fn reset(State(state): Shared, parameters: Parameters) -> Result<Json<Value>, Refusal> {
    let algorithm = match parameters.get("algorithm") {
        Some(name) => parse(name)
            .and_then(|algorithm| state.can_run(algorithm).map(|()| algorithm))
            .map_err(|error| refuse_algorithm(&state, name, &error))?,
        None => state.current().algorithm,
    };
    if let Some(label) = state.labels().iter().find(|label| label.algorithm == algorithm) {
        label.stats.clear(state.now());
    }
    let name = spring_name(algorithm);
    Ok(Json(json!({
        "status": "reset",
        "message": format!("Metrics reset for algorithm: {name}"),
        "algorithm": name,
    })))
}

async fn status(State(state): Shared) -> Json<Value> {
    let session = state.benchmark.session();
    let active = state.benchmark.is_active();
    let label = state.current();
    let algorithms = available(&state);
    let mut body = json!({
        "benchmarkActive": active,
        "currentAlgorithm": spring_name(label.algorithm),
        "currentPhase": 1,
        "totalPhases": algorithms.len(),
        "testAlgorithms": algorithms,
    });
    if active {
        let elapsed = state.now().since(session.began);
        body["elapsedTimeMs"] = millis(elapsed).into();
        body["elapsedTimeMinutes"] = (elapsed.as_secs_f64() / 60.0).into();
    }
    if let Some(stats) = label.stats.read() {
        body["currentAlgorithmStats"] = brief(&stats).into();
    }
    Json(body)
}

async fn results(State(state): Shared) -> Json<Value> {
    let session = state.benchmark.session();
    Json(json!({
        "benchmarkActive": state.benchmark.is_active(),
        "results": report(&state, &session),
    }))
}

/// One algorithm's figures, for comparison.
struct Figures {
    name: String,
    requests: u64,
    mean_ms: f64,
    per_second: f64,
    error_percent: f64,
}

fn report(state: &Balancers, session: &Session) -> Value {
    let now = state.now();
    let mut all = Map::new();
    let mut figures = Vec::new();
    for label in state.labels() {
        if let Some(stats) = label.stats.read() {
            let name = spring_name(label.algorithm);
            all.insert(name.clone(), full(&stats, now));
            figures.push(Figures {
                name,
                requests: stats.requests,
                mean_ms: stats.mean_ms(),
                per_second: stats.requests as f64 / stats.duration(now).as_secs_f64(),
                error_percent: stats.error_percent(),
            });
        }
    }
    let started = session.started.unwrap_or(SystemTime::UNIX_EPOCH);
    let started = jiff::Timestamp::try_from(started).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    json!({
        "algorithmResults": all,
        "testConfiguration": {
            "algorithms": available(state),
            "durationMinutes": session.minutes,
            "startTime": started.to_string(),
        },
        "performanceComparison": comparison(&figures),
    })
}

fn comparison(figures: &[Figures]) -> Value {
    if figures.len() < 2 {
        return json!({ "message": "Need at least 2 algorithms for comparison" });
    }
    // An algorithm without a request has a mean of zero, and must not win with it.
    let best = |value: fn(&Figures) -> f64| {
        figures
            .iter()
            .filter(|it| it.requests > 0)
            .min_by(|a, b| value(a).total_cmp(&value(b)))
            .map(|it| it.name.as_str())
    };
    let mean = |name: &str| {
        figures.iter().find(|it| it.name == name && it.requests > 0).map_or(f64::NAN, |it| it.mean_ms)
    };
    let gain = |a: &str, b: &str| percent((mean(b) - mean(a)) / mean(b) * 100.0);
    json!({
        "bestResponseTime": best(|it| it.mean_ms),
        "bestThroughput": best(|it| -it.per_second),
        "lowestErrorRate": best(|it| it.error_percent),
        "performanceImprovements": {
            "rlVsRoundRobin": gain("rl-agent", "round-robin"),
            "rlVsLeastConnections": gain("rl-agent", "least-connections"),
            "roundRobinVsLeastConnections": gain("round-robin", "least-connections"),
        },
    })
}

/// A percentage as Java prints it.
fn percent(value: f64) -> String {
    if value.is_infinite() {
        format!("{}Infinity%", if value < 0.0 { "-" } else { "" })
    } else {
        format!("{value:.1}%")
    }
}
