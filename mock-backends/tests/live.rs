//! Running backends over real sockets: the contract that load balancer and harness rely on.

mod support;

use lb_core::topology::Topology;
use mock_backends::{Config, Mocks};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use support::{Client, FAST, SLOW, get, post, start, state, topology, wait_for};

/// The address of backend `index`.
fn url(mocks: &Mocks, index: usize) -> &str {
    &mocks.announcement().backends[index].url
}

fn control(mocks: &Mocks) -> &str {
    &mocks.announcement().control
}

#[test]
fn the_announcement_lists_the_backends_in_the_order_of_the_topology() {
    let mocks = start();
    let backends = &mocks.announcement().backends;
    let listed: Vec<_> = backends.iter().map(|b| (b.id.as_str(), b.pool.as_str(), b.weight)).collect();
    assert_eq!(listed, [("b1", "main", 1.0), ("b2", "main", 2.0)]);
}

#[test]
fn every_reply_names_its_backend() {
    let mocks = start();
    for (index, id) in ["b1", "b2"].into_iter().enumerate() {
        for path in [FAST, "/api/nothing", "/actuator/health", "/cart-service/actuator/health"] {
            let reply = get(url(&mocks, index), path);
            assert_eq!(reply.header("x-backend"), Some(id), "GET {path} names its backend");
            assert_eq!(reply.header("content-type"), Some("application/json"), "bodies are JSON");
        }
    }
    for probe in ["health", "health/liveness", "health/readiness"] {
        let reply = get(url(&mocks, 0), &format!("/cart-service/actuator/{probe}"));
        assert_eq!((reply.status, reply.body), (200, json!({ "status": "UP" })), "{probe}");
    }
}

#[test]
fn a_backend_tells_prometheus_what_it_answered() {
    let mocks = start();
    let b1 = url(&mocks, 0);
    for path in [FAST, "/inventory-service/api/inventory/product/MOUSE-001", "/api/nothing"] {
        get(b1, path);
    }
    post(b1, "/api/degradation/memory/start?memoryPercent=50", "");
    let scrape = |url: &str, path: &str| {
        let mut client = Client::connect(url).expect("the backend listens");
        let (kind, text) = client.text(path).expect("a reply");
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        text
    };
    let text = scrape(b1, "/actuator/prometheus");
    let value = |text: &str, series: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let value = line.unwrap_or_else(|| panic!("`{series}` is missing in {text}"));
        value.trim().parse::<f64>().expect("a number")
    };
    let product = r#"{method="GET",status="200",uri="/api/inventory/product/{sku}"}"#;
    assert_eq!(value(&text, &format!("http_server_requests_seconds_count{product}")), 2.0);
    assert!(value(&text, &format!("http_server_requests_seconds_sum{product}")) >= 0.0002, "0.1 ms each");
    let unknown = r#"{method="GET",status="404",uri="UNKNOWN"}"#;
    assert_eq!(value(&text, &format!("http_server_requests_seconds_count{unknown}")), 1.0);
    let heap = |name: &str| value(&text, &format!("jvm_memory_{name}_bytes{{area=\"heap\"}}"));
    assert_eq!(heap("used") / heap("max"), 0.5, "what degradation takes");
    assert!(value(&text, "process_uptime_seconds") > 0.0);
    let other = scrape(url(&mocks, 1), "/cart-service/actuator/prometheus");
    assert!(!other.contains("_count{"), "the other backend has answered nothing: {other}");
}

#[test]
fn a_user_can_shop_over_all_backends_since_they_share_the_state() {
    let mocks = start();
    let (one, two) = (url(&mocks, 0), url(&mocks, 1));
    let ada = r#"{"firstName":"Ada","lastName":"L","email":"a@x.org","password":"p"}"#;
    assert_eq!(post(one, "/user-service/api/users/register", ada).status, 201);
    let login = post(two, "/api/users/login", ada);
    let token = login.body["token"].as_str().expect("logging in gives a token");
    let bearer = format!("authorization: Bearer {token}\r\n");
    let mut client = Client::connect(one).expect("the backend listens");
    let item = r#"{"productId":"PHONE-001","quantity":2}"#;
    let added = client.call("POST", "/api/cart/items", &bearer, item).expect("a reply");
    assert_eq!((added.status, &added.body["totalItems"]), (201, &json!(2)));
    let mut client = Client::connect(two).expect("the backend listens");
    let cart = client.call("GET", "/cart-service/api/cart", &bearer, "").expect("a reply");
    assert_eq!(cart.body["totalItems"], 2, "the cart is the same on the other backend");
}

