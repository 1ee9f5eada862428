//! Load over HTTP/2: by prior knowledge and by negotiation, against h2's server and nginx.

use super::{only, outcomes};
use crate::scenario::{Users, gets, plan_load, run, with_timeout};
use crate::secure::{Authority, reach_over};
use crate::server::{Answer, Seen, Server, reply, reply_of};
use lb_core::connections::HttpChoice;
use lb_core::{Outcome, Span};
use lb_load::{LoadPlan, TlsOptions};
use lb_record::TrialRecord;
use rustls::ServerConfig;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn over(http: HttpChoice, connections: &str, plan: LoadPlan) -> LoadPlan {
    LoadPlan { http, connections: connections.parse().expect("a policy"), ..plan }
}

fn played(connections: &str, plan: LoadPlan) -> TrialRecord {
    run(over(HttpChoice::Two, connections, plan)).expect("the phase runs")
}

fn connections_of(seen: &[Seen]) -> BTreeSet<usize> {
    seen.iter().map(|seen| seen.connection).collect()
}

/// The settings of a server that speaks these protocols.
fn speaking(authority: &Authority, protocols: &[&[u8]]) -> Arc<ServerConfig> {
    let mut config = ServerConfig::clone(&authority.server(&["127.0.0.1"]));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

#[test]
fn each_user_has_a_connection_with_one_stream_at_a_time() {
    let server = Server::start_http2(100, |_| Answer::Reply(reply_of("b-2", 200)));
    let record = played("per-user", plan_load(&server.url(), gets(&["get"]), &[Users::busy(3, 200, "get")]));
    only(&record, Outcome::Ok);
    let seen = server.seen();
    assert_eq!(record.requests(), seen.len() as u64, "what was sent is what is recorded");
    assert_eq!(record.backends[1].requests(), seen.len() as u64, "the header that names the backend is read");
    assert!(seen.iter().all(|seen| seen.path == "/entry/get" && seen.is_http2), "{:?}", seen.first());
    assert!(seen.iter().all(|seen| seen.key.len() == 16 && !seen.user.is_empty()), "{:?}", seen.first());
    let times = &record.connections;
    assert_eq!((times.connect.count(), times.http2, times.most_streams), (3, 3, 1));
    assert_eq!(times.by_backend, [0, 3]);
}

#[test]
fn streams_of_all_users_are_spread_over_a_pool_up_to_what_the_server_accepts() {
    let server = Server::start_http2(3, |_| Answer::After(Duration::from_millis(5), reply_of("b-1", 200)));
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(12, 300, "get")]);
    let record = played("pool:2", plan);
    only(&record, Outcome::Ok);
    let seen = server.seen();
    assert_eq!(connections_of(&seen).len(), 2, "there are two connections");
    for connection in 0..2 {
        let share = seen.iter().filter(|seen| seen.connection == connection).count();
        assert!(share * 3 > seen.len(), "connection {connection} has {share} of {}", seen.len());
    }
    let times = &record.connections;
    assert_eq!((times.connect.count(), times.http2), (2, 2));
    assert_eq!((times.most_streams, times.declined), (3, 0), "no stream is opened only to be refused");
    assert!(times.wait.count() > 0, "six streams are too few for twelve users");
    assert!(record.users.iter().all(|user| user.requests > 0), "everyone has a turn");
}

#[test]
fn each_request_opens_a_connection_if_the_plan_says_so() {
    let server = Server::start_http2(100, |_| Answer::Reply(reply_of("b-1", 200)));
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(2, 200, "get")]);
    let record = played("per-request", plan);
    only(&record, Outcome::Ok);
    let seen = server.seen();
    assert_eq!(connections_of(&seen).len(), seen.len(), "no connection is used twice");
}

#[test]
fn a_request_that_times_out_resets_its_stream_and_the_connection_stays() {
    for connections in ["per-user", "pool:1"] {
        let server = Server::start_http2(100, |seen| match seen.path.as_str() {
            "/entry/slow" => Answer::Never,
            _ => Answer::Reply(reply(200, "")),
        });
        let users = Users { actions: vec![("slow", 1.0), ("fast", 1.0)], ..Users::busy(1, 600, "slow") };
        let plan = plan_load(&server.url(), gets(&["slow", "fast"]), &[users]);
        let record = played(connections, with_timeout(plan, Span::from_millis(50)));
        let (timeouts, answered) = (record.count(Outcome::Timeout), record.count(Outcome::Ok));
        assert!(timeouts >= 2 && answered > 0, "{connections}: {:?}", outcomes(&record));
        assert_eq!(timeouts + answered, record.requests(), "{connections}: {:?}", outcomes(&record));
        assert_eq!(record.connections.connect.count(), 1, "{connections}: the connection stays");
    }
}

