//! Imported configs run without a change: against a shop that demands a token which every log-in changes, and that names
//! what is created anew each time.

mod common;

use common::{Bench, algorithm, number, refused, text};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the shop keeps: tokens that are valid, orders that exist, and the requests that it answered, by status.
#[derive(Default)]
struct Shop {
    tokens: BTreeSet<String>,
    orders: BTreeSet<u64>,
    count: u64,
    answered: BTreeMap<String, usize>,
    /// Requests that were refused, with what was wrong.
    refused: Vec<String>,
}

/// A request as the shop sees it.
struct Asked {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Starts a shop that lasts as long as the test.
fn shop() -> (String, Arc<Mutex<Shop>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let shop = Arc::new(Mutex::new(Shop::default()));
    let state = Arc::clone(&shop);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            std::thread::spawn(move || serve(stream, &state));
        }
    });
    (url, shop)
}

fn serve(stream: TcpStream, shop: &Mutex<Shop>) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let (status, headers, body) = {
            let mut shop = shop.lock().expect("no thread panicked");
            let reply = shop.answer(&asked);
            let line =
                format!("{} {} {}", reply.0, asked.method, asked.path.split('?').next().unwrap_or_default());
            if reply.0 >= 400 {
                shop.refused.push(format!("{line} {:?} {}", asked.headers.get("authorization"), asked.body));
            }
            *shop.answered.entry(line).or_default() += 1;
            reply
        };
        let reply = format!("HTTP/1.1 {status} -\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a request; `None` at the end of the connection, and for the preface of HTTP/2.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    if method == "PRI" {
        return None;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, headers, body: String::from_utf8(body).ok()? })
}

impl Shop {
    fn answer(&mut self, asked: &Asked) -> (u16, String, String) {
        let plain =
            |status, body: Value| (status, "content-type: application/json\r\n".to_owned(), body.to_string());
        let path = asked.path.split('?').next().unwrap_or_default();
        let json: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        self.count += 1;
        let count = self.count;
        match (asked.method.as_str(), path) {
            ("GET", "/") => {
                return (
                    200,
                    "content-type: text/html\r\n".to_owned(),
                    format!(
                        "<form action=/login><input type=\"hidden\" name=\"_csrf\" value=\"csrf-{count}\"></form>"
                    ),
                );
            }
            // Before a run, `bench` asks for the path of the first request.
            ("GET", "/api/login" | "/style.css") => return (200, String::new(), String::new()),
            ("POST", "/api/register") => return plain(201, json!({ "id": count })),
            ("POST", "/api/login") => {
                let is_account = json["username"].is_string() && json["password"].is_string();
                if !is_account {
                    return plain(401, json!({}));
                }
                let token = format!("tok-{count}-{}", count * 7919);
                self.tokens.insert(token.clone());
                return plain(200, json!({ "data": { "accessToken": token } }));
            }
            _ => {}
        }
        let token = asked.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if !token.is_some_and(|token| self.tokens.contains(token)) {
            return plain(401, json!({ "error": "no valid token" }));
        }
        let order = path.strip_prefix("/api/orders/").map(|rest| rest.split('/').next().unwrap_or_default());
        let order = order.and_then(|id| id.parse::<u64>().ok());
        match (asked.method.as_str(), path, order) {
            ("GET", "/api/orders", _) => plain(200, json!({ "items": [] })),
            ("POST", "/api/orders", _) if json["sku"].is_string() => {
                let id = 1000 + count * 13;
                self.orders.insert(id);
                let (status, headers, body) = plain(201, json!({ "id": id, "sku": json["sku"] }));
                (status, format!("{headers}location: /api/orders/{id}\r\n"), body)
            }
            ("POST", "/api/payments", _) => match json["orderId"].as_u64() {
                Some(id) if self.orders.contains(&id) => plain(200, json!({ "paid": id })),
                _ => plain(422, json!({ "error": "no such order" })),
            },
            ("GET", _, Some(id)) if self.orders.contains(&id) => plain(200, json!({ "id": id })),
            ("PUT", _, Some(id)) if self.orders.contains(&id) => plain(200, json!({ "id": id })),
            ("DELETE", _, Some(id)) if self.orders.remove(&id) => (204, String::new(), String::new()),
            _ => plain(404, json!({})),
        }
    }
}

