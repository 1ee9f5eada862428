//! The Traefik adapter against a recording of Traefik 3.7.15's API and a REST provider that behaves as that did.

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode, Uri};
use lb_admin_client::traefik::program::PROGRAM;
use lb_admin_client::{
    AdminError, BackendCounters, Kind, KnownBackend, LoadBalancerAdmin, RealOptions, Verdict, connect,
    traefik,
};
use lb_core::{Algorithm, Span};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TRAEFIK: Kind = Kind::new(PROGRAM);

/// An access log, gone at the end.
struct Log(PathBuf);

impl Log {
    fn new(test: &str) -> Self {
        let name = format!("lb-admin-client-{}-{test}.log", std::process::id());
        let log = Self(std::env::temp_dir().join(name));
        // What was before is not counted.
        log.write(&request("shop.rl", 9001, 200, 70));
        log
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, text).expect("a folder for temporary files");
    }

    fn append(&self, text: &str) {
        let mut file = fs::File::options().append(true).open(&self.0).expect("it is there");
        file.write_all(text.as_bytes()).expect("it is ours");
    }

    fn options(&self, server: &Server) -> RealOptions {
        RealOptions { backends: known(), access_log: Some(self.0.clone()), ..server.options() }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A line of the access log.
fn request(service: &str, port: u16, status: u16, millis: u64) -> String {
    let line = json!({
        "ServiceName": format!("{service}@rest"), "ServiceAddr": format!("127.0.0.1:{port}"), "Duration": millis * 1_000_000,
        "OriginStatus": status, "DownstreamStatus": status, "level": "info", "msg": "", "time": "2026-11-22T01:47:55Z",
    });
    format!("{line}\n")
}

/// Two pools, with three groups in each.
const RAW: &str = include_str!("traefik/rawdata.json");
const VERSION: &str =
    r#"{"Version":"3.7.15","Codename":"langres","startDate":"2026-11-22T01:13:33.381748605Z"}"#;
const REST: &str = "/api/providers/rest";

/// What a Traefik shows and does.
struct Traefik {
    raw: Value,
    /// A document that was sent, and how many looks will still not see it.
    next: Option<(Value, u32)>,
    /// Looks that a new document takes; none: it never comes into force.
    delay: Option<u32>,
    /// Calls that it still answers as one does that is starting.
    starting: u32,
    puts: Vec<Value>,
}

struct Server {
    url: String,
    traefik: Arc<Mutex<Traefik>>,
}

impl Server {
    async fn start() -> Self {
        let raw = serde_json::from_str(RAW).expect("the recording is JSON");
        let traefik = Traefik { raw, next: None, delay: Some(2), starting: 0, puts: Vec::new() };
        let traefik = Arc::new(Mutex::new(traefik));
        let state = traefik.clone();
        let answer = move |method: Method, uri: Uri, body: Bytes| async move {
            state.lock().expect("no test panics while it holds it").answer(&method, uri.path(), &body)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, traefik }
    }

    fn set(&self, change: impl FnOnce(&mut Traefik)) {
        change(&mut self.traefik.lock().expect("no test panics while it holds it"));
    }

    fn puts(&self) -> Vec<Value> {
        self.traefik.lock().expect("no test panics while it holds it").puts.clone()
    }

    fn options(&self) -> RealOptions {
        RealOptions { limit: Duration::from_secs(5), ..RealOptions::new(&self.url) }
    }

    /// Waits only briefly for what never comes.
    fn impatient(&self) -> RealOptions {
        RealOptions { limit: Duration::from_millis(300), ..self.options() }
    }

    async fn connect(&self) -> Box<dyn LoadBalancerAdmin> {
        connect(TRAEFIK, &self.options()).await.expect("it is as recorded")
    }
}

impl Traefik {
    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, String) {
        match path {
            REST if method == Method::PUT => {
                if self.starting > 0 {
                    self.starting -= 1;
                    return (StatusCode::NOT_FOUND, "404 page not found\n".to_owned());
                }
                let document: Value = serde_json::from_slice(body).expect("JSON was sent");
                if !document["http"]["routers"].is_object() {
                    let said =
                        "json: cannot unmarshal number into Go struct field HTTPConfiguration.http.routers";
                    return (StatusCode::BAD_REQUEST, format!("{said}\n"));
                }
                self.puts.push(document.clone());
                self.next = self.delay.map(|looks| (document.clone(), looks));
                (StatusCode::OK, document.to_string())
            }
            "/api/rawdata" => {
                match self.next.take() {
                    Some((document, 0)) => self.raw = shown(&document),
                    Some((document, looks)) => self.next = Some((document, looks - 1)),
                    None => {}
                }
                (StatusCode::OK, self.raw.to_string())
            }
            "/api/version" => (StatusCode::OK, VERSION.to_owned()),
            _ => (StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
        }
    }
}

/// What the API shows of a document once it is in force.
fn shown(document: &Value) -> Value {
    let mut raw = Map::new();
    for section in ["routers", "services", "middlewares"] {
        let named = document["http"][section].as_object().into_iter().flatten();
        let mut all: Map<String, Value> =
            named.map(|(name, value)| (format!("{name}@rest"), value.clone())).collect();
        for value in all.values_mut() {
            value["status"] = json!("enabled");
        }
        raw.insert(section.to_owned(), all.into());
    }
    let mut raw = Value::from(raw);
    let names: Vec<String> = raw["routers"].as_object().expect("a section").keys().cloned().collect();
    for name in names {
        let service = format!("{}@rest", raw["routers"][&name]["service"].as_str().expect("a name"));
        for middleware in raw["routers"][&name]["middlewares"].as_array_mut().into_iter().flatten() {
            let bare = middleware.as_str().expect("a name").trim_end_matches("@rest");
            *middleware = json!(format!("{bare}@rest"));
        }
        let strategy = raw["services"][&service]["loadBalancer"]["strategy"].clone();
        if !["wrr", "p2c", "hrw", "leasttime"].map(Value::from).contains(&strategy) {
            let error = json!([format!("unsupported load-balancer strategy {strategy}")]);
            for (section, name) in [("services", &service), ("routers", &name)] {
                raw[section][name]["status"] = json!("disabled");
                raw[section][name]["error"] = error.clone();
            }
        }
    }
    raw
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
async fn what_every_pool_has_a_service_for_is_offered() {
    let server = Server::start().await;
    let admin = server.connect().await;
    let can = admin.capabilities();
    let natives: Vec<&str> = can.algorithms.iter().map(|offer| offer.native.as_str()).collect();
    assert_eq!(
        natives,
        ["p2c", "wrr"],
        "services of other providers are none, and nobody says how servers do"
    );
    assert!(!can.weights && !can.per_backend && !can.in_flight && !can.drain, "{can:?}");
    let current = admin.current().await.expect("it says");
    assert_eq!((current.native.as_str(), current.algorithm), ("wrr", Some(algorithm("round-robin"))));
    assert!(server.puts().is_empty(), "connecting changes nothing");
}

#[tokio::test]
async fn a_switch_sends_everything_again_and_waits_until_it_is_shown() {
    let server = Server::start().await;
    let admin = server.connect().await;
    assert_eq!(admin.switch(&algorithm("p2c")).await.expect("it is offered"), "p2c");
    let puts = server.puts();
    let [document] = puts.as_slice() else { panic!("one PUT: {puts:?}") };
    for pool in ["shop", "rest"] {
        let router = &document["http"]["routers"][pool];
        assert_eq!(router["service"], json!(format!("{pool}.p2c")));
        assert_eq!(router["middlewares"], json!(["tag-p2c"]), "the label goes with it");
        assert_eq!(router["entryPoints"], json!(["web"]), "what was there stays");
        for key in ["status", "using", "error"] {
            assert!(router[key].is_null(), "what the API adds is not sent: {router}");
        }
    }
    let services = document["http"]["services"].as_object().expect("a section");
    assert_eq!(services.len(), 6, "other providers' services are not taken over");
    assert_eq!(admin.current().await.expect("it says").algorithm, Some(algorithm("p2c")));
    let layer = admin.control_plane(&algorithm("p2c")).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Confirmed, "{layer:?}");
    let layer = admin.control_plane(&algorithm("round-robin")).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Contradicted, "{layer:?}");
}

