//! Least predicted work, with requests that say what they cost.

use crate::pool::Pool;
use lb_core::Span;
use lb_core::hints::{Hint, Said, hash};
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};

const SLOW: u32 = 0;
const FAST: u32 = 1;

fn asking(limit: u32, client_key: u64) -> RequestInfo {
    let mut request = RequestInfo { client_key, ..RequestInfo::default() };
    request.hints.push(Hint { name: hash(b"query.limit"), said: Said::Number(limit as f32) });
    request
}

fn send(pool: &mut Pool, limit: u32) -> u32 {
    pool.wait(Span::from_micros(1));
    let request = asking(limit, pool.now.as_nanos());
    pool.balancer.pick(&request, pool.now).expect("a backend takes requests").0
}

/// Serves a request on this backend, as the only one in flight. The fast one is four times as fast.
fn serve_on(pool: &mut Pool, backend: u32, limit: u32) {
    let speed = if backend == FAST { 4 } else { 1 };
    pool.set_healthy(1 - backend, false);
    assert_eq!(send(pool, limit), backend);
    pool.set_healthy(1 - backend, true);
    let latency = Span::from_micros(u64::from(limit) * 100 / speed);
    pool.wait(latency);
    pool.balancer.reply(BackendIndex(backend), &Reply { kind: ReplyKind::Success, latency }, pool.now);
}

/// A pool of two that knows what limits cost, with this many requests of limit 100 in flight at the fast one.
fn pool_with_busy_fast(in_flight: u32) -> Pool {
    let mut pool = Pool::new("least-predicted-work", &[1.0, 1.0]);
    for i in 0..2_000 {
        for backend in [SLOW, FAST] {
            serve_on(&mut pool, backend, [30, 100, 300, 1_000][i % 4]);
        }
    }
    pool.set_healthy(SLOW, false);
    for _ in 0..in_flight {
        assert_eq!(send(&mut pool, 100), FAST);
    }
    pool.set_healthy(SLOW, true);
    pool
}

#[test]
fn a_large_request_waits_for_a_fast_backend_and_a_small_one_does_not() {
    assert_eq!(send(&mut pool_with_busy_fast(6), 1_000), FAST, "waiting is little of it");
    assert_eq!(send(&mut pool_with_busy_fast(6), 30), SLOW, "it would mostly wait");
    assert_eq!(send(&mut pool_with_busy_fast(0), 30), FAST, "idle, the fast one is the better one for all");
    assert_eq!(send(&mut pool_with_busy_fast(40), 1_000), SLOW, "no request waits for ever");
}

#[test]
fn a_cancelled_request_is_no_work() {
    let mut pool = pool_with_busy_fast(0);
    let mut sent = Vec::new();
    pool.set_healthy(SLOW, false);
    for _ in 0..40 {
        send(&mut pool, 1_000);
        sent.push(pool.now);
    }
    pool.set_healthy(SLOW, true);
    assert_eq!(send(&mut pool, 30), SLOW, "forty large requests are in the way");
    for at in sent {
        pool.balancer.cancel(BackendIndex(FAST), at);
    }
    assert_eq!(send(&mut pool, 30), FAST, "they are gone");
}

#[test]
fn requests_of_the_policy_before_count_as_ordinary_ones() {
    let mut pool = Pool::new("round-robin", &[1.0, 1.0, 1.0]);
    assert_eq!([pool.send(), pool.send()], [0, 1]);
    let algorithm: lb_core::Algorithm = "lpw".parse().expect("a known algorithm");
    pool.balancer.set_policy(algorithm.policy().expect("it needs no file"));
    assert_eq!(pool.send(), 2, "the other two are busy");
}
