//! What crosses the load balancer, byte for byte, and what it answers itself when nothing does.

mod common;

use common::{Backend, Balancer, Client, get, reply, send};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn echoed(reply: &common::Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// A header field of the request that an echo backend received.
fn received(echo: &Value, name: &str) -> Option<String> {
    let head = echo["head"].as_str().expect("echo has the head");
    let values: Vec<_> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .collect();
    (!values.is_empty()).then(|| values.join("|"))
}

#[test]
fn every_method_arrives_with_path_query_and_body() {
    let backend = Backend::echo();
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let body: &[u8] = if method == "GET" { b"" } else { b"{\"a\": 1}" };
        let reply = send(method, &balancer.proxy("/a/b%20c?x=1&y=%2F&z"), &[], body);
        let echo = echoed(&reply);
        assert_eq!(echo["method"], method, "the method crosses");
        assert_eq!(echo["path"], "/a/b%20c?x=1&y=%2F&z", "path and query cross unchanged");
        assert_eq!(echo["body"].as_str().map(str::as_bytes), Some(body), "{method}: the body crosses");
    }
}

#[test]
fn the_path_below_the_service_is_the_path_at_the_backend() {
    let backend = Backend::echo();
    let config = json!({
        "pools": [{ "name": "p", "services": ["svc"],
                    "backends": [{ "id": "b0", "url": format!("{}/base/", backend.url()) }] }],
    });
    let plain = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let prefixed = Balancer::with_backends("round-robin", &[], config);
    for (typed, path) in [("/", "/"), ("", "/"), ("?q=1", "/?q=1"), ("/x/", "/x/"), ("//x", "//x")] {
        assert_eq!(echoed(&get(&plain.proxy(typed)))["path"], path, "/proxy/svc{typed}");
        let path = format!("/base{path}");
        assert_eq!(echoed(&get(&prefixed.proxy(typed)))["path"], path, "a URL's path comes first");
    }
}

#[test]
fn replies_name_backend_algorithm_and_trace() {
    let silent_about_itself = Backend::fixed("x");
    let named = Backend::start(|_, stream| reply(stream, 200, "X-Backend: own-name\r\n", b"y"));
    let balancer = Balancer::with_backends("round_robin", &[&silent_about_itself], json!({}));
    let reply = send("GET", &balancer.proxy("/"), &[("X-Trace-Id", "abc-123")], b"");
    assert_eq!(reply.field("x-backend").as_deref(), Some("b0"), "the id is set");
    assert_eq!(reply.field("x-lb-algorithm").as_deref(), Some("round-robin"));
    assert_eq!(reply.field("x-trace-id").as_deref(), Some("abc-123"), "the client's is echoed");
    let made = |reply: &common::Reply| reply.field("x-trace-id").expect("one is made");
    let (first, second) = (made(&get(&balancer.proxy("/"))), made(&get(&balancer.proxy("/"))));
    assert!(first.len() == 32 && first.bytes().all(|it| it.is_ascii_hexdigit()), "32 hex: {first}");
    assert_ne!(first, second, "each request has its own");
    let balancer = Balancer::with_backends("round-robin", &[&named], json!({}));
    let reply = get(&balancer.proxy("/"));
    assert_eq!(reply.field("x-backend").as_deref(), Some("b0"), "in place of what the backend calls itself");
    assert_eq!(reply.field("x-backend-of-origin").as_deref(), Some("own-name"), "which is kept beside it");
    let agreeing = Backend::start(|_, stream| reply_named(stream, "b0"));
    let balancer = Balancer::with_backends("round-robin", &[&agreeing], json!({}));
    let reply = get(&balancer.proxy("/"));
    assert_eq!(reply.field("x-backend").as_deref(), Some("b0"), "not doubled");
    assert_eq!(reply.field("x-backend-of-origin"), None, "one name needs no second field");
}

