//! Load balancers with configurations of somebody else: frontends, clusters and timeouts of their own, two services,
//! and the selector added to them.

use crate::common::{Bench, free_port};
use crate::processes::wait_for;
use crate::stage::{Stage, installed, kind};
use harness::testbed::Child;
use lb_admin_client::Kind;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

/// The algorithms that each has.
pub(crate) const ALGORITHMS: [&str; 2] = ["round-robin", "least-connections"];

/// A load balancer that is not `bench`'s.
pub(crate) struct Users {
    pub(crate) stage: Stage,
    process: Child,
    pub(crate) url: String,
    pub(crate) admin: String,
}

impl Users {
    pub(crate) fn start(kind: Kind, stage: Stage, args: &[&str], url: String, admin: String) -> Self {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let dir = stage.dir.path();
        let log = dir.join("program.log");
        let process = {
            let _inside = stage.runtime.enter();
            Child::start_program(kind.name(), &installed(kind).program, &args, &[], dir, [&log; 2])
        };
        let process = process.expect("the program starts");
        let (_, listen) = url.split_once("://").expect("a URL");
        wait_for("it to listen", || TcpStream::connect(listen).ok());
        Self { stage, process, url, admin }
    }

    /// `bench` on what runs already.
    pub(crate) fn drive(&self, bench: &Bench, kind: Kind) -> Output {
        self.drive_with(bench, kind, &[])
    }

    /// `bench` on what runs already, with more arguments.
    pub(crate) fn drive_with(&self, bench: &Bench, kind: Kind, more: &[&str]) -> Output {
        let place = ["--load-balancer", kind.name(), "--url", &self.url, "--admin", &self.admin];
        let algorithms = ALGORITHMS.join(",");
        let plan = ["--algorithms", &algorithms, "--duration", "1s", "--out", "out"];
        bench.run(&[&["--config", "quick_test_config.json"], &place[..], &plan, more].concat())
    }

