//! Connections that change their protocol: what is agreed, what crosses, and what they count as.

mod common;

use common::{Backend, Balancer, Client, Received, eventually};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

const ASK: &str = "GET /proxy/svc/chat HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\
                   Upgrade: echo/1\r\nSec-WebSocket-Key: k\r\n\r\n";

/// Takes up the protocol that it is asked for, and then sends back what it gets until the client ends its side.
fn echo(request: &Received, stream: &mut TcpStream) -> bool {
    let Some(protocol) = request.field("upgrade") else {
        return common::reply(stream, 200, "", b"no upgrade");
    };
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\
         Sec-WebSocket-Accept: {}\r\nX-Connection: {}\r\n\r\nhello ",
        request.field("sec-websocket-key").unwrap_or_default(),
        request.field("connection").unwrap_or_default(),
    );
    stream.write_all(head.as_bytes()).expect("the load balancer reads");
    let mut buffer = [0; 1024];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 || buffer[..count] == *b"quit" {
            let _ = stream.write_all(b"bye");
            return false;
        }
        stream.write_all(&buffer[..count]).expect("the load balancer reads");
    }
    false
}

/// Opens a tunnel through `balancer`, and reads what the backend says of itself.
fn open(balancer: &Balancer) -> Client {
    let mut client = Client::connect(balancer.address());
    client.write(ASK);
    let reply = client.read().expect("a reply");
    assert_eq!(reply.status, 101, "{}", reply.head);
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "echo/1"),
        ("sec-websocket-accept", "k"),
        ("x-connection", "upgrade"),
        ("x-backend", "b0"),
        ("x-lb-algorithm", "least-connections"),
    ] {
        assert_eq!(reply.field(name).as_deref(), Some(value), "{name} in {}", reply.head);
    }
    assert_eq!(read(&mut client, 6), "hello ", "what follows the head at once is not lost");
    client
}

fn read(client: &mut Client, count: usize) -> String {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes);
    String::from_utf8(bytes).expect("text")
}

fn metric(balancer: &Balancer, series: &str) -> String {
    let page = balancer.get("/actuator/prometheus").text();
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("{series} is on the page: {page}")).trim().to_owned()
}

fn start(more: serde_json::Value) -> (Backend, Balancer) {
    let backend = Backend::start(echo);
    let balancer = Balancer::with_backends("least-connections", &[&backend], more);
    (backend, balancer)
}

#[test]
fn bytes_cross_both_ways_and_the_tunnel_is_one_request_in_flight() {
    let (_backend, balancer) = start(json!({}));
    let mut client = open(&balancer);
    for text in ["one", "two", "three"] {
        client.write(text);
        assert_eq!(read(&mut client, text.len()), text);
        assert_eq!(balancer.in_flight(), 1, "in flight as long as it lasts");
    }
    assert_eq!(metric(&balancer, "lb_tunnels{service=\"svc\"}"), "1");
    let large = "x".repeat(500_000);
    let mut writer = client.stream.try_clone().expect("a socket can be shared");
    let sent = large.clone();
    let writing = std::thread::spawn(move || writer.write_all(sent.as_bytes()));
    assert_eq!(read(&mut client, large.len()), large, "more than any buffer holds");
    writing.join().expect("no panic").expect("all of it is read");
    client.stream.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(read(&mut client, 3), "bye", "who ends one side still gets the other");
    assert_eq!(client.stream.read(&mut [0]).ok(), Some(0), "and then the end");
    eventually("it is released", || balancer.in_flight() == 0);
    let backend = balancer.backend("b0");
    assert_eq!((&backend["requests"], &backend["errors"]), (&json!(1), &json!(0)), "one request, no error");
    assert_eq!(metric(&balancer, "lb_proxy_requests_total{service=\"svc\",status=\"101\"}"), "1");
    assert_eq!(metric(&balancer, "lb_tunnels{service=\"svc\"}"), "0");
    assert_eq!(metric(&balancer, "lb_tunnel_duration_seconds_count{service=\"svc\"}"), "1");
}

