//! HTTP/2 towards clients: each stream is a request like any other, whatever becomes of it.

mod common;

use bytes::Bytes;
use common::limited::{start_with_limit, two_ports};
use common::secure::Authority;
use common::{Backend, Balancer, Client, PATIENCE, eventually};
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response};
use serde_json::{Value, json};
use std::future::Future;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Runs a test on a runtime of its own, for as long as anything may take.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("it ends") })
}

/// A client that speaks HTTP/2, and the end of its connection.
struct Peer {
    send: SendRequest<Bytes>,
    ended: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl Peer {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        // A stream that is not read must not use up what all streams have together.
        let handshake = h2::client::Builder::new().initial_connection_window_size(1 << 20).handshake(stream);
        let (send, connection) = handshake.await.expect("it speaks HTTP/2");
        let ended = tokio::spawn(connection);
        Self { send: send.ready().await.expect("it takes requests"), ended }
    }

    /// By prior knowledge, on a plain port.
    async fn connect(balancer: &Balancer) -> Self {
        Self::at(balancer.address()).await
    }

    async fn at(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("it accepts")).await
    }

    /// Sends the head of a request.
    async fn begin(&mut self, request: Request<()>, ends: bool) -> (ResponseFuture, SendStream<Bytes>) {
        self.send = self.send.clone().ready().await.expect("it takes requests");
        self.send.send_request(request, ends).expect("the request is valid")
    }

    /// Sends a request without a body, and reads its reply.
    async fn ask(&mut self, request: Request<()>) -> Whole {
        let (reply, _) = self.begin(request, true).await;
        whole(reply.await.expect("a reply")).await.expect("a whole one")
    }

    async fn get(&mut self, path: &str) -> Whole {
        self.ask(request("GET", path)).await
    }
}

fn request(method: &str, path: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("http://shop.example{path}"));
    request.version(http::Version::HTTP_2).body(()).expect("a valid request")
}

/// A whole reply.
struct Whole {
    status: u16,
    fields: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
}

impl Whole {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.to_str().expect("text"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

async fn whole(reply: Response<RecvStream>) -> Result<Whole, h2::Error> {
    let (head, mut stream) = reply.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await?;
    Ok(Whole { status: head.status.as_u16(), fields: head.headers, body, trailers })
}

fn start(backend: &Backend, more: Value) -> Balancer {
    Balancer::with_backends("round-robin", &[backend], more)
}

/// A field of the request that an echo backend received, as often as it did.
fn received(echo: &Value, name: &str) -> Vec<String> {
    let lines = echo["head"].as_str().expect("the head").lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
}

/// The number of requests that ended because of their client.
fn aborts(balancer: &Balancer) -> String {
    let page = balancer.get("/actuator/prometheus").text();
    let line = page.lines().find_map(|line| line.strip_prefix("lb_client_aborts_total{service=\"svc\"} "));
    line.unwrap_or_default().to_owned()
}

#[test]
fn a_request_is_http_1_1_to_the_backend_and_the_reply_http_2_to_the_client() {
    let backend = Backend::echo();
    let balancer = start(&backend, json!({}));
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        let mut ask = request("GET", "/proxy/svc/a%20b?x=1");
        for cookie in ["a=1", "b=2"] {
            ask.headers_mut().append("cookie", cookie.parse().expect("a value"));
        }
        ask.headers_mut().append("x-list", "1".parse().expect("a value"));
        ask.headers_mut().append("x-list", "2".parse().expect("a value"));
        ask.headers_mut().append("te", "trailers".parse().expect("a value"));
        let reply = peer.ask(ask).await;
        assert_eq!(reply.status, 200);
        let echo = reply.json();
        assert_eq!((&echo["method"], &echo["path"]), (&json!("GET"), &json!("/a%20b?x=1")));
        for (name, values) in [
            ("host", &["shop.example"][..]),
            ("cookie", &["a=1; b=2"]),
            ("x-list", &["1", "2"]),
            ("te", &[]),
            ("x-service", &["svc"]),
            ("x-forwarded-proto", &["http"]),
            ("x-forwarded-for", &["127.0.0.1"]),
            ("transfer-encoding", &[]),
        ] {
            assert_eq!(received(&echo, name), values, "{name}");
        }
        assert_eq!(reply.field("x-backend"), Some("b0"));
        assert_eq!(reply.field("x-lb-algorithm"), Some("round-robin"));
        assert!(reply.field("date").is_some() && reply.field("x-trace-id").is_some());
        assert_eq!(reply.field("connection"), None, "HTTP/2 has no such field");
        for _ in 0..20 {
            assert_eq!(peer.get("/proxy/svc/").await.status, 200);
        }
    });
    assert_eq!(backend.connections(), 1, "connections to backends are kept");
    assert_eq!(balancer.backend("b0")["requests"], json!(21), "each stream is one request");
}