    /// Sends Traefik a document until it is taken, and waits until its API shows `part` of it.
    pub(crate) fn put(&self, document: &Value, part: &str) {
        let address = self.admin.trim_start_matches("http://");
        let ask = |line: &str, body: &str| {
            let length = body.len();
            let mut stream = TcpStream::connect(address).ok()?;
            let request = format!(
                "{line} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(request.as_bytes()).ok()?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply).ok()?;
            reply.starts_with("HTTP/1.1 200").then_some(reply)
        };
        let body = document.to_string();
        wait_for("the document to be taken", || ask("PUT /api/providers/rest", &body));
        wait_for("the document to be in force", || {
            ask("GET /api/rawdata", "").filter(|shown| shown.contains(part))
        });
    }

    /// It is the user's and still runs; now the test ends it.
    pub(crate) fn end(mut self) {
        self.process.check().expect("a load balancer of the user is let alone");
        let Self { stage, process, .. } = self;
        stage.runtime.block_on(process.stop());
        stage.end(None);
    }
}

fn free() -> String {
    format!("127.0.0.1:{}", free_port())
}

fn write(path: &Path, content: &str) {
    std::fs::write(path, content).expect("a file can be written");
}

/// HAProxy; `least` is what its backends named after least-connections do.
pub(crate) fn haproxy(least: &str) -> Users {
    haproxy_on(Stage::new(), "http", "", least)
}

/// HAProxy that speaks TLS, with a certificate of an authority of its own: `ca.pem` in the folder of the stage.
pub(crate) fn secured_haproxy() -> Users {
    let stage = Stage::new();
    let shop = stage.dir.path().join("shop.pem");
    write(&shop, &certified(&stage.dir.path().join("ca.pem")));
    let options = format!("ssl crt {}", shop.display());
    haproxy_on(stage, "https", &options, "leastconn")
}

/// Makes an authority, whose certificate is written to `ca`, and returns a certificate for 127.0.0.1 with its key.
fn certified(ca: &Path) -> String {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are needed");
    params.distinguished_name.push(DnType::CommonName, "Test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    write(ca, &params.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(params, key);
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    params.distinguished_name.push(DnType::CommonName, "Test shop");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    certificate.pem() + &key.serialize_pem()
}

fn haproxy_on(stage: Stage, scheme: &str, options: &str, least: &str) -> Users {
    let dir = stage.dir.path();
    let (listen, socket) = (free(), dir.join("admin.sock").to_string_lossy().into_owned());
    let servers =
        ["b1", "b2", "b3"].map(|id| format!("    server {id} {} check\n", stage.address(id))).concat();
    let group = |service: &str| {
        [("round-robin", "roundrobin"), ("least-connections", least)]
            .map(|(name, balance)| format!("backend {service}.{name}\n    balance {balance}\n{servers}"))
            .concat()
    };
    let config = format!(
        "global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    timeout connect 3s
    timeout client 20s
    timeout server 20s
frontend my_shop
    bind {listen} {options}
    http-request set-var(txn.algorithm) str(current),map({dir}/algorithm.map,round-robin)
    http-response set-header X-LB-Algorithm %[var(txn.algorithm)]
    acl is_checkout path_beg /cart-service/ /order-service/
    use_backend checkout.%[var(txn.algorithm)] if is_checkout
    use_backend catalogue.%[var(txn.algorithm)]
{}{}",
        group("catalogue"),
        group("checkout"),
        dir = dir.display(),
    );
    write(&dir.join("haproxy.cfg"), &config);
    write(&dir.join("algorithm.map"), "current round-robin\n");
    Users::start(
        kind("haproxy"),
        stage,
        &["-db", "-f", "haproxy.cfg"],
        format!("{scheme}://{listen}"),
        socket,
    )
}

/// Envoy. Its clusters named after least-connections do that, or else come from a file in which they have the
/// `lb_policy` `least`: a word that Envoy does not know is not refused there.
pub(crate) fn envoy(least: Option<&str>) -> Users {
    let stage = Stage::new();
    let dir = stage.dir.path();
    let (listen, admin) = (free(), free());
    let services = ["main", "checkout"];
    let mut clusters = services.map(|service| cluster(&stage, service, "round-robin")).to_vec();
    let mut least_loaded = services.map(|service| cluster(&stage, service, "least-connections"));
    let mut config = json!({
        "node": { "id": "shop", "cluster": "shop" },
        "admin": { "address": address(&admin) },
        "layered_runtime": { "layers": [{ "name": "admin", "admin_layer": {} }] },
    });
    if let Some(word) = least {
        for cluster in &mut least_loaded {
            cluster["@type"] = json!("type.googleapis.com/envoy.config.cluster.v3.Cluster");
            cluster["lb_policy"] = json!(word);
        }
        let file = dir.join("clusters.json");
        write(&file, &json!({ "version_info": "1", "resources": least_loaded }).to_string());
        let source = json!({ "resource_api_version": "V3", "path_config_source": { "path": file } });
        config["dynamic_resources"] = json!({ "cds_config": source });
    } else {
        for cluster in &mut least_loaded {
            cluster["load_balancing_policy"] = json!({ "policies": [full_scan()] });
        }
        clusters.extend(least_loaded);
    }
    config["static_resources"] = json!({ "clusters": clusters, "listeners": [listener(&listen)] });
    write(&dir.join("envoy.json"), &config.to_string());
    let args = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error", "-c", "envoy.json"];
    Users::start(kind("envoy"), stage, &args, format!("http://{listen}"), format!("http://{admin}"))
}

fn address(text: &str) -> Value {
    let (host, port) = text.rsplit_once(':').expect("an address");
    json!({ "socket_address": { "address": host, "port_value": port.parse::<u16>().expect("a port") } })
}

fn cluster(stage: &Stage, service: &str, algorithm: &str) -> Value {
    let name = format!("{service}.{algorithm}");
    let endpoint = |id| json!({ "endpoint": { "hostname": id, "address": address(&stage.address(id)) } });
    let endpoints = ["b1", "b2", "b3"].map(endpoint);
    let load = json!({ "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] });
    json!({ "name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": load })
}

fn full_scan() -> Value {
    const LEAST_REQUEST: &str =
        "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest";
    json!({ "typed_extension_config": {
        "name": "envoy.load_balancing_policies.least_request",
        "typed_config": { "@type": LEAST_REQUEST, "selection_method": "FULL_SCAN" }
    }})
}

fn listener(listen: &str) -> Value {
    const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions.filters";
    let paths = [("/cart-service/", "checkout"), ("/order-service/", "checkout"), ("/", "main")];
    let routes: Vec<Value> =
        paths.into_iter().flat_map(|(prefix, service)| selected(prefix, service)).collect();
    let router = format!("{EXTENSIONS}.http.router.v3.Router");
    let filter = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": format!("{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "my_shop",
        "http_filters": [{ "name": "envoy.filters.http.router", "typed_config": { "@type": router } }],
        "route_config": {
            "name": "my_shop",
            "validate_clusters": false,
            "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }]
        }
    }});
    json!({ "name": "my_shop", "address": address(listen), "filter_chains": [{ "filters": [filter] }] })
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