#[test]
fn a_tunnel_ends_with_either_side() {
    let (_backend, balancer) = start(json!({}));
    let mut client = open(&balancer);
    client.write("quit");
    assert_eq!(read(&mut client, 3), "bye");
    assert_eq!(client.stream.read(&mut [0]).ok(), Some(0), "the backend has ended");
    drop(client);
    eventually("it is released", || balancer.in_flight() == 0);
    let client = open(&balancer);
    drop(client);
    eventually("a client that has gone leaves nothing in flight", || balancer.in_flight() == 0);
    assert_eq!(balancer.backend("b0")["errors"], json!(0), "no backend is to blame");
}

#[test]
fn a_tunnel_outlasts_the_limits_of_requests_and_ends_when_it_is_idle() {
    let limits =
        json!({ "response_ms": 200, "client_ms": 200, "idle_ms": 200, "head_ms": 200, "tunnel_ms": 1_500 });
    let (_backend, balancer) = start(json!({ "timeouts": limits }));
    let mut client = open(&balancer);
    std::thread::sleep(std::time::Duration::from_millis(700));
    client.write("still here");
    assert_eq!(read(&mut client, 10), "still here");
    let rest = client.stream.read(&mut [0]);
    assert!(!matches!(rest, Ok(1..)), "then nothing is said, and the tunnel ends: {rest:?}");
    eventually("it is released", || balancer.in_flight() == 0);
    assert_eq!(balancer.backend("b0")["errors"], json!(0), "no backend is to blame");
}

#[test]
fn a_backend_that_drains_keeps_its_tunnels() {
    let (_backend, balancer) = start(json!({}));
    let mut client = open(&balancer);
    assert_eq!(balancer.post("/api/lb/drain?backend=b0").json()["in_flight"], json!(1), "it is waited for");
    client.write("go on");
    assert_eq!(read(&mut client, 5), "go on");
    drop(client);
    eventually("it is released", || balancer.in_flight() == 0);
}

#[test]
fn what_is_no_upgrade_stays_http() {
    let (_backend, balancer) = start(json!({}));
    for (fields, why) in [
        ("Upgrade: echo/1\r\n", "`Connection` must name it"),
        ("Connection: upgrade\r\n", "a protocol must be named"),
        (
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
            "h2c is ignored",
        ),
        ("Connection: upgrade\r\nUpgrade: echo/1, h2c\r\n", "wherever it stands"),
        ("Connection: upgrade\r\nUpgrade: echo/1\r\nContent-Length: 1\r\n\r\nx", "a body comes first"),
    ] {
        let mut client = Client::connect(balancer.address());
        client.write(format!("GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\n{fields}"));
        if !fields.ends_with('x') {
            client.write("\r\n");
        }
        let reply = client.read().expect("a reply");
        assert_eq!((reply.status, reply.text().as_str()), (200, "no upgrade"), "{why}");
        assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200, "{why}: another request follows");
    }
    let refusing =
        Backend::start(|_, stream| common::reply(stream, 426, "Upgrade: other/2\r\n", b"not that"));
    let balancer = Balancer::with_backends("least-connections", &[&refusing], json!({}));
    let mut client = Client::connect(balancer.address());
    assert_eq!(client.write(ASK).read().map(|reply| reply.status), Some(426), "the backend decides");
    assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 426, "and HTTP goes on");
}

#[test]
fn a_switch_that_names_no_protocol_is_the_backends_error() {
    let backend =
        Backend::start(|_, stream| stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").is_ok());
    let balancer = Balancer::with_backends("least-connections", &[&backend], json!({}));
    let reply = Client::connect(balancer.address()).write(ASK).read().expect("a reply");
    assert_eq!(reply.status, 502, "{}", reply.text());
}
