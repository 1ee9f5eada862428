//! Who may call the admin API, and that it answers whoever may while strangers hold connections open.

mod common;

use common::{Backend, Balancer, Client, JSON, PATIENCE, Reply, command, config, send};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

/// What a page at `origin` can send without asking, and what a browser adds.
fn page(origin: &str) -> [(&str, &str); 2] {
    [("origin", origin), ("sec-fetch-site", "cross-site")]
}

fn call(balancer: &Balancer, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Reply {
    send(method, &format!("{}{path}", balancer.admin), fields, body)
}

fn start(more: &Value) -> (Backend, Balancer) {
    let backend = Backend::fixed("x");
    let balancer = Balancer::with_backends("round-robin", &[&backend], more.clone());
    (backend, balancer)
}

/// With the API on the data port and on an address of its own.
const PLACES: [Option<&str>; 2] = [None, Some("127.0.0.1:0")];

#[test]
fn a_foreign_page_can_neither_read_nor_change_anything() {
    for place in PLACES {
        let (_backend, balancer) = start(&json!({ "admin_listen": place }));
        let added = br#"{"url":"http://127.0.0.1:1"}"#;
        let plain = [("content-type", "text/plain")];
        for (method, path, body) in [
            ("GET", "/api/lb/snapshot", &b""[..]),
            ("GET", "/actuator/prometheus", b""),
            ("POST", "/api/benchmark/switch?algorithm=random", b""),
            ("POST", "/api/lb/drain?backend=b0", b""),
            ("POST", "/api/services/svc/instances", added),
            ("DELETE", "/api/services/svc/instances?url=http://127.0.0.1:1", b""),
        ] {
            for fields in [
                &page("http://evil.example")[..],
                &page("null"),
                &page("http://localhost:3000"),
                &[("sec-fetch-site", "cross-site")],
                &[("host", "evil.example")],
                &[("host", "evil.example"), ("origin", "http://evil.example")],
            ] {
                let fields = [fields, &plain[..usize::from(!body.is_empty())]].concat();
                let reply = call(&balancer, method, path, &fields, body);
                assert_eq!(reply.status, 403, "{method} {path} with {fields:?}: {}", reply.text());
                assert_eq!(reply.field("access-control-allow-origin"), None, "{fields:?}");
            }
        }
        let reply = call(&balancer, "POST", "/api/services/svc/instances", &plain, added);
        assert_eq!(reply.status, 415, "text that a form could send: {}", reply.text());
        assert_eq!(balancer.get("/rl/strategies").json()["current"], "round-robin");
        assert_eq!(balancer.get("/api/services/svc").json()["totalInstances"], 1);
        assert_eq!(balancer.backend("b0")["draining"], false);
    }
}

#[test]
fn a_refusal_says_what_to_send_or_to_configure_instead() {
    let (_backend, balancer) = start(&json!({}));
    let told = |fields: &[(&str, &str)], body: &[u8]| {
        let reply = call(&balancer, "PUT", "/api/lb/weights", fields, body);
        reply.json()["error"].as_str().expect("a text").to_owned()
    };
    let host = told(&[("host", "lb.internal:8080")], b"");
    assert!(host.contains("`lb.internal:8080`") && host.contains("`admin_hosts`"), "{host}");
    let origin = told(&[("origin", "http://a.example")], b"");
    assert!(origin.contains("`http://a.example`") && origin.contains("`admin_hosts`"), "{origin}");
    let kind = told(&[("content-type", "text/plain")], b"{}");
    assert!(kind.contains("`text/plain`") && kind.contains("`application/json`"), "{kind}");
}

#[test]
fn command_lines_need_no_field_for_calls_without_a_body_and_json_for_those_with_one() {
    let (_backend, balancer) = start(&json!({}));
    assert_eq!(balancer.post("/api/benchmark/switch?algorithm=random").status, 200);
    assert_eq!(call(&balancer, "PUT", "/api/lb/weights", &JSON, br#"{"b0": 2}"#).status, 200);
    let custom = [("content-type", "text/plain"), ("x-requested-with", "script")];
    assert_eq!(call(&balancer, "PUT", "/api/lb/weights", &custom, br#"{"b0": 3}"#).status, 200);
    assert_eq!(call(&balancer, "PUT", "/api/lb/weights", &[], br#"{"b0": 4}"#).status, 415);
    assert_eq!(balancer.backend("b0")["weight"], 3.0);
}

#[test]
fn hosts_that_the_config_lists_may_call_and_their_pages_may_read() {
    let (_backend, balancer) = start(&json!({ "admin_hosts": ["lb.internal", "dash.example:3000"] }));
    assert_eq!(call(&balancer, "GET", "/api/lb/snapshot", &[("host", "lb.internal:8080")], b"").status, 200);
    let read = call(&balancer, "GET", "/api/lb/snapshot", &page("http://dash.example:3000"), b"");
    assert_eq!(read.status, 200);
    assert_eq!(read.field("access-control-allow-origin").as_deref(), Some("http://dash.example:3000"));
    let ask = [("origin", "http://dash.example:3000"), ("access-control-request-method", "PUT")];
    assert_eq!(call(&balancer, "OPTIONS", "/api/lb/weights", &ask, b"").status, 204, "a browser asks first");
    assert_eq!(call(&balancer, "GET", "/api/lb/snapshot", &page("http://dash.example"), b"").status, 403);
}

#[test]
fn probes_may_name_an_address_but_no_foreign_host() {
    let (_backend, balancer) = start(&json!({}));
    let probe = |host| call(&balancer, "GET", "/actuator/health", &[("host", host)], b"").status;
    assert_eq!(probe("10.244.0.7:8080"), 200, "an orchestrator calls the container's address");
    assert_eq!(probe("evil.example"), 403);
    let snapshot = call(&balancer, "GET", "/api/lb/snapshot", &[("host", "10.244.0.7:8080")], b"");
    assert_eq!(snapshot.status, 403, "the rest of the API is no probe");
}

#[test]
fn an_allowed_host_that_is_none_is_named() {
    let (mut command, _file) = command(r#"{"listen": "127.0.0.1:0", "admin_hosts": ["http://a.example"]}"#);
    let output = command.output().expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("`admin_hosts` has `http://a.example`, which is not a host"), "{text}");
}

/// How many connections strangers open of each kind, far more than the process may have.
const STRANGERS: usize = 300;
/// How many descriptors the process may have.
const DESCRIPTORS: usize = 256;

/// Strangers that connect and send `text`.
fn strangers(address: SocketAddr, text: &str) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(address).expect("the kernel accepts");
        // The connection may be closed already, to make room.
        let _ = stream.write_all(text.as_bytes());
        stream
    };
    (0..STRANGERS).map(connect).collect()
}

#[test]
fn the_admin_api_answers_while_strangers_hold_more_connections_than_there_are_descriptors() {
    let backend = Backend::fixed("x");
    let mut settings = config("round-robin", &[&backend], json!({ "admin_listen": "127.0.0.1:0" }));
    settings["listen"] = "127.0.0.1:0".into();
    let (plain, file) = command(&settings.to_string());
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"")])
        .arg(plain.get_program())
        .args(plain.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the shell starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("the binary speaks");
    let started: Value = serde_json::from_str(&line).expect("the first line is JSON");
    let address = |key: &str| -> SocketAddr {
        let url = started[key].as_str().expect("a URL");
        url.trim_start_matches("http://").parse().expect("an address")
    };
    let (data, admin) = (address("url"), address("admin"));
    let answers = || {
        let reply = Client::connect(admin).ask("GET", "/api/lb/snapshot", "connection: close\r\n", b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    answers();
    for target in [admin, data] {
        let silent = strangers(target, "");
        let halves = strangers(target, "GET /api/lb/snapshot HTTP/1.1\r\nhost: loc");
        for _ in 0..10 {
            answers();
        }
        drop((silent, halves));
    }
    drop(child.stdin.take());
    let status = child.wait().expect("it ends");
    drop(file);
    assert_eq!(status.code(), Some(0), "it never broke");
}

#[test]
fn half_a_head_on_the_admin_address_is_told_that_it_is_late() {
    let (_backend, balancer) = start(&json!({ "admin_listen": "127.0.0.1:0" }));
    let address: SocketAddr = balancer.admin.trim_start_matches("http://").parse().expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit can be set");
    stream.write_all(b"GET /api/lb/snapshot HTTP/1.1\r\nhost: loc").expect("it reads");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("it closes the connection in order");
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
}
