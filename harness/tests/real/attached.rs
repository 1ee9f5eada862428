//! Load balancers that somebody else runs: configurations of their own, with the selector added.

use crate::common::{Bench, algorithm, number, text};
use crate::stage::{Stage, installed};
use harness::target::Child;
use lb_admin_client::Kind;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

/// A load balancer with a configuration of the test's own.
struct Users {
    stage: Stage,
    process: Child,
    url: String,
    admin: String,
}

impl Users {
    fn start(kind: Kind, stage: Stage, args: &[&str], url: String, admin: String) -> Self {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let dir = stage.dir.path();
        let log = dir.join("program.log");
        let _guard = stage.runtime.enter();
        let process = Child::start_program(kind.name(), &installed(kind).program, &args, &[], dir, &log);
        let process = process.expect("the program starts");
        crate::processes::wait_for("it to listen", || {
            TcpStream::connect(url.trim_start_matches("http://")).ok()
        });
        drop(_guard);
        Self { stage, process, url, admin }
    }

    /// `bench` with two algorithms, on what runs already.
    fn drive(&self, bench: &Bench, kind: Kind) -> Output {
        bench.run(&[
            "--config",
            "quick_test_config.json",
            "--load-balancer",
            kind.name(),
            "--url",
            &self.url,
            "--admin",
            &self.admin,
            "--algorithms",
            "round-robin,least-connections",
            "--duration",
            "1s",
            "--out",
            "out",
        ])
    }

    /// It is the user's and still runs; now the test ends it.
    fn end(mut self) {
        self.process.check().expect("a load balancer of the user is let alone");
        let Self { stage, process, .. } = self;
        stage.runtime.block_on(process.stop());
        stage.end(None);
    }
}

fn free() -> String {
    format!("127.0.0.1:{}", crate::common::free_port())
}

/// Both algorithms ran, and replies as well as behaviour say that they did.
fn assert_both_verified(kind: Kind, bench: &Bench, output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    let summary = bench.json("out/summary.json");
    for name in ["round-robin", "least-connections"] {
        let result = algorithm(&summary, name);
        assert_eq!(number(result, "/error_rate"), 0.0, "{kind}: {name}: nothing fails");
        let evidence = &result["switch_evidence"][0];
        for layer in ["control_plane", "header"] {
            assert_eq!(evidence[layer]["verdict"], "confirmed", "{kind}: {name}: {layer}: {evidence}");
        }
        // A busy machine may leave it open.
        let behaviour = evidence["behaviour"]["verdict"].as_str();
        assert!(matches!(behaviour, Some("confirmed" | "not_tested")), "{kind}: {name}: {evidence}");
    }
}

/// The switch is refused for what requests did, not only for what was said.
fn assert_found_out(kind: Kind, output: &Output) {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{kind}: a switch that is none ends the run: {message}");
    for part in ["claims to run `least-connections` but does not", "behaviour: "] {
        assert!(message.contains(part), "{kind}: the message holds `{part}`: {message}");
    }
}

/// HAProxy as somebody has it, with another frontend, its own timeouts and two services; `least` is what its
/// group of that name does.
fn users_haproxy(least: &str) -> Users {
    let stage = Stage::new();
    let dir = stage.dir.path();
    let (listen, socket) = (free(), dir.join("admin.sock").to_string_lossy().into_owned());
    let group = |service: &str, algorithm: &str, balance: &str| {
        let servers =
            ["b1", "b2", "b3"].map(|id| format!("    server {id} {} check", stage.address(id))).join("\n");
        format!("backend {service}.{algorithm}\n    balance {balance}\n{servers}\n")
    };
    let groups = ["catalogue", "checkout"].map(|service| {
        group(service, "round-robin", "roundrobin") + &group(service, "least-connections", least)
    });
    let config = format!(
        "global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    timeout connect 3s
    timeout client 20s
    timeout server 20s
frontend my_shop
    bind {listen}
    http-request set-var(txn.algorithm) str(current),map({dir}/algorithm.map,round-robin)
    http-response set-header X-LB-Algorithm %[var(txn.algorithm)]
    acl is_checkout path_beg /cart-service/ /order-service/
    use_backend checkout.%[var(txn.algorithm)] if is_checkout
    use_backend catalogue.%[var(txn.algorithm)]
{}{}",
        groups[0],
        groups[1],
        dir = dir.display(),
    );
    write(&dir.join("haproxy.cfg"), &config);
    write(&dir.join("algorithm.map"), "current round-robin\n");
    Users::start(Kind::Haproxy, stage, &["-db", "-f", "haproxy.cfg"], format!("http://{listen}"), socket)
}

pub(crate) fn haproxy(kind: Kind) {
    let (users, bench) = (users_haproxy("leastconn"), Bench::new());
    assert_both_verified(kind, &bench, &users.drive(&bench, kind));
    users.end();
}

pub(crate) fn lying_haproxy(kind: Kind) {
    for does in ["roundrobin", "random(1)"] {
        let (users, bench) = (users_haproxy(does), Bench::new());
        assert_found_out(kind, &users.drive(&bench, kind));
        users.end();
    }
}