/// Runs a config for a moment, and checks that no request failed. Returns the requests that the shop answered.
fn run_without_errors(bench: &Bench, config: &str, shop: &Mutex<Shop>) -> BTreeMap<String, usize> {
    let flags =
        ["--config", config, "--duration", "6s", "--warm-up", "0s", "--repetitions", "1", "--out", "out"];
    let output = bench.run(&flags);
    let printed = text(&output.stdout) + &text(&output.stderr);
    let shop = shop.lock().expect("no thread panicked");
    assert!(output.status.success(), "{printed}\n{:?}", shop.refused);
    let summary = bench.json("out/summary.json");
    let result = algorithm(&summary, "as-it-is");
    assert!(number(result, "/total_requests") > 0.0, "{printed}");
    assert_eq!(result["failures"], json!([]), "no request failed: {printed}\n{:?}", shop.refused);
    assert_eq!(shop.refused, [] as [String; 0], "the shop refused nothing");
    std::fs::remove_dir_all(bench.path("out")).expect("a folder");
    shop.answered.clone()
}

/// Imports a file into `config.json`, and returns what was printed.
fn import(bench: &Bench, name: &str, content: &str, flags: &[&str]) -> String {
    std::fs::write(bench.path(name), content).expect("a file can be written");
    let output = bench.run(&[&["import", name, "-o", "config.json", "--force"][..], flags].concat());
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{name}: {printed}");
    printed
}

/// Returns an entry of a recording, at an offset in milliseconds.
fn entry(
    url: &str,
    at_ms: i64,
    request: (&str, &str),
    headers: Value,
    body: Option<Value>,
    reply: (u16, Value),
) -> Value {
    let started = jiff::Timestamp::from_millisecond(1_767_225_600_000 + at_ms).expect("a time").to_string();
    let (text, mime) = match &reply.1 {
        Value::String(text) if request.1.ends_with(".css") => (text.clone(), "text/css"),
        Value::String(html) => (html.clone(), "text/html"),
        json => (json.to_string(), "application/json"),
    };
    let mut request = json!({
        "method": request.0, "url": format!("{url}{}", request.1), "httpVersion": "HTTP/1.1", "headers": headers,
        "cookies": [], "queryString": []
    });
    if let Some(body) = body {
        request["postData"] = json!({ "mimeType": "application/json", "text": body.to_string() });
    }
    json!({
        "startedDateTime": started, "time": 20, "request": request,
        "response": { "status": reply.0, "headers": [], "content": { "mimeType": mime, "text": text } }
    })
}

/// A recording of a visit: log-in, an order, its payment, and requests to other hosts.
fn recording(url: &str) -> String {
    let bearer = json!([
        { "name": "Authorization", "value": "Bearer recorded-token-1" }, { "name": "Cookie", "value": "seen=1" },
        { "name": "Connection", "value": "keep-alive" }, { "name": "Accept", "value": "application/json" }
    ]);
    let none = || json!([]);
    let get = |path, at, reply| entry(url, at, ("GET", path), bearer.clone(), None, (200, reply));
    let entries = [
        entry(url, 0, ("GET", "/"), none(), None, (200, json!("<p>hello</p>"))),
        entry(url, 30, ("GET", "/style.css"), none(), None, (200, json!(""))),
        entry("https://metrics.example", 40, ("POST", "/collect"), none(), None, (204, json!(""))),
        entry(
            url,
            1_300,
            ("POST", "/api/login"),
            none(),
            Some(json!({ "username": "ann", "password": "s3cret-pw" })),
            (200, json!({ "data": { "accessToken": "recorded-token-1" } })),
        ),
        get("/api/orders?page=1", 1_400, json!({ "items": [] })),
        entry(
            url,
            2_600,
            ("POST", "/api/orders"),
            bearer.clone(),
            Some(json!({ "sku": "A-1" })),
            (201, json!({ "id": 4711, "sku": "A-1" })),
        ),
        get("/api/orders/4711", 2_700, json!({ "id": 4711 })),
        entry(
            url,
            3_900,
            ("POST", "/api/payments"),
            bearer.clone(),
            Some(json!({ "orderId": 4711, "amount": 1 })),
            (200, json!({ "paid": 4711 })),
        ),
        entry(&url.replace("http:", "ws:"), 4_000, ("GET", "/live"), none(), None, (101, json!(""))),
    ];
    json!({ "log": { "version": "1.2", "creator": { "name": "test", "version": "1" }, "entries": entries } })
        .to_string()
}

