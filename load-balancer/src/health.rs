//! Decides which backends may be picked, by active checks at an interval and by refused connections.
//!
//! Active checks request `health.path` from each backend on a separate connection; `unhealthy_after` failures
//! in a row take it out, `healthy_after` successes bring it back. Passive checks take a backend out at once
//! when it refuses a connection, because nothing listens there, until an active check succeeds. Without
//! active checks nothing would bring it back, so then it stays in.

use crate::config::{Health, Origin};
use crate::state::{Backend, Pool, Route, State};
use bytes::Bytes;
use http::header::HOST;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Checks all backends at the configured interval, until it is cancelled.
pub(crate) async fn check_for_ever(state: Arc<State>) {
    let config = state.config.health.clone();
    if !config.enabled {
        return;
    }
    let mut ticks = tokio::time::interval(config.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut checks = JoinSet::new();
        for (pool, backend) in state.backends() {
            if !backend.removed.load(std::sync::atomic::Ordering::Relaxed) {
                let state = Arc::clone(&state);
                checks.spawn(async move { check(&state, &pool, &backend).await });
            }
        }
        while checks.join_next().await.is_some() {}
    }
}

/// Checks one backend now and returns whether the check succeeded.
pub(crate) async fn check(state: &State, pool: &Pool, backend: &Backend) -> bool {
    let config = &state.config.health;
    let begin = Instant::now();
    let success = tokio::time::timeout(config.timeout, probe(backend, &config.path)).await.is_ok_and(|it| it);
    judge(config, pool, backend, success, begin);
    success
}

/// Returns whether the backend answers its health path with a status from 200 to 399.
async fn probe(backend: &Backend, path: &str) -> bool {
    let (authority, path) = match backend.health_url.as_deref().map(Origin::parse) {
        Some(Ok(origin)) => (origin.authority, origin.prefix),
        _ => (backend.origin.authority.clone(), format!("{}{path}", backend.origin.prefix)),
    };
    let Ok(stream) = TcpStream::connect(&authority).await else {
        return false;
    };
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await
    else {
        return false;
    };
    let connection = tokio::spawn(connection);
    let request = http::Request::get(if path.is_empty() { "/" } else { &path })
        .header(HOST, authority)
        .body(Empty::<Bytes>::new());
    let success = match request {
        Ok(request) => sender
            .send_request(request)
            .await
            .is_ok_and(|reply| reply.status().is_success() || reply.status().is_redirection()),
        Err(_) => false,
    };
    connection.abort();
    success
}

/// Records a check and changes the backend's state when enough results agree.
fn judge(config: &Health, pool: &Pool, backend: &Backend, success: bool, begin: Instant) {
    let mut record = backend.health.lock();
    record.last_check = Some(SystemTime::now());
    record.response_ms = begin.elapsed().as_millis() as u64;
    if success {
        record.successes = record.successes.saturating_add(1);
        record.failures = 0;
    } else {
        record.failures = record.failures.saturating_add(1);
        record.successes = 0;
    }
    let (up, down) = (record.successes >= config.healthy_after, record.failures >= config.unhealthy_after);
    // This holds the record's lock, so that an old check does not override a refusal noticed meanwhile.
    let (healthy, _) = pool.state(backend.index);
    if healthy && down {
        tracing::warn!(backend = backend.id, "unhealthy");
        pool.each(|balancer| balancer.set_healthy(backend.index, false));
    } else if !healthy && up {
        tracing::info!(backend = backend.id, "healthy");
        pool.each(|balancer| balancer.set_healthy(backend.index, true));
    }
}

/// Marks `backend` as unhealthy because it refused a connection.
pub(crate) fn refused(state: &State, route: &Route, backend: &Backend) {
    if !state.config.health.enabled {
        return;
    }
    let mut record = backend.health.lock();
    record.successes = 0;
    if route.pool.state(backend.index).0 {
        tracing::warn!(backend = backend.id, "unhealthy: connection refused");
        route.pool.each(|balancer| balancer.set_healthy(backend.index, false));
    }
}
