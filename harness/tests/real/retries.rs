//! Attempts that a load balancer repeats behind the clients' backs: a backend that fails every request and that the
//! success rate does not show. And the documented nginx configuration, which repeats none and keeps connections.

use crate::common::{Bench, algorithm, free_port, number, text};
use crate::stage::Stage;
use crate::users::Users;
use lb_admin_client::Kind;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A backend that answers held requests, and everything else with one status.
struct Backend {
    address: String,
    requests: Arc<AtomicUsize>,
    /// Connections that carried a request.
    connections: Arc<AtomicUsize>,
}

impl Backend {
    fn start(name: &'static str, status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (requests, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counts = (Arc::clone(&requests), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, connections) = (Arc::clone(&counts.0), Arc::clone(&counts.1));
                std::thread::spawn(move || serve(stream, name, status, &requests, &connections));
            }
        });
        Self { address, requests, connections }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, name: &str, status: u16, requests: &AtomicUsize, connections: &AtomicUsize) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let (mut head, mut is_first) = (String::new(), true);
    while reader.read_line(&mut head).is_ok_and(|read| read > 0) {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        connections.fetch_add(usize::from(std::mem::take(&mut is_first)), Ordering::SeqCst);
        let held =
            head.split_once("/api/hold?ms=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let status = match held {
            Some(held) => {
                std::thread::sleep(Duration::from_millis(held));
                200
            }
            None => {
                requests.fetch_add(1, Ordering::SeqCst);
                status
            }
        };
        head.clear();
        let reply = format!("HTTP/1.1 {status} -\r\nx-backend: {name}\r\ncontent-length: 0\r\n\r\n");
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn free() -> String {
    format!("127.0.0.1:{}", free_port())
}

fn write(path: &Path, content: &str) {
    std::fs::write(path, content).expect("a file can be written");
}

/// A config of one request, which names these backends.
fn config(bench: &Bench, backends: Value) -> String {
    let journey = json!({ "name": "one", "actions": { "look": { "weight": 1, "steps": [{ "name": "look", "path": "/item" }] } } });
    bench.config(
        "config.json",
        &json!({
            "scenarios": [{ "name": "look", "duration_minutes": 0.02, "concurrent_users": 3, "ramp_up_time_seconds": 0 }],
            "bench": {
                "journey": journey, "algorithms": ["round-robin"], "repetitions": 1, "warm_up_s": 0, "cool_down_s": 0,
                "think_time_s": [0.01, 0.02], "backends": backends
            }
        }),
    )
}

/// Returns what was measured, after a run that ended like this.
fn measured(bench: &Bench, args: &[&str], name: &str) -> (Value, String) {
    let output = bench.run(&[args, &["--out", "out"]].concat());
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    // Long lines are wrapped.
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    (algorithm(&bench.json("out/summary.json"), name).clone(), printed)
}

/// Returns the entry of a backend.
fn backend<'a>(result: &'a Value, id: &str) -> &'a Value {
    let backends = result["backends"].as_array().expect("backends");
    backends.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{id} is listed: {result}"))
}

pub(crate) fn haproxy(kind: Kind) {
    let (failing, fine) = (Backend::start("b1", 503), Backend::start("b2", 200));
    let (stage, bench) = (Stage::new(), Bench::new());
    let dir = stage.dir.path();
    let (listen, socket) = (free(), dir.join("admin.sock").to_string_lossy().into_owned());
    let settings = format!(
        "global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    timeout connect 3s
    timeout client 20s
    timeout server 20s
    retries 3
    option redispatch 1
    retry-on all-retryable-errors
frontend www
    bind {listen}
    http-request set-var(txn.algorithm) str(current),map({dir}/algorithm.map,round-robin)
    http-response set-header X-LB-Algorithm %[var(txn.algorithm)]
    use_backend main.%[var(txn.algorithm)]
backend main.round-robin
    balance roundrobin
    server b1 {}
    server b2 {}
",
        failing.address,
        fine.address,
        dir = dir.display()
    );
    write(&dir.join("haproxy.cfg"), &settings);
    write(&dir.join("algorithm.map"), "current round-robin\n");
    let users =
        Users::start(kind, stage, &["-db", "-f", "haproxy.cfg"], format!("http://{listen}"), socket.clone());
    let config = config(&bench, json!([]));
    let place = ["--load-balancer", "haproxy", "--url", &users.url, "--admin", &users.admin];
    let (result, printed) = measured(&bench, &[&["--config", &config][..], &place].concat(), "round-robin");
    assert_eq!(number(&result, "/error_rate"), 0.0, "clients see no error: {result}");
    let retries = number(backend(&result, "b1"), "/retries");
    assert!(retries > 0.0, "the attempts at the failing backend: {result}");
    assert!(
        printed.contains(&format!("the load balancer repeated {retries} failed attempts (b1: {retries})")),
        "{printed}"
    );
    assert_eq!(number(backend(&result, "b1"), "/share"), 0.0);
    assert_eq!(number(&result, "/jain_index"), 0.5, "one of two answered everything");
    users.end();
}