#[test]
fn a_recording_with_a_log_in_runs_as_it_is_imported() {
    let bench = Bench::new();
    let (url, shop) = shop();
    let printed = import(&bench, "visit.har", &recording(&url), &[]);
    for line in [
        "HAR: 4 actions with 7 requests, sent to http://127.0.0.1",
        "access_token: `/data/accessToken` in the reply to POST /api/login -> the header `Authorization` (4 requests)",
        "order_id: `/id` in the reply to POST /api/orders -> the path after `orders`, the body field `orderId` (2 requests)",
        "the body field `password` of POST /api/login: written in clear into `feeds.accounts` as `password`",
        "requests to another host, metrics.example (--host metrics.example imports them instead): 1",
        "WebSocket connections, which are not HTTP requests: 1",
        "the cookies `seen` were sent before any recorded reply set them",
        "run it: bench --config config.json",
    ] {
        assert!(printed.contains(line), "`{line}` is said: {printed}");
    }
    assert!(!printed.contains("s3cret-pw"), "a password is not printed: {printed}");
    let config = bench.json("config.json");
    let journey = &config["bench"]["journey"];
    let sequence = ["get", "post_api_login", "post_api_orders", "post_api_payments"];
    assert_eq!(journey["session"]["sequence"], json!(sequence));
    assert_eq!(journey["actions"]["get"]["think_time_s"], json!([0.0, 0.0]));
    assert_eq!(
        journey["actions"]["post_api_login"]["think_time_s"],
        json!([1.25, 1.25]),
        "1300 ms less 50 ms"
    );
    assert_eq!(journey["feeds"]["accounts"], json!([{ "username": "ann", "password": "s3cret-pw" }]));
    let answered = run_without_errors(&bench, "config.json", &shop);
    assert!(answered["200 POST /api/payments"] > 0, "whole visits fit into the run: {answered:?}");
}

