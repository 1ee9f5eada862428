//! APIs from files over real sockets: what the templates, the state and the caches of a file make of real requests.

mod support;

use lb_core::topology::Topology;
use mock_backends::api_file::{find, load};
use mock_backends::{Config, Mocks};
use serde_json::{Value, json};
use support::{Client, call, get, post, topology};

/// Two quick backends that serve an API, by its bundled name.
fn bundled(name: &str) -> Mocks {
    start(find(name).unwrap_or_else(|error| panic!("{error}")))
}

/// Two quick backends that serve an API from a file.
fn declared(file: &Value) -> Mocks {
    start(load("test.json", &file.to_string()).unwrap_or_else(|error| panic!("{error}")))
}

fn start(api: mock_backends::api_file::Api) -> Mocks {
    let topology: Topology = serde_json::from_value(topology()).expect("the topology is valid");
    Mocks::start(Config { api: Some(api), ..Config::new(topology) }).expect("free ports can be had")
}

fn urls(mocks: &Mocks) -> [&str; 2] {
    let backends = &mocks.announcement().backends;
    [&backends[0].url, &backends[1].url]
}

/// What the control API says of the API.
fn api(mocks: &Mocks) -> Value {
    get(&mocks.announcement().control, "/api").body
}

#[test]
fn users_are_created_read_changed_and_removed_over_all_backends() {
    let mocks = bundled("fastapi-scaling");
    let [one, two] = urls(&mocks);
    for path in ["/gateway-health", "/health", "/app1/health", "/app2/health", "/app3/health"] {
        let reply = get(one, path);
        assert_eq!((reply.status, &reply.body["status"]), (200, &json!("healthy")), "{path}");
        assert_eq!(
            (reply.header("x-instance"), reply.header("x-backend")),
            (Some("b1"), Some("b1")),
            "{path}"
        );
    }
    let created = post(one, "/api/users", r#"{"name": "Ada", "email": "a@x.org"}"#);
    assert_eq!((created.status, created.header("content-type")), (201, Some("application/json")));
    let id = created.body["data"]["id"].as_u64().expect("a number");
    let path = format!("/api/users/{id}");
    assert_eq!(created.header("location"), Some(path.as_str()));
    let read = get(two, &path);
    assert_eq!((read.status, &read.body["data"]["email"]), (200, &json!("a@x.org")));
    assert_eq!(call(two, "PUT", &path, r#"{"name": "Grace"}"#).body["data"]["name"], "Grace");
    let users = get(one, "/api/users?limit=5").body;
    assert_eq!((users["data"].as_array().map(Vec::len), &users["total"]), (Some(5), &json!(11)));
    assert_eq!(call(one, "DELETE", &path, "").status, 200);
    let gone = get(two, &path);
    assert_eq!((gone.status, gone.body), (404, json!({ "detail": format!("User {id} not found") })));
    let invalid = post(one, "/api/users", r#"{"name": "Ada"}"#);
    assert_eq!((invalid.status, invalid.body), (422, json!({ "detail": "missing: body.email" })));
    assert_eq!(get(one, "/api/other").body, json!({ "detail": "Not Found" }));
    post(&mocks.announcement().control, "/reset", "");
    assert_eq!(get(one, "/api/users").body["total"], 10, "as at the start");
}

#[test]
fn the_ratio_of_hits_that_a_client_sees_is_the_one_that_the_backends_count() {
    let mocks = bundled("fastapi-scaling");
    let mut clients = urls(&mocks).map(|url| Client::connect(url).expect("the backend listens"));
    let mut seen = json!({ "HIT": 0, "MISS": 0 });
    for number in 0..200_usize {
        // Users 1 to 10 exist; a write now and then makes the next reading a miss.
        let path = format!("/api/users/{}", number * 7 % 13 + 1);
        let client = &mut clients[number % 2];
        if number % 20 == 19 {
            client.call("PUT", &path, "", r#"{"age": 1}"#).expect("a reply");
        }
        let reply = client.call("GET", &path, "", "").expect("a reply");
        let word = reply.header("x-cache-status").expect("each reply says it").to_owned();
        seen[&word] = (seen[&word].as_u64().expect("a known word") + 1).into();
    }
    let cache = &api(&mocks)["caches"][0];
    assert_eq!(
        (&cache["name"], &cache["hits"], &cache["misses"]),
        (&json!("user"), &seen["HIT"], &seen["MISS"])
    );
    assert!(seen["HIT"].as_u64() > Some(100) && seen["MISS"].as_u64() > Some(10), "{seen}");
    let scraped: u64 = urls(&mocks).iter().map(|url| hits_in_metrics(url)).sum();
    assert_eq!(Some(scraped), seen["HIT"].as_u64(), "the metrics of the backends add up to it");
    post(&mocks.announcement().control, "/reset", "");
    let cache = &api(&mocks)["caches"][0];
    assert_eq!((&cache["hits"], &cache["misses"], &cache["entries"]), (&json!(0), &json!(0), &json!(0)));
}

fn hits_in_metrics(url: &str) -> u64 {
    let mut client = Client::connect(url).expect("the backend listens");
    let (_, text) = client.text("/actuator/prometheus").expect("a reply");
    let line =
        text.lines().find_map(|line| line.strip_prefix(r#"cache_gets_total{cache="user",result="hit"}"#));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no counter in {text}"))
}

/// A miss takes a minute of service, which no client here waits for.
#[test]
fn a_hit_waits_for_its_share_of_the_service_time_alone() {
    let mocks = declared(&json!({
        "name": "slow",
        "service_time": { "distribution": "constant", "mean_ms": 60_000 },
        "routes": [{
            "path": "/thing/{id}",
            "cost": "0 if query.quick else 1",
            "cache": { "key": ["path.id"], "ttl_s": 3600, "hit_cost": 0.000001 },
            "reply": { "text": "thing {{ path.id }}" }
        }]
    }));
    let [one, _] = urls(&mocks);
    let mut client = Client::connect(one).expect("the backend listens");
    assert_eq!(client.text("/thing/7?quick=1").expect("a reply").1, "thing 7");
    assert_eq!(client.text("/thing/7").expect("a reply, at once").1, "thing 7");
    let mut waiting = Client::connect(one).expect("the backend listens");
    waiting.send("GET", "/thing/8", "", "").expect("sent");
    support::wait_for(&mocks, "b1", "a miss is in service", |state| state["in_system"] == 1);
    drop(waiting);
    let counted = &api(&mocks)["caches"][0];
    assert_eq!((&counted["hits"], &counted["misses"]), (&json!(1), &json!(1)), "the miss was not answered");
}

#[test]
fn models_are_loaded_once_and_only_loaded_ones_answer() {
    let mocks = bundled("model-api");
    let [one, two] = urls(&mocks);
    assert_eq!(get(one, "/health").body, json!({ "status": "healthy" }));
    assert_eq!(get(one, "/models").body["total"], 3);
    let infer = |url: &str, body: Value| {
        let reply = post(url, "/inference", &body.to_string());
        (reply.status, reply.body["predictions"].as_array().map(Vec::len))
    };
    assert_eq!(infer(one, json!({ "size": "small" })), (200, Some(1)));
    assert_eq!(infer(one, json!({ "inputs": [[1, 2], [3, 4]], "batch_size": 4 })), (200, Some(4)));
    assert_eq!(infer(one, json!({ "model_name": "large" })), (404, None), "it is not loaded");
    assert_eq!(infer(one, json!({ "model_name": "none" })), (404, None));
    assert_eq!(infer(one, json!({ "size": "huge" })), (422, None));
    assert_eq!(post(one, "/inference", "[1]").status, 422);
    let load =
        |url: &str, name: &str| post(url, "/models/load", &json!({ "model_name": name }).to_string()).status;
    assert_eq!([load(one, "large"), load(two, "large"), load(two, "new")], [200, 409, 200]);
    assert_eq!(infer(two, json!({ "model_name": "large" })), (200, Some(1)), "the backends share the models");
    assert_eq!(post(one, "/models/load", "{}").status, 422);
    let mut client = Client::connect(one).expect("the backend listens");
    let (kind, text) = client.text("/metrics").expect("a reply");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let count = r#"http_server_requests_seconds_count{method="POST",status="404",uri="/inference"} 2"#;
    assert!(text.contains(count), "the metrics count what was answered: {text}");
}

#[test]
fn three_endpoints_take_two_methods() {
    let mocks = bundled("api");
    let [one, _] = urls(&mocks);
    for endpoint in ["resource", "item", "user"] {
        let path = format!("/api/v1/{endpoint}");
        assert_eq!(get(one, &path).body["total"], 2, "{path}");
        let created = post(one, &path, r#"{"name": "new"}"#);
        assert_eq!(
            (created.status, &created.body["data"]),
            (201, &json!({ "id": 3, "name": "new" })),
            "{path}"
        );
        assert_eq!(post(one, &path, "").body["data"]["name"], "unnamed", "{path}");
        assert_eq!(call(one, "DELETE", &path, "").status, 405, "{path}");
    }
}

#[test]
fn pages_set_cookies_and_redirect() {
    let mocks = declared(&json!({
        "name": "pages",
        "session": { "cookie": "sid" },
        "state": { "cart": { "per_session": true } },
        "routes": [
            { "path": "/cart", "steps": [{ "do": "list", "in": "cart" }],
              "reply": { "html": "<p>{{ total }} lines of {{ session }}</p>" } },
            { "method": "POST", "path": "/cart", "steps": [{ "do": "create", "in": "cart", "with": { "p": "{{ form.p }}" } }],
              "reply": { "redirect": "/cart", "cookies": { "last": "{{ form.p }}" } } }
        ]
    }));
    let [one, two] = urls(&mocks);
    let mut client = Client::connect(one).expect("the backend listens");
    let (status, headers, _) = client.page("POST", "/cart", "", "p=mug").expect("a reply");
    let values = |name: &str| -> Vec<&str> {
        headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!((status, values("location")), (302, vec!["/cart"]));
    let cookies = values("set-cookie");
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    let session = cookies.iter().find_map(|cookie| cookie.strip_prefix("sid=")?.split(';').next());
    let session = session.expect("a session");
    let mut client = Client::connect(two).expect("the backend listens");
    let (_, headers, page) = client.page("GET", "/cart", &format!("sid={session}"), "").expect("a reply");
    assert_eq!(page, format!("<p>1 lines of {session}</p>"), "the backends share the carts");
    assert!(headers.contains(&("content-type".to_owned(), "text/html; charset=utf-8".to_owned())));
}

#[test]
fn the_example_of_the_documentation_is_an_api() {
    let page = include_str!("../../docs/mock-api.md");
    let (_, rest) = page.split_once("```json\n").expect("there is an example");
    let (example, _) = rest.split_once("\n```").expect("it has an end");
    let mocks = start(load("docs/mock-api.md", example).unwrap_or_else(|error| panic!("{error}")));
    let [one, _] = urls(&mocks);
    assert_eq!(get(one, "/api/users/1").body, json!({ "data": { "id": 1, "name": "Ada" } }));
    assert_eq!(call(one, "DELETE", "/api/users/1", "").status, 204);
    assert_eq!(get(one, "/api/users/1").status, 404);
}

#[test]
fn the_apis_of_the_program_are_chosen_by_name_whatever_the_topology_says() {
    let pages = bundled("boutique");
    let mut client = Client::connect(urls(&pages)[0]).expect("the backend listens");
    let (kind, page) = client.text("/").expect("a reply");
    assert!(kind.starts_with("text/html") && page.contains("Online Boutique"), "{page}");
    let error = get(&pages.announcement().control, "/api");
    assert_eq!(error.status, 404, "it has no caches to show: {}", error.body);

    let mut topology = topology();
    topology["pools"][0]["services"] = json!(["boutique"]);
    let topology: Topology = serde_json::from_value(topology).expect("the topology is valid");
    let shop = find("shop").expect("it is bundled");
    let shop = Mocks::start(Config { api: Some(shop), ..Config::new(topology) }).expect("free ports");
    assert_eq!(get(&shop.announcement().backends[0].url, support::FAST).body["sku"], "PHONE-001");
}

#[test]
fn operators_are_answered_besides_an_api() {
    let mocks = bundled("model-api");
    let [one, _] = urls(&mocks);
    assert_eq!(get(one, "/actuator/health").body, json!({ "status": "UP" }));
    assert_eq!(get(one, "/api/hold?ms=0").status, 200);
    assert_eq!(get(one, "/api/degradation/status").status, 200);
    post(one, "/api/degradation/errors/start?errorRatePercent=100&durationSeconds=60", "");
    assert_eq!(get(one, "/health").status, 500, "degradation makes the API fail as well");
}
