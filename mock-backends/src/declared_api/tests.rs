//! Mock APIs without sockets, in virtual time.

use super::*;
use http::{HeaderMap, HeaderValue};
use lb_core::{Seed, Span, Time};
use serde_json::json;
use std::sync::Arc;

/// A running API and a client that keeps cookies.
struct Client {
    api: RunningApi,
    now: Time,
    headers: HeaderMap,
    unit: usize,
    key: u64,
}

/// What came of a request.
struct Seen {
    cost: f64,
    reply: Rendered,
}

impl Client {
    fn new(file: Value) -> Self {
        let api = match read(&file, Vec::new()) {
            Ok(Read::Declared(api)) => Arc::from(api),
            other => panic!("the API must be valid: {other:?}"),
        };
        let api = RunningApi::new(api, Seed(1));
        Self { api, now: Time::ZERO, headers: HeaderMap::new(), unit: 0, key: 0 }
    }

    fn send(&mut self, method: &str, target: &str, body: &str) -> Seen {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let service = self.headers.get("x-service").and_then(|value| value.to_str().ok());
        let (headers, unit) = (&self.headers, self.unit);
        let backend = if unit == 0 { "b1" } else { "b2" };
        let request =
            Incoming { method, path, service, query, headers, body: body.as_bytes(), backend, unit };
        let visit = self.api.arrive(&request, self.now);
        let cost = visit.cost;
        self.key += 1;
        Seen { cost, reply: self.api.answer(visit, self.key, self.now) }
    }

    fn get(&mut self, target: &str) -> Seen {
        self.send("GET", target, "")
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Span::from_secs(seconds);
    }

    /// Returns the counts that the control API shows for the only cache.
    fn counts(&self) -> (u64, u64) {
        let cache = &self.api.show(&["b1", "b2"])["caches"][0];
        (cache["hits"].as_u64().expect("hits"), cache["misses"].as_u64().expect("misses"))
    }
}

impl Seen {
    fn status(&self) -> u16 {
        self.reply.status
    }