#[test]
fn requests_beyond_workers_and_queue_are_refused_at_once() {
    let mocks = start();
    let mut clients: Vec<Client> =
        (0..2).map(|_| Client::connect(url(&mocks, 0)).expect("listening")).collect();
    for client in &mut clients {
        client.send("GET", SLOW, "", "").expect("sent");
    }
    wait_for(&mocks, "b1", "one served and one waiting", |state| state["in_system"] == 2);
    let refused = get(url(&mocks, 0), FAST);
    assert_eq!((refused.status, refused.header("x-backend")), (503, Some("b1")));
    assert_eq!(state(&mocks, "b1")["counts"]["refused"], 1);
    assert_eq!(get(url(&mocks, 1), FAST).status, 200, "the other backend has workers of its own");
}

#[test]
fn a_client_that_leaves_frees_its_place_in_the_queue() {
    let mocks = start();
    let mut served = Client::connect(url(&mocks, 0)).expect("listening");
    served.send("GET", SLOW, "", "").expect("sent");
    wait_for(&mocks, "b1", "one in service", |state| state["in_system"] == 1);
    let mut waiting = Client::connect(url(&mocks, 0)).expect("listening");
    waiting.send("GET", SLOW, "", "").expect("sent");
    wait_for(&mocks, "b1", "one waiting", |state| state["in_system"] == 2);
    drop(waiting);
    let state = wait_for(&mocks, "b1", "nobody waiting", |state| state["in_system"] == 1);
    assert_eq!(state["counts"]["cancelled"], 1, "it is counted as cancelled");
}

#[test]
fn a_killed_backend_resets_its_connections_and_refuses_new_ones_until_it_restarts() {
    let mocks = start();
    let mut busy = Client::connect(url(&mocks, 0)).expect("listening");
    busy.send("GET", SLOW, "", "").expect("sent");
    let mut idle = Client::connect(url(&mocks, 0)).expect("listening");
    assert_eq!(idle.call("GET", "/actuator/health", "", "").expect("a reply").status, 200);
    wait_for(&mocks, "b1", "one in service", |state| state["in_system"] == 1);

    let killed = post(control(&mocks), "/backends/b1/kill", "");
    assert_eq!((killed.status, &killed.body["up"]), (200, &json!(false)));
    let error = busy.receive().expect_err("the request was lost");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "a request in it breaks with a reset");
    let error = idle.receive().expect_err("nothing was asked");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "idle connections are reset as well");
    wait_until_refused(url(&mocks, 0));
    assert_eq!(get(url(&mocks, 1), FAST).status, 200, "the other backend goes on");
    assert_eq!(state(&mocks, "b1")["counts"]["broken"], 1);

    let restarted = post(control(&mocks), "/backends/b1/restart", "");
    assert_eq!(restarted.body["up"], true);
    assert_eq!(get_when_up(url(&mocks, 0), FAST).status, 200, "it serves again on its old port");
}

