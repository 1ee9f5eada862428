//! `/api/benchmark`: start, switch, reset, status, stop and results, as in the Spring dialect.
//!
//! Where the Spring application misleads, this implementation is accurate in the same JSON shapes: a switch
//! takes effect, and `currentAlgorithm` is the active algorithm; a request is booked under the algorithm
//! that *placed* it; comparisons omit algorithms without requests. As in the Spring application, requests
//! count only between start and stop, and never for paths with `/actuator/` or `/health`. Replies with a
//! status of 500 or above are errors; a 4xx is the client's mistake.

use super::parameters::Parameters;
use super::reply::{Refusal, Shared, available, fault, refuse_algorithm, spring_name, tested};
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

/// Returns the figures of one algorithm that `status` reports.
fn brief(stats: &Stats) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("requestCount".to_owned(), stats.requests.into());
    map.insert("errorCount".to_owned(), stats.errors.into());
    map.insert("errorRate".to_owned(), stats.error_percent().into());
    map.insert("averageResponseTime".to_owned(), stats.mean_ms().into());
    map
}

/// Returns the figures of one algorithm that `results` reports: those of [`brief`], the duration and, if
/// there were requests, percentiles. Times are whole milliseconds.
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

/// Parses the name of an algorithm. A `+` that was not escaped in the query arrives as a space.
fn parse(name: &str) -> Result<Algorithm, AlgorithmError> {
    name.replace(' ', "+").parse()
}

/// Switches to the algorithm `name` and begins its stint. If it cannot run, the error is the reply to send.
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
    // The Spring application only changes a label here. Without the parameter, the algorithm does not change.
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
        "test_algorithms": tested(&state),
        "start_time": epoch_millis(started),
    })))
}

fn epoch_millis(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

async fn stop(State(state): Shared) -> Json<Value> {
    let session = state.benchmark.session();
    if !state.benchmark.set_active(false) {
        // The dialect answers 200 to this error.
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
    let tested = tested(&state);
    let mut body = json!({
        "benchmarkActive": active,
        "currentAlgorithm": spring_name(label.algorithm),
        "currentPhase": 1,
        "totalPhases": tested.len(),
        "testAlgorithms": tested,
        "availableAlgorithms": available(&state),
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
            "algorithms": tested(state),
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
    // An algorithm without requests has a mean of zero, and must not win because of that.
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

/// Formats a percentage as Java does.
fn percent(value: f64) -> String {
    if value.is_infinite() {
        format!("{}Infinity%", if value < 0.0 { "-" } else { "" })
    } else {
        format!("{value:.1}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::AlgorithmStats;

    #[test]
    fn percentiles_are_those_of_the_latencies_however_long() {
        for millis in [1, 2, 3, 100, 4_000, 600_000] {
            let stats = AlgorithmStats::new(1);
            for _ in 0..10 {
                stats.record(0, Span::from_millis(millis), false);
            }
            let read = stats.read().expect("ten requests");
            let figures = full(&read, Time::ZERO);
            assert_eq!(figures["requestCount"], 10);
            assert_eq!(figures["averageResponseTime"], millis as f64);
            for key in [
                "p50ResponseTime",
                "p95ResponseTime",
                "p99ResponseTime",
                "minResponseTime",
                "maxResponseTime",
            ] {
                let told = figures[key].as_u64().expect("whole milliseconds");
                assert!(told.abs_diff(millis) * 1000 <= millis, "{key} of {millis} ms is told as {told} ms");
            }
        }
    }

    #[test]
    fn each_percentile_is_the_latency_below_which_that_share_lies() {
        let stats = AlgorithmStats::new(1);
        // Ninety of 100 ms, eight of 300 ms, two of 2 s.
        for (count, millis) in [(90, 100), (8, 300), (2, 2_000)] {
            for _ in 0..count {
                stats.record(0, Span::from_millis(millis), false);
            }
        }
        let figures = full(&stats.read().expect("a hundred requests"), Time::ZERO);
        for (key, millis) in [
            ("minResponseTime", 100_u64),
            ("p50ResponseTime", 100),
            ("p95ResponseTime", 300),
            ("p99ResponseTime", 2_000),
            ("maxResponseTime", 2_000),
        ] {
            let told = figures[key].as_u64().expect("whole milliseconds");
            assert!(told.abs_diff(millis) * 1000 <= millis, "{key} is told as {told} ms, not {millis} ms");
        }
    }
}
