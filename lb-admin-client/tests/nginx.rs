//! The nginx adapter against a folder as `bench` makes it, and a server that answers as nginx and its Lua did.

use axum::Router;
use axum::extract::Query;
use axum::http::{Method, StatusCode, Uri};
use lb_admin_client::nginx::program::PROGRAM;
use lb_admin_client::{AdminError, Kind, KnownBackend, LoadBalancerAdmin, RealOptions, connect};
use lb_core::{Algorithm, Span};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

const NGINX: Kind = Kind::new(PROGRAM);

/// As nginx 1.22.1 answered `/backends`, with two pools.
const BACKENDS: &str = include_str!("nginx/backends.json");
const STATUS: &str = "Active connections: 9 \nserver accepts handled requests\n 20 20 30 \nReading: 0 Writing: 8 Waiting: 4 \n";

/// What an nginx shows, and what it was told.
struct Nginx {
    backends: Value,
    /// Parameters of each call of `/weights`.
    told: Vec<Vec<(String, String)>>,
}

/// The server, and the folder that names it, gone at the end.
struct Server {
    folder: PathBuf,
    nginx: Arc<Mutex<Nginx>>,
}

impl Server {
    async fn start(test: &str, lua: bool) -> Self {
        let backends = serde_json::from_str(BACKENDS).expect("the recording is JSON");
        let nginx = Arc::new(Mutex::new(Nginx { backends, told: Vec::new() }));
        let state = nginx.clone();
        let answer = move |method: Method, uri: Uri, Query(query): Query<Vec<(String, String)>>| async move {
            state.lock().expect("no test panics while it holds it").answer(&method, uri.path(), query)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        let folder =
            std::env::temp_dir().join(format!("lb-admin-client-{}-nginx-{test}", std::process::id()));
        fs::create_dir_all(folder.join("flags")).expect("a folder for temporary files");
        let mut facts = json!({
            "algorithms": ["round-robin", "least-connections", "rl"], "status": format!("{url}/status"), "pid": "nginx.pid",
        });
        if lua {
            facts["lua"] = json!(url);
        }
        fs::write(folder.join("bench.json"), facts.to_string()).expect("the folder is ours");
        Self { folder, nginx }
    }

    fn set(&self, change: impl FnOnce(&mut Nginx)) {
        change(&mut self.nginx.lock().expect("no test panics while it holds it"));
    }

    fn told(&self) -> Vec<Vec<(String, String)>> {
        self.nginx.lock().expect("no test panics while it holds it").told.clone()
    }

    fn options(&self) -> RealOptions {
        RealOptions::new(self.folder.to_string_lossy())
    }

    async fn connect(&self) -> Box<dyn LoadBalancerAdmin> {
        let known = |id: &str, pool: &str| KnownBackend {
            id: id.to_owned(),
            pool: pool.to_owned(),
            services: Vec::new(),
            address: "127.0.0.1:9001".to_owned(),
            weight: 3.0,
        };
        let backends = vec![known("cart-a", "shop"), known("cart-b", "shop"), known("rest-a", "rest")];
        connect(NGINX, &RealOptions { backends, ..self.options() }).await.expect("it is as recorded")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Nginx {
    fn answer(&mut self, method: &Method, path: &str, query: Vec<(String, String)>) -> (StatusCode, String) {
        match path {
            "/status" => (StatusCode::OK, STATUS.to_owned()),
            "/backends" => (StatusCode::OK, self.backends.to_string()),
            "/weights" => {
                assert_eq!(method, Method::POST);
                let known: Vec<Value> = self.backends["backends"]
                    .as_array()
                    .expect("rows")
                    .iter()
                    .map(|row| row["id"].clone())
                    .collect();
                if let Some((id, weight)) = query.iter().find(|(id, _)| !known.contains(&json!(id))) {
                    let said = format!("{id}={weight}: there is no such backend\n");
                    return (StatusCode::BAD_REQUEST, said);
                }
                self.told.push(query);
                (StatusCode::OK, self.backends.to_string())
            }
            _ => (StatusCode::NOT_FOUND, "<html>404 Not Found</html>".to_owned()),
        }
    }
}

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("the name is in the table")
}

#[tokio::test]
async fn lua_counts_and_steers_what_it_routes() {
    let server = Server::start("counts", true).await;
    let admin = server.connect().await;
    let can = admin.capabilities();
    assert!(can.weights && can.per_backend && can.in_flight, "{can:?}");
    assert_eq!(admin.switch(&algorithm("rl")).await.expect("it is offered"), "lua, steered weights");
    let snapshot = admin.snapshot().await.expect("it answers");
    assert_eq!((snapshot.generation.as_str(), snapshot.algorithm.as_str()), ("1795312345.678", "rl"));
    let cart_a = &snapshot.backends[0];
    assert_eq!((cart_a.pool.as_str(), cart_a.id.as_str(), cart_a.weight), ("shop", "cart-a", 0.25));
    assert_eq!((cart_a.requests, cart_a.errors, cart_a.cancelled), (Some(105), Some(2), Some(3)));
    assert_eq!(cart_a.in_flight, 2);
    assert_eq!(cart_a.latency_sum, Some(Span::from_millis(1500)));
    assert_eq!(snapshot.in_flight(), 7, "those of /status less the one that asks, whether or not assigned");
    assert_eq!(snapshot.unassigned, 4);

    server.set(|nginx| {
        let cart_a = &mut nginx.backends["backends"][0];
        (cart_a["replies"], cart_a["latency_ms"]) = (json!(104), json!(1740));
    });
    let later = admin.snapshot().await.expect("it answers");
    assert_eq!(later.backends[0].recent_latency, Some(Span::from_millis(60)), "of the four new replies");
    assert_eq!(later.backends[2].recent_latency, None, "it has never replied");
}

#[tokio::test]
async fn what_other_algorithms_do_is_not_counted_by_backend() {
    let server = Server::start("others", true).await;
    let admin = server.connect().await;
    let snapshot = admin.snapshot().await.expect("it answers");
    assert_eq!(snapshot.algorithm, "round-robin");
    assert!(!snapshot.counts_requests(), "none, not zero");
    assert_eq!(snapshot.backends[0].weight, 3.0, "as it was configured");
    assert_eq!(snapshot.unassigned, 7);
    let anonymous = connect(NGINX, &server.options()).await.expect("it is as recorded");
    let ids: Vec<String> =
        anonymous.snapshot().await.expect("it answers").backends.into_iter().map(|one| one.id).collect();
    assert_eq!(ids, ["cart-a", "cart-b", "rest-a"], "nginx itself knows them");
}

#[tokio::test]
async fn weights_are_scaled_to_the_greatest_and_a_refusal_is_quoted() {
    let server = Server::start("weights", true).await;
    let admin = server.connect().await;
    let weights = [("cart-a", 2.0), ("cart-b", 0.5), ("rest-a", 1e-12)].map(|(id, w)| (id.to_owned(), w));
    admin.set_weights(&weights).await.expect("it can");
    let expected = [("cart-a", "1.000000"), ("cart-b", "0.250000"), ("rest-a", "0.000001")];
    assert_eq!(server.told(), [expected.map(|(id, weight)| (id.to_owned(), weight.to_owned()))]);
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = admin.set_weights(&[("cart-a".to_owned(), wrong)]).await.expect_err("must be above 0");
        assert!(matches!(error, AdminError::BadValue { .. }), "{error}");
    }
    let error = admin.set_weights(&[("cart-z".to_owned(), 1.0)]).await.expect_err("there is none");
    assert!(error.to_string().ends_with("cart-z=1.000000: there is no such backend"), "{error}");
    assert_eq!(server.told().len(), 1, "what is wrong was not sent, or not taken");
}

#[tokio::test]
async fn without_lua_there_is_no_rl() {
    let server = Server::start("plain", false).await;
    let admin = server.connect().await;
    let can = admin.capabilities();
    assert!(!can.weights && !can.per_backend && can.in_flight, "{can:?}");
    assert_eq!(admin.algorithms(), [algorithm("round-robin"), algorithm("least-connections")]);
    let error = admin.set_weights(&[("cart-a".to_owned(), 1.0)]).await.expect_err("nothing takes them");
    assert!(matches!(error, AdminError::NotSupported { .. }), "{error}");
    assert!(error.to_string().contains("libnginx-mod-http-lua"), "the way out: {error}");
    let error = admin.switch(&algorithm("rl")).await.expect_err("it would be no rl");
    assert!(matches!(error, AdminError::NotOffered { .. }), "{error}");
    assert!(!admin.snapshot().await.expect("it answers").counts_requests(), "none, not zero");
}

#[tokio::test]
async fn lua_that_does_not_answer_is_found_out_at_once() {
    let server = Server::start("elsewhere", true).await;
    let facts = json!({"algorithms": ["rl"], "lua": "http://127.0.0.1:1"});
    fs::write(server.folder.join("bench.json"), facts.to_string()).expect("the folder is ours");
    let error = connect(NGINX, &server.options()).await.err().expect("nobody is there").to_string();
    assert!(error.contains("http://127.0.0.1:1/backends"), "{error}");
    let facts = json!({"algorithms": ["rl"]});
    fs::write(server.folder.join("bench.json"), facts.to_string()).expect("the folder is ours");
    let error = connect(NGINX, &server.options()).await.err().expect("nothing is left").to_string();
    assert!(error.contains("`rl` needs the key `lua`"), "{error}");
}
