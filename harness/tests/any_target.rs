//! Addresses of all kinds: where replies name the backend, what is said when they do not, what the doctor finds there, and
//! what failed requests are remembered by.

mod common;

use common::{Bench, algorithm, number, refused, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a site answers its request with this number: status, headers with their line breaks, and body.
type Answers = dyn Fn(usize) -> (u16, String, &'static str) + Send + Sync;

/// Starts a site that lasts as long as the test, and returns its address.
fn site(answers: impl Fn(usize) -> (u16, String, &'static str) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (answers, turn): (Arc<Answers>, _) = (Arc::new(answers), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answers, turn) = (Arc::clone(&answers), Arc::clone(&turn));
            std::thread::spawn(move || answer(stream, &*answers, &turn));
        }
    });
    url
}

/// Answers the requests of one connection, which have no bodies.
fn answer(stream: TcpStream, answers: &Answers, turn: &AtomicUsize) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 0) {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        // The preface of HTTP/2 is no request.
        if head.starts_with("PRI ") {
            return;
        }
        head.clear();
        let (status, headers, body) = answers(turn.fetch_add(1, Ordering::SeqCst));
        let reply = format!("HTTP/1.1 {status} -\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// A site of two backends that take turns, each named by a header.
fn pair(header: &'static str) -> String {
    site(move |number| (200, format!("{header}: web-{}\r\n", number % 2), ""))
}

/// Flags of a short run of one trial.
const SHORT: [&str; 6] = ["--duration", "0.5s", "--warm-up", "0s", "--repetitions", "1"];

fn measured(bench: &Bench, url: &str, flags: &[&str]) -> (Value, Value, String) {
    let output = bench.run(&[&["--url", url, "--out", "out"][..], &SHORT, flags].concat());
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{printed}");
    let summary = bench.json("out/summary.json");
    let result = algorithm(&summary, "as-it-is").clone();
    (result, summary, printed)
}

/// The share of each backend, by name.
fn shares(result: &Value) -> BTreeMap<String, f64> {
    let backends = result["backends"].as_array().expect("backends");
    let share = |one: &Value| (one["id"].as_str().expect("a name").to_owned(), number(one, "/share"));
    backends.iter().map(share).collect()
}

#[test]
fn backends_that_are_known_from_replies_alone_have_shares_and_no_index() {
    let bench = Bench::new();
    let url = site(|_| (200, "x-served-by: web-1\r\n".to_owned(), ""));
    let (result, _, _) = measured(&bench, &url, &["--backend-from", "header:X-Served-By"]);
    assert_eq!(shares(&result), BTreeMap::from([("web-1".to_owned(), 1.0)]));
    assert_eq!(result["jain_index"], Value::Null, "whether another one is dead is not known");
    let page = std::fs::read_to_string(bench.path("out/report.html")).expect("a page");
    assert!(page.contains("one that answered nothing is missing and Jain"), "the page says why");
}

#[test]
fn a_backend_that_is_listed_and_answers_nothing_has_a_share_of_zero() {
    let bench = Bench::new();
    let url = site(|_| (200, "X-Served-By: web-1\r\n".to_owned(), ""));
    let config = json!({
        "scenarios": [{ "name": "look", "duration_minutes": 0.01, "concurrent_users": 2, "ramp_up_time_seconds": 0 }],
        "bench": {
            "journey": { "name": "one", "actions": { "look": { "weight": 1, "steps": [{ "name": "look", "path": "/" }] } } },
            "think_time_s": [0.01, 0.02],
            "backend_from": { "header": "X-Served-By" },
            "backends": ["web-1", "web-2"]
        }
    });
    let config = bench.config("config.json", &config);
    let (result, _, _) = measured(&bench, &url, &["--config", &config]);
    assert_eq!(shares(&result), BTreeMap::from([("web-1".to_owned(), 1.0), ("web-2".to_owned(), 0.0)]));
    assert_eq!(number(&result, "/jain_index"), 0.5, "one of two got everything");
}

#[test]
fn a_cookie_or_the_body_names_the_backend() {
    let bench = Bench::new();
    let by_cookie = site(|number| (200, format!("set-cookie: node=web-{}; Path=/\r\n", number % 2), ""));
    let by_body = site(|number| {
        (
            200,
            String::new(),
            if number % 2 == 0 { r#"{"a": {"host": "web-0"}}"# } else { r#"{"a": {"host": "web-1"}}"# },
        )
    });
    for (url, place) in [(by_cookie, "cookie:node"), (by_body, "body:/a/host")] {
        let (result, summary, _) = measured(&bench, &url, &["--backend-from", place]);
        let shares = shares(&result);
        assert_eq!(shares.keys().collect::<Vec<_>>(), ["web-0", "web-1"], "{place}");
        assert!(
            shares.values().all(|share| (share - 0.5).abs() < 0.1),
            "{place}: they take turns: {shares:?}"
        );
        assert!(!summary["notes"].to_string().contains("no reply names"), "{summary}");
        std::fs::remove_dir_all(bench.path("out")).expect("a folder");
    }
}

#[test]
fn a_place_that_never_names_a_backend_is_a_warning_with_the_way_out() {
    let bench = Bench::new();
    for (place, words) in [
        ("header:X-Pod", "the header `X-Pod`"),
        ("cookie:node", "the cookie `node`"),
        ("body:/a/b", "the JSON pointer `/a/b`"),
    ] {
        let (result, summary, printed) = measured(&bench, &pair("x-served-by"), &["--backend-from", place]);
        assert_eq!(result["backends"], json!([]), "{place}: no table of nothing");
        let note = format!("no reply names its backend in {words}, so results by backend are left out");
        assert!(summary["notes"].to_string().contains(&note), "{place}: {}", summary["notes"]);
        assert!(printed.contains("--backend-from or"), "{place}: the way out is printed: {printed}");
        std::fs::remove_dir_all(bench.path("out")).expect("a folder");
    }
    let url = pair("x-served-by");
    for (place, parts) in [
        ("X-Pod", &["does not name a part of the reply", "header:X-Served-By"][..]),
        ("header:a b", &["is not a header that can name a backend"]),
        ("body:host", &["is not a JSON pointer"]),
    ] {
        refused(&bench, &["--url", &url, "--backend-from", place, "--out", "out"], 2, parts);
    }
}

#[test]
fn failures_are_listed_with_status_text_and_times() {
    let bench = Bench::new();
    let url = site(|number| match number % 2 {
        0 => (404, String::new(), ""),
        _ => (200, String::new(), "=down"),
    });
    let step = json!({ "name": "look", "path": "/", "check": { "contains": ["up"] } });
    let config = json!({
        "scenarios": [{ "name": "look", "duration_minutes": 0.01, "concurrent_users": 2, "ramp_up_time_seconds": 0 }],
        "bench": {
            "journey": { "name": "one", "actions": { "look": { "weight": 1, "steps": [step] } } }, "think_time_s": [0.01, 0.02]
        }
    });
    let config = bench.config("config.json", &config);
    let (result, _, printed) = measured(&bench, &url, &["--config", &config]);
    let csv = std::fs::read_to_string(bench.path("out/locust/look-as-it-is_failures.csv")).expect("a file");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "Method,Name,Error,Occurrences,First Seen,Last Seen");
    assert!(lines[1].starts_with("GET,look,unexpected_status: 404,"), "{csv}");
    let message = "the body does not contain `up`";
    assert!(lines[2].starts_with(&format!("GET,look,\"check_failed: 200, {message}\",")), "{csv}");
    let failures = result["failures"].as_array().expect("failures");
    let counted: f64 = failures.iter().map(|one| number(one, "/count")).sum();
    assert_eq!(counted, number(&result, "/total_requests"), "none is lost: {failures:?}");
    let check = failures.iter().find(|one| one["outcome"] == "check_failed").expect("checks failed");
    assert_eq!((&check["message"], &check["status"]), (&json!(message), &json!(200)));
    assert!(number(check, "/first_s") <= number(check, "/last_s"));
    assert!(printed.contains(&format!("× GET look got 200: {message}")), "{printed}");
}

#[test]
fn the_doctor_says_what_was_found_at_an_address() {
    let bench = Bench::new();
    let url = site(|number| {
        let cookie = if number % 2 == 0 {
            "set-cookie: SERVERID=w0; Path=/\r\n"
        } else {
            "set-cookie: SERVERID=w1\r\n"
        };
        let headers = format!("server: shop/1.0\r\nx-served-by: web-{}\r\n{cookie}", number % 2);
        (200, headers, "hello")
    });
    let output = bench.run(&["doctor", "--url", &format!("{url}/search?q=a")]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    for line in [
        format!("  ok    address: {}", url.trim_start_matches("http://")).as_str(),
        "  ok    protocols: HTTP/1.1; no HTTP/2 by prior knowledge",
        "  ok    GET /search?q=a: 200 for 8 of 8 requests on new connections",
        "  ok    server: shop/1.0",
        "  ok    connections are kept open after a reply",
        "  ok    the header `x-served-by` names 2 backends in 8 replies (web-0: 4, web-1: 4); to count shares by it, give \
         --backend-from header:x-served-by",
        "  note  the cookie `SERVERID` looks like a sticky session",
        "all checks passed",
    ] {
        assert!(printed.contains(line), "`{line}` is said: {printed}");
    }
    let closed = format!("http://127.0.0.1:{}/", common::free_port());
    let output = bench.run(&["doctor", "--url", &closed]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}