#[test]
fn bodies_and_trailers_cross_both_ways() {
    let backend = Backend::start(|request, stream| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let seen =
            format!("{} {}", request.field("content-length").unwrap_or_default(), request.trailers.trim());
        let body = [&request.body[..], seen.as_bytes()].concat();
        let mut text = format!("{head}{:x}\r\n", body.len()).into_bytes();
        text.extend_from_slice(&body);
        text.extend_from_slice(b"\r\n0\r\nserver-timing: app\r\nhost: evil\r\n\r\n");
        stream.write_all(&text).is_ok()
    });
    let balancer = start(&backend, json!({}));
    let large: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for length in [None, Some(large.len())] {
        let mut ask = request("POST", "/proxy/svc/");
        if let Some(length) = length {
            ask.headers_mut().insert("content-length", length.to_string().parse().expect("a value"));
        }
        let reply = run(async {
            let mut peer = Peer::connect(&balancer).await;
            let (reply, mut upload) = peer.begin(ask, false).await;
            let mut left = Bytes::from(large.clone());
            while !left.is_empty() {
                upload.reserve_capacity(left.len());
                let room = std::future::poll_fn(|cx| upload.poll_capacity(cx)).await;
                let room = room.expect("it is open").expect("no error");
                upload.send_data(left.split_to(room.min(left.len())), false).expect("there is room");
            }
            let mut trailers = HeaderMap::new();
            trailers.insert("sum", "7".parse().expect("a value"));
            trailers.insert("x-service", "evil".parse().expect("a value"));
            upload.send_trailers(trailers).expect("it is open");
            whole(reply.await.expect("a reply")).await.expect("a whole one")
        });
        let (body, seen) = reply.body.split_at(large.len());
        assert!(body == large, "all bytes, in order, with the length {length:?}");
        let expected = length.map_or(" sum: 7".to_owned(), |length| format!("{length} "));
        assert_eq!(String::from_utf8_lossy(seen), expected, "trailers need chunks, and none of them routes");
        let trailers = reply.trailers.expect("the backend's trailers");
        assert_eq!(trailers.get("server-timing").map(|value| value.as_bytes()), Some(&b"app"[..]));
        assert!(!trailers.contains_key("host"), "none of them routes");
    }
}

#[test]
fn replies_without_a_body_end_with_their_head_and_interim_ones_are_passed_on() {
    let backend = Backend::start(|request, stream| {
        let head = match request.path.as_str() {
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n",
            "/103" => {
                "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            }
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n",
        };
        stream.write_all(head.as_bytes()).is_ok()
    });
    let balancer = start(&backend, json!({}));
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        let head = peer.ask(request("HEAD", "/proxy/svc/")).await;
        assert_eq!((head.status, head.field("content-length"), head.body.len()), (200, Some("12345"), 0));
        for status in [204, 304] {
            let reply = peer.get(&format!("/proxy/svc/{status}")).await;
            assert_eq!((reply.status, reply.body.len()), (status, 0));
        }
        let (mut reply, _) = peer.begin(request("GET", "/proxy/svc/103"), true).await;
        let hints = std::future::poll_fn(|cx| reply.poll_informational(cx)).await;
        let hints = hints.expect("an interim reply").expect("no error");
        assert_eq!((hints.status().as_u16(), hints.headers()["link"].as_bytes()), (103, &b"</a.css>"[..]));
        let reply = whole(reply.await.expect("a reply")).await.expect("a whole one");
        assert_eq!((reply.status, &reply.body[..], reply.field("link")), (200, &b"ok"[..], None));
    });
}

