//! What the load balancer reads of requests to predict their cost, as traces show it.

mod common;

use bytes::Bytes;
use common::{Backend, Balancer, PATIENCE, send};
use lb_core::hints::{Said, hash};
use lb_core::trace_summary::TraceSummary;
use lb_traces::read::Traces;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A load balancer that can record traces, and the folder that they go to.
fn traced(backend: &Backend, hints: Value) -> (tempfile::TempDir, Balancer) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let traces = json!({ "folder": dir.path().join("traces"), "at_start": false });
    let more = json!({ "traces": traces, "hints": hints });
    (dir, Balancer::with_backends("round-robin", &[backend], more))
}

/// Records what `ask` sends, and returns the trace and its bytes.
fn record(balancer: &Balancer, ask: impl FnOnce()) -> (Traces, Vec<u8>) {
    let started = balancer.post("/api/lb/traces/start?name=one");
    assert_eq!(started.status, 200, "{}", started.text());
    ask();
    let stopped = balancer.post("/api/lb/traces/stop");
    let summary: TraceSummary = serde_json::from_slice(&stopped.body).expect("a summary");
    let bytes = std::fs::read(&summary.file).expect("the file");
    (Traces::read(&summary.file, None).expect("a trace"), bytes)
}

/// What each request said, by name, in the order of the requests.
fn said(traces: &Traces) -> Vec<BTreeMap<String, Said>> {
    let exchanges = traces.episodes.iter().flat_map(|episode| &episode.exchanges);
    let of = |exchange: &lb_traces::read::Exchange| {
        let hints = traces.hints.at(exchange.hints);
        hints.iter().map(|hint| (traces.hints.text(hint.name).into_owned(), hint.said)).collect()
    };
    exchanges.map(of).collect()
}

fn map<const N: usize>(hints: [(&str, Said); N]) -> BTreeMap<String, Said> {
    hints.into_iter().map(|(name, said)| (name.to_owned(), said)).collect()
}

fn word(text: &str) -> Said {
    Said::Word(hash(text.as_bytes()))
}

#[test]
fn parameters_segments_lengths_and_chosen_headers_are_read() {
    let backend = Backend::fixed("x");
    let (_dir, balancer) = traced(&backend, json!({ "headers": ["X-Batch-Size"] }));
    let (traces, _) = record(&balancer, || {
        let ask = |method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]| {
            assert_eq!(send(method, &balancer.proxy(path), fields, body).status, 200, "{path}");
        };
        ask("GET", "/items", &[], b"");
        ask("GET", "/items/42?limit=500&sort=price", &[], b"");
        ask("POST", "/bulk", &[("x-BATCH-size", "12"), ("x-other", "9")], b"hello");
        ask("GET", "/items?limit=NaN&limit=7", &[], b"");
    });
    let expected = [
        map([]),
        map([
            ("path.2", Said::Number(42.0)),
            ("query.limit", Said::Number(500.0)),
            ("query.sort", word("price")),
        ]),
        map([("header.x-batch-size", Said::Number(12.0)), ("body.bytes", Said::Number(5.0))]),
        map([("query.limit", word("NaN"))]),
    ];
    assert_eq!(said(&traces), expected);
}

#[test]
fn requests_of_http_2_say_the_same() {
    let backend = Backend::fixed("x");
    let (_dir, balancer) = traced(&backend, json!({ "headers": ["x-batch-size"] }));
    let (traces, _) = record(&balancer, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let asked = async {
            let stream = tokio::net::TcpStream::connect(balancer.address()).await.expect("it accepts");
            let (send, connection) = h2::client::handshake(stream).await.expect("it speaks HTTP/2");
            tokio::spawn(connection);
            let mut send = send.ready().await.expect("it takes requests");
            let request = http::Request::builder()
                .method("POST")
                .uri("http://shop.example/proxy/svc/items/42?limit=0.5")
                .header("content-length", "5")
                .header("x-batch-size", "12")
                .body(())
                .expect("a valid request");
            let (reply, mut body) = send.send_request(request, false).expect("it is sent");
            body.send_data(Bytes::from_static(b"hello"), true).expect("there is room");
            assert_eq!(reply.await.expect("a reply").status(), 200);
        };
        runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await.expect("it ends") });
    });
    let expected = map([
        ("path.2", Said::Number(42.0)),
        ("query.limit", Said::Number(0.5)),
        ("header.x-batch-size", Said::Number(12.0)),
        ("body.bytes", Said::Number(5.0)),
    ]);
    assert_eq!(said(&traces), [expected]);
}

