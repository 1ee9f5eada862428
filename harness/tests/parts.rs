//! Tests the load balancer and the mock backends as the README starts them, with the calls of a client of the
//! documented application.

mod common;

use common::{Bench, Process, read_json};
use lb_core::topology::{BUNDLED, Topology};
use serde_json::{Value, json};
use std::path::Path;

/// Returns the config of the load balancer that the README names.
fn example() -> Value {
    read_json(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../configs/load-balancers/reference.example.json"
    )))
}

#[test]
fn the_example_config_expects_the_backends_where_they_are_by_default() {
    let example = example();
    let (_, text) = BUNDLED.iter().find(|(name, _)| *name == "default").expect("it is bundled");
    let topology: Topology = serde_json::from_str(text).expect("it is a topology");
    let pools = example["pools"].as_array().expect("pools");
    assert_eq!(pools.len(), topology.pools.len());
    let mut port = mock_backends::cli::BASE_PORT;
    for (configured, pool) in pools.iter().zip(&topology.pools) {
        assert_eq!(configured["services"], json!(pool.services), "the services of {}", pool.name);
        let backends = configured["backends"].as_array().expect("backends");
        assert_eq!(backends.len(), pool.backends.len());
        for (backend, spec) in backends.iter().zip(&pool.backends) {
            assert_eq!(backend["id"], spec.id);
            assert_eq!(backend["url"], format!("http://127.0.0.1:{port}"), "{}", spec.id);
            port += 1;
        }
    }
}

/// A client of the load balancer.
struct Client {
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    url: String,
    token: String,
    /// The backends that answered, in order.
    answered: Vec<String>,
}

impl Client {
    fn new(url: &str) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            url: url.to_owned(),
            token: String::new(),
            answered: Vec::new(),
        }
    }

    /// Returns the status and the body of a reply; the text where it is not JSON.
    fn call(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.runtime.block_on(async {
            let reply = request.send().await.expect("the load balancer answers");
            let status = reply.status().as_u16();
            if let Some(backend) = reply.headers().get("x-backend") {
                self.answered.push(backend.to_str().expect("a text").to_owned());
            }
            let text = reply.text().await.expect("a body");
            let body = if text.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(&text).unwrap_or(text.into())
            };
            (status, body)
        })
    }

    fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// Starts the two programs as the README does, but on ports that the system chooses. Returns the address of
/// the load balancer, and the processes.
fn start(bench: &Bench) -> (String, [Process; 2]) {
    let arguments = ["__mock-backends", "--topology", "default", "--base-port", "0", "--control-port", "0"];
    let (mocks, ready) = Process::start(bench, &[&arguments[..], &["--exit-with-parent"]].concat());
    let mut config = example();
    config["listen"] = json!("127.0.0.1:0");
    let listening = ready["backends"].as_array().expect("backends");
    let expected = config["pools"][0]["backends"].as_array_mut().expect("backends");
    for (backend, at) in expected.iter_mut().zip(listening) {
        backend["url"] = at["url"].clone();
    }
    let config = bench.config("load-balancer.json", &config);
    let arguments = ["__load-balancer", "--config", &config, "--exit-with-parent"];
    let (balancer, at) = Process::start(bench, &arguments);
    (at["url"].as_str().expect("a url").to_owned(), [balancer, mocks])
}