#[test]
fn secrets_can_stay_in_the_environment() {
    let bench = Bench::new();
    let (url, shop) = shop();
    let printed = import(&bench, "visit.har", &recording(&url), &["--secrets", "env", "--assets", "drop"]);
    assert!(
        printed.contains("taken from the environment variable BENCH_PASSWORD, which must be set"),
        "{printed}"
    );
    assert!(printed.contains("static assets (--assets keep imports them): 1"), "{printed}");
    let written = std::fs::read_to_string(bench.path("config.json")).expect("a config");
    assert!(!written.contains("s3cret-pw") && written.contains("{{env.BENCH_PASSWORD}}"), "{written}");
    refused(
        &bench,
        &["plan", "--config", "config.json"],
        2,
        &["the environment variable `BENCH_PASSWORD` is not set", "BENCH_PASSWORD=..."],
    );
    let mut command =
        bench.command(&["--config", "config.json", "--duration", "2s", "--warm-up", "0s", "--out", "out"]);
    let output = command.env("BENCH_PASSWORD", "s3cret-pw").output().expect("bench runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(shop.lock().expect("no thread panicked").refused, [] as [String; 0]);
    let kept = std::fs::read_to_string(bench.path("out/run.json")).expect("a record");
    assert!(!kept.contains("s3cret-pw"), "the record of a run does not hold the value");
}

/// A description of the shop.
fn description(url: &str) -> Value {
    let token = json!({ "type": "object", "properties": { "data": { "type": "object", "properties": {
        "accessToken": { "type": "string" }
    } } } });
    let reply = |status: &str, schema: Value| json!({ status: { "description": "-", "content": { "application/json": { "schema": schema } } } });
    let order = json!({ "$ref": "#/components/schemas/Order" });
    let id = json!({ "name": "orderId", "in": "path", "required": true, "schema": { "type": "integer" } });
    json!({
        "openapi": "3.0.3", "info": { "title": "Shop", "version": "1" }, "servers": [{ "url": format!("{url}/api") }],
        "security": [{ "token": [] }],
        "paths": {
            "/login": { "post": {
                "operationId": "logIn", "security": [],
                "requestBody": { "content": { "application/json": { "schema": {
                    "type": "object", "required": ["username", "password"],
                    "properties": { "username": { "type": "string" }, "password": { "type": "string", "format": "password" } }
                } } } },
                "responses": reply("200", token)
            } },
            "/orders": {
                "get": {
                    "operationId": "listOrders",
                    "parameters": [{ "name": "state", "in": "query", "required": true, "schema": { "enum": ["open", "paid"] } }],
                    "responses": reply("200", json!({ "type": "object", "properties": { "items": { "type": "array", "items": order } } }))
                },
                "post": {
                    "operationId": "createOrder",
                    "requestBody": { "content": { "application/json": { "schema": order } } },
                    "responses": reply("201", order.clone())
                }
            },
            "/orders/{orderId}": {
                "parameters": [id],
                "get": { "operationId": "getOrder", "responses": reply("200", order.clone()) },
                "put": {
                    "operationId": "changeOrder",
                    "requestBody": { "content": { "application/json": { "schema": order } } },
                    "responses": reply("200", order.clone())
                },
                "delete": { "operationId": "deleteOrder", "responses": { "204": { "description": "-" } } }
            },
            "/logout": { "post": { "operationId": "logOut", "responses": { "204": { "description": "-" } } } }
        },
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Order": { "type": "object", "required": ["sku"], "properties": {
                "id": { "type": "integer", "readOnly": true }, "sku": { "type": "string", "minLength": 5 },
                "parent": { "$ref": "#/components/schemas/Order" }
            } } }
        }
    })
}

#[test]
fn an_api_description_runs_as_it_is_imported() {
    let bench = Bench::new();
    let (url, shop) = shop();
    let mut api = description(&url);
    // The shop knows every account, but a description may have one that registers.
    let printed = import(&bench, "shop.openapi", &api.to_string(), &["--weights", "delete_order=2,PUT=3"]);
    for line in [
        "OpenAPI: 7 actions with 8 requests, sent to http://127.0.0.1",
        "token: `/data/accessToken` in the reply to POST /login",
        "order_id: `/id` in the reply to POST /orders",
        "operation POST /logout, which would end the session or change its password",
    ] {
        assert!(printed.contains(line), "`{line}` is said: {printed}");
    }
    let config = bench.json("config.json");
    let journey = &config["bench"]["journey"];
    assert_eq!(journey["session"]["open"], json!(["log_in", "set_up_create_order"]));
    let weight = |name: &str| journey["actions"][name]["weight"].clone();
    let weights = ["get_order", "create_order", "delete_order", "change_order"].map(weight);
    assert_eq!(weights, [json!(5.0), json!(1.0), json!(2.0), json!(3.0)]);
    assert_eq!(journey["actions"]["get_order"]["steps"][0]["path"], "/api/orders/{{order_id}}");
    assert_eq!(
        journey["actions"]["list_orders"]["steps"][0]["path"],
        "/api/orders?state={{state_choice.value}}"
    );
    let answered = run_without_errors(&bench, "config.json", &shop);
    for request in ["200 POST /api/login", "201 POST /api/orders"] {
        assert!(answered.contains_key(request), "{request}: {answered:?}");
    }
    // Where the reply has no body, the address of what was created has the identifier.
    api["paths"]["/orders"]["post"]["responses"] = json!({ "201": { "description": "-" } });
    let printed = import(&bench, "shop.openapi", &api.to_string(), &[]);
    assert!(printed.contains("order_id: the header `Location` in the reply to POST /orders"), "{printed}");
    run_without_errors(&bench, "config.json", &shop);
}