/// Drives one that counts its retries for all backends together: clients see few of the errors, and reports say so.
fn repeated_somewhere(users: &Users, kind: Kind) {
    let bench = Bench::new();
    let config = config(&bench, json!([]));
    let place = ["--load-balancer", kind.name(), "--url", &users.url, "--admin", &users.admin];
    let (result, printed) = measured(&bench, &[&["--config", &config][..], &place].concat(), "round-robin");
    // Envoy repeats only so many at the same time.
    assert!(number(&result, "/error_rate") < 0.3, "{kind}: most errors are hidden: {}", result["outcomes"]);
    let retries = number(&result, "/retries");
    assert!(retries > 0.0, "{kind}: the attempts at the failing backend: {}", result["outcomes"]);
    let line = format!("repeated {retries} failed attempts (it does not tell at which backends)");
    assert!(printed.contains(&line), "{printed}");
}

pub(crate) fn envoy(kind: Kind) {
    let (failing, fine) = (Backend::start("b1", 503), Backend::start("b2", 200));
    let (stage, listen, admin) = (Stage::new(), free(), free());
    let address = |text: &str| {
        let (host, port) = text.rsplit_once(':').expect("an address");
        json!({ "socket_address": { "address": host, "port_value": port.parse::<u16>().expect("a port") } })
    };
    let endpoint = |id: &str, at: &str| json!({ "endpoint": { "hostname": id, "address": address(at) } });
    let endpoints = [endpoint("b1", &failing.address), endpoint("b2", &fine.address)];
    let name = "main.round-robin";
    let load = json!({ "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] });
    let cluster = json!({ "name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": load });
    const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions.filters";
    let route = json!({
        "match": { "prefix": "/" },
        "route": { "cluster": name, "timeout": "15s", "retry_policy": { "retry_on": "5xx", "num_retries": 3 } },
        "response_headers_to_add": [{ "header": { "key": "x-lb-algorithm", "value": "round-robin" } }],
    });
    let router = json!({ "@type": format!("{EXTENSIONS}.http.router.v3.Router") });
    let manager = json!({
        "@type": format!("{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "shop",
        "http_filters": [{ "name": "envoy.filters.http.router", "typed_config": router }],
        "route_config": { "name": "shop", "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] }
    });
    let filter = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
    let listener =
        json!({ "name": "shop", "address": address(&listen), "filter_chains": [{ "filters": [filter] }] });
    let config = json!({
        "node": { "id": "shop", "cluster": "shop" },
        "admin": { "address": address(&admin) },
        "layered_runtime": { "layers": [{ "name": "admin", "admin_layer": {} }] },
        "static_resources": { "clusters": [cluster], "listeners": [listener] }
    });
    write(&stage.dir.path().join("envoy.json"), &config.to_string());
    let args = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error", "-c", "envoy.json"];
    let users = Users::start(kind, stage, &args, format!("http://{listen}"), format!("http://{admin}"));
    repeated_somewhere(&users, kind);
    users.end();
}

pub(crate) fn traefik(kind: Kind) {
    // It repeats what could not be sent, so nothing listens at one of the addresses.
    let (dead, fine) = (free(), Backend::start("b2", 200));
    let (stage, listen, admin) = (Stage::new(), free(), free());
    let settings = [
        format!("--entryPoints.web.address={listen}"),
        format!("--entryPoints.traefik.address={admin}"),
        "--api.insecure=true".to_owned(),
        "--providers.rest.insecure=true".to_owned(),
        "--providers.providersThrottleDuration=10ms".to_owned(),
        "--metrics.prometheus=true".to_owned(),
        "--global.checkNewVersion=false".to_owned(),
        "--global.sendAnonymousUsage=false".to_owned(),
        "--log.level=ERROR".to_owned(),
    ];
    let args: Vec<&str> = settings.iter().map(String::as_str).collect();
    let users = Users::start(kind, stage, &args, format!("http://{listen}"), format!("http://{admin}"));
    let server = |address: &str| json!({ "url": format!("http://{address}") });
    let document = json!({ "http": {
        "routers": { "main": {
            "entryPoints": ["web"], "rule": "PathPrefix(`/`)", "middlewares": ["tag-round-robin", "again"],
            "service": "main.round-robin"
        } },
        "middlewares": {
            "tag-round-robin": { "headers": { "customResponseHeaders": { "X-LB-Algorithm": "round-robin" } } },
            "again": { "retry": { "attempts": 3 } }
        },
        "services": { "main.round-robin": { "loadBalancer": {
            "strategy": "wrr", "passHostHeader": true, "servers": [server(&dead), server(&fine.address)]
        } } }
    } });
    users.put(&document, "main.round-robin@rest");
    repeated_somewhere(&users, kind);
    users.end();
}

/// Starts nginx with this `http` block, in the folder of the stage.
fn nginx(kind: Kind, stage: Stage, listen: &str, http: &str) -> Users {
    let dir = stage.dir.path();
    let folder = dir.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {folder}/{name};\n"))
        .concat();
    let config = format!(
        "daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 512; }}\nhttp {{\n    access_log off;\n{temporary}{http}\n}}\n"
    );
    write(&dir.join("nginx.conf"), &config);
    let (prefix, file) = (format!("{folder}/"), format!("{folder}/nginx.conf"));
    let log = format!("{folder}/start.log");
    let args = ["-p", &prefix, "-e", &log, "-c", &file].map(str::to_owned);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Users::start(kind, stage, &args, format!("http://{listen}"), String::new())
}

/// A list of attempts in a header is one of backends: the last one answered, the others were tried before.
pub(crate) fn nginx_lists(kind: Kind) {
    let (failing, fine) = (Backend::start("b1", 503), Backend::start("b2", 200));
    let (stage, bench, listen) = (Stage::new(), Bench::new(), free());
    let http = format!(
        "upstream shop {{ server {} max_fails=0; server {}; }}
    server {{
        listen {listen};
        add_header X-Upstream $upstream_addr always;
        location / {{ proxy_pass http://shop; proxy_next_upstream error timeout http_503; }}
    }}",
        failing.address, fine.address
    );
    let users = nginx(kind, stage, &listen, &http);
    let config = config(&bench, json!([failing.address, fine.address]));
    let place = ["--url", &users.url, "--backend-from", "header:X-Upstream"];
    let (result, printed) = measured(&bench, &[&["--config", &config][..], &place].concat(), "as-it-is");
    assert_eq!(number(&result, "/error_rate"), 0.0, "clients see no error: {result}");
    assert_eq!(number(backend(&result, &fine.address), "/share"), 1.0, "it answered: {result}");
    let failed = backend(&result, &failing.address);
    assert_eq!(number(failed, "/share"), 0.0, "the other one answered nothing");
    let retries = number(failed, "/retries");
    assert!(retries > 0.0 && retries <= failing.requests() as f64, "{retries} of {}", failing.requests());
    assert!(
        printed.contains(&format!("repeated {retries} failed attempts ({}: {retries})", failing.address))
    );
    assert_eq!(number(&result, "/jain_index"), 0.5, "one of two answered everything");
    users.end();
}

/// The snippet of the documentation: connections are kept, and a failure is not tried elsewhere.
pub(crate) fn documented_nginx(kind: Kind) {
    let fine = Backend::start("b2", 200);
    let (stage, bench, listen, dead) = (Stage::new(), Bench::new(), free(), free());
    let docs = format!("{}/../docs/load-balancers.md", env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_to_string(docs).expect("the documentation");
    let lines = docs.lines().skip_while(|line| !line.contains("upstream main.round-robin"));
    let snippet: Vec<&str> = lines.take_while(|line| line.starts_with("    ")).collect();
    let folder = stage.dir.path().join("bench");
    std::fs::create_dir_all(folder.join("flags")).expect("a folder");
    write(&folder.join("bench.json"), r#"{ "algorithms": ["round-robin", "least-connections"] }"#);
    let http = snippet
        .join("\n")
        // It is tried again and again, instead of being left out for ten seconds.
        .replace("10.0.0.1;", &format!("{dead} max_fails=0;"))
        .replace("10.0.0.2", &fine.address)
        .replace("/etc/nginx/bench", &folder.display().to_string())
        .replacen("server {", &format!("server {{ listen {listen};"), 1);
    let users = nginx(kind, stage, &listen, &http);
    let config = config(&bench, json!(["b1", "b2"]));
    let admin = folder.to_string_lossy().into_owned();
    let place = ["--load-balancer", "nginx", "--url", &users.url, "--admin", &admin];
    let (result, _) = measured(&bench, &[&["--config", &config][..], &place].concat(), "round-robin");
    assert!(number(&result, "/error_rate") > 0.0, "a dead backend is seen: {result}");
    assert_eq!(number(&result, "/jain_index"), 0.5, "and counts: {result}");
    let (requests, connections) = (fine.requests(), fine.connections.load(Ordering::SeqCst));
    assert!(requests > 2 * connections, "connections are kept: {requests} requests on {connections}");
    users.end();
}