    fn text(&self) -> String {
        match &self.reply.content {
            Content::Bytes(bytes, _) => String::from_utf8_lossy(bytes).into_owned(),
            Content::Empty | Content::Metrics => String::new(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|error| panic!("{}: {error}", self.text()))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.reply.headers.iter().rev();
        headers.find(|(known, _)| known == name).and_then(|(_, value)| value.to_str().ok())
    }
}

fn users() -> Value {
    let missing = json!({ "status": 404, "json": { "detail": "no user {{ path.id }}" } });
    json!({
        "name": "users",
        "state": { "users": { "rows": [{ "name": "Ada" }], "max_rows": 3 } },
        "routes": [
            { "path": "/users", "steps": [{
                "do": "list", "in": "users", "where": "not query.name or row.name == query.name",
                "skip": "query.skip | number(0)", "limit": "query.limit | number(2)"
              }],
              "reply": { "json": { "total": "{{ total }}", "users": "{{ items }}" } } },
            { "method": "POST", "path": "/users", "require": ["body.name"], "cost": 2,
              "invalid": { "status": 400, "json": { "missing": "{{ missing }}" } },
              "steps": [{ "do": "create", "in": "users", "with": "{{ body }}" }],
              "reply": { "status": 201, "json": { "data": "{{ item }}" } } },
            { "path": "/users/{id}",
              "cache": { "name": "user", "key": ["path.id"], "ttl_s": 30, "hit_cost": 0.1, "max_entries": 2 },
              "steps": [{ "do": "read", "in": "users", "id": "path.id", "missing": missing }],
              "reply": { "json": { "data": "{{ item }}" } } },
            { "method": "PUT", "path": "/users/{id}", "invalidates": [{ "cache": "user", "key": ["path.id"] }],
              "steps": [{ "do": "update", "in": "users", "id": "path.id", "with": { "name": "{{ body.name }}" }, "missing": missing }],
              "reply": { "json": { "data": "{{ item }}" } } },
            { "method": "DELETE", "path": "/users/{id}", "invalidates": [{ "cache": "user" }],
              "steps": [{ "do": "delete", "in": "users", "id": "path.id", "missing": missing }],
              "reply": { "status": 204 } },
            { "path": "/users/first", "reply": { "text": "a fixed part comes before a parameter" } }
        ]
    })
}

#[test]
fn rows_are_created_read_changed_listed_and_removed() {
    let mut client = Client::new(users());
    let created = client.send("POST", "/users", r#"{"name": "Grace", "tags": [1, null]}"#);
    assert_eq!((created.status(), created.cost), (201, 2.0));
    let grace = json!({ "id": 2, "name": "Grace", "tags": [1, null] });
    assert_eq!(created.json()["data"], grace);
    assert_eq!(client.get("/users/2").json()["data"], grace);
    let changed = client.send("PUT", "/users/2", r#"{"name": "Hopper"}"#).json();
    assert_eq!(changed["data"], json!({ "id": 2, "name": "Hopper", "tags": [1, null] }));
    let list = client.get("/users?limit=1&skip=1").json();
    assert_eq!((&list["total"], &list["users"][0]["name"]), (&json!(2), &json!("Hopper")));
    assert_eq!(client.get("/users?name=Ada").json()["total"], 1, "a condition chooses rows");
    assert_eq!(client.get("/users?limit=many").json()["users"].as_array().map(Vec::len), Some(2));
    let removed = client.send("DELETE", "/users/2", "");
    assert_eq!((removed.status(), removed.text().as_str()), (204, ""));
    let gone = client.get("/users/2");
    assert_eq!((gone.status(), gone.json()), (404, json!({ "detail": "no user 2" })));
    assert_eq!(client.send("PUT", "/users/2", "{}").status(), 404);
    assert_eq!(client.get("/users/first").text(), "a fixed part comes before a parameter");
    client.api.reset();
    assert_eq!(client.get("/users").json()["users"], json!([{ "id": 1, "name": "Ada" }]), "as at the start");
}

#[test]
fn what_is_not_there_is_refused() {
    let mut client = Client::new(users());
    let refused = client.send("POST", "/users", r#"{"name": " "}"#);
    assert_eq!((refused.status(), refused.json()), (400, json!({ "missing": ["body.name"] })));
    assert_eq!(refused.cost, 1.0, "a request that is refused costs the service time itself");
    assert_eq!(client.send("POST", "/users", "no json").status(), 400);
    assert_eq!(client.get("/none").status(), 404);
    let other = client.send("DELETE", "/users", "");
    assert_eq!((other.status(), other.header("allow")), (405, Some("GET, POST")));
    assert_eq!(client.send("HEAD", "/users", "").status(), 200, "HEAD is answered like GET");
}

#[test]
fn a_hit_costs_a_share_and_gives_the_reply_that_was_kept() {
    let mut client = Client::new(users());
    let look = |client: &mut Client, id: u32| {
        let seen = client.get(&format!("/users/{id}"));
        (seen.header("x-cache-status").map(str::to_owned), seen.cost, seen.status())
    };
    let hit = |status| (Some("HIT".to_owned()), 0.1, status);
    let miss = |status| (Some("MISS".to_owned()), 1.0, status);
    assert_eq!(look(&mut client, 1), miss(200));
    assert_eq!(look(&mut client, 1), hit(200));
    client.wait(29);
    assert_eq!(look(&mut client, 1), hit(200));
    client.wait(1);
    assert_eq!(look(&mut client, 1), miss(200), "its time is over");
    assert_eq!(look(&mut client, 7), miss(404));
    assert_eq!(look(&mut client, 7), miss(404), "only successful replies are kept");
    assert_eq!(client.counts(), (2, 4));
    client.send("PUT", "/users/1", r#"{"name": "A."}"#);
    assert_eq!(look(&mut client, 1), miss(200), "a write removes it");
    assert_eq!(client.get("/users/1").json()["data"]["name"], "A.");
    client.send("PUT", "/users/9", r#"{"name": "A."}"#);
    assert_eq!(look(&mut client, 1), hit(200), "a write that failed removes nothing");
    client.send("POST", "/users", r#"{"name": "B"}"#);
    client.send("DELETE", "/users/2", "");
    assert_eq!(look(&mut client, 1), miss(200), "without a key, everything is removed");
    client.api.reset();
    assert_eq!((client.counts(), look(&mut client, 1)), ((0, 0), miss(200)));
}

#[test]
fn a_request_that_waits_is_counted_by_what_it_found_when_it_arrived() {
    let client = Client::new(users());
    let headers = HeaderMap::new();
    let request = Incoming {
        method: "GET",
        path: "/users/1",
        service: None,
        query: "",
        headers: &headers,
        body: b"",
        backend: "b1",
        unit: 0,
    };
    let visits = [0, 1].map(|_| client.api.arrive(&request, Time::ZERO));
    assert!(visits.iter().all(|visit| visit.cost == 1.0), "neither finds the reply of the other");
    for visit in visits {
        client.api.answer(visit, 1, Time::ZERO);
    }
    assert_eq!(client.counts(), (0, 2));
    assert_eq!(client.api.arrive(&request, Time::ZERO).cost, 0.1);
}

#[test]
fn a_cache_is_shared_or_each_backend_has_its_own() {
    for (scope, expected) in [("shared", (3, 1)), ("backend", (2, 2))] {
        let mut file = users();
        file["routes"][2]["cache"]["scope"] = scope.into();
        let mut client = Client::new(file);
        for unit in [0, 1, 0, 1] {
            client.unit = unit;
            client.get("/users/1");
        }
        assert_eq!(client.counts(), expected, "{scope}");
        let by_backend = &client.api.show(&["b1", "b2"])["caches"][0]["backends"];
        let sum = by_backend["b1"]["hits"].as_u64().zip(by_backend["b2"]["hits"].as_u64());
        assert_eq!(sum.map(|(one, two)| one + two), Some(expected.0), "{by_backend}");
    }
}

#[test]
fn metrics_show_what_each_backend_took_from_the_cache() {
    let mut client = Client::new(users());
    for _ in 0..3 {
        client.get("/users/1");
    }
    let mut page = String::new();
    client.api.expose(0, &mut page);
    assert!(page.contains("cache_gets_total{cache=\"user\",result=\"hit\"} 2\n"), "{page}");
    assert!(page.contains("cache_gets_total{cache=\"user\",result=\"miss\"} 1\n"), "{page}");
    let mut other = String::new();
    client.api.expose(1, &mut other);
    assert!(other.contains("result=\"hit\"} 0\n"), "{other}");
}

fn shop() -> Value {
    json!({
        "name": "shop",
        "session": { "cookie": "sid" },
        "state": { "cart": { "per_session": true }, "orders": { "ids": "uuid" } },
        "routes": [
            { "path": "/cart", "steps": [{ "do": "list", "in": "cart" }],
              "reply": { "html": "<ul>{% for line in items %}<li>{{ line.id }}: {{ line.quantity }}</li>{% endfor %}</ul>" } },
            { "method": "POST", "path": "/cart", "require": ["form.product"],
              "steps": [{ "do": "put", "in": "cart", "id": "form.product",
                          "with": { "quantity": "{{ item.quantity | default(0) + form.quantity | number(1) }}" } }],
              "reply": { "redirect": "/cart" } },
            { "method": "POST", "path": "/orders",
              "steps": [
                { "do": "clear", "in": "cart", "as": "lines" },
                { "do": "answer", "when": "not lines", "reply": { "status": 409, "text": "the cart is empty" } },
                { "do": "create", "in": "orders", "with": { "lines": "{{ lines }}" } }
              ],
              "reply": { "status": 201, "json": { "order": "{{ item.id }}", "count": "{{ item.lines | length }}" } } },
            { "method": "POST", "path": "/currency", "reply": {
                "redirect": "{{ headers.referer or '/' }}", "cookies": { "currency": "{{ form.code }}" } } },
            { "path": "/health", "at_once": true, "reply": { "text": "ok" } }
        ]
    })
}

#[test]
fn each_session_has_a_cart_of_its_own() {
    let mut client = Client::new(shop());
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    client.headers.insert("content-type", form);
    let first = client.send("POST", "/cart", "product=%3Cmug%3E&quantity=2");
    assert_eq!(first.status(), 302);
    assert_eq!(first.reply.location.as_ref().and_then(|to| to.to_str().ok()), Some("/cart"));
    let cookie = first.reply.cookies.first().expect("a new session").clone();
    assert!(cookie.starts_with("sid=") && cookie.ends_with("; Path=/; Max-Age=172800"), "{cookie}");
    let id = cookie.split(';').next().expect("a pair").to_owned();
    client.headers.insert("cookie", HeaderValue::try_from(id).expect("a cookie"));
    let second = client.send("POST", "/cart", "product=%3Cmug%3E");
    assert!(second.reply.cookies.is_empty(), "the session is known");
    assert_eq!(client.get("/cart").text(), "<ul><li>&lt;mug&gt;: 3</li></ul>", "values are escaped");
    let mine = client.headers.remove("cookie").expect("it is there");
    assert_eq!(client.get("/cart").text(), "<ul></ul>", "another visitor");
    assert!(client.get("/health").reply.cookies.is_empty(), "a health check begins no session");
    client.headers.insert("cookie", mine);
    let order = client.send("POST", "/orders", "");
    assert_eq!((order.status(), &order.json()["count"]), (201, &json!(1)));
    assert_eq!(order.json()["order"].as_str().map(str::len), Some(36), "a UUID");
    let again = client.send("POST", "/orders", "");
    assert_eq!((again.status(), again.text().as_str()), (409, "the cart is empty"));
}

#[test]
fn cookies_and_redirects_come_from_templates() {
    let mut client = Client::new(shop());
    client.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    client.headers.insert("referer", HeaderValue::from_static("/product/1"));
    let cookies = |seen: &Seen| seen.reply.cookies.first().cloned().unwrap_or_default();
    let set = client.send("POST", "/currency", "code=EUR");
    assert_eq!(set.reply.location.as_ref().and_then(|to| to.to_str().ok()), Some("/product/1"));
    assert_eq!(cookies(&set), "currency=EUR; Path=/; Max-Age=172800");
    assert_eq!(
        cookies(&client.send("POST", "/currency", "")),
        "currency=; Path=/; Max-Age=0",
        "it is deleted"
    );
    let injected = client.send("POST", "/currency", "code=x%3B+Domain%3Devil");
    assert_eq!((injected.status(), injected.reply.cookies.len()), (500, 1), "only the session's");
}

#[test]
fn a_share_of_the_requests_fails_by_their_keys() {
    let mut client = Client::new(json!({
        "name": "flaky",
        "state": { "seen": {} },
        "routes": [{
            "method": "POST", "path": "/",
            "failures": [
                { "share": 0.1, "reply": { "status": 503, "text": "busy" } },
                { "share": 0.05, "reply": { "status": 429, "text": "slow down" } }
            ],
            "steps": [{ "do": "create", "in": "seen", "with": {} }],
            "reply": { "json": "{{ item.id }}" }
        }]
    }));
    let statuses: Vec<u16> = (0..2_000).map(|_| client.send("POST", "/", "").status()).collect();
    let count = |status| statuses.iter().filter(|other| **other == status).count();
    // Three standard deviations of binomial counts: 40 and 29.
    assert!((160..=240).contains(&count(503)), "{} of 2000 must be near 200", count(503));
    assert!((71..=129).contains(&count(429)), "{} of 2000 must be near 100", count(429));
    assert_eq!(client.api.show(&[])["rows"]["seen"], count(200), "a failure changes nothing");
    client.key = 0;
    let again: Vec<u16> = (0..2_000).map(|_| client.send("POST", "/", "").status()).collect();
    assert_eq!(again, statuses, "the key alone decides");
}

#[test]
fn a_cost_can_depend_on_the_request() {
    let mut client = Client::new(json!({
        "name": "models",
        "routes": [{
            "method": "POST", "path": "/inference",
            "cost": "{'small': 1, 'large': 10}[body.size] * (body.batch | number(1))",
            "require": ["body.size"],
            "reply": { "json": { "ok": true } }
        }]
    }));
    for (body, status, cost) in [
        (r#"{"size": "small"}"#, 200, 1.0),
        (r#"{"size": "large", "batch": 8}"#, 200, 80.0),
        (r#"{"size": "large", "batch": "2.5"}"#, 200, 25.0),
        ("{}", 422, 1.0),
        (r#"{"size": "huge"}"#, 500, 1.0),
        (r#"{"size": "large", "batch": 1000}"#, 500, 1.0),
    ] {
        let seen = client.send("POST", "/inference", body);
        assert_eq!((seen.status(), seen.cost), (status, cost), "{body}: {}", seen.text());
    }
    let text = client.send("POST", "/inference", r#"{"size": "large", "batch": 1000}"#).text();
    assert!(text.contains("`cost` comes to `10000`"), "the author of the file learns why: {text}");
}

#[test]
fn a_full_collection_refuses_and_taken_ids_are_told() {
    let mut client = Client::new(json!({
        "name": "models",
        "state": { "models": { "max_rows": 2, "when_full": "refuse", "rows": [{ "id": "a", "loaded": false }] } },
        "routes": [
            { "method": "POST", "path": "/models",
              "steps": [{ "do": "create", "in": "models", "id": "body.id", "with": { "loaded": true } }],
              "reply": { "status": 201 } },
            { "method": "POST", "path": "/load", "steps": [
                { "do": "read", "in": "models", "id": "body.id", "optional": true },
                { "do": "answer", "when": "item.loaded", "reply": { "status": 409 } },
                { "do": "put", "in": "models", "id": "body.id", "with": { "loaded": true } }
              ], "reply": { "json": "{{ item }}" } }
        ]
    }));
    let mut create = |id: &str| client.send("POST", "/models", &json!({ "id": id }).to_string()).status();
    assert_eq!(["b", "b", "a", "c"].map(&mut create), [201, 409, 409, 507]);
    let mut load = |id: &str| client.send("POST", "/load", &json!({ "id": id }).to_string()).status();
    assert_eq!(["a", "a", "b", "c"].map(&mut load), [200, 409, 409, 507]);
}

#[test]
fn the_service_that_a_load_balancer_took_off_the_path_is_put_back() {
    let mut client = Client::new(json!({
        "name": "gateway",
        "headers": { "X-Instance": "{{ backend }}" },
        "routes": [
            { "path": "/gateway-health", "reply": {} },
            { "path": "/api/users/{id}", "reply": { "json": "{{ path.id }}" } }
        ]
    }));
    for (service, path, status) in [
        (None, "/api/users/7", 200),
        (Some("api"), "/users/7", 200),
        (Some("gateway-health"), "/", 200),
        (Some("gateway-health"), "", 200),
        (Some("gateway"), "/gateway/api/users/7", 200),
        (Some("boutique"), "/api/users/7", 200),
        (Some("other"), "/users/7", 404),
        (None, "/users/7", 404),
    ] {
        client.headers.clear();
        client.headers.extend(
            service.map(|service| {
                (http::HeaderName::from_static("x-service"), HeaderValue::from_static(service))
            }),
        );
        let seen = client.get(path);
        assert_eq!((seen.status(), seen.header("x-instance")), (status, Some("b1")), "{service:?} {path}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place_and_a_way_out() {
    let file = json!({
        "name": "x",
        "stat": {},
        "state": {
            "users": { "rows": [{ "id": 1 }, { "id": "1" }] },
            "cart": { "per_session": true }
        },
        "service_time": { "distribution": "constant", "mean_ms": -1 },
        "headers": { "X-Backend": "b", "x y": "z" },
        "routes": [
            { "path": "users", "reply": {} },
            { "path": "/users/{id}", "reply": { "json": { "a": ["{{ pth.id }}"] } },
              "cache": { "ttl_s": 1, "key": ["path.ident"] },
              "steps": [{ "do": "red", "in": "users", "id": "path.id" }] },
            { "path": "/users/{name}", "reply": { "text": "{{ item.name }}", "json": 1 } },
            { "path": "/api/hold", "at_once": true, "cost": 2, "reply": {} },
            { "path": "/a", "method": "post", "reply": { "html": "{% if x %}" } },
            { "path": "/b", "cost": 2000, "invalid": {}, "reply": { "status": 200, "redirect": "/" } },
            { "path": "/c", "steps": [{ "do": "read", "in": "usres", "id": "session" }],
              "invalidates": [{ "cache": "uesr" }], "reply": { "json": "{{ 1 | rond }}" },
              "failures": [{ "share": 0.6, "reply": {} }, { "share": 0.6, "reply": {} }] }
        ]
    });
    let problems = read(&file, Vec::new()).expect_err("it is not valid");
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for expected in [
        "stat: unknown key (did you mean `state`?)",
        "state.users.rows[1].id = \"1\": is the id of an earlier row; change it",
        "state.cart.per_session: needs `session`",
        "service_time: mean_ms: -1 must be above 0",
        "headers.X-Backend = \"X-Backend\": is a header that the backend itself sets",
        "headers[\"x y\"] = \"x y\": is not the name of a header",
        "routes[0].path = \"users\": must begin with `/`",
        "routes[1].reply.json.a[0] = \"{{ pth.id }}\": names the unknown variable `pth` (did you mean `path`?)",
        "routes[1].cache.key[0] = \"path.ident\": names `path.ident`, but the path has no parameter `{ident}`",
        "routes[1].steps[0].do = \"red\": must be one of",
        "routes[2].path = \"/users/{name}\": takes the same requests as routes[1] (GET /users/{id}); keep one",
        "routes[2].reply.text = \"{{ item.name }}\": names the unknown variable `item`",
        "routes[2].reply: a reply has one body; keep `json` or `text`",
        "routes[3].path = \"/api/hold\": is a path that the backends answer themselves",
        "routes[3].cost: has no effect with `at_once`",
        "routes[4].method = \"post\": must be one of `GET`",
        "routes[4].reply.html = \"{% if x %}\": is not valid: syntax error",
        "routes[5].cost = 2000: must be a number from 0 to 1000",
        "routes[5].invalid: has no effect without `require`",
        "routes[5].reply.status = 200: must be from 300 to 399",
        "routes[6].steps[0].in = \"usres\": is not a collection of `state` (did you mean `users`?)",
        "routes[6].steps[0].id = \"session\": names `session`, which the file does not declare",
        "routes[6].invalidates[0].cache = \"uesr\": is not a cache",
        "routes[6].reply.json = \"{{ 1 | rond }}\": is not valid: unknown filter",
        "routes[6].failures: the shares add up to 1.2; they must not exceed 1",
    ] {
        assert!(
            all.iter().any(|problem| problem.starts_with(expected)),
            "`{expected}` is missing in {all:#?}"
        );
    }
}

#[test]
fn a_file_declares_routes_or_names_an_api_of_the_program() {
    let said = |file: Value| match read(&file, Vec::new()) {
        Ok(read) => format!("{read:?}"),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    assert_eq!(said(json!({ "name": "a", "builtin": "shop" })), "Shop");
    assert_eq!(said(json!({ "name": "a", "builtin": "boutique" })), "Boutique");
    assert!(said(json!({ "name": "a" })).starts_with("routes: missing; list at least one route"));
    let both = json!({ "name": "a", "builtin": "shop", "routes": [{ "path": "/", "reply": {} }] });
    assert!(said(both).starts_with("builtin: is a whole API"));
    assert!(said(json!({ "name": "a", "builtin": "shp" })).contains("must be one of `shop`, `boutique`"));
}