#[test]
fn refusals_and_failures_have_the_statuses_of_http_1_1() {
    let (silent, closing) = (Backend::silent(), Backend::start(|_, _| false));
    let pools = json!([
        { "name": "a", "services": ["silent"], "backends": [{ "id": "s", "url": silent.url() }] },
        { "name": "b", "services": ["closing"], "backends": [{ "id": "c", "url": closing.url() }] },
        { "name": "c", "services": ["absent"], "backends": [{ "id": "a", "url": Backend::absent().url() }] },
    ]);
    let more = json!({ "pools": pools, "timeouts": { "response_ms": 200, "client_ms": 200 }, "admin_listen": "127.0.0.1:0" });
    let balancer = Balancer::with_backends("round-robin", &[], more);
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        for (path, status) in [
            ("/proxy/silent/", 504),
            ("/proxy/closing/", 502),
            ("/proxy/absent/", 502),
            ("/proxy/nobody/", 503),
            ("/elsewhere", 404),
        ] {
            let reply = peer.get(path).await;
            assert_eq!(reply.status, status, "{path}");
            assert!(reply.json()["error"].is_string(), "{path}: it says what is wrong");
        }
        let connect =
            Request::builder().method(Method::CONNECT).uri("shop.example:443").body(()).expect("valid");
        assert_eq!(peer.ask(connect).await.status, 405, "no tunnels");
        let mut two = request("GET", "/proxy/silent/");
        two.headers_mut().insert("host", "other.example".parse().expect("a value"));
        assert_eq!(peer.ask(two).await.status, 400, "two hosts that disagree");
        let mut many = request("GET", "/proxy/silent/");
        for number in 0..200 {
            let name = http::HeaderName::from_bytes(format!("x-{number}").as_bytes()).expect("a name");
            many.headers_mut().insert(name, "y".parse().expect("a value"));
        }
        assert_eq!(peer.ask(many).await.status, 431, "too many fields");
        let (reply, mut upload) = peer.begin(request("POST", "/proxy/silent/"), false).await;
        upload.send_data(Bytes::from_static(b"half"), false).expect("there is room");
        assert_eq!(reply.await.expect("a reply").status(), 408, "an upload without progress");
        assert!(!peer.send.is_extended_connect_protocol_enabled(), "no protocols over CONNECT");
        assert_eq!(peer.get("/proxy/nobody/").await.status, 503, "and the connection goes on");
    });
    assert_eq!(balancer.in_flight(), 0);
}

#[test]
fn a_stream_that_is_reset_is_its_clients_fault_and_no_others() {
    let (silent, fast) = (Backend::silent(), Backend::fixed("fast"));
    let pools = json!([
        { "name": "a", "services": ["svc"], "backends": [{ "id": "b0", "url": silent.url() }] },
        { "name": "b", "services": ["fast"], "backends": [{ "id": "f", "url": fast.url() }] },
    ]);
    let balancer = Balancer::with_backends("round-robin", &[], json!({ "pools": pools }));
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        let (reply, mut stream) = peer.begin(request("GET", "/proxy/svc/"), true).await;
        let fast = peer.get("/proxy/fast/").await;
        assert_eq!((fast.status, &fast.body[..]), (200, &b"fast"[..]), "no stream waits for another");
        stream.send_reset(Reason::CANCEL);
        assert!(reply.await.is_err());
        assert_eq!(peer.get("/proxy/fast/").await.status, 200, "the connection goes on");
    });
    eventually("it is released", || balancer.in_flight() == 0);
    eventually("it is the client's", || aborts(&balancer) == "1");
    assert_eq!(balancer.backend("b0")["errors"], json!(0), "no backend is to blame");
}

#[test]
fn a_reply_that_breaks_off_resets_its_stream_alone() {
    let backend = Backend::start(|request, stream| match request.path.as_str() {
        "/short" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this");
            false
        }
        _ => common::reply(stream, 200, "", b"x"),
    });
    let balancer = start(&backend, json!({}));
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        let (reply, _) = peer.begin(request("GET", "/proxy/svc/short"), true).await;
        // The reset may overtake the head.
        let broken = match reply.await {
            Ok(head) => whole(head).await.err(),
            Err(error) => Some(error),
        };
        let broken = broken.expect("no whole reply");
        assert_eq!(broken.reason(), Some(Reason::INTERNAL_ERROR));
        assert_eq!(peer.get("/proxy/svc/").await.status, 200, "the connection goes on");
    });
    assert_eq!(balancer.backend("b0")["errors"], json!(1), "it is the backend's error");
}

