//! The Caddy adapter against recordings of Caddy 2.11.7's admin API.

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode, Uri};
use lb_admin_client::caddy::program::PROGRAM;
use lb_admin_client::{
    AdminError, Kind, KnownBackend, LoadBalancerAdmin, RealOptions, ResetKind, Switching, Verdict, connect,
};
use lb_core::Algorithm;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CADDY: Kind = Kind::new(PROGRAM);

/// Two pools, with three groups in each.
const SELECTOR: &str = include_str!("caddy/selector.json");
/// The same pools with one handler each.
const CONFIG: &str = include_str!("caddy/config.json");
/// With one request held at the first backend and two at the second.
const UPSTREAMS: &str = r#"[{"address":"127.0.0.1:9001","num_requests":1,"fails":0},{"address":"127.0.0.1:9002","num_requests":2,"fails":0},{"address":"127.0.0.1:9003","num_requests":0,"fails":0}]"#;
/// After a refused change.
const FORGOTTEN: &str = r#"[{"address":"127.0.0.1:9003","num_requests":0,"fails":0}]"#;
const REFUSAL: &str = "{\"error\":\"loading new config: loading http app module: provision http: server bench: \
    unknown module: http.reverse_proxy.selection_policies.least_conn\"}\n";

/// What a Caddy has and does.
struct Caddy {
    config: Value,
    upstreams: &'static str,
    /// What it makes of a PATCH: done, accepted without effect, or refused.
    patch: Patch,
    /// Calls that change something.
    calls: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Patch {
    Done,
    Ignored,
    Refused,
}

/// A Caddy with its folder of flags, both gone at the end.
struct Server {
    url: String,
    flags: PathBuf,
    caddy: Arc<Mutex<Caddy>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.flags);
    }
}

impl Server {
    async fn start(test: &str, config: &str) -> Self {
        let flags = std::env::temp_dir().join(format!("caddy-flags-{}-{test}", std::process::id()));
        fs::create_dir_all(&flags).expect("a folder for temporary files");
        let here = config.replace("/run/caddy/flags", flags.to_str().expect("text"));
        let config = serde_json::from_str(&here).expect("the recording is JSON");
        let caddy = Caddy { config, upstreams: UPSTREAMS, patch: Patch::Done, calls: Vec::new() };
        let caddy = Arc::new(Mutex::new(caddy));
        let state = caddy.clone();
        let answer = move |method: Method, uri: Uri, body: Bytes| async move {
            state.lock().expect("no test panics while it holds it").answer(&method, uri.path(), &body)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, flags, caddy }
    }

    fn set(&self, change: impl FnOnce(&mut Caddy)) {
        change(&mut self.caddy.lock().expect("no test panics while it holds it"));
    }

    fn calls(&self) -> Vec<String> {
        self.caddy.lock().expect("no test panics while it holds it").calls.clone()
    }

    fn flags(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.flags).expect("it exists");
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("text")).collect()
    }

    fn options(&self, switching: Switching) -> RealOptions {
        RealOptions { switching, ..RealOptions::new(&self.url) }
    }

    async fn connect(&self, switching: Switching) -> Box<dyn LoadBalancerAdmin> {
        connect(CADDY, &self.options(switching)).await.expect("it is as recorded")
    }
}

impl Caddy {
    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, String) {
        if method == Method::PATCH {
            self.calls.push(format!("PATCH {path} {}", String::from_utf8_lossy(body)));
            if self.patch == Patch::Refused {
                return (StatusCode::INTERNAL_SERVER_ERROR, REFUSAL.to_owned());
            }
        }
        let text = match path.strip_prefix("/id/") {
            _ if path == "/config/" => self.config.to_string(),
            _ if path == "/reverse_proxy/upstreams" => self.upstreams.to_owned(),
            Some(id) => match handler(&mut self.config, id) {
                Some(handler) if method == Method::PATCH && self.patch == Patch::Done => {
                    *handler = serde_json::from_slice(body).expect("JSON was sent");
                    String::new()
                }
                Some(_) if method == Method::PATCH => String::new(),
                Some(handler) => handler.to_string(),
                None => {
                    return (StatusCode::NOT_FOUND, format!("{{\"error\":\"unknown object ID '{id}'\"}}\n"));
                }
            },
            None => return (StatusCode::NOT_FOUND, String::new()),
        };
        (StatusCode::OK, text)
    }
}

/// The object with this `@id`, wherever it is.
fn handler<'a>(value: &'a mut Value, id: &str) -> Option<&'a mut Value> {
    if value["@id"] == *id {
        return Some(value);
    }
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| handler(item, id)),
        Value::Object(map) => map.iter_mut().find_map(|(_, item)| handler(item, id)),
        _ => None,
    }
}

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("the name is in the table")
}

