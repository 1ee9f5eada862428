//! Private views: each data thread decides by what it has sent itself, as if it were a load balancer of its
//! own; what the admin API says and does holds for all of them.

mod common;

use common::{Backend, Balancer, Client, eventually, get};
use serde_json::{Value, json};

/// Requests on connections of their own, which the kernel spreads over the threads: that all of them meet
/// one of two threads happens once in 2^63 runs.
const SPREAD: usize = 64;

fn start(algorithm: &str, backends: &[Backend], more: Value) -> Balancer {
    let all: Vec<&Backend> = backends.iter().collect();
    Balancer::with_backends(algorithm, &all, more)
}

fn private() -> Value {
    json!({ "threads": 2, "views": "per-thread" })
}

/// Who answers requests on new connections.
fn answered_by(balancer: &Balancer, count: usize) -> Vec<String> {
    let backend = || {
        let reply = get(&balancer.proxy("/"));
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.field("x-backend").expect("replies name the backend")
    };
    (0..count).map(|_| backend()).collect()
}

/// Backends that answer at once, save for a path that is never answered.
fn backends(count: usize) -> Vec<Backend> {
    let backend = || {
        Backend::start(|request, stream| {
            if request.path.contains("hang") {
                std::thread::park();
            }
            common::reply(stream, 200, "", b"x")
        })
    };
    (0..count).map(|_| backend()).collect()
}

#[test]
fn a_thread_with_a_private_view_does_not_see_what_others_have_in_flight() {
    for (more, views, hidden) in [
        (json!({ "threads": 2 }), 1, false),
        (private(), 2, true),
        (json!({ "views": "per-thread" }), 1, false),
    ] {
        let backends = backends(2);
        let balancer = start("least-connections", &backends, more);
        let snapshot = || balancer.get("/api/lb/snapshot").json();
        assert_eq!(snapshot()["views"], views);
        let mut held = Client::connect(balancer.address());
        held.write("GET /proxy/svc/hang HTTP/1.1\r\nhost: x\r\n\r\n");
        eventually("it is in flight", || balancer.in_flight() == 1);
        let busy = if balancer.backend("b0")["in_flight"] == 1 { "b0" } else { "b1" };
        let at_busy = answered_by(&balancer, SPREAD).iter().filter(|id| *id == busy).count();
        assert_eq!(at_busy > 0, hidden, "{at_busy} of {SPREAD} went to the busy backend with {views} views");
        let sum: u64 = ["b0", "b1"].iter().map(|id| balancer.backend(id)["requests"].as_u64().unwrap()).sum();
        assert_eq!(sum as usize, SPREAD + 1, "all views are summed up");
        assert_eq!(balancer.backend(busy)["in_flight"], 1);
    }
}

#[test]
fn what_the_operator_and_health_checks_say_holds_in_every_view() {
    let mut backends = backends(2);
    backends.push(Backend::absent());
    let health = json!({ "enabled": true, "path": "/up", "interval_ms": 60_000, "timeout_ms": 1_000 });
    let mut more = private();
    more["health"] = health;
    let balancer = start("random", &backends, more);
    // The first refusal takes it out; the request goes elsewhere.
    eventually("the refusal is noticed", || {
        answered_by(&balancer, 1);
        balancer.backend("b2")["healthy"] == false
    });
    let errors = balancer.backend("b2")["errors"].clone();
    answered_by(&balancer, SPREAD);
    assert_eq!(balancer.backend("b2")["errors"], errors, "no view sends there any more");

    assert_eq!(balancer.post("/api/lb/drain?backend=b0").status, 200);
    assert!(answered_by(&balancer, SPREAD).iter().all(|id| id == "b1"), "b0 is drained in all views");
    assert_eq!(balancer.post("/api/lb/undrain?backend=b0").status, 200);

    let weights =
        common::send("PUT", &format!("{}/api/lb/weights", balancer.admin), &common::JSON, br#"{"b1": 1e6}"#);
    assert_eq!(weights.status, 200, "{}", weights.text());
    assert_eq!(balancer.post("/api/benchmark/switch?algorithm=weighted-round-robin").status, 200);
    let shares = answered_by(&balancer, SPREAD);
    assert!(shares.iter().all(|id| id == "b1"), "the weight counts in all views: {shares:?}");
    assert_eq!(balancer.backend("b1")["weight"], 1e6);

    assert_eq!(balancer.post("/api/lb/reset").status, 200);
    let snapshot = balancer.get("/api/lb/snapshot").json();
    let backends = snapshot["pools"][0]["backends"].as_array().expect("a list");
    assert!(backends.iter().all(|backend| backend["requests"] == 0), "all views begin at zero: {snapshot}");
}

#[test]
fn a_backend_that_is_added_is_picked_in_every_view() {
    let (old, new) = (backends(1), Backend::fixed("new"));
    let balancer = start("round-robin", &old, private());
    let body = json!({ "url": new.url() }).to_string();
    let url = format!("{}/api/services/svc/instances", balancer.admin);
    assert_eq!(common::send("POST", &url, &common::JSON, body.as_bytes()).status, 200);
    let answers = answered_by(&balancer, SPREAD);
    let fresh = answers.iter().filter(|id| *id != "b0").count();
    assert!(fresh.abs_diff(SPREAD / 2) <= 1, "each of two views takes turns: {fresh} of {SPREAD}");
}