#[tokio::test]
async fn names_that_are_not_offered_are_refused_without_a_call() {
    let server = Server::start().await;
    let admin = server.connect().await;
    for name in ["ewma-scan", "random", "p2c+ejection"] {
        let error = admin.switch(&algorithm(name)).await.expect_err("no pool has a service for it");
        assert!(matches!(error, AdminError::NotOffered { .. }), "{error}");
    }
    assert!(server.puts().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_document_that_never_comes_into_force_is_no_switch() {
    let server = Server::start().await;
    server.set(|traefik| traefik.delay = None);
    let admin = connect(TRAEFIK, &server.impatient()).await.expect("it is as recorded");
    let error = admin.switch(&algorithm("p2c")).await.expect_err("200 is no proof");
    assert!(
        matches!(&error, AdminError::NotSwitched { routes, .. } if routes == "rest.round-robin, shop.round-robin"),
        "what routes instead is named: {error}"
    );
}

#[tokio::test]
async fn a_strategy_that_traefik_does_not_know_is_quoted() {
    let server = Server::start().await;
    server.set(|traefik| {
        traefik.raw["services"]["shop.p2c@rest"]["loadBalancer"]["strategy"] = json!("nonsense");
    });
    let admin = server.connect().await;
    let error = admin.switch(&algorithm("p2c")).await.expect_err("its routers answer 404 now").to_string();
    assert!(error.starts_with("switch to an algorithm: "), "it fits after `failed to`: {error}");
    let quoted = r#"for router `shop`: unsupported load-balancer strategy "nonsense""#;
    assert!(error.ends_with(quoted), "Traefik's reason is quoted: {error}");
    let layer = admin.control_plane(&algorithm("p2c")).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Contradicted, "{layer:?}");
    assert!(layer.detail.contains(r#"strategy "nonsense""#), "{}", layer.detail);
}

#[tokio::test]
async fn a_group_with_another_strategy_contradicts() {
    let server = Server::start().await;
    server.set(|traefik| {
        traefik.raw["services"]["rest.p2c@rest"]["loadBalancer"]["strategy"] = json!("wrr");
    });
    let admin = server.connect().await;
    admin.switch(&algorithm("p2c")).await.expect("Traefik knows that strategy");
    let layer = admin.control_plane(&algorithm("p2c")).await.expect("it answers");
    assert_eq!(layer.verdict, Verdict::Contradicted, "the name alone does not balance");
    let both = "router `rest` uses `rest.p2c`, which balances with `wrr`, but p2c is `p2c`";
    assert!(layer.detail.contains(both), "both are named: {}", layer.detail);
}

#[tokio::test]
async fn weights_are_set_in_the_steered_groups_alone() {
    let server = Server::start().await;
    let log = Log::new("weights");
    let options = RealOptions { backends: known(), ..log.options(&server) };
    let admin = connect(TRAEFIK, &options).await.expect("it is as recorded");
    let weights = [("cart-a".to_owned(), 0.5), ("cart-b".to_owned(), 0.0001)];
    admin.set_weights(&weights).await.expect("it can");
    let document = server.puts().pop().expect("one PUT");
    let set = |service: &str| -> Vec<Value> {
        let servers = document["http"]["services"][service]["loadBalancer"]["servers"].as_array();
        servers.expect("servers").iter().map(|server| server["weight"].clone()).collect()
    };
    assert_eq!(set("shop.rl"), [1000, 1], "scaled to the greatest, and none is left out");
    assert_eq!(set("rest.rl"), [1], "who is not named keeps it");
    assert_eq!(set("shop.round-robin"), [1, 1], "other groups keep theirs");
    let pool = admin.pool("cart-service").await.expect("it answers").expect("all ids are known");
    assert_eq!(pool.iter().map(|one| one.weight).collect::<Vec<_>>(), [1.0, 1.0], "they do not route yet");
    admin.switch(&algorithm("rl")).await.expect("it is offered");
    let pool = admin.pool("cart-service").await.expect("it answers").expect("all ids are known");
    assert_eq!(pool.iter().map(|one| one.weight).collect::<Vec<_>>(), [1000.0, 1.0]);
    let error = admin.set_weights(&[("cart-a".to_owned(), 0.0)]).await.expect_err("must be above 0");
    assert!(matches!(error, AdminError::BadValue { .. }), "{error}");
}

#[tokio::test]
async fn a_snapshot_knows_the_backends_and_counts_nothing() {
    let server = Server::start().await;
    let options = RealOptions { backends: known(), ..server.options() };
    let admin = connect(TRAEFIK, &options).await.expect("it is as recorded");
    let snapshot = admin.snapshot().await.expect("it answers");
    let mut seen: Vec<_> = snapshot.backends.iter().map(|one| (one.pool.as_str(), one.id.as_str())).collect();
    seen.sort_unstable();
    assert_eq!(seen, [("rest", "rest-a"), ("shop", "cart-a"), ("shop", "cart-b")]);
    assert!(!snapshot.counts_requests(), "none, not zero");
    assert_eq!(snapshot.generation, "2026-11-22T01:13:33.381748605Z", "a restart begins another");
    let error = admin.drain(Duration::ZERO).await.expect_err("it does not say what is in flight");
    assert!(matches!(error, AdminError::NotSupported { .. }), "{error}");
    let anonymous = server.connect().await;
    assert_eq!(anonymous.pool("cart-service").await.expect("it answers"), None, "addresses are no ids");
}

#[tokio::test]
async fn the_access_log_tells_how_servers_do_so_that_they_can_be_steered() {
    let server = Server::start().await;
    let log = Log::new("counts");
    let admin = connect(TRAEFIK, &log.options(&server)).await.expect("it is as recorded");
    let can = admin.capabilities();
    assert!(can.weights && can.per_backend && !can.in_flight, "{can:?}");
    assert_eq!(admin.native(&algorithm("rl")).expect("it is offered"), "wrr, steered weights");
    let cart_a = || async {
        let snapshot = admin.snapshot().await.expect("it answers");
        let found = snapshot.backends.into_iter().find(|one| one.id == "cart-a").expect("it is known");
        (snapshot.generation, found)
    };
    let (first, quiet) = cart_a().await;
    let none = BackendCounters { errors: Some(0), cancelled: Some(0), ..quiet.clone() };
    assert_eq!((quiet.requests, quiet.recent_latency), (Some(0), None), "what was before is not counted");
    assert_eq!(quiet, none, "zero, and known to be");
    log.append(&(request("shop.rl", 9001, 200, 10) + &request("shop.rl", 9001, 502, 30)));
    log.append(&request("rest.rl", 9003, 200, 5));
    let (generation, busy) = cart_a().await;
    assert_eq!(generation, first);
    assert_eq!((busy.requests, busy.errors, busy.in_flight), (Some(2), Some(1), 0));
    assert_eq!(
        (busy.latency_sum, busy.recent_latency),
        (Some(Span::from_millis(40)), Some(Span::from_millis(20)))
    );
    let (_, later) = cart_a().await;
    assert_eq!(later, busy, "nothing was appended");

    log.write(&request("shop.rl", 9001, 200, 7));
    let (generation, anew) = cart_a().await;
    assert_ne!(generation, first, "counters begin anew with the file");
    assert_eq!(anew.requests, Some(1), "and its first line counts");

    log.append("127.0.0.1 - - \"GET /\" 200\n");
    let error = admin.snapshot().await.expect_err("the format changed").to_string();
    assert!(error.contains("counts.log") && error.contains("`127.0.0.1 - -"), "{error}");
    assert_eq!(cart_a().await.1.requests, Some(1), "one wrong line does no more harm");
}

#[tokio::test]
async fn without_its_access_log_nothing_is_steered() {
    let server = Server::start().await;
    let admin = server.connect().await;
    let error =
        admin.set_weights(&[("cart-a".to_owned(), 1.0)]).await.expect_err("nobody says how servers do");
    assert!(matches!(error, AdminError::NotSupported { .. }), "{error}");
    assert!(error.to_string().contains("JSON access log"), "the way out: {error}");
    let error = admin.switch(&algorithm("rl")).await.expect_err("it would be no rl");
    assert!(matches!(error, AdminError::NotOffered { .. }), "{error}");
    assert!(server.puts().is_empty(), "nothing was sent");
    let options = RealOptions { access_log: Some("/nowhere/access.log".into()), ..server.options() };
    let error = connect(TRAEFIK, &options).await.err().expect("there is none").to_string();
    assert!(error.contains("/nowhere/access.log") && error.contains("--accesslog.filepath"), "{error}");
}

#[tokio::test]
async fn health_checks_are_told() {
    let server = Server::start().await;
    server.set(|traefik| {
        let service = &mut traefik.raw["services"]["shop.round-robin@rest"];
        service["serverStatus"]["http://127.0.0.1:9002"] = json!("DOWN");
    });
    let options = RealOptions { backends: known(), ..server.options() };
    let admin = connect(TRAEFIK, &options).await.expect("it is as recorded");
    let backends = admin.snapshot().await.expect("it answers").backends;
    let sick: Vec<&str> = backends.iter().filter(|one| !one.healthy).map(|one| one.id.as_str()).collect();
    assert_eq!(sick, ["cart-b"]);
}

#[tokio::test]
async fn a_traefik_that_is_starting_gets_its_document_when_it_takes_some() {
    let document = |strategy: &str| {
        json!({"http": {
            "routers": {"main": {"rule": "PathPrefix(`/`)", "service": "round-robin"}},
            "services": {"round-robin": {"loadBalancer": {"strategy": strategy, "servers": [{"url": "http://a:1"}]}}},
        }})
    };
    let server = Server::start().await;
    server.set(|traefik| traefik.starting = 3);
    traefik::load(&server.options(), document("wrr")).await.expect("it takes the fourth");
    assert_eq!(server.puts().len(), 1, "only one of them did anything");
    let admin = server.connect().await;
    assert_eq!(
        admin.current().await.expect("it says").algorithm,
        Some(algorithm("round-robin")),
        "a bare name"
    );

    let error =
        traefik::load(&server.options(), document("rr")).await.expect_err("Traefik has no such strategy");
    assert!(
        error.to_string().ends_with(r#"router `main`: unsupported load-balancer strategy "rr""#),
        "{error}"
    );
    let error =
        traefik::load(&server.options(), json!({"http": {"routers": 3}})).await.expect_err("no routers");
    assert!(error.to_string().contains("cannot unmarshal"), "Traefik's reason is quoted: {error}");
    server.set(|traefik| traefik.starting = u32::MAX);
    let error = traefik::load(&server.impatient(), document("wrr")).await.expect_err("it never does");
    assert!(error.to_string().contains("`providers.rest.insecure`"), "{error}");
}

#[tokio::test]
async fn a_traefik_without_groups_is_refused() {
    let server = Server::start().await;
    server.set(|traefik| traefik.raw["routers"] = json!({}));
    let error = connect(TRAEFIK, &server.options()).await.err().expect("nothing can be switched");
    assert!(error.to_string().contains("no router of the provider `rest`"), "{error}");
}
