//! Requests that say what they cost, over real sockets: backends serve them for as long as the topology's costs say.

mod support;

use lb_core::backend::demand_at_cost;
use lb_core::topology::{Costs, Topology};
use mock_backends::api_file::load;
use mock_backends::{Config, Mocks};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{Client, wait_for};

/// A service of a minute, which no client here waits for unless its cost makes it short.
fn minute() -> Value {
    json!({ "distribution": "constant", "mean_ms": 60_000 })
}

/// One backend with costs that depend on each part of a request.
fn topology() -> Topology {
    let power = |of: f64| json!({ "power": { "of": of } });
    serde_json::from_value(json!({
        "name": "telling",
        "pools": [{ "name": "main", "backends": [{ "id": "b1", "workers": 8 }] }],
        "service_time": minute(),
        "cost": { "from": "query.limit", "law": power(1_000.0) },
        "routes": [
            { "path": "/batch", "service_time": minute(),
                "cost": { "from": "header.x-batch", "law": power(1_000.0) } },
            { "path": "/upload", "service_time": minute(),
                "cost": { "from": "body.bytes", "law": power(10_000.0) } },
            { "path": "/report/*", "service_time": minute(),
                "cost": { "from": "path.2", "law": { "table": { "factors": { "q-1": 0.001 } } } } },
        ],
    }))
    .expect("the topology is valid")
}

fn start(config: Config) -> (Mocks, String) {
    let mocks = Mocks::start(config).expect("free ports can be had");
    let url = mocks.announcement().backends[0].url.clone();
    (mocks, url)
}

/// The time from sending a request to its reply, which must be a success.
fn time(url: &str, method: &str, path: &str, fields: &str, body: &str) -> Duration {
    let mut client = Client::connect(url).expect("the backend listens");
    let begun = Instant::now();
    client.send(method, path, fields, body).expect("sent");
    let reply = client.receive().expect("a reply long before the minute is over");
    assert_eq!(reply.status, 200, "{method} {path}: {}", reply.body);
    begun.elapsed()
}

#[test]
fn a_request_is_served_for_as_long_as_what_it_says_costs() {
    let (_mocks, url) = start(Config::new(topology()));
    let least = Duration::from_millis(60);
    for (method, path, fields, body) in [
        ("GET", "/?limit=1", "", ""),
        ("GET", "/shop/list?page=7&limit=1", "", ""),
        ("GET", "/shop/batch", "X-Batch: 1\r\n", ""),
        ("POST", "/shop/upload", "", r#"{"a": 123}"#),
        ("GET", "/shop/report/q-1", "", ""),
    ] {
        let taken = time(&url, method, path, fields, body);
        assert!(taken >= least, "{method} {path} costs a thousandth of a minute, not {taken:?}");
    }
}

#[test]
fn a_request_that_does_not_say_it_costs_as_much_as_an_ordinary_one() {
    let (mocks, url) = start(Config::new(topology()));
    let silent = ["/", "/?limit=all", "/shop/batch?limit=1", "/shop/report/q-2"];
    let send = |path: &str| {
        let mut client = Client::connect(&url).expect("the backend listens");
        client.send("GET", path, "", "").expect("sent");
        client
    };
    let clients = silent.map(send);
    wait_for(&mocks, "b1", "all of them in service", |state| state["in_system"] == silent.len());
    time(&url, "GET", "/?limit=1", "", "");
    let state = support::state(&mocks, "b1");
    let in_system = &state["in_system"];
    assert_eq!(in_system, clients.len(), "a later one that costs less is answered before them");
}

#[test]
fn a_request_takes_the_service_time_that_is_drawn_for_its_key_and_text() {
    let topology = Topology {
        service_time: lb_core::service_time::ServiceTime::LogNormal { mean_ms: 20.0, sigma: 0.44 },
        ..topology()
    };
    let costs = Costs::new(&topology).expect("it has costs");
    let (_mocks, url) = start(Config::new(topology.clone()));
    for (key, limit) in [(1_u64, 250), (2, 1_000), (3, 2_500), (4, 4_000)] {
        let path = format!("/?limit={limit}");
        let hints = costs.reader().read(&path, None, |_| None);
        let cost = costs.factor(topology.route("", "GET", "/"), &hints);
        let drawn = Duration::from(demand_at_cost(&topology.service_time, key, cost));
        let taken = time(&url, "GET", &path, &format!("x-request-key: {key:016x}\r\n"), "");
        assert!(taken >= drawn, "{path} is served for {drawn:?}, so it cannot be answered after {taken:?}");
    }
}

#[test]
fn what_a_request_costs_by_its_api_and_by_the_topology_multiply() {
    let api = json!({
        "name": "reports",
        "routes": [
            { "path": "/light/{id}", "cost": 0.1, "reply": { "json": { "id": "{{ path.id }}" } } },
        ]
    });
    let api = load("test.json", &api.to_string()).unwrap_or_else(|error| panic!("{error}"));
    let (mocks, url) = start(Config { api: Some(api), ..Config::new(topology()) });
    let taken = time(&url, "GET", "/light/1?limit=10", "", "");
    assert!(taken >= Duration::from_millis(60), "0.1 × 0.01 of a minute, not {taken:?}");
    let mut waiting = Client::connect(&url).expect("the backend listens");
    waiting.send("GET", "/light/2", "", "").expect("sent");
    wait_for(&mocks, "b1", "a tenth of a minute is long", |state| state["in_system"] == 1);
}