#[test]
fn a_stream_that_the_server_refuses_is_sent_once_more() {
    for connections in ["per-user", "pool:2"] {
        let server = Server::start_http2(100, |seen| match seen.number % 2 {
            0 => Answer::Refuse,
            _ => Answer::Reply(reply(200, "")),
        });
        let journey = json!({"name": "buy", "actions": {"buy": {"steps": [
            {"name": "buy", "method": "POST", "path": "/buy", "body": {"count": 1}}
        ]}}});
        let record = played(connections, plan_load(&server.url(), journey, &[Users::busy(1, 200, "buy")]));
        only(&record, Outcome::Ok);
        assert_eq!(
            record.connections.declined,
            record.requests(),
            "{connections}: every other one is refused"
        );
    }
    let server = Server::start_http2(100, |_| Answer::Refuse);
    let record = played("per-user", plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 100, "get")]));
    only(&record, Outcome::Reset);
    assert_eq!(server.seen().len() as u64, 2 * record.requests(), "once more, and not for ever");
}

#[test]
fn a_stream_that_the_server_breaks_is_an_error_and_no_other_one() {
    let server = Server::start_http2(100, |seen| match seen.path.as_str() {
        "/entry/bad" => Answer::Hang,
        _ => Answer::Reply(reply(200, "")),
    });
    let users = Users { actions: vec![("bad", 1.0), ("good", 1.0)], ..Users::busy(4, 200, "bad") };
    let record = played("pool:1", plan_load(&server.url(), gets(&["bad", "good"]), &[users]));
    let seen = server.seen();
    let bad = seen.iter().filter(|seen| seen.path == "/entry/bad").count() as u64;
    let expected = BTreeMap::from([("ok", seen.len() as u64 - bad), ("reset", bad)]);
    assert_eq!(outcomes(&record), expected);
    assert_eq!(record.connections.connect.count(), 1, "the connection stays");
}

#[test]
fn what_users_keep_follow_and_check_is_the_same() {
    let server = Server::start_http2(100, |seen| {
        let with = |status, body: &str, headers: &[(&'static str, &str)]| {
            let mut reply = reply(status, body);
            for (name, value) in headers {
                reply.headers_mut().append(*name, value.parse().expect("a valid header"));
            }
            reply
        };
        let own = format!("sid={}; Path=/", seen.user);
        Answer::Reply(match format!("{} {}", seen.method, seen.path).as_str() {
            "POST /entry/login" => with(303, "", &[("location", "/entry/home"), ("set-cookie", &own)]),
            "GET /entry/home" if seen.cookie == format!("sid={}", seen.user) => {
                with(200, r#"{"token": "t"}"#, &[("x-kind", "a")])
            }
            "GET /entry/me" if seen.authorization == "t" => {
                with(200, &"x".repeat(200_000), &[("x-kind", "a")])
            }
            _ => with(404, "", &[]),
        })
    });
    let check = json!({ "headers": { "X-Kind": "a" }, "bytes": [200_000, 200_000] });
    let journey = json!({ "name": "visit", "actions": { "visit": { "steps": [
        { "name": "login", "method": "POST", "path": "/login", "body": { "a": "x".repeat(100_000) }, "follow": 3,
          "extract": { "token": "/token" }, "required": true },
        { "name": "me", "path": "/me", "headers": { "Authorization": "{{token}}" }, "check": check },
        { "name": "head", "method": "HEAD", "path": "/me", "headers": { "Authorization": "{{token}}" },
          "expect": [404] }
    ]}}});
    let record = played("pool:2", plan_load(&server.url(), journey, &[Users::busy(3, 300, "visit")]));
    only(&record, Outcome::Ok);
    assert!(record.steps[2].all().count() > 0, "the last page was reached");
    assert_eq!(record.steps[1].all().bytes(), record.steps[1].all().count() * 200_000);
}

#[test]
fn the_protocol_is_negotiated_over_tls_unless_it_is_demanded() {
    let authority = Authority::new();
    let both: &[&[u8]] = &[b"h2", b"http/1.1"];
    for (protocols, http, expected) in [
        (both, HttpChoice::Auto, true),
        (both, HttpChoice::One, false),
        (both, HttpChoice::Two, true),
        (&[b"http/1.1"], HttpChoice::Auto, false),
        (&[], HttpChoice::Auto, false),
    ] {
        let server =
            Server::start_secured(speaking(&authority, protocols), |_| Answer::Reply(reply(200, "")));
        let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(2, 200, "get")]);
        let plan = LoadPlan { tls: authority.trusted(), ..plan };
        let record = run(over(http, "per-user", plan)).expect("the phase runs");
        only(&record, Outcome::Ok);
        assert!(server.seen().iter().all(|seen| seen.is_http2 == expected), "{protocols:?}, {http}");
        let expected = if expected { record.connections.connect.count() } else { 0 };
        assert_eq!(record.connections.http2, expected, "{protocols:?}, {http}");
    }
    // Without TLS, nothing is negotiated.
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 100, "get")]);
    only(&run(over(HttpChoice::Auto, "per-user", plan)).expect("the phase runs"), Outcome::Ok);
}