#[test]
fn every_operation_of_a_description_succeeds_when_the_doctor_sends_it() {
    let bench = Bench::new();
    let (url, _) = shop();
    import(&bench, "shop.openapi", &description(&url).to_string(), &[]);
    let output = bench.run(&["doctor", "--config", "config.json"]);
    let printed = text(&output.stdout) + &text(&output.stderr);
    for line in ["GET listOrders", "GET getOrder", "PUT changeOrder", "DELETE deleteOrder"] {
        assert!(printed.contains(&format!("  ok    {line}")), "{line} succeeds: {printed}");
    }
    import(&bench, "visit.har", &recording(&url), &[]);
    let output = bench.run(&["doctor", "--config", "config.json"]);
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(
        printed.contains("  ok    POST /api/payments"),
        "the sequence is rehearsed as a whole: {printed}"
    );
}

#[test]
fn a_description_in_yaml_is_the_same_as_in_json() {
    let bench = Bench::new();
    let yaml = "openapi: 3.1.0\ninfo: &info {title: Shop, version: '1'}\nx-again: *info\nservers:\n  - url: http://127.0.0.1:9\n\
        paths:\n  /items:\n    get:\n      responses:\n        200: {description: fine}\n";
    import(&bench, "shop.yaml", yaml, &[]);
    let from_yaml = bench.json("config.json");
    let json = json!({
        "openapi": "3.1.0", "info": { "title": "Shop", "version": "1" }, "servers": [{ "url": "http://127.0.0.1:9" }],
        "paths": { "/items": { "get": { "responses": { "200": { "description": "fine" } } } } }
    });
    import(&bench, "shop.openapi", &json.to_string(), &[]);
    assert_eq!(from_yaml, bench.json("config.json"));
}

/// A collection for the shop: log-in, and an order in a folder.
fn collection() -> Value {
    let json_body =
        |raw: &str| json!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } });
    let test = |lines: &[&str]| json!([{ "listen": "test", "script": { "type": "text/javascript", "exec": lines } }]);
    json!({
        "info": { "name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }] },
        "variable": [{ "key": "name", "value": "ann" }, { "key": "token", "value": "" }],
        "item": [
            {
                "name": "Log in",
                "event": test(&[
                    "var jsonData = pm.response.json();",
                    "pm.environment.set(\"token\", jsonData.data.accessToken);",
                    "pm.environment.set(\"when\", Date.now());"
                ]),
                "request": {
                    "auth": { "type": "noauth" }, "method": "POST", "url": { "raw": "{{baseUrl}}/api/login" },
                    "body": json_body("{\n  \"username\": \"{{name}}\",\n  \"password\": \"s3cret-pw\"\n}")
                }
            },
            { "name": "Orders", "item": [
                {
                    "name": "Create",
                    "event": test(&["pm.test('made', () => pm.response.to.have.status(201));",
                        "pm.collectionVariables.set('orderId', pm.response.json().id);"]),
                    "request": { "method": "POST", "url": "{{baseUrl}}/api/orders", "body": json_body("{\"sku\": \"{{$guid}}\"}") }
                },
                { "name": "Show", "request": { "method": "GET", "url": {
                    "raw": "{{baseUrl}}/api/orders/:id?x=1&off=2",
                    "query": [{ "key": "x", "value": "1" }, { "key": "off", "value": "2", "disabled": true }],
                    "variable": [{ "key": "id", "value": "{{orderId}}" }]
                } } },
                { "name": "Pay", "request": {
                    "method": "POST", "url": "{{baseUrl}}/api/payments", "body": json_body("{\"orderId\": {{orderId}}}")
                } }
            ] }
        ]
    })
}

