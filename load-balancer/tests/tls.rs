//! TLS towards clients: what is agreed, what crosses, certificates that change, and those that cannot be used.

mod common;

use common::secure::{Authority, Secure, shown};
use common::{Backend, Balancer, Client, command, eventually, reply};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A load balancer that speaks TLS, with the admin API on a plain port of its own.
fn start(authority: &Authority, backend: &Backend, more: Value) -> Balancer {
    let mut config = json!({ "tls": authority.config(), "admin_listen": "127.0.0.1:0" });
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    Balancer::with_backends("round-robin", &[backend], config)
}

/// Sends a request and reads its reply: the head, and the body by its length.
fn ask(stream: &mut Secure, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).expect("the load balancer reads");
    read(stream)
}

fn read(stream: &mut Secure) -> (String, String) {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).expect("a line comes"), 0, "the connection has ended: {head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    reader.read_exact(&mut body).expect("the body comes");
    (head, String::from_utf8_lossy(&body).into_owned())
}

const GET: &str = "GET /proxy/svc/ HTTP/1.1\r\nHost: shop.example\r\n\r\n";

#[test]
fn requests_over_tls_are_those_of_plain_http_and_backends_are_told() {
    let (authority, backend) = (Authority::new(), Backend::echo());
    let balancer = start(&authority, &backend, json!({}));
    assert!(balancer.url.starts_with("https://"), "the address says so: {}", balancer.url);
    let mut client = authority.connect(balancer.address(), &["http/1.1"]);
    for _ in 0..3 {
        let (head, body) = ask(&mut client, GET);
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("\r\nx-backend: b0\r\n"), "{head}");
        assert!(body.contains(r"x-forwarded-proto: https\r\n"), "{body}");
        assert!(body.contains(r"x-forwarded-host: shop.example\r\n"), "{body}");
    }
    let large = "x".repeat(1_000_000);
    let request =
        format!("POST /proxy/svc/ HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{large}", large.len());
    let (_, body) = ask(&mut client, &request);
    assert!(body.contains(&large), "a large body crosses both ways");
    assert_eq!(backend.connections(), 1, "the connection is kept");
    client.write_all(b"nonsense\r\n\r\n").expect("the load balancer reads");
    assert!(read(&mut client).0.starts_with("HTTP/1.1 400 "), "what is no request is refused as elsewhere");
    assert_eq!(client.read(&mut [0]).expect("an orderly end"), 0, "and ends with a close_notify");
}

#[test]
fn the_protocol_is_the_best_that_the_client_offers() {
    let (authority, backend) = (Authority::new(), Backend::echo());
    let balancer = start(&authority, &backend, json!({}));
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let client = authority.connect(balancer.address(), offered);
        let protocol = client.conn.alpn_protocol().map(String::from_utf8_lossy);
        assert_eq!(protocol.as_deref(), agreed, "offered: {offered:?}");
    }
    let (head, _) = ask(&mut authority.connect(balancer.address(), &[]), GET);
    assert!(head.starts_with("HTTP/1.1 200 "), "without ALPN it is HTTP/1.1: {head}");
}