#[test]
fn a_server_that_does_not_speak_what_is_demanded_is_explained_with_the_way_out() {
    let authority = Authority::new();
    let none = TlsOptions::default();
    let plain = Server::start(|_| Answer::Reply(reply(200, "")));
    let only_two = Server::start_http2(100, |_| Answer::Reply(reply(200, "")));
    let tls_one =
        Server::start_secured(speaking(&authority, &[b"http/1.1"]), |_| Answer::Reply(reply(200, "")));
    let tls_silent = Server::start_secured(speaking(&authority, &[]), |_| Answer::Reply(reply(200, "")));
    let tls_two = Server::start_secured(speaking(&authority, &[b"h2"]), |_| Answer::Reply(reply(200, "")));
    let way_out = "use `--http 1.1`, or enable HTTP/2 there";
    for (server, tls, http, expected) in [
        (&plain, &none, HttpChoice::Two, format!("it answers in HTTP/1.1; {way_out}")),
        (
            &tls_one,
            &authority.trusted(),
            HttpChoice::Two,
            format!("it refuses it in the TLS handshake (ALPN); {way_out}"),
        ),
        (
            &tls_silent,
            &authority.trusted(),
            HttpChoice::Two,
            format!("it does not choose it in the TLS handshake (ALPN); {way_out}"),
        ),
        (&tls_two, &authority.trusted(), HttpChoice::One, "speaks only HTTP/2; use `--http 2`".to_owned()),
        (&only_two, &none, HttpChoice::One, "speaks only HTTP/2; use `--http 2`".to_owned()),
        (&only_two, &none, HttpChoice::Auto, "speaks only HTTP/2; use `--http 2`".to_owned()),
    ] {
        let error = reach_over(&server.url(), tls, http).expect_err(&expected);
        let address = format!("127.0.0.1:{} ", server.port());
        assert!(error.starts_with(&address) && error.contains(&expected), "{error} should say {expected}");
    }
    let said = reach_over(&only_two.url(), &none, HttpChoice::Two).expect("it speaks HTTP/2");
    assert!(said.ends_with(", speaking HTTP/2"), "{said}");
    let said = reach_over(&tls_two.url(), &authority.trusted(), HttpChoice::Auto).expect("it speaks HTTP/2");
    assert!(said.ends_with(", speaking HTTP/2"), "{said}");
}

/// A running nginx that speaks HTTP/2 on a plain port, and ends each connection after 10 requests.
struct Nginx {
    process: std::process::Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display();
        let port =
            TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("a socket").port();
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 1024; }}
             http {{
                 access_log off; keepalive_requests 10; keepalive_timeout 1h;
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
                 fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
                 server {{ listen 127.0.0.1:{port} http2; location / {{ return 200 ok; }} }}
             }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).expect("a writable folder");
        let process = Command::new("nginx").arg("-c").arg(&file).stderr(Stdio::null()).spawn();
        let server = Self { process: process.expect("nginx is installed"), port, _folder: folder };
        for _ in 0..1_000 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nginx does not listen on port {port}");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_connection_that_the_server_ends_in_order_is_replaced_without_an_error() {
    let server = Nginx::start();
    for connections in ["per-user", "pool:2"] {
        let url = format!("http://127.0.0.1:{}", server.port);
        let plan = plan_load(&url, gets(&["get"]), &[Users::busy(8, 400, "get")]);
        let record = played(connections, plan);
        only(&record, Outcome::Ok);
        let opened = record.connections.connect.count();
        assert!(
            opened * 10 >= record.requests(),
            "{connections}: {opened} for {} requests",
            record.requests()
        );
        assert_eq!(record.connections.http2, opened, "{connections}");
        assert!(record.requests() > 80, "{connections}: connections were replaced: {}", record.requests());
    }
}