#[test]
fn a_postman_collection_runs_as_it_is_imported() {
    let bench = Bench::new();
    let (url, shop) = shop();
    std::fs::write(bench.path("shop.postman_collection.json"), collection().to_string()).expect("a file");
    refused(
        &bench,
        &["import", "shop.postman_collection.json", "-o", "config.json"],
        2,
        &["uses variables that neither it nor one of its scripts sets: baseUrl; give --variable baseUrl=..."],
    );
    assert!(!bench.path("config.json").exists(), "nothing was written");
    let base = format!("baseUrl={url}");
    let printed =
        import(&bench, "shop.postman_collection.json", &collection().to_string(), &["--variable", &base]);
    for line in [
        "Postman collection: 4 actions with 4 requests",
        "token: `/data/accessToken` in the reply to Log in",
        "orderId: `/id` in the reply to Orders / Create",
        "Log in: not imported from a script: `pm.environment.set(\"when\", Date.now());`",
        "the body field `password` of Log in: written in clear",
    ] {
        assert!(printed.contains(line), "`{line}` is said: {printed}");
    }
    let config = bench.json("config.json");
    let actions = &config["bench"]["journey"]["actions"];
    assert_eq!(actions["orders_show"]["steps"][0]["path"], "/api/orders/{{order_id}}?x=1");
    assert_eq!(actions["orders_create"]["steps"][0]["body"], json!({ "sku": "{{uuid}}" }));
    let answered = run_without_errors(&bench, "config.json", &shop);
    assert!(answered.contains_key("200 POST /api/payments"), "{answered:?}");
}