fn known() -> Vec<KnownBackend> {
    let backend = |id: &str, pool: &str, services: &[&str], address: &str| KnownBackend {
        id: id.to_owned(),
        pool: pool.to_owned(),
        services: services.iter().map(|name| (*name).to_owned()).collect(),
        address: address.to_owned(),
        weight: 1.0,
    };
    vec![
        backend("cart-a", "shop", &["cart-service"], "127.0.0.1:9001"),
        backend("cart-b", "shop", &["cart-service"], "127.0.0.1:9002"),
        backend("rest-a", "rest", &[], "127.0.0.1:9003"),
    ]
}

#[tokio::test]
async fn what_every_pool_has_a_route_for_is_offered() {
    let server = Server::start("offered", SELECTOR).await;
    let admin = server.connect(Switching::Selector).await;
    let can = admin.capabilities();
    let mut natives: Vec<&str> = can.algorithms.iter().map(|offer| offer.native.as_str()).collect();
    natives.sort_unstable();
    assert_eq!(natives, ["client_ip_hash", "least_conn", "round_robin"], "there is no route for the others");
    assert!(can.in_flight && can.sees_old_in_flight, "what is in flight is kept by address");
    assert!(
        !can.per_backend && !can.weights && !can.drain && can.reset == ResetKind::None,
        "it has none of these"
    );
    assert!(!can.switch_breaks_idle_connections, "a flag breaks nothing");
    let current = admin.current().await.expect("it says");
    assert_eq!(current.algorithm, Some(algorithm("round-robin")), "without a flag, the last route takes it");
    assert!(server.calls().is_empty() && server.flags().is_empty(), "connecting changes nothing");
}

#[tokio::test]
async fn a_flag_switches_all_pools_without_a_call() {
    let server = Server::start("flag", SELECTOR).await;
    let admin = server.connect(Switching::Selector).await;
    for (name, native, policy) in [
        ("least-connections", "least_conn", "least_conn"),
        ("ip-hash", "client_ip_hash", "client_ip_hash"),
        ("round-robin", "round_robin", "round_robin"),
    ] {
        assert_eq!(admin.switch(&algorithm(name)).await.expect("it is offered"), native);
        assert_eq!(server.flags(), [name], "one flag stands, and it is this one");
        assert_eq!(admin.current().await.expect("it says").native, policy);
        let layer = admin.control_plane(&algorithm(name)).await.expect("it answers");
        assert_eq!(layer.verdict, Verdict::Confirmed, "{layer:?}");
    }
    let layer = admin.control_plane(&algorithm("ip-hash")).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Contradicted, "another flag stands: {layer:?}");
    assert!(server.calls().is_empty(), "Caddy was not asked to do anything");
}

#[tokio::test]
async fn names_that_are_not_offered_are_refused_without_a_flag() {
    let server = Server::start("refused", SELECTOR).await;
    let admin = server.connect(Switching::Selector).await;
    for name in ["random", "p2c", "least-connections+ejection"] {
        let error = admin.switch(&algorithm(name)).await.expect_err("no pool has a route for it");
        assert!(matches!(error, AdminError::NotOffered { .. }), "{error}");
    }
    assert!(server.flags().is_empty() && server.calls().is_empty(), "nothing happened there");
}

#[tokio::test]
async fn a_route_that_does_not_look_at_flags_is_no_switch() {
    let server = Server::start("deaf", SELECTOR).await;
    let admin = server.connect(Switching::Selector).await;
    server.set(|caddy| {
        // Somebody puts a proxy without a flag in front.
        let open = handler(&mut caddy.config, "shop.round-robin").expect("it is recorded").clone();
        let routes =
            caddy.config.pointer_mut("/apps/http/servers/bench/routes").and_then(Value::as_array_mut);
        routes.expect("it is recorded").insert(0, json!({"handle": [open]}));
    });
    let error = admin.switch(&algorithm("least-connections")).await.expect_err("one pool did not move");
    assert!(matches!(&error, AdminError::NotSwitched { routes, .. } if routes == "round-robin"), "{error}");
}

#[tokio::test]
async fn a_group_with_another_policy_contradicts() {
    let server = Server::start("policy", SELECTOR).await;
    let admin = server.connect(Switching::Selector).await;
    let least = algorithm("least-connections");
    server.set(|caddy| {
        let group = handler(&mut caddy.config, "rest.least-connections").expect("it is recorded");
        group["load_balancing"]["selection_policy"]["policy"] = json!("round_robin");
    });
    admin.switch(&least).await.expect("the flag can be set");
    let layer = admin.control_plane(&least).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Contradicted, "the name alone does not balance");
    let both = "`rest.least-connections` is active and balances with `round_robin`, but least-connections is `least_conn`";
    assert!(layer.detail.contains(both), "both are named: {}", layer.detail);
}