/// The listener closes within the same turn of the event loop as the kill, or the next.
fn wait_until_refused(url: &str) {
    for _ in 0..2_000 {
        match Client::connect(url).map(|mut client| client.call("GET", FAST, "", "")) {
            Err(error) => return assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
            Ok(reply) => assert!(reply.is_err(), "a backend that is down must not answer"),
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("a backend that is down must refuse connections");
}

/// Tries on until a backend that comes back answers.
fn get_when_up(url: &str, path: &str) -> support::Reply {
    for _ in 0..2_000 {
        let reply = Client::connect(url).and_then(|mut client| client.call("GET", path, "", ""));
        if let Ok(reply) = reply {
            return reply;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("a backend that is up again must answer");
}

#[test]
fn faults_are_active_only_between_start_and_stop() {
    let mocks = start();
    let cart = |mocks: &Mocks| get(url(mocks, 0), "/api/cart").status;
    let faults = json!([{ "fault": "fast_fail", "rate": 1.0, "services": ["cart-service"] }]);
    let replaced = post(control(&mocks), "/faults", &faults.to_string());
    assert_eq!((replaced.status, &replaced.body["faults"]), (200, &json!(1)));
    assert_eq!(cart(&mocks), 401, "a timeline that was not started does nothing");
    post(control(&mocks), "/faults/start", "");
    assert_eq!(cart(&mocks), 503, "the named service fails");
    assert_eq!(get(url(&mocks, 0), FAST).status, 200, "other services do not");
    let mut client = Client::connect(url(&mocks, 1)).expect("listening");
    let hit = client.call("GET", FAST, "x-service: cart-service\r\n", "").expect("a reply");
    assert_eq!(hit.status, 503, "the header says which service a request is for");
    post(control(&mocks), "/faults/stop", "");
    assert_eq!(cart(&mocks), 401, "stopping ends the fault");
}

#[test]
fn a_fault_that_is_put_in_by_hand_is_active_until_it_is_cleared_whatever_the_timeline_does() {
    let mocks = start();
    let cart = |mocks: &Mocks| get(url(mocks, 0), "/api/cart").status;
    let fails = json!({ "fault": "fast_fail", "rate": 1.0, "backends": ["b1"] }).to_string();
    assert_eq!(post(control(&mocks), "/faults/add", &fails).status, 200);
    assert_eq!(cart(&mocks), 503, "it needs no start");
    assert_eq!(get(url(&mocks, 1), FAST).status, 200, "other backends do not fail");
    post(control(&mocks), "/faults/start", "");
    post(control(&mocks), "/faults/stop", "");
    assert_eq!(cart(&mocks), 503, "the timeline does not concern it");
    post(control(&mocks), "/faults/clear", "");
    assert_eq!(cart(&mocks), 401, "cleared");
    let wrong = post(control(&mocks), "/faults/add", r#"{ "fault": "fast_fail", "rate": 3.0 }"#);
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    post(control(&mocks), "/faults/add", &fails);
    post(control(&mocks), "/reset", "");
    assert_eq!(cart(&mocks), 401, "a reset ends it as well");
}

#[test]
fn a_fault_may_name_a_service_that_the_topology_does_not() {
    let mocks = start();
    let faults = json!([{ "fault": "fast_fail", "rate": 1.0, "services": ["search-service"] }]);
    post(control(&mocks), "/faults", &faults.to_string());
    post(control(&mocks), "/faults/start", "");
    assert_eq!(get(url(&mocks, 0), "/search-service/api/find").status, 503);
    assert_eq!(get(url(&mocks, 0), "/other-service/api/find").status, 200, "others are not hit");
}

#[test]
fn faults_that_make_no_sense_are_refused_with_all_their_problems() {
    let mocks = start();
    let faults = json!([
        { "fault": "error_rate", "rate": 2.0 },
        { "fault": "latency_factor", "factor": 0.0 },
    ]);
    let reply = post(control(&mocks), "/faults", &faults.to_string());
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body["problems"].as_array().map(Vec::len), Some(2), "{}", reply.body);
    assert_eq!(post(control(&mocks), "/faults", "{oops").status, 400);
    assert_eq!(get(control(&mocks), "/faults").body, json!([]), "the timeline stays as it was");
}

#[test]
fn a_request_that_hangs_is_let_go_when_its_client_leaves() {
    let mocks = start();
    post(control(&mocks), "/faults", &json!([{ "fault": "timeout_rate", "rate": 1.0 }]).to_string());
    post(control(&mocks), "/faults/start", "");
    let mut client = Client::connect(url(&mocks, 0)).expect("listening");
    client.send("GET", FAST, "", "").expect("sent");
    let state = wait_for(&mocks, "b1", "one hanging", |state| state["hanging"] == 1);
    assert_eq!(state["in_system"], 0, "it hangs outside the workers");
    drop(client);
    let state = wait_for(&mocks, "b1", "none hanging", |state| state["hanging"] == 0);
    assert_eq!(state["counts"]["hung"], 1);
}

#[test]
fn a_crash_of_the_timeline_breaks_requests_in_flight() {
    let mocks = start();
    let mut client = Client::connect(url(&mocks, 0)).expect("listening");
    client.send("GET", SLOW, "", "").expect("sent");
    wait_for(&mocks, "b1", "one in service", |state| state["in_system"] == 1);
    let crash = json!([{ "fault": "crash", "backends": ["b1"], "start_s": 0.05, "duration_s": 0.2 }]);
    post(control(&mocks), "/faults", &crash.to_string());
    post(control(&mocks), "/faults/start", "");
    let error = client.receive().expect_err("the backend crashes");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(get_when_up(url(&mocks, 0), FAST).status, 200, "it comes back by itself");
}

#[test]
fn a_held_request_takes_no_worker() {
    let mocks = start();
    let mut busy = Client::connect(url(&mocks, 0)).expect("listening");
    busy.send("GET", SLOW, "", "").expect("sent");
    wait_for(&mocks, "b1", "one in service", |state| state["in_system"] == 1);
    let held = get(url(&mocks, 0), "/cart-service/api/hold?ms=1");
    assert_eq!((held.status, held.header("x-backend")), (200, Some("b1")));
    assert_eq!(get(url(&mocks, 0), "/api/hold?ms=10001").status, 400, "ten seconds are the limit");
    let counts = state(&mocks, "b1")["counts"].clone();
    assert_eq!((&counts["held"], &counts["requests"]), (&json!(1), &json!(1)));
}

#[test]
fn degradation_is_started_shown_and_stopped_on_one_backend() {
    let mocks = start();
    let b1 = url(&mocks, 0);
    let path = "/cart-service/api/degradation/errors/start?errorRatePercent=100&durationSeconds=60";
    let started = post(b1, path, "");
    assert_eq!((started.status, started.header("x-backend")), (200, Some("b1")));
    assert_eq!(get(b1, FAST).status, 500, "every served request fails");
    assert_eq!(get(url(&mocks, 1), FAST).status, 200, "the other backend is well");
    let status = get(b1, "/api/degradation/status").body;
    assert_eq!(status["errors"]["errorRatePercent"], 100.0);
    post(b1, "/api/degradation/cpu/start?intensityPercent=75", "");
    assert_eq!(state(&mocks, "b1")["speed"], 0.25, "load on the CPU leaves the rest");
    post(b1, "/api/degradation/stop-all", "");
    assert_eq!(get(b1, FAST).status, 200);
    assert_eq!(state(&mocks, "b1")["speed"], 1.0);
    assert_eq!(post(b1, "/api/degradation/errors/start?errorRatePercent=101", "").status, 400);
    assert_eq!(post(b1, "/api/degradation/heat/start", "").status, 404);
}

#[test]
fn a_reset_brings_back_the_state_after_the_start() {
    let mocks = start();
    let b1 = url(&mocks, 0);
    let before = state(&mocks, "b1");
    let ada = r#"{"firstName":"Ada","lastName":"L","email":"a@x.org","password":"p"}"#;
    assert_eq!(post(b1, "/api/users/register", ada).status, 201);
    assert_eq!(get(b1, "/api/nothing").status, 404);
    let counts = state(&mocks, "b1")["counts"].clone();
    assert_eq!(counts["by_status"], json!({ "201": 1, "404": 1 }), "replies are counted by status");
    let mut busy = Client::connect(b1).expect("listening");
    busy.send("GET", SLOW, "", "").expect("sent");
    wait_for(&mocks, "b1", "one in service", |state| state["in_system"] == 1);
    post(b1, "/api/degradation/errors/start?errorRatePercent=100", "");
    post(control(&mocks), "/backends/b2/kill", "");

    assert_eq!(post(control(&mocks), "/reset", "").status, 200);
    assert!(busy.receive().is_err(), "a request that is still in a backend breaks");
    assert_eq!(state(&mocks, "b1"), before, "counters, queue and degradation are as at the start");
    assert_eq!(state(&mocks, "b2")["up"], true, "a killed backend is up again");
    assert_eq!(post(b1, "/api/users/register", ada).status, 201, "nobody is registered any more");
}

#[test]
fn control_calls_that_do_not_exist_say_what_does() {
    let mocks = start();
    assert_eq!(get(control(&mocks), "/nothing").status, 404);
    let unknown = post(control(&mocks), "/backends/b9/kill", "");
    let error = json!({ "error": "unknown backend \"b9\"; use one of b1, b2" });
    assert_eq!((unknown.status, unknown.body), (404, error));
    assert_eq!(get(control(&mocks), "/backends/b1/kill").status, 404, "reading must not kill");
}

#[test]
fn a_body_without_bound_is_refused() {
    let mocks = start();
    let reply = post(url(&mocks, 0), "/api/users/register", &"x".repeat((1 << 20) + 1));
    assert_eq!(reply.status, 413);
    assert_ne!(reply.body, Value::Null);
}

#[test]
fn a_foreign_page_or_a_rebound_host_can_neither_read_nor_steer_anything() {
    let mocks = start();
    let backend = url(&mocks, 0);
    let call = |base: &str, method: &str, path: &str, fields: &str, body: &str| {
        let mut client = Client::connect(base).expect("the server listens");
        client.call(method, path, fields, body).expect("the server replies")
    };
    let before = state(&mocks, "b1");
    for (base, method, path, body) in [
        (control(&mocks), "GET", "/backends", ""),
        (control(&mocks), "POST", "/backends/b1/kill", ""),
        (control(&mocks), "POST", "/faults", "[]"),
        (control(&mocks), "POST", "/reset", ""),
        (backend, "GET", "/api/degradation/status", ""),
        (backend, "POST", "/api/degradation/errors/start", ""),
    ] {
        for fields in [
            "host: evil.example\r\n",
            "origin: http://evil.example\r\n",
            "origin: null\r\n",
            "sec-fetch-site: cross-site\r\n",
        ] {
            let reply = call(base, method, path, fields, body);
            assert_eq!(reply.status, 403, "{method} {path} with {fields:?}: {}", reply.body);
        }
    }
    let plain = call(control(&mocks), "POST", "/faults", "content-type: text/plain\r\n", "[]");
    assert_eq!(plain.status, 415, "{}", plain.body);
    assert_eq!(state(&mocks, "b1"), before, "nothing has changed");
    // A load balancer hands on whatever host its clients ask for, and recorded requests bring their origins.
    let shop = "host: shop.example\r\norigin: http://shop.example\r\n";
    assert_eq!(call(backend, "GET", FAST, shop, "").status, 200, "the shop takes requests from anyone");
}

#[test]
fn hosts_that_are_allowed_may_steer_and_read_from_their_pages() {
    let topology: Topology = serde_json::from_value(topology()).expect("the topology is valid");
    let allowed_hosts = vec!["tools.example".to_owned()];
    let mocks =
        Mocks::start(Config { allowed_hosts, ..Config::new(topology) }).expect("free ports can be had");
    let mut client = Client::connect(control(&mocks)).expect("the server listens");
    let page = "origin: http://tools.example\r\n";
    let reply = client.call("POST", "/backends/b1/kill", page, "").expect("a reply");
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, Some("http://tools.example"))
    );
    let reply = client.call("GET", "/backends", "host: tools.example:9900\r\n", "").expect("a reply");
    assert_eq!(reply.status, 200, "a name of this machine");
}

#[test]
fn half_a_head_is_told_that_it_is_late() {
    let mocks = start();
    let late = [control(&mocks), url(&mocks, 0)].map(|base| {
        let mut stream = TcpStream::connect(base.trim_start_matches("http://")).expect("it listens");
        stream.write_all(b"GET /backends HTTP/1.1\r\nhost: loc").expect("it reads");
        stream
    });
    for mut stream in late {
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it closes the connection in order");
        assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    }
}

/// Two backends that serve the shop for browsers and one that does not.
fn boutique() -> Mocks {
    let topology: Topology = serde_json::from_value(json!({
        "name": "test",
        "pools": [
            { "name": "web", "services": ["boutique"], "backends": [{ "id": "w1" }, { "id": "w2" }] },
            { "name": "rest", "backends": [{ "id": "r1" }] }
        ],
        "routes": [{ "service": "boutique", "path": "/product/*",
            "service_time": { "distribution": "constant", "mean_ms": 20.0 } }],
        "service_time": { "distribution": "constant", "mean_ms": 0.1 },
    }))
    .expect("the topology is valid");
    Mocks::start(Config::new(topology)).expect("free ports can be had")
}

#[test]
fn the_pages_of_a_session_show_one_cart_on_all_backends_of_the_pool() {
    let mocks = boutique();
    let [mut one, mut two] = [0, 1].map(|index| Client::connect(url(&mocks, index)).expect("listening"));
    let named = |headers: &[(String, String)], name: &str| {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let (status, headers, _) = one.page("GET", "/", "", "").expect("a page");
    assert_eq!((status, named(&headers, "content-type").as_deref()), (200, Some("text/html; charset=utf-8")));
    assert_eq!(named(&headers, "x-backend").as_deref(), Some("w1"));
    let set = named(&headers, "set-cookie").expect("a session begins");
    let cookie = set.split(';').next().expect("a pair").to_owned();
    let form = "product_id=6E92ZMYYFZ&quantity=4";
    let (status, headers, _) = two.page("POST", "/cart", &cookie, form).expect("a redirect");
    assert_eq!((status, named(&headers, "location").as_deref()), (302, Some("/cart")));
    let (_, _, cart) = one.page("GET", "/cart", &cookie, "").expect("a page");
    let session = cookie.strip_prefix("shop_session-id=").expect("the cookie of the session");
    assert!(cart.contains("SKU #6E92ZMYYFZ, Quantity: 4") && cart.contains(session), "{cart}");
    let (_, _, other) = one.page("GET", "/cart", "shop_session-id=another", "").expect("a page");
    assert!(other.contains("Your cart is empty"), "{other}");

    post(control(&mocks), "/reset", "");
    let (_, _, cart) = one.page("GET", "/cart", &cookie, "").expect("a page");
    assert!(cart.contains("Your cart is empty"), "a reset empties all carts: {cart}");
}

#[test]
fn pages_have_the_service_times_and_faults_of_their_service_and_lie_only_in_its_pool() {
    let mocks = boutique();
    let mut one = Client::connect(url(&mocks, 0)).expect("listening");
    let begun = std::time::Instant::now();
    assert_eq!(one.page("GET", "/product/6E92ZMYYFZ", "", "").expect("a page").0, 200);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(20), "the model served it");
    let faults = json!([{ "fault": "error_rate", "rate": 1.0, "services": ["boutique"] }]);
    assert_eq!(post(control(&mocks), "/faults", &faults.to_string()).status, 200);
    post(control(&mocks), "/faults/start", "");
    assert_eq!(one.page("GET", "/cart", "", "").expect("a reply").0, 500);
    assert_eq!(get(url(&mocks, 0), "/api/inventory/all").status, 200, "the other services are well");
    let (status, _, text) = one.page("GET", "/_healthz", "", "").expect("a reply");
    assert_eq!((status, text.as_str()), (200, "ok"), "health checks pass the workers by");
    assert_eq!(get(url(&mocks, 2), "/").body["path"], "/", "elsewhere, requests are echoed");
}

#[test]
fn events_come_as_a_stream_without_a_worker() {
    let mocks = start();
    let address = url(&mocks, 0).trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("listening");
    let ask = "GET /shop/api/events?ms=30&count=3 HTTP/1.1\r\nhost: b1\r\nconnection: close\r\n\r\n";
    stream.write_all(ask.as_bytes()).expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    assert!(reply.contains("content-type: text/event-stream\r\n"), "{reply}");
    assert!(
        reply.contains("transfer-encoding: chunked\r\n"),
        "it begins before its length is known: {reply}"
    );
    for number in 1..=3 {
        assert!(
            reply.contains(&format!("id: {number}\ndata: {{\"event\":{number},\"of\":3}}\n\n")),
            "{reply}"
        );
    }
    let counts = &state(&mocks, "b1")["counts"];
    assert_eq!((&counts["held"], &counts["requests"]), (&json!(1), &json!(0)), "{counts}");
    assert_eq!(get(url(&mocks, 0), "/api/events?count=0").status, 400);
}

#[test]
fn a_websocket_sends_messages_back_until_it_is_closed_or_the_backend_goes_down() {
    use tokio_tungstenite::tungstenite::{self, Message};
    let mocks = start();
    let address = url(&mocks, 0).trim_start_matches("http://").to_owned();
    let connect = || {
        let stream = TcpStream::connect(&address).expect("listening");
        tungstenite::client(format!("ws://{address}/shop/ws/echo"), stream).expect("a handshake")
    };
    let (mut socket, reply) = connect();
    assert_eq!(reply.headers()["x-backend"], "b1", "the backend is named");
    for message in [Message::text("hello"), Message::binary(vec![7; 70_000])] {
        socket.send(message.clone()).expect("sent");
        assert_eq!(socket.read().expect("an echo"), message);
    }
    socket.send(Message::Ping(vec![1].into())).expect("sent");
    assert_eq!(socket.read().expect("a pong"), Message::Pong(vec![1].into()));
    socket.close(None).expect("sent");
    assert!(matches!(socket.read(), Ok(Message::Close(_))), "the closing is answered");

    let (mut socket, _) = connect();
    socket.send(Message::text("once")).expect("sent");
    socket.read().expect("an echo");
    post(control(&mocks), "/backends/b1/kill", "");
    socket.read().expect_err("the backend is down");
    assert_eq!(get(url(&mocks, 1), "/ws/echo").status, 426, "a plain request is told what to send");
}