#[test]
fn a_log_becomes_sessions_at_the_recorded_rate() {
    let bench = Bench::new();
    let mut log = String::new();
    for number in 0..60 {
        let (minute, client) = (number / 2, number % 2);
        let path = if number % 3 == 0 {
            "/about".to_owned()
        } else {
            format!("/items/{}?page={client}", number % 5)
        };
        log.push_str(&format!(
            "10.0.0.{client} - - [10/Oct/2026:13:{minute:02}:{:02} +0000] \"GET {path} HTTP/1.1\" 200 10 \"-\" \"agent\"\n",
            client * 30
        ));
    }
    log.push_str(
        "10.0.0.1 - - [10/Oct/2026:13:30:00 +0000] \"POST /orders HTTP/1.1\" 201 10 \"-\" \"agent\"\n",
    );
    let printed = import(&bench, "access.log", &log, &[]);
    assert!(
        printed.contains(
            "requests that change something, whose bodies are not in the log (POST, PUT, PATCH): 1"
        ),
        "{printed}"
    );
    assert!(printed.contains("--config config.json --url URL"), "a log names no address: {printed}");
    let config = bench.json("config.json");
    let journey = &config["bench"]["journey"];
    assert_eq!(journey["actions"]["get_about"]["weight"], json!(20.0));
    assert_eq!(journey["actions"]["get_items_one"]["weight"], json!(40.0));
    assert_eq!(
        journey["actions"]["get_items_one"]["steps"][0]["path"],
        "/items/{{row.id}}?page={{row.page}}"
    );
    assert_eq!(config["bench"]["arrivals"]["process"], "poisson");
    let output = bench.run(&[
        "--config",
        "config.json",
        "--engine",
        "sim",
        "--quiet",
        "--duration",
        "5m",
        "--out",
        "out",
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_imported_is_refused_and_nothing_is_written() {
    let bench = Bench::new();
    let socket = entry("ws://h", 0, ("GET", "/live"), json!([]), None, (101, json!("")));
    let circle = json!({ "openapi": "3.0.0", "paths": { "/a": { "$ref": "#/paths/~1b" }, "/b": { "$ref": "#/paths/~1a" } } });
    let outside = json!({ "openapi": "3.0.0", "paths": { "/a": { "$ref": "other.yaml#/a" } } });
    let bomb =
        (1..12).fold("openapi: 3.0.0\na0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned(), |text, level| {
            let before = vec![format!("*a{}", level - 1); 10].join(", ");
            text + &format!("a{level}: &a{level} [{before}]\n")
        });
    for (name, content, parts) in [
        ("empty.har", r#"{"log": {"entries": []}}"#.to_owned(), &["has no entries"][..]),
        ("none.har", r#"{"log": {"version": "1.2", "creator": {}}}"#.to_owned(), &["without `log.entries`"]),
        (
            "socket.har",
            json!({ "log": { "entries": [socket] } }).to_string(),
            &["has no request", "WebSocket connections, which are not HTTP requests: 1"],
        ),
        (
            "cut.har",
            r#"{"log": {"version": "1.2", "entries": [{"request": {"#.to_owned(),
            &["is cut off: it begins like a HAR file"],
        ),
        (
            "v1.json",
            r#"{"id": "1", "order": [], "requests": [{}]}"#.to_owned(),
            &["Postman collection in the format v1", "export it as v2.1"],
        ),
        ("circle.json", circle.to_string(), &["references that lead in a circle"]),
        ("outside.json", outside.to_string(), &["refers to another file, `other.yaml#/a`", "bundle"]),
        ("bomb.yaml", bomb, &["has more than 500000 values, with those that aliases repeat"]),
        (
            "old.json",
            r#"{"swagger": "1.2", "paths": {}}"#.to_owned(),
            &["of version 1.2; OpenAPI 3.0 and 3.1 and Swagger 2.0"],
        ),
        (
            "text.log",
            "what is this\n".to_owned(),
            &["Other formats that are imported: HAR, Postman collections"],
        ),
    ] {
        std::fs::write(bench.path(name), content).expect("a file");
        refused(&bench, &["import", name, "-o", "config.json"], 2, parts);
        assert!(!bench.path("config.json").exists(), "{name}: nothing was written");
    }
    refused(&bench, &["import", "missing.har"], 2, &["failed to read `missing.har`"]);
    refused(&bench, &["import", "/dev/zero"], 2, &["not a regular file"]);
}

#[test]
fn a_config_that_exists_is_kept_and_standard_output_has_the_config_alone() {
    let bench = Bench::new();
    std::fs::write(bench.path("visit.har"), recording("http://127.0.0.1:9")).expect("a file");
    std::fs::write(bench.path("visit.json"), "mine").expect("a file");
    refused(&bench, &["import", "visit.har"], 2, &["`visit.json` exists", "--force"]);
    assert_eq!(std::fs::read_to_string(bench.path("visit.json")).expect("a file"), "mine");
    let output = bench.run(&["import", "visit.har", "-o", "-"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let config: Value = serde_json::from_slice(&output.stdout).expect("standard output is JSON");
    assert!(text(&output.stderr).starts_with("HAR: 4 actions"), "the report goes to standard error");
    let output = bench.run(&["import", "visit.har", "--force", "--url", "http://127.0.0.1:10"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(bench.json("visit.json")["bench"]["load_balancer"]["url"], "http://127.0.0.1:10");
    assert_eq!(config["bench"]["load_balancer"]["url"], "http://127.0.0.1:9");
    for (flags, part) in [
        (&["--host", "other.example"][..], "has no request to other.example; it has requests to"),
        (&["--weights", "GET=1"], "--weights has no effect on HAR"),
        (&["--weights", "GET"], "write `GET=10`"),
        (&["--variable", "a=1"], "--variable has no effect on HAR"),
        (&["--variable", "a"], "write `baseUrl=http://localhost:8080`"),
    ] {
        refused(&bench, &[&["import", "visit.har", "-o", "other.json"][..], flags].concat(), 2, &[part]);
    }
}