#[test]
fn a_client_that_reads_slowly_holds_up_only_itself() {
    let backend = Backend::start(|request, stream| {
        let body = vec![b'x'; if request.path == "/large" { 8_000_000 } else { 1 }];
        common::reply(stream, 200, "", &body)
    });
    let balancer = start(&backend, json!({ "timeouts": { "client_ms": 500, "response_ms": 10_000 } }));
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        let (large, _) = peer.begin(request("GET", "/proxy/svc/large"), true).await;
        let large = large.await.expect("a head");
        for _ in 0..5 {
            assert_eq!(peer.get("/proxy/svc/small").await.status, 200);
        }
        let mut stream = large.into_body();
        let mut end = None;
        // What its window held arrives, and then the stream is given up.
        while let Some(data) = stream.data().await {
            if let Err(error) = data {
                end = Some(error);
                break;
            }
        }
        assert!(end.is_some_and(|error| error.is_reset()), "who does not read gets no more");
        assert_eq!(peer.get("/proxy/svc/small").await.status, 200, "the connection goes on");
    });
    eventually("it is released", || balancer.in_flight() == 0);
    assert_eq!((aborts(&balancer).as_str(), &balancer.backend("b0")["errors"]), ("1", &json!(0)));
}

#[test]
fn the_end_of_a_connection_is_announced() {
    let backend = Backend::fixed("x");
    let balancer = start(&backend, json!({ "timeouts": { "idle_ms": 300 } }));
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        assert_eq!(peer.get("/proxy/svc/").await.status, 200);
        let Peer { send, ended } = peer;
        let ended = ended.await.expect("no panic");
        assert!(ended.is_ok(), "an idle connection ends in order: {ended:?}");
        drop(send);
    });
}

#[test]
fn a_load_balancer_that_stops_lets_replies_finish() {
    let backend = Backend::slow(std::time::Duration::from_millis(700));
    let mut balancer = start(&backend, json!({}));
    let (address, stdin) = (balancer.address(), balancer.stdin.take());
    run(async {
        let stream = TcpStream::connect(address).await.expect("it accepts");
        let mut peer = Peer::over(stream).await;
        let (reply, _) = peer.begin(request("GET", "/proxy/svc/"), true).await;
        while backend.requests() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        // The end of its standard input stops it.
        drop(stdin);
        let reply = whole(reply.await.expect("a reply")).await.expect("a whole one");
        assert_eq!((reply.status, &reply.body[..]), (200, &b"late"[..]));
        let ended = peer.ended.await.expect("no panic");
        assert!(ended.is_ok(), "and the connection ends in order: {ended:?}");
    });
    assert!(balancer.child.wait().expect("it ends").success());
}