#[test]
fn a_client_of_the_documented_application_is_served_by_the_two_parts_together() {
    let bench = Bench::new();
    let (url, _processes) = start(&bench);
    let mut client = Client::new(&url);

    let user = json!({
        "firstName": "John", "lastName": "Doe", "email": "john.doe@example.com",
        "password": "SecurePassword123!", "phoneNumber": "+1234567890",
    });
    let (status, registered) = client.call("POST", "/proxy/user-service/api/users/register", &user);
    assert_eq!((status, &registered["id"]), (201, &json!(1)), "{registered}");
    let (status, login) = client.call("POST", "/proxy/user-service/api/users/login", &user);
    assert_eq!((status, &login["user"]["email"]), (200, &user["email"]), "{login}");
    client.token = login["token"].as_str().expect("a token").to_owned();

    let item =
        json!({ "productId": "LAPTOP-001", "productName": "Gaming Laptop", "quantity": 1, "price": 1299.99 });
    let (status, cart) = client.call("POST", "/proxy/cart-service/api/cart/items", &item);
    assert_eq!((status, &cart["totalAmount"]), (201, &json!(1299.99)), "{cart}");
    let change = json!({ "productId": "LAPTOP-001", "quantity": 2 });
    let (status, cart) = client.call("PUT", "/proxy/cart-service/api/cart/items", &change);
    assert_eq!((status, &cart["totalItems"]), (200, &json!(2)), "{cart}");

    let order = json!({
        "items": [],
        "shippingAddress": {
            "street": "123 Test St", "city": "Test City", "state": "TS", "zipCode": "12345", "country": "US",
            "phone": "+15550123",
        },
        "notes": "RL Training Order - quick_browsers",
    });
    let (status, placed) = client.call("POST", "/proxy/order-service/api/orders", &order);
    assert_eq!((status, &placed["totalAmount"]), (201, &json!(2599.98)), "the cart was ordered: {placed}");
    assert_eq!(client.get("/proxy/order-service/api/orders/user"), json!([placed]));
    assert_eq!(client.get("/proxy/cart-service/api/cart")["totalItems"], 0, "and is empty");

    let payment =
        json!({ "orderId": "1", "amount": 2599.98, "currency": "USD", "paymentMethod": "CREDIT_CARD" });
    let (status, paid) = client.call("POST", "/proxy/payment-service/api/payments", &payment);
    assert_eq!((status, &paid["status"]), (201, &json!("COMPLETED")), "{paid}");
    let path = "/proxy/payment-service/api/payments/PAY-1";
    assert_eq!(client.get(path), paid, "whichever backend is asked");
    let notification = json!({ "type": "ORDER_CONFIRMATION", "title": "Order Confirmed", "message": "m", "channels": ["EMAIL"] });
    let (status, sent) = client.call("POST", "/proxy/notification-service/api/notifications", &notification);
    assert_eq!((status, &sent["title"]), (201, &notification["title"]), "{sent}");
    let (status, _) = client.call("DELETE", "/proxy/cart-service/api/cart", &Value::Null);
    assert_eq!(status, 204);

    let metrics = client.get("/proxy/cart-service/actuator/prometheus");
    assert!(metrics.as_str().is_some_and(|text| text.starts_with("# HELP http_server_requests_seconds ")));
    let instances = client.get("/api/services/cart-service/instances");
    let names: Vec<&str> =
        instances.as_array().expect("a list").iter().filter_map(|one| one["instanceName"].as_str()).collect();
    assert_eq!(names, ["shop-1", "shop-2", "shop-3", "shop-4", "shop-5", "shop-6"]);
    let turns: Vec<&str> = names.iter().cycle().take(client.answered.len()).copied().collect();
    assert_eq!(
        client.answered, turns,
        "round-robin over all six, under the names that the load balancer lists"
    );
}

#[test]
fn requests_that_the_backends_hold_are_in_the_percentiles() {
    let bench = Bench::new();
    let (url, _processes) = start(&bench);
    let mut client = Client::new(&url);
    client.call("POST", "/api/benchmark/start?startAlgorithm=round-robin", &Value::Null);
    for _ in 0..10 {
        assert_eq!(client.get("/proxy/cart-service/api/hold?ms=100"), json!({ "heldMs": 100 }));
    }
    let results = client.get("/api/benchmark/results");
    let (_, stopped) = client.call("POST", "/api/benchmark/stop", &Value::Null);
    for results in [&results, &stopped] {
        let figures = &results["results"]["algorithmResults"]["round-robin"];
        assert_eq!(figures["requestCount"], 10);
        // A busy machine may add to the 100 ms, but nothing can shorten it.
        for key in
            ["minResponseTime", "p50ResponseTime", "p95ResponseTime", "p99ResponseTime", "maxResponseTime"]
        {
            assert!(figures[key].as_u64().is_some_and(|millis| millis >= 100), "{key}: {figures}");
        }
        assert!(figures["p50ResponseTime"].as_u64() <= figures["p99ResponseTime"].as_u64(), "{figures}");
    }
}