#[test]
fn hop_by_hop_fields_end_here_in_both_directions() {
    let backend = Backend::echo();
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let fields = "Connection: keep-alive, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n\
                  TE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: Basic eA==\r\n\
                  Proxy-Connection: keep-alive\r\nX-Public: 2\r\nX-Service: forged\r\n";
    let mut client = Client::connect(balancer.address());
    let echo = echoed(&client.ask("GET", "/proxy/svc/", fields, b""));
    for name in
        ["connection", "x-private", "keep-alive", "te", "upgrade", "proxy-authorization", "proxy-connection"]
    {
        assert_eq!(received(&echo, name), None, "`{name}` is for this hop only");
    }
    assert_eq!(received(&echo, "x-public").as_deref(), Some("2"), "other fields cross");
    assert_eq!(received(&echo, "x-service").as_deref(), Some("svc"), "the service is named once");
    assert_eq!(received(&echo, "host").as_deref(), Some("localhost"), "Host is the client's");

    let backend = Backend::start(|_, stream| {
        let fields = "Connection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n\
                      X-Public: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
        reply(stream, 200, fields, b"ok");
        false
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for _ in 0..2 {
        let reply = client.ask("GET", "/proxy/svc/", "", b"");
        for name in ["connection", "x-private", "keep-alive"] {
            assert_eq!(reply.field(name), None, "`{name}` of a backend is for its hop only");
        }
        assert_eq!(reply.field("x-public").as_deref(), Some("2"), "other fields cross");
        assert_eq!(reply.field("set-cookie").as_deref(), Some("a=1, b=2"), "repeated fields too");
    }
    assert_eq!(backend.connections(), 2, "a connection that the backend closes is not used again");
}

#[test]
fn forwarded_for_is_appended_when_trusted_and_replaced_when_not() {
    let backend = Backend::echo();
    for (trusted, given, expected) in [
        (true, &[][..], "127.0.0.1"),
        (true, &["10.0.0.9"], "10.0.0.9, 127.0.0.1"),
        (true, &["10.0.0.9, 10.0.0.8", "10.0.0.7"], "10.0.0.9, 10.0.0.8, 10.0.0.7, 127.0.0.1"),
        (false, &["10.0.0.9"], "127.0.0.1"),
    ] {
        let config = json!({ "trust_forwarded_for": trusted });
        let balancer = Balancer::with_backends("round-robin", &[&backend], config);
        let fields: Vec<_> = given.iter().map(|value| ("X-Forwarded-For", *value)).collect();
        let echo = echoed(&send("GET", &balancer.proxy("/"), &fields, b""));
        assert_eq!(received(&echo, "x-forwarded-for").as_deref(), Some(expected), "trusted: {trusted}");
    }
}

#[test]
fn host_and_scheme_of_the_client_are_told_and_those_before_it_believed_when_trusted() {
    let backend = Backend::echo();
    let given = [("X-Forwarded-Host", "shop.example"), ("X-Forwarded-Proto", "https")];
    for (trusted, given, host, scheme) in [
        (true, &[][..], "localhost", "http"),
        (true, &given, "shop.example", "https"),
        (false, &given, "localhost", "http"),
    ] {
        let config = json!({ "trust_forwarded_for": trusted });
        let balancer = Balancer::with_backends("round-robin", &[&backend], config);
        let echo = echoed(&send("GET", &balancer.proxy("/"), given, b""));
        let told = |name| received(&echo, name);
        assert_eq!(told("x-forwarded-host").as_deref(), Some(host), "trusted: {trusted}, {given:?}");
        assert_eq!(told("x-forwarded-proto").as_deref(), Some(scheme), "trusted: {trusted}, {given:?}");
        assert_eq!(told("host").as_deref(), Some("localhost"), "the host itself is the client's");
    }
}

#[test]
fn the_host_is_the_backends_own_where_the_config_says_so_or_the_client_names_none() {
    let backend = Backend::echo();
    let own = Some(backend.address.to_string());
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({ "host": "backend" }));
    let echo = echoed(&send("GET", &balancer.proxy("/"), &[("host", "shop.example")], b""));
    assert_eq!(received(&echo, "host"), own, "replaced");
    assert_eq!(received(&echo, "x-forwarded-host").as_deref(), Some("shop.example"), "but not lost");
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("GET /proxy/svc/ HTTP/1.0\r\n\r\n");
    let echo = echoed(&client.read().expect("a reply"));
    assert_eq!(received(&echo, "host"), own, "HTTP/1.0 without a host");
    let fields = "host: shop.example\r\nconnection: host\r\n";
    let echo = echoed(&Client::connect(balancer.address()).ask("GET", "/proxy/svc/", fields, b""));
    assert_eq!(received(&echo, "host").as_deref(), Some("shop.example"), "no client can take the host away");
}

#[test]
fn trailers_cross_in_both_directions_and_cannot_route() {
    let backend = Backend::start(|request, stream| {
        let seen = request.trailers.replace("\r\n", "|");
        let text = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{seen}\r\n\
             0\r\nServer-Timing: app;dur=7\r\nX-Backend: liar\r\nContent-Length: 5\r\n\r\n",
            seen.len()
        );
        stream.write_all(text.as_bytes()).is_ok()
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("POST /proxy/svc/ HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    client.write("1\r\nx\r\n0\r\nSum: 7\r\nHost: evil\r\nX-Service: evil\r\n\r\n");
    let reply = client.read().expect("a reply");
    assert_eq!(reply.text(), "Sum: 7|", "the client's trailers, without those for routing");
    assert_eq!(reply.trailers, "Server-Timing: app;dur=7\r\n", "the backend's, without those for framing");
}

/// Replies under a name of the backend's own.
fn reply_named(stream: &mut std::net::TcpStream, name: &str) -> bool {
    reply(stream, 200, &format!("X-Backend: {name}\r\n"), b"y")
}

#[test]
fn connections_are_kept_on_both_sides() {
    let backend = Backend::echo();
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for i in 0..50 {
        let body = format!("body {i}");
        let method = if i % 2 == 0 { "POST" } else { "GET" };
        let sent = if method == "POST" { body.as_bytes() } else { b"" };
        let echo = echoed(&client.ask(method, "/proxy/svc/x", "", sent));
        assert_eq!(echo["body"].as_str().map(str::as_bytes), Some(sent), "request {i}");
    }
    assert_eq!(backend.connections(), 1, "one after the other, requests share a connection");
    assert_eq!(backend.requests(), 50, "each request is sent once");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::echo();
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for i in 0..5 {
        client.write(format!("GET /proxy/svc/{i} HTTP/1.1\r\nhost: x\r\n\r\n"));
    }
    for i in 0..5 {
        let echo = echoed(&client.read().expect("a reply for each"));
        assert_eq!(echo["path"], format!("/{i}"), "in the order of the requests");
    }
}

#[test]
fn chunked_bodies_stream_in_both_directions() {
    let seen = Arc::new(AtomicBool::new(false));
    let first_seen = Arc::clone(&seen);
    let backend = Backend::start(move |request, stream| {
        let send = |stream: &mut std::net::TcpStream, text: &str| stream.write_all(text.as_bytes()).is_ok();
        send(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        // The second half is sent only after the client has the first.
        while !first_seen.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        send(stream, &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("POST /proxy/svc/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    client.write("3\r\nabc\r\n");
    std::thread::sleep(Duration::from_millis(20));
    client.write("4\r\ndefg\r\n0\r\n\r\n");
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push_str(&client.line());
    }
    assert!(head.contains("transfer-encoding: chunked"), "no length is known: {head}");
    assert_eq!(client.line(), "5\r\n");
    assert_eq!(client.line(), "first\r\n", "what the backend has sent arrives before it sends more");
    seen.store(true, Ordering::SeqCst);
    assert_eq!(client.line(), "7\r\n");
    assert_eq!(client.line(), "abcdefg\r\n", "the request's chunks arrive as one body");
    assert_eq!(client.line(), "0\r\n");
    assert_eq!(client.line(), "\r\n");
    let echo = client.ask("GET", "/proxy/svc/", "", b"");
    assert_eq!(echo.status, 200, "both connections serve the next request");
    assert_eq!(backend.connections(), 1);
}

#[test]
fn large_bodies_cross_unchanged() {
    let backend = Backend::start(|request, stream| reply(stream, 200, "", &request.body));
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let body: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let reply = send("POST", &balancer.proxy("/"), &[], &body);
    assert_eq!(reply.body.len(), body.len());
    assert!(reply.body == body, "all bytes, in order");
    assert_eq!(reply.field("content-length"), Some(body.len().to_string()), "the length is kept");
}

#[test]
fn replies_without_a_body_have_none() {
    let backend = Backend::start(|request, stream| {
        let head = match request.path.as_str() {
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\ncontent-length: 99\r\n\r\n",
            "/100" => {
                "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            }
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n",
        };
        stream.write_all(head.as_bytes()).is_ok()
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    let reply = client.ask("HEAD", "/proxy/svc/", "", b"");
    assert_eq!(reply.field("content-length").as_deref(), Some("12345"), "HEAD keeps the length");
    assert_eq!(client.ask("GET", "/proxy/svc/204", "", b"").status, 204);
    assert_eq!(client.ask("GET", "/proxy/svc/304", "", b"").status, 304);
    let reply = client.ask("GET", "/proxy/svc/100", "", b"");
    assert_eq!(
        (reply.status, reply.field("link").as_deref()),
        (103, Some("x")),
        "an interim reply is passed on"
    );
    let reply = client.read().expect("the final reply follows");
    assert_eq!((reply.status, reply.field("link")), (200, None), "and leaves nothing behind");
    client.write("GET /proxy/svc/100 HTTP/1.0\r\n\r\n");
    assert_eq!(client.read().map(|reply| reply.status), Some(200), "HTTP/1.0 knows no interim replies");
    assert_eq!(backend.connections(), 1, "none of them spoils the connection");
}

#[test]
fn a_reply_without_length_ends_with_its_connection() {
    let backend = Backend::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nuntil the end");
        false
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for _ in 0..2 {
        let reply = client.ask("GET", "/proxy/svc/", "", b"");
        assert_eq!(reply.text(), "until the end", "the client's connection outlives the backend's");
    }
    assert_eq!(balancer.in_flight(), 0, "the end of the connection was the end of the reply");
}

#[test]
fn an_expected_continue_is_given_here() {
    let backend = Backend::echo();
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("POST /proxy/svc/ HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(client.line(), "HTTP/1.1 100 Continue\r\n");
    assert_eq!(client.line(), "\r\n");
    client.write("data");
    let echo = echoed(&client.read().expect("the reply follows"));
    assert_eq!(echo["body"], "data");
    assert_eq!(received(&echo, "expect"), None, "the backend need not answer it again");
}

#[test]
fn an_old_client_is_served_too() {
    let backend = Backend::start(|_, stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            .is_ok()
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("GET /proxy/svc/ HTTP/1.0\r\n\r\n");
    let reply = client.read().expect("a reply");
    assert_eq!(reply.text(), "abc", "HTTP/1.0 knows no chunks");
    assert_eq!(reply.field("transfer-encoding"), None);
}

#[test]
fn errors_of_the_balancer_are_json_and_name_no_backend() {
    let (absent, silent) = (Backend::absent(), Backend::silent());
    let garbled = Backend::start(|_, stream| {
        let _ = stream.write_all(b"SMTP ready\r\n\r\n");
        false
    });
    let closing = Backend::start(|_, _| false);
    let more = json!({ "timeouts": { "response_ms": 150 } });
    let cases = [
        (Some(&absent), "GET", 502, "Failed to forward request"),
        (Some(&garbled), "GET", 502, "Failed to forward request"),
        (Some(&closing), "POST", 502, "Failed to forward request"),
        (Some(&silent), "GET", 504, "Failed to forward request"),
        (None, "GET", 503, "No healthy instances available for service: svc"),
    ];
    for (backend, method, status, text) in cases {
        let backends: Vec<_> = backend.into_iter().collect();
        let balancer = Balancer::with_backends("round-robin", &backends, more.clone());
        let reply = send(method, &balancer.proxy("/x"), &[], b"");
        assert_eq!(reply.status, status, "{}", reply.text());
        assert_eq!(reply.field("x-backend"), None, "no backend answered");
        assert_eq!(reply.field("content-type").as_deref(), Some("application/json"));
        let error = reply.json()["error"].as_str().expect("an error text").to_owned();
        assert!(error.starts_with(text), "{error}");
        assert_eq!(balancer.in_flight(), 0, "{status}: nothing stays in flight");
    }
    let balancer = Balancer::with_backends("round-robin", &[], json!({}));
    let reply = get(&format!("{}/proxy/nobody/x", balancer.url));
    assert_eq!(reply.status, 503, "an unknown service");
    assert!(reply.text().contains("No healthy instances available for service: nobody"));
}

#[test]
fn a_pool_for_all_others_answers_for_paths_that_name_no_service() {
    let backend = Backend::start(|request, stream| {
        let path = request.path.clone();
        reply(stream, 200, "", path.as_bytes())
    });
    let pools =
        json!([{ "name": "all", "services": [], "backends": [{ "id": "b0", "url": backend.url() }] }]);
    let balancer = Balancer::with_backends("round-robin", &[], json!({ "pools": pools }));
    for (below, path) in [("/", "/"), ("/?q=1", "/?q=1"), ("/%7Bid%7D/x", "/x"), ("/api/v1/item", "/v1/item")]
    {
        let reply = get(&format!("{}/proxy{below}", balancer.url));
        assert_eq!((reply.status, reply.text().as_str()), (200, path), "{below}");
    }
    for number in 0..300 {
        let reply = get(&format!("{}/proxy/made-up-{number}/x", balancer.url));
        assert_eq!(reply.status, 200, "service {number}: what is too much to be kept apart is still served");
    }
}

#[test]
fn the_replies_of_backends_cross_whatever_their_status() {
    let backend = Backend::start(|request, stream| {
        let status = request.path.trim_start_matches('/').parse().expect("a status");
        reply(stream, status, "", b"as it is")
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    for status in [201, 301, 400, 404, 409, 422, 500, 503] {
        let reply = get(&balancer.proxy(&format!("/{status}")));
        assert_eq!((reply.status, reply.text().as_str()), (status, "as it is"));
        assert_eq!(reply.field("x-backend").as_deref(), Some("b0"), "so clients can tell who failed");
    }
    assert_eq!(balancer.backend("b0")["errors"], 2, "from 500 on it is the backend's error");
}

#[test]
fn a_reply_that_breaks_off_breaks_off_at_the_client() {
    let backend = Backend::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this");
        false
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("GET /proxy/svc/ HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(client.read().is_none(), "a short body must not look like a whole one");
    common::eventually("the request is released", || balancer.in_flight() == 0);
    assert_eq!(balancer.backend("b0")["errors"], 1, "it is the backend's error");
}

thread_local! {
    /// A backend has a thread per connection, so this is a flag per connection.
    static FRESH: std::cell::Cell<bool> = const { std::cell::Cell::new(true) };
}

#[test]
fn only_requests_that_may_be_repeated_are_sent_again_over_a_fresh_connection() {
    for (method, body, repeated) in [
        ("GET", &b""[..], true),
        ("DELETE", b"", true),
        ("PUT", b"", true),
        ("OPTIONS", b"", true),
        ("POST", b"", false),
        ("POST", b"order", false),
        ("PATCH", b"", false),
    ] {
        let backend = closes_on_second_of_connection();
        let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
        let mut client = Client::connect(balancer.address());
        assert_eq!(client.ask("GET", "/proxy/svc/warm", "", b"").status, 200);
        let reply = client.ask(method, "/proxy/svc/again", "", body);
        let (status, requests) = if repeated { (200, 3) } else { (502, 2) };
        assert_eq!(reply.status, status, "{method} with {} bytes", body.len());
        assert_eq!(backend.requests(), requests, "{method}: how often backends saw a request");
        assert_eq!(balancer.in_flight(), 0);
    }
}

/// A backend that serves one request per connection and closes without a word when a second comes.
fn closes_on_second_of_connection() -> Backend {
    Backend::start(|_, stream| FRESH.with(|fresh| fresh.replace(false)) && reply(stream, 200, "", b"ok"))
}

#[test]
fn a_fresh_connection_that_breaks_is_not_tried_again() {
    let backend = Backend::start(|_, _| false);
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    assert_eq!(get(&balancer.proxy("/")).status, 502);
    assert_eq!(backend.requests(), 1, "the backend has seen it; nobody knows what it did");
}

#[test]
fn a_refused_connection_sends_the_request_elsewhere() {
    let (absent, present) = (Backend::absent(), Backend::echo());
    let balancer = Balancer::with_backends("round-robin", &[&absent, &present], json!({}));
    for i in 0..10 {
        let reply = send("POST", &balancer.proxy("/"), &[], format!("order {i}").as_bytes());
        let echo = echoed(&reply);
        assert_eq!(echo["body"], format!("order {i}"), "it was never sent, so it is whole");
    }
    assert_eq!(present.requests(), 10, "each order arrives once");
    assert!(balancer.backend("b0")["errors"].as_u64() > Some(0), "the refusals are counted");
    assert_eq!(balancer.in_flight(), 0);
}

#[test]
fn an_idle_connection_that_the_backend_has_closed_is_noticed() {
    let backend = Backend::start(|_, stream| {
        reply(stream, 200, "", b"bye");
        false
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for i in 0..20 {
        let reply = client.ask("POST", "/proxy/svc/", "", b"order");
        assert_eq!(reply.status, 200, "order {i}: closing after each reply is a backend's right");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(backend.requests(), 20);
}

#[test]
fn bytes_that_are_no_request_get_400() {
    let balancer = Balancer::with_backends("round-robin", &[], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("NONSENSE\r\n\r\n");
    assert_eq!(client.read().map(|reply| reply.status), Some(400));
    let mut rest = Vec::new();
    assert_eq!(client.stream.read_to_end(&mut rest).ok(), Some(0), "and the connection ends");
}

#[test]
fn a_silent_backend_in_mid_reply_times_out() {
    let backend = Backend::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        let _ = stream.read(&mut [0; 1]);
        false
    });
    let more = json!({ "timeouts": { "response_ms": 150 } });
    let balancer = Balancer::with_backends("round-robin", &[&backend], more);
    let mut client = Client::connect(balancer.address());
    client.write("GET /proxy/svc/ HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(client.read().is_none(), "the reply breaks off");
    common::eventually("it is released", || balancer.in_flight() == 0);
    assert_eq!(balancer.backend("b0")["errors"], 1);
}