#[test]
fn the_preface_may_come_in_pieces_and_what_only_looks_like_it_is_refused() {
    let backend = Backend::fixed("x");
    let balancer = start(&backend, json!({ "timeouts": { "head_ms": 1_500 } }));
    let mut client = Client::connect(balancer.address());
    for piece in ["P", "RI * HTTP/2.0\r\n", "\r\nSM\r\n\r", "\n"] {
        client.write(piece);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut frame = [0; 9];
    // An empty frame of settings from the client, then the load balancer's.
    client.write([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    client.read_exact(&mut frame);
    assert_eq!(frame[3], 4, "settings come first: {frame:?}");
    for (text, status) in [
        ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM", 408),
    ] {
        let reply = Client::connect(balancer.address()).write(text).read().expect("a reply, no silent end");
        assert_eq!(reply.status, status, "{text:?}");
    }
    let mut client = Client::connect(balancer.address());
    client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").write([0xff; 64]);
    let mut rest = Vec::new();
    client.stream.read_to_end(&mut rest).expect("an orderly end");
    assert!(frames(&rest).contains(&7), "frames that are none get a GOAWAY: {rest:?}");
    let mut later = Client::connect(balancer.address());
    assert_eq!(later.ask("GET", "/proxy/svc/", "", b"").status, 200);
    later.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(later.read().map(|reply| reply.status), Some(505), "a connection cannot change its mind");
}

/// The types of the frames in `bytes`.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [a, b, c, kind, rest @ ..] = bytes {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        types.push(*kind);
        bytes = rest.get(length + 5..).unwrap_or_default();
    }
    types
}

#[test]
fn http_2_over_tls_reaches_the_pools_and_the_admin_api() {
    let (authority, backend) = (Authority::new(), Backend::echo());
    let more = json!({ "tls": authority.config() });
    let balancer = Balancer::start(common::config("round-robin", &[&backend], more));
    run(async {
        let stream = TcpStream::connect(balancer.address()).await.expect("it accepts");
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&authority.client(&["h2"])));
        let name = "localhost".try_into().expect("a name");
        let stream = connector.connect(name, stream).await.expect("the handshake succeeds");
        let mut peer = Peer::over(stream).await;
        let echo = peer.get("/proxy/svc/").await.json();
        assert_eq!(received(&echo, "x-forwarded-proto"), ["https"]);
        let ask = Request::builder().uri(format!("https://{}/api/lb/in-flight", balancer.address()));
        let reply = peer.ask(ask.body(()).expect("valid")).await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "in_flight": 0 })));
    });
}

#[test]
fn a_hundred_streams_are_a_hundred_requests_in_flight() {
    let backend = Backend::slow(std::time::Duration::from_millis(300));
    let balancer = start(&backend, json!({}));
    run(async {
        let mut peer = Peer::connect(&balancer).await;
        let mut replies = Vec::new();
        for _ in 0..100 {
            replies.push(peer.begin(request("GET", "/proxy/svc/"), true).await.0);
        }
        for reply in replies {
            assert_eq!(reply.await.expect("a reply").status(), 200, "a hundred at the same time");
        }
    });
    eventually("all are released", || balancer.in_flight() == 0);
    assert_eq!(balancer.backend("b0")["peak_in_flight"], json!(100), "each is in flight by itself");
}

#[test]
fn more_requests_than_there_may_be_connections_to_backends_are_refused_here() {
    let backend = Backend::slow(std::time::Duration::from_millis(500));
    // With so few descriptors, a data thread has four connections to backends.
    let (_process, address, admin) = start_with_limit(64, &two_ports(&[&backend], json!({})), Stdio::null());
    run(async {
        let mut peer = Peer::at(address).await;
        let mut replies = Vec::new();
        for _ in 0..12 {
            replies.push(peer.begin(request("GET", "/proxy/svc/"), true).await.0);
        }
        let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
        for reply in replies {
            *statuses.entry(reply.await.expect("a reply").status().as_u16()).or_default() += 1;
        }
        assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [(200, 4), (503, 8)]);
        assert_eq!(peer.get("/proxy/svc/").await.status, 200, "then there is room");
    });
    let snapshot = common::get(&format!("{admin}/api/lb/snapshot")).json();
    let backend = &snapshot["pools"][0]["backends"][0];
    assert_eq!((&backend["errors"], &backend["in_flight"]), (&json!(0), &json!(0)), "no backend is to blame");
}

#[test]
fn a_flood_of_resets_leaves_nothing_behind() {
    let backend = Backend::silent();
    let balancer = start(&backend, json!({}));
    run(async {
        let Peer { mut send, ended } = Peer::connect(&balancer).await;
        for _ in 0..3_000 {
            // The load balancer may end the connection at any time.
            let Ok(ready) = send.clone().ready().await else { break };
            send = ready;
            let Ok((_, mut stream)) = send.send_request(request("GET", "/proxy/svc/"), true) else { break };
            stream.send_reset(Reason::CANCEL);
            tokio::task::yield_now().await;
        }
        drop(send);
        let _ = ended.await.expect("no panic");
    });
    eventually("everything is released", || balancer.in_flight() == 0);
    assert_eq!(balancer.backend("b0")["errors"], json!(0), "no backend is to blame");
    run(async {
        let (reply, _) = Peer::connect(&balancer).await.begin(request("GET", "/proxy/nobody/"), true).await;
        assert_eq!(reply.await.expect("a reply").status(), 503, "others are served");
    });
}