#[test]
fn values_of_words_and_secrets_are_never_written() {
    const SECRET: &str = "Bearer-5f3a9c81d2";
    let backend = Backend::fixed("x");
    let (_dir, balancer) = traced(&backend, json!({ "headers": ["hash:authorization"] }));
    let (traces, bytes) = record(&balancer, || {
        for _ in 0..3 {
            let url = balancer.proxy("/items?token=hunter2-token");
            assert_eq!(
                send("GET", &url, &[("authorization", SECRET), ("cookie", "id=c00kie")], b"").status,
                200
            );
        }
    });
    let all = said(&traces);
    assert_eq!(all.len(), 3);
    assert!(all[0].values().all(|said| matches!(said, Said::Word(_))), "{all:?}");
    assert!(all[0].keys().any(|name| name.contains("authorization")), "it was asked for: {all:?}");
    assert!(!all[0].keys().any(|name| name.contains("cookie")), "and this was not: {all:?}");
    for secret in [SECRET, "hunter2", "c00kie"] {
        let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "`{secret}` is in the trace");
    }
}

#[test]
fn nothing_is_read_if_hints_are_off() {
    let backend = Backend::fixed("x");
    let (_dir, balancer) = traced(&backend, json!({ "headers": ["x-batch-size"], "off": true }));
    let (traces, _) = record(&balancer, || {
        let url = balancer.proxy("/items/42?limit=500");
        assert_eq!(send("GET", &url, &[("x-batch-size", "12")], b"").status, 200);
    });
    assert_eq!(said(&traces), [map([])]);
}

#[test]
fn clients_that_invent_names_get_their_replies_and_fill_nothing() {
    let backend = Backend::fixed("x");
    let (_dir, balancer) = traced(&backend, json!({}));
    let (traces, _) = record(&balancer, || {
        let mut client = common::Client::connect(balancer.address());
        for request in 0..300 {
            let path = format!("/proxy/svc/items?invented-{request}=1&{}=2", "long".repeat(100));
            assert_eq!(client.ask("GET", &path, "", b"").status, 200);
        }
    });
    let names: Vec<String> = said(&traces).into_iter().flat_map(BTreeMap::into_keys).collect();
    let known = names.iter().filter(|name| name.starts_with("query.invented-")).count();
    assert_eq!(known, 256, "the rest are hashes");
    assert!(names.iter().filter(|name| name.starts_with('#')).count() >= 44, "{names:?}");
}

#[test]
fn a_list_of_headers_is_checked_with_the_config() {
    let fault = |hints: Value| {
        let config = json!({ "hints": hints }).to_string();
        load_balancer::Config::parse(&config, Path::new("")).expect_err("it has a fault").to_string()
    };
    for secret in ["Authorization", "cookie", "proxy-authorization"] {
        let text = fault(json!({ "headers": [secret] }));
        assert!(text.contains("`hints.headers`") && text.contains("hash:"), "{secret}: {text}");
        assert!(text.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {text}");
    }
    let many: Vec<String> = (0..5).map(|number| format!("x-{number}")).collect();
    assert!(fault(json!({ "headers": many })).contains("`hints.headers`"), "at most four");
    assert!(fault(json!({ "headers": "x-batch-size" })).contains("hints.headers"), "it is a list");
    let text = fault(json!({ "header": ["x-batch-size"] }));
    assert!(text.contains("`hints.header` is not a known key (did you mean `headers`?)"), "{text}");
    let good = json!({ "hints": { "headers": ["x-batch-size", "hash:authorization"], "off": false } });
    assert!(load_balancer::Config::parse(&good.to_string(), Path::new("")).is_ok());
}