#[test]
fn an_api_from_a_file_is_served_behind_the_load_balancer_under_the_paths_of_its_routes() {
    let bench = Bench::new();
    let topology = json!({
        "name": "instances",
        "pools": [{ "name": "apps", "backends": [{ "id": "app1" }, { "id": "app2" }] }],
        "service_time": { "distribution": "constant", "mean_ms": 0.1 },
    });
    let topology = bench.config("topology.json", &topology);
    let arguments =
        ["__mock-backends", "--topology", &topology, "--api", "fastapi-scaling", "--base-port", "0"];
    let arguments = [&arguments[..], &["--control-port", "0", "--exit-with-parent"]].concat();
    let (_mocks, ready) = Process::start(&bench, &arguments);
    let mut config = example();
    config["listen"] = json!("127.0.0.1:0");
    let listening = ready["backends"].as_array().expect("backends");
    let backends = listening.iter().map(|at| json!({ "id": at["id"], "url": at["url"] }));
    config["pools"] = json!([{ "name": "apps", "backends": backends.collect::<Vec<_>>() }]);
    let config = bench.config("load-balancer.json", &config);
    let (_balancer, at) =
        Process::start(&bench, &["__load-balancer", "--config", &config, "--exit-with-parent"]);
    let mut client = Client::new(at["url"].as_str().expect("a url"));

    for path in ["/proxy/gateway-health", "/proxy/app1/health", "/proxy/health"] {
        assert_eq!(client.get(path)["status"], "healthy", "{path}");
    }
    let user = json!({ "name": "Ada", "email": "ada@example.com" });
    let (status, created) = client.call("POST", "/proxy/api/users", &user);
    assert_eq!((status, &created["data"]["id"]), (201, &json!(11)), "{created}");
    for _ in 0..4 {
        assert_eq!(client.get("/proxy/api/users/11")["data"]["name"], "Ada", "on all backends");
    }
    let control = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}/api", ready["control"].as_str().expect("a url"));
    let shown =
        client.runtime.block_on(async { control.get(url).send().await?.text().await }).expect("a reply");
    let shown: Value = serde_json::from_str(&shown).expect("it is JSON");
    let cache = &shown["caches"][0];
    assert_eq!((&cache["hits"], &cache["misses"]), (&json!(3), &json!(1)), "the backends share the cache");
}

#[test]
fn a_page_is_waited_for_until_it_answers() {
    let bench = Bench::new();
    let arguments = ["mock-backends", "--topology", "default", "--base-port", "0", "--control-port", "0"];
    let (_mocks, ready) = Process::start(&bench, &[&arguments[..], &["--exit-with-parent"]].concat());
    let backend = ready["backends"][0]["url"].as_str().expect("a url");
    let wait = |url: &str, timeout: &str| {
        let output = bench.run(&["wait", url, "--wait-timeout", timeout]);
        (output.status.code(), common::text(&output.stderr))
    };
    assert_eq!(
        wait(&format!("{backend}/actuator/health"), "60s"),
        (Some(0), String::new()),
        "it is ready at once"
    );

    let (code, said) = wait(&format!("{backend}/user-service/api/users/me"), "0.6s");
    assert_eq!(code, Some(3), "401 is no page that is ready: {said}");
    assert!(said.contains("last answer: status 401"), "{said}");
    let (code, said) = wait(&format!("http://127.0.0.1:{}/", common::free_port()), "0.1s");
    assert_eq!(code, Some(3), "nothing listens there: {said}");
    assert!(said.contains("was not ready within 0.1 s"), "{said}");
    let (code, said) = wait("ftp://127.0.0.1/", "0.1s");
    assert_eq!(code, Some(2), "only http and https are asked: {said}");
}