#[tokio::test]
async fn a_snapshot_is_what_is_in_flight_by_id_and_counts_nothing() {
    let server = Server::start("snapshot", SELECTOR).await;
    let options = RealOptions { backends: known(), ..server.options(Switching::Selector) };
    let admin = connect(CADDY, &options).await.expect("it is as recorded");
    let snapshot = admin.snapshot().await.expect("all are listed");
    let seen: Vec<_> =
        snapshot.backends.iter().map(|one| (one.id.as_str(), one.pool.as_str(), one.in_flight)).collect();
    assert_eq!(seen, [("cart-a", "shop", 1), ("cart-b", "shop", 2), ("rest-a", "rest", 0)]);
    assert!(!snapshot.counts_requests() && snapshot.in_flight() == 3);
    let error = admin.drain(Duration::ZERO).await.expect_err("three are held");
    assert!(error.to_string().contains("1 on cart-a, 2 on cart-b"), "{error}");
    let pool = admin.pool("cart-service").await.expect("it answers").expect("all ids are known");
    assert_eq!(pool.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["cart-a", "cart-b"]);
    let rest = admin.pool("anything").await.expect("it answers").expect("one pool takes what is left");
    assert_eq!(rest.len(), 1);
    let anonymous = server.connect(Switching::Selector).await;
    assert_eq!(anonymous.pool("cart-service").await.expect("it answers"), None, "addresses are no ids");
}

#[tokio::test]
async fn an_upstream_that_is_not_listed_is_unknown_and_not_idle() {
    let server = Server::start("forgotten", SELECTOR).await;
    let admin = server.connect(Switching::Selector).await;
    for listed in ["[]", FORGOTTEN] {
        server.set(|caddy| caddy.upstreams = listed);
        let error =
            admin.drain(Duration::ZERO).await.expect_err("nobody knows whether it is idle").to_string();
        assert!(error.contains("does not list 127.0.0.1:9001") && error.contains("restart it"), "{error}");
    }
    let late = server.connect(Switching::Selector).await;
    assert!(!late.capabilities().in_flight, "whoever connects then is told that it cannot say");
}

#[tokio::test]
async fn a_handler_that_is_called_like_its_pool_is_changed_in_one_step() {
    let server = Server::start("config", CONFIG).await;
    let admin = server.connect(Switching::Config).await;
    assert!(admin.capabilities().switch_breaks_idle_connections, "a changed configuration does");
    assert_eq!(admin.switch(&algorithm("ip-hash")).await.expect("Caddy has it"), "client_ip_hash");
    let calls = server.calls();
    assert_eq!(calls.len(), 2, "one for each pool: {calls:?}");
    for (call, pool) in calls.iter().zip(["shop", "rest"]) {
        assert!(
            call.starts_with(&format!("PATCH /id/{pool} {{\"@id\":\"{pool}\",\"handler\":\"reverse_proxy\"")),
            "{call}"
        );
        assert!(
            call.contains(r#""policy":"client_ip_hash""#),
            "proxies are trusted to name the client: {call}"
        );
        assert!(call.contains(r#""X-LB-Algorithm":["ip-hash"]"#), "the label goes with it: {call}");
        assert!(call.contains(r#""upstreams":[{"dial""#), "the rest stays: {call}");
    }
    let layer = admin.control_plane(&algorithm("ip-hash")).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Confirmed, "{layer:?}");
    let error = admin.switch(&algorithm("p2c")).await.expect_err("Caddy has no such policy");
    assert!(matches!(error, AdminError::NotOffered { .. }), "{error}");
    assert_eq!(server.calls().len(), 2, "an unknown policy is never sent");
}

#[tokio::test]
async fn a_change_without_effect_and_a_refused_one_are_told_apart() {
    let server = Server::start("ignored", CONFIG).await;
    let admin = server.connect(Switching::Config).await;
    let least = algorithm("least-connections");
    server.set(|caddy| caddy.patch = Patch::Ignored);
    let error = admin.switch(&least).await.expect_err("it said 200 and did nothing");
    assert!(matches!(&error, AdminError::NotSwitched { routes, .. } if routes == "round-robin"), "{error}");
    server.set(|caddy| caddy.patch = Patch::Refused);
    let error = admin.switch(&least).await.expect_err("it said 500");
    assert!(matches!(&error, AdminError::Refused { status: 500, .. }), "{error}");
    assert!(error.to_string().contains("unknown module"), "Caddy's reason is quoted: {error}");
}

#[tokio::test]
async fn what_cannot_be_switched_is_said_with_what_is_missing() {
    let server = Server::start("none", CONFIG).await;
    let error =
        connect(CADDY, &server.options(Switching::Selector)).await.err().expect("there are no groups");
    assert!(error.to_string().contains("`main.round-robin`"), "{error}");
    let server = Server::start("empty", "null").await;
    let error =
        connect(CADDY, &server.options(Switching::Config)).await.err().expect("there is no configuration");
    assert!(error.to_string().contains("no `reverse_proxy` with an `@id`"), "{error}");
}

#[tokio::test]
async fn weights_and_single_drains_are_not_supported() {
    let server = Server::start("cannot", SELECTOR).await;
    let admin = server.connect(Switching::Selector).await;
    for result in [admin.set_weights(&[("a".to_owned(), 1.0)]).await, admin.set_draining("a", true).await] {
        let error = result.expect_err("Caddy has no such call");
        assert!(matches!(error, AdminError::NotSupported { .. }), "{error}");
    }
    assert_eq!(admin.reset().await.expect("nothing to do"), ResetKind::None);
}
