//! Who gets the requests, and that every request is counted and released: under cancelling clients,
//! drain, weights, ejection, failing health, and switches in full flight.

mod common;

use common::{Backend, Balancer, Client, JSON, Reply, eventually, get, reply, send};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A backend that holds requests for `/hold` until it is told to let them go.
struct Holding {
    backend: Backend,
    released: Arc<AtomicBool>,
}

impl Holding {
    fn start() -> Self {
        let released = Arc::new(AtomicBool::new(false));
        let go = Arc::clone(&released);
        let backend = Backend::start(move |request, stream| {
            while request.path == "/hold" && !go.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(2));
            }
            reply(stream, 200, "", b"held")
        });
        Self { backend, released }
    }

    fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
    }
}

/// Sends a request and leaves it on its way.
fn hold(balancer: &Balancer) -> Client {
    let mut client = Client::connect(balancer.address());
    client.write("GET /proxy/svc/hold HTTP/1.1\r\nhost: x\r\n\r\n");
    client
}

/// How many of `count` requests each backend answered.
fn shares(balancer: &Balancer, count: usize) -> BTreeMap<String, usize> {
    let mut client = Client::connect(balancer.address());
    let mut shares = BTreeMap::new();
    for _ in 0..count {
        let reply = client.ask("GET", "/proxy/svc/", "", b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
        *shares.entry(reply.field("x-backend").expect("a backend is named")).or_default() += 1;
    }
    shares
}

fn number(backend: &Value, key: &str) -> u64 {
    backend[key].as_u64().unwrap_or_else(|| panic!("{key} is a number"))
}

#[test]
fn in_flight_returns_to_zero_when_a_third_of_the_clients_cancel() {
    const CLIENTS: usize = 16;
    const REQUESTS: usize = 625;
    let backend = || {
        Backend::start(|request, stream| match request.path.as_str() {
            "/late" => {
                thread::sleep(Duration::from_millis(1));
                reply(stream, 200, "", b"late")
            }
            "/halves" => {
                let first = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf");
                thread::sleep(Duration::from_millis(1));
                first.and_then(|()| stream.write_all(b"half")).is_ok()
            }
            "/error" => reply(stream, 503, "", b"no"),
            _ => reply(stream, 200, "", b"ok"),
        })
    };
    let backends = [backend(), backend(), backend()];
    let listed: Vec<_> = backends.iter().collect();
    let balancer = Balancer::with_backends("least-connections", &listed, json!({ "threads": 2 }));
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (balancer, answered) = (&balancer, &answered);
            scope.spawn(move || {
                let mut kept = Client::connect(balancer.address());
                for i in 0..REQUESTS {
                    let path = ["/", "/late", "/halves", "/error"][(i + number) % 4];
                    if i % 3 == 0 {
                        cancel(balancer, path, i / 3);
                    } else {
                        let body: &[u8] = if i % 2 == 0 { b"" } else { b"body" };
                        let method = if i % 2 == 0 { "GET" } else { "POST" };
                        kept.ask(method, &format!("/proxy/svc{path}"), "", body);
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    eventually("nothing is in flight", || balancer.in_flight() == 0);
    let sum = |key| (0..3).map(|i| number(&balancer.backend(&format!("b{i}")), key)).sum::<u64>();
    assert!(sum("cancelled") > 100, "clients did cancel requests in flight: {}", sum("cancelled"));
    assert!(sum("requests") >= answered.load(Ordering::SeqCst) as u64, "each answered request was counted");
    for i in 0..3 {
        let in_flight = number(&balancer.backend(&format!("b{i}")), "in_flight");
        assert_eq!(in_flight, 0, "b{i}: no cancelled client leaves a phantom");
    }
}

/// A client that goes away at one of several moments.
fn cancel(balancer: &Balancer, path: &str, moment: usize) {
    let mut client = Client::connect(balancer.address());
    match moment % 4 {
        // Right after the request.
        0 => {
            client.write(format!("GET /proxy/svc{path} HTTP/1.1\r\nhost: x\r\n\r\n"));
        }
        // When the head of the reply is there.
        1 => {
            client.write(format!("GET /proxy/svc{path} HTTP/1.1\r\nhost: x\r\n\r\n"));
            client.line();
        }
        // In the middle of its own body.
        2 => {
            client.write(format!(
                "POST /proxy/svc{path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf of it"
            ));
        }
        // After a moment, with a reset.
        _ => {
            client.write(format!("GET /proxy/svc{path} HTTP/1.1\r\nhost: x\r\n\r\n"));
            thread::sleep(Duration::from_micros(300));
            let _ = client.stream.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_cancelled_request_is_released_and_is_no_error() {
    let holding = Holding::start();
    let balancer = Balancer::with_backends("round-robin", &[&holding.backend], json!({}));
    let client = hold(&balancer);
    eventually("the request is in flight", || balancer.in_flight() == 1);
    drop(client);
    eventually("the client's end releases it", || balancer.in_flight() == 0);
    let backend = balancer.backend("b0");
    assert_eq!((number(&backend, "cancelled"), number(&backend, "errors")), (1, 0));
    holding.release();
}

#[test]
fn all_threads_share_one_view_of_what_is_in_flight() {
    let holdings = [Holding::start(), Holding::start()];
    let listed: Vec<_> = holdings.iter().map(|holding| &holding.backend).collect();
    let balancer = Balancer::with_backends("least-connections", &listed, json!({ "threads": 4 }));
    let mut clients: Vec<_> = (1..=40)
        .map(|count| {
            let client = hold(&balancer);
            eventually("it is in flight", || balancer.in_flight() == count);
            client
        })
        .collect();
    for i in 0..2 {
        let backend = balancer.backend(&format!("b{i}"));
        assert_eq!(number(&backend, "in_flight"), 20, "threads that count apart would not balance");
        assert_eq!(number(&backend, "peak_in_flight"), 20);
    }
    holdings.iter().for_each(Holding::release);
    for client in &mut clients {
        assert_eq!(client.read().map(|reply| reply.status), Some(200), "held requests are answered");
    }
    assert_eq!(balancer.in_flight(), 0);
}

#[test]
fn round_robin_is_exact_over_all_threads() {
    let backends: Vec<_> = (0..4).map(|_| Backend::fixed("x")).collect();
    let listed: Vec<_> = backends.iter().collect();
    let balancer = Balancer::with_backends("round-robin", &listed, json!({ "threads": 3 }));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| shares(&balancer, 50));
        }
    });
    for backend in &backends {
        assert_eq!(backend.requests(), 100, "400 requests over 4 backends, whatever the thread");
    }
}

#[test]
fn a_drained_backend_finishes_what_it_has_and_gets_nothing_new() {
    let holdings = [Holding::start(), Holding::start()];
    let listed: Vec<_> = holdings.iter().map(|holding| &holding.backend).collect();
    let balancer = Balancer::with_backends("round-robin", &listed, json!({}));
    let mut held = hold(&balancer);
    eventually("b0 has it", || number(&balancer.backend("b0"), "in_flight") == 1);
    let reply = balancer.post("/api/lb/drain?backend=b0");
    assert_eq!(reply.json(), json!({ "backend": "b0", "draining": true, "in_flight": 1 }));
    assert_eq!(balancer.backend("b0")["draining"], true);
    assert_eq!(shares(&balancer, 10), BTreeMap::from([("b1".to_owned(), 10)]));
    holdings.iter().for_each(Holding::release);
    assert_eq!(held.read().map(|reply| reply.status), Some(200), "the held request is answered");
    assert_eq!(balancer.backend("b0")["in_flight"], 0);
    assert_eq!(balancer.post("/api/lb/undrain?backend=b0").status, 200);
    assert_eq!(shares(&balancer, 10)["b0"], 5, "it takes its share again");
}

#[test]
fn weights_change_the_shares_at_once() {
    let backends = [Backend::fixed("x"), Backend::fixed("y")];
    let balancer = Balancer::with_backends("weighted-round-robin", &[&backends[0], &backends[1]], json!({}));
    assert_eq!(shares(&balancer, 20)["b0"], 10);
    let put = |body: &str| send("PUT", &format!("{}/api/lb/weights", balancer.admin), &JSON, body.as_bytes());
    assert_eq!(put(r#"{"b0": 3}"#).json(), json!({ "weights": { "b0": 3.0 } }));
    assert_eq!(shares(&balancer, 40)["b0"], 30, "3 of 4");
    assert_eq!(balancer.backend("b0")["weight"], 3.0);
    for (body, status, rule) in [
        (r#"{"b0": 0}"#, 400, "above zero"),
        (r#"{"b0": -1}"#, 400, "above zero"),
        (r#"{"b0": 1e300}"#, 400, "not absurd"),
        (r#"{"b1": 5, "nobody": 1}"#, 404, "known"),
        (r#"{"b0": "three"}"#, 400, "a number"),
        ("[]", 400, "a map"),
    ] {
        assert_eq!(put(body).status, status, "{body}: a weight is {rule}");
    }
    assert_eq!(balancer.backend("b1")["weight"], 1.0, "all weights of a call are set, or none");
}

#[test]
fn an_ejected_backend_is_seen_in_the_snapshot() {
    let failing = Backend::start(|_, stream| reply(stream, 500, "", b"broken"));
    let working = Backend::fixed("ok");
    let balancer = Balancer::with_backends("round-robin+ejection", &[&failing, &working], json!({}));
    let mut client = Client::connect(balancer.address());
    let reply = client.ask("GET", "/proxy/svc/", "", b"");
    assert_eq!(reply.field("x-lb-algorithm").as_deref(), Some("round-robin+ejection"));
    for _ in 0..30 {
        client.ask("GET", "/proxy/svc/", "", b"");
    }
    assert_eq!(balancer.backend("b0")["ejected"], true, "errors in a row eject");
    assert_eq!(balancer.backend("b1")["ejected"], false);
    assert_eq!(shares(&balancer, 5)["b1"], 5, "an ejected backend gets nothing");
}

#[test]
fn active_checks_take_a_backend_out_and_bring_it_back() {
    let healthy = Arc::new(AtomicBool::new(true));
    let answer = Arc::clone(&healthy);
    let sick = Backend::start(move |request, stream| {
        let status = if request.path == "/up" && !answer.load(Ordering::SeqCst) { 500 } else { 200 };
        reply(stream, status, "", b"x")
    });
    let well = Backend::fixed("y");
    let more = json!({ "health": { "path": "/up", "interval_ms": 20, "timeout_ms": 5000 } });
    let balancer = Balancer::with_backends("round-robin", &[&sick, &well], more);
    assert_eq!(shares(&balancer, 10)["b0"], 5, "healthy until a check says otherwise");
    healthy.store(false, Ordering::SeqCst);
    eventually("two failures take it out", || balancer.backend("b0")["healthy"] == false);
    assert_eq!(shares(&balancer, 10)["b1"], 10);
    healthy.store(true, Ordering::SeqCst);
    eventually("two successes bring it back", || balancer.backend("b0")["healthy"] == true);
    assert_eq!(shares(&balancer, 10)["b0"], 5);
    assert_eq!(balancer.backend("b0")["errors"], 0, "checks are no requests");
}

#[test]
fn a_refused_connection_takes_a_backend_out_at_once() {
    let (gone, present) = (Backend::absent(), Backend::fixed("here"));
    // No check within this test but the first, which may come before or after the request.
    let more = json!({ "health": { "path": "/", "interval_ms": 3_600_000, "unhealthy_after": 100 } });
    let balancer = Balancer::with_backends("round-robin", &[&gone, &present], more);
    assert_eq!(shares(&balancer, 4), BTreeMap::from([("b1".to_owned(), 4)]));
    let backend = balancer.backend("b0");
    assert_eq!(backend["healthy"], false);
    assert_eq!(number(&backend, "requests"), 1, "nothing more is tried there");

    let more = json!({ "health": { "path": "/", "interval_ms": 20, "unhealthy_after": 1000 } });
    let balancer = Balancer::with_backends("round-robin", &[&gone, &present], more);
    shares(&balancer, 2);
    assert_eq!(balancer.backend("b0")["healthy"], false);
    let _back = Backend::start_on(&gone.address.to_string(), |_, stream| reply(stream, 200, "", b"back"));
    eventually("checks bring it back", || balancer.backend("b0")["healthy"] == true);
    assert_eq!(shares(&balancer, 4)["b0"], 2);
}

#[test]
fn a_pool_without_a_healthy_backend_answers_503() {
    let absent = [Backend::absent(), Backend::absent()];
    let more = json!({ "health": { "path": "/", "interval_ms": 3_600_000, "unhealthy_after": 1 } });
    let balancer = Balancer::with_backends("random", &[&absent[0], &absent[1]], more);
    eventually("checks have failed", || {
        (0..2).all(|i| balancer.backend(&format!("b{i}"))["healthy"] == false)
    });
    let reply = get(&balancer.proxy("/"));
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json(), json!({ "error": "No healthy instances available for service: svc" }));
}

#[test]
fn a_switch_under_load_loses_nothing() {
    let backends: Vec<_> = (0..3).map(|_| Backend::fixed("x")).collect();
    let listed: Vec<_> = backends.iter().collect();
    let balancer = Balancer::with_backends("round-robin", &listed, json!({ "threads": 2 }));
    let names: Vec<String> =
        serde_json::from_value(balancer.get("/api/benchmark/status").json()["availableAlgorithms"].clone())
            .expect("a list of names");
    assert!(names.len() >= 20, "every rule, with and without ejection: {names:?}");
    let done = AtomicBool::new(false);
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(balancer.address());
                while !done.load(Ordering::SeqCst) {
                    let reply = client.ask("GET", "/proxy/svc/", "", b"");
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    let algorithm = reply.field("x-lb-algorithm").expect("it is named");
                    assert!(names.contains(&algorithm), "{algorithm} is one of the algorithms");
                    sent.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for name in &names {
            let escaped = name.replace('+', "%2B");
            let reply = balancer.post(&format!("/api/benchmark/switch?algorithm={escaped}"));
            assert_eq!(reply.status, 200, "{name}: {}", reply.text());
            let served = get(&balancer.proxy("/"));
            sent.fetch_add(1, Ordering::SeqCst);
            assert_eq!(
                served.field("x-lb-algorithm").as_deref(),
                Some(name.as_str()),
                "a request after the switch is placed by the new algorithm"
            );
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(balancer.in_flight(), 0, "in-flight counts survive each switch");
    let arrived: usize = backends.iter().map(Backend::requests).sum();
    assert_eq!(arrived, sent.load(Ordering::SeqCst), "each request arrived once");
}

#[test]
fn a_switch_keeps_in_flight_and_weights_and_a_reset_only_in_flight() {
    let holding = Holding::start();
    let balancer = Balancer::with_backends("least-connections", &[&holding.backend], json!({}));
    let mut held = hold(&balancer);
    eventually("it is in flight", || balancer.in_flight() == 1);
    let weights = format!("{}/api/lb/weights", balancer.admin);
    assert_eq!(send("PUT", &weights, &JSON, br#"{"b0": 2}"#).status, 200);
    shares(&balancer, 3);
    let generation = |reply: &Reply| reply.json()["generation"].as_u64().expect("a number");
    let before = generation(&balancer.get("/api/lb/snapshot"));
    assert_eq!(balancer.post("/api/benchmark/switch?algorithm=p2c").status, 200);
    let backend = balancer.backend("b0");
    assert_eq!((number(&backend, "in_flight"), number(&backend, "requests")), (1, 4));
    assert_eq!(generation(&balancer.get("/api/lb/snapshot")), before, "counters go on");
    let reset = balancer.post("/api/lb/reset");
    assert_eq!(reset.json()["algorithm"], "p2c");
    assert!(generation(&reset) > before, "a reset begins a new generation");
    let backend = balancer.backend("b0");
    assert_eq!((number(&backend, "in_flight"), number(&backend, "requests")), (1, 0));
    assert_eq!(number(&backend, "peak_in_flight"), 1, "what is in flight now");
    assert_eq!(backend["weight"], 2.0, "weights are no counters");
    holding.release();
    assert_eq!(held.read().map(|reply| reply.status), Some(200));
    assert_eq!(balancer.in_flight(), 0);
}

#[test]
fn affinity_follows_the_forwarded_address() {
    let backends: Vec<_> = (0..4).map(|_| Backend::fixed("x")).collect();
    let listed: Vec<_> = backends.iter().collect();
    let balancer = Balancer::with_backends("ip-hash", &listed, json!({}));
    let of = |address: &str| {
        let reply = send("GET", &balancer.proxy("/"), &[("X-Forwarded-For", address)], b"");
        reply.field("x-backend").expect("a backend is named")
    };
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..20 {
        let address = format!("10.1.2.{i}");
        let first = of(&address);
        assert_eq!(of(&format!("{address}, 10.9.9.9")), first, "the first address counts");
        seen.insert(first);
    }
    assert!(seen.len() > 1, "clients spread over backends");
}