pub(crate) fn no_socket(kind: Kind) {
    let (mut users, bench) = (users_haproxy("leastconn"), Bench::new());
    let refused = |users: &Users, parts: &[&str]| {
        let output = users.drive(&bench, kind);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{message}");
        for part in parts {
            assert!(message.contains(part), "the message holds `{part}`: {message}");
        }
    };
    // Root may use any socket.
    if !rustix::process::geteuid().is_root() {
        let mode = |mode| std::fs::set_permissions(&users.admin, std::fs::Permissions::from_mode(mode));
        mode(0o000).expect("a socket of ours");
        refused(&users, &[&users.admin, "may write to the socket"]);
        mode(0o600).expect("a socket of ours");
    }
    users.admin = users.stage.dir.path().join("another.sock").to_string_lossy().into_owned();
    refused(&users, &[&users.admin, "No such file", "--admin"]);
    users.admin = "admin.sock".to_owned();
    refused(&users, &["admin.sock", "absolute path"]);
    users.end();
}

/// Envoy as somebody has it: two services; clusters named `NAME.least-connections` come from a file when that
/// says what they do.
fn users_envoy(least: Option<&str>) -> Users {
    let stage = Stage::new();
    let dir = stage.dir.path();
    let (listen, admin) = (free(), free());
    let address = |text: &str| {
        let (host, port) = text.rsplit_once(':').expect("an address");
        json!({ "socket_address": { "address": host, "port_value": port.parse::<u16>().expect("a port") } })
    };
    let cluster = |service: &str, algorithm: &str| {
        let name = format!("{service}.{algorithm}");
        let endpoints = ["b1", "b2", "b3"]
            .map(|id| json!({ "endpoint": { "hostname": id, "address": address(&stage.address(id)) } }));
        let load = json!({ "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] });
        json!({ "name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": load })
    };
    let services = ["main", "checkout"];
    let mut fixed = services.map(|service| cluster(service, "round-robin")).to_vec();
    let mut least_loaded = services.map(|service| cluster(service, "least-connections"));
    let mut config = json!({
        "node": { "id": "shop", "cluster": "shop" },
        "admin": { "address": address(&admin) },
        "layered_runtime": { "layers": [{ "name": "admin", "admin_layer": {} }] },
    });
    match least {
        // A word that Envoy does not know: in a file it is not refused.
        Some(word) => {
            for cluster in &mut least_loaded {
                cluster["@type"] = json!("type.googleapis.com/envoy.config.cluster.v3.Cluster");
                cluster["lb_policy"] = json!(word);
            }
            let file = dir.join("clusters.json");
            write(&file, &json!({ "version_info": "1", "resources": least_loaded }).to_string());
            let source = json!({ "resource_api_version": "V3", "path_config_source": { "path": file } });
            config["dynamic_resources"] = json!({ "cds_config": source });
        }
        None => {
            let full = "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest";
            let policy = json!({ "typed_extension_config": {
                "name": "envoy.load_balancing_policies.least_request",
                "typed_config": { "@type": full, "selection_method": "FULL_SCAN" }
            }});
            for cluster in &mut least_loaded {
                cluster["load_balancing_policy"] = json!({ "policies": [policy] });
            }
            fixed.extend(least_loaded);
        }
    }
    let routes: Vec<Value> =
        [("/cart-service/", "checkout"), ("/order-service/", "checkout"), ("/", "main")]
            .into_iter()
            .flat_map(|(prefix, service)| selected(prefix, service))
            .collect();
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    let filter = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": manager,
        "stat_prefix": "my_shop",
        "http_filters": [{ "name": "envoy.filters.http.router", "typed_config": { "@type": router } }],
        "route_config": {
            "name": "my_shop",
            "validate_clusters": false,
            "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }]
        }
    }});
    config["static_resources"] = json!({
        "clusters": fixed,
        "listeners": [{ "name": "my_shop", "address": address(&listen), "filter_chains": [{ "filters": [filter] }] }]
    });
    write(&dir.join("envoy.json"), &config.to_string());
    let args = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error", "-c", "envoy.json"];
    Users::start(Kind::Envoy, stage, &args, format!("http://{listen}"), format!("http://{admin}"))
}

/// The selector: a route that asks for the key of least-connections, then the one that asks for none.
fn selected(prefix: &str, service: &str) -> [Value; 2] {
    ["least-connections", "round-robin"].map(|algorithm| {
        let mut route = json!({
            "match": { "prefix": prefix },
            "route": { "cluster": format!("{service}.{algorithm}"), "timeout": "15s" },
            "response_headers_to_add": [{ "header": { "key": "x-lb-algorithm", "value": algorithm } }],
        });
        if algorithm == "least-connections" {
            let never = json!({ "numerator": 0, "denominator": "HUNDRED" });
            route["match"]["runtime_fraction"] =
                json!({ "runtime_key": "lb.algorithm.least-connections", "default_value": never });
        }
        route
    })
}

pub(crate) fn envoy(kind: Kind) {
    let (users, bench) = (users_envoy(None), Bench::new());
    assert_both_verified(kind, &bench, &users.drive(&bench, kind));
    users.end();
}

pub(crate) fn lying_envoy(kind: Kind) {
    let (users, bench) = (users_envoy(Some("LEAST_REQUESTS")), Bench::new());
    assert_found_out(kind, &users.drive(&bench, kind));
    users.end();
}

fn write(path: &Path, content: &str) {
    std::fs::write(path, content).expect("a file can be written");
}