#[test]
fn the_admin_api_on_the_shared_port_is_behind_tls_too() {
    let (authority, backend) = (Authority::new(), Backend::echo());
    let config = common::config("round-robin", &[&backend], json!({ "tls": authority.config() }));
    let balancer = Balancer::start(config);
    assert_eq!(balancer.admin, balancer.url);
    let request = format!("GET /api/lb/in-flight HTTP/1.1\r\nHost: {}\r\n\r\n", balancer.address());
    let (_, body) = ask(&mut authority.connect(balancer.address(), &[]), &request);
    assert_eq!(body, r#"{"in_flight":0}"#);
}

#[test]
fn a_renewed_certificate_is_used_without_a_restart_and_a_bad_one_is_not() {
    let (authority, backend) = (Authority::new(), Backend::echo());
    let balancer = start(&authority, &backend, json!({}));
    let now = || shown(&authority.connect(balancer.address(), &[]));
    let mut early = authority.connect(balancer.address(), &[]);
    let first = shown(&early);
    let (certificate, key) = authority.sign("Renewed shop");
    authority.write("cert.pem", &certificate);
    // The certificate alone does not belong to the key: whenever the load balancer looks, it keeps what it has.
    assert_eq!(now(), first);
    authority.write("key.pem", &key);
    eventually("the new certificate is shown", || now() != first);
    let second = now();
    assert!(ask(&mut early, GET).0.starts_with("HTTP/1.1 200 "), "connections from before go on");
    authority.write("key.pem", "no key at all");
    authority.write("cert.pem", "");
    // It has looked again when the file is read after its change; a valid pair proves that.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(now(), second, "what cannot be used changes nothing");
    let (certificate, key) = authority.sign("Third shop");
    authority.write("cert.pem", &certificate);
    authority.write("key.pem", &key);
    eventually("the third certificate is shown", || now() != second);
}

#[test]
fn files_that_cannot_be_used_are_named_at_the_start() {
    let authority = Authority::new();
    let (_, stranger) = authority.sign("Other shop");
    authority.write("stranger.pem", &stranger);
    authority.write("empty.pem", "");
    authority.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (certificate, key, fault) in [
        ("none.pem", "key.pem", "`tls.certificate`: failed to read `"),
        ("cert.pem", "none.pem", "`tls.key`: failed to read `"),
        (
            "cert.pem",
            "cert.pem",
            "holds no private key; it must be a PEM file with `-----BEGIN PRIVATE KEY-----`",
        ),
        (
            "empty.pem",
            "key.pem",
            "holds no certificate; it must be a PEM file with `-----BEGIN CERTIFICATE-----`",
        ),
        ("broken.pem", "key.pem", "broken.pem` holds a certificate that cannot be used"),
        ("cert.pem", "stranger.pem", "stranger.pem` does not belong to the certificate in `"),
    ] {
        let tls = json!({ "certificate": authority.file(certificate), "key": authority.file(key) });
        let (mut command, _file) = command(&json!({ "listen": "127.0.0.1:0", "tls": tls }).to_string());
        let mut child = command.spawn().expect("the binary starts");
        let mut said = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
        assert_eq!(child.wait().expect("it ends").code(), Some(2), "{said}");
        assert!(said.contains(fault), "{certificate} and {key}: {said}");
    }
}

#[test]
fn handshakes_that_do_not_end_hold_up_nobody_and_are_ended() {
    let (authority, backend) = (Authority::new(), Backend::echo());
    let balancer = start(&authority, &backend, json!({ "timeouts": { "head_ms": 500 } }));
    let mut silent: Vec<_> =
        (0..20).map(|_| TcpStream::connect(balancer.address()).expect("it accepts")).collect();
    for (number, stream) in silent.iter_mut().enumerate() {
        // Nothing, or the beginning of a handshake.
        stream.write_all(&[0x16, 3, 1, 2, 0][..number % 6]).expect("it is open");
    }
    let (head, _) = ask(&mut authority.connect(balancer.address(), &[]), GET);
    assert!(head.starts_with("HTTP/1.1 200 "), "others are served meanwhile: {head}");
    for stream in &mut silent {
        stream.set_read_timeout(Some(common::PATIENCE)).expect("a limit can be set");
        let mut rest = Vec::new();
        assert!(stream.read_to_end(&mut rest).is_ok_and(|_| rest.is_empty()), "it ends");
    }
    let mut plain = Client::connect(balancer.address());
    plain.write(GET);
    let mut alert = [0; 1];
    plain.read_exact(&mut alert);
    assert_eq!(alert, [0x15], "who speaks plain HTTP is told by an alert of TLS");
}

#[test]
fn a_client_over_tls_that_goes_away_is_noticed_and_nobody_is_to_blame() {
    let (authority, backend) = (Authority::new(), Backend::silent());
    let balancer = start(&authority, &backend, json!({}));
    for orderly in [false, true] {
        let mut client = authority.connect(balancer.address(), &[]);
        client.write_all(GET.as_bytes()).expect("the load balancer reads");
        eventually("it is in flight", || balancer.in_flight() == 1);
        if orderly {
            client.conn.send_close_notify();
            let _ = client.conn.complete_io(&mut client.sock);
        }
        drop(client);
        eventually("it is released", || balancer.in_flight() == 0);
    }
    assert_eq!(balancer.backend("b0")["errors"], json!(0));
}

#[test]
fn protocols_are_changed_over_tls_as_well() {
    let backend = Backend::start(|_, stream| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("the load balancer reads");
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).expect("four bytes");
        stream.write_all(&bytes).expect("the load balancer reads");
        false
    });
    let authority = Authority::new();
    let balancer = start(&authority, &backend, json!({}));
    let mut client = authority.connect(balancer.address(), &["http/1.1"]);
    let ask_for = "GET /proxy/svc/ HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nping";
    assert!(ask(&mut client, ask_for).0.starts_with("HTTP/1.1 101 "));
    let mut bytes = [0; 4];
    client.read_exact(&mut bytes).expect("they come back");
    assert_eq!(&bytes, b"ping");
    assert_eq!(client.read(&mut [0]).expect("an orderly end"), 0);
    drop(client);
    eventually("it is released", || balancer.in_flight() == 0);
    let plain = Backend::start(|_, stream| reply(stream, 200, "", b"x"));
    let balancer = start(&authority, &plain, json!({}));
    assert!(ask(&mut authority.connect(balancer.address(), &[]), GET).0.starts_with("HTTP/1.1 200 "));
}
