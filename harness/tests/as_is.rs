//! Addresses without an admin API: whatever answers there is measured as it is, and nothing but the user's
//! requests is sent.

mod common;

use common::{Bench, Running, number, pair, refused, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A site that answers everything with 200, and keeps the request lines that it got.
struct Site {
    url: String,
    lines: Arc<Mutex<BTreeSet<String>>>,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let lines = Arc::new(Mutex::new(BTreeSet::new()));
        let kept = Arc::clone(&lines);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || answer(stream, &kept));
            }
        });
        Self { url, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no thread panics").iter().cloned().collect()
    }
}

/// Answers the requests of one connection. Only requests without a body are expected.
fn answer(stream: TcpStream, kept: &Mutex<BTreeSet<String>>) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 0) {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        let line = head.lines().next().unwrap_or_default().to_owned();
        kept.lock().expect("no thread panics").insert(line);
        if writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
            return;
        }
        head.clear();
    }
}

/// Flags of a short run of two trials.
const SHORT: [&str; 6] = ["--duration", "0.5s", "--warm-up", "0s", "--repetitions", "2"];

fn measured<'a>(summary: &'a Value, label: &str) -> &'a Value {
    common::algorithm(summary, label)
}

#[test]
fn an_address_gets_requests_for_its_own_path_and_nothing_else() {
    let (bench, site) = (Bench::new(), Site::start());
    let url = format!("{}/search?q=a", site.url);
    let output = bench.run(&[&["--url", &url, "--out", "out"][..], &SHORT].concat());
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    let first = format!("load balancer: {} as it is; nothing is switched", site.url);
    assert!(printed.starts_with(&first), "{printed}");
    assert_eq!(site.lines(), ["GET /search?q=a HTTP/1.1"], "neither probes nor another path");
    let summary = bench.json("out/summary.json");
    let result = measured(&summary, "as-it-is");
    assert!(number(result, "/total_requests") > 0.0, "{result}");
    assert_eq!(number(result, "/error_rate"), 0.0, "{result}");
    assert_eq!(summary["scenarios"][0]["as_is"], true);
    assert!(bench.path("out/report.html").exists());
}

#[test]
fn a_config_sends_its_requests_below_the_address_and_thresholds_hold() {
    let (bench, site) = (Bench::new(), Site::start());
    let journey = json!({ "name": "two", "actions": { "look": { "weight": 1, "steps": [
        { "name": "list", "path": "/items" }, { "name": "one", "path": "/items/1" }
    ] } } });
    let config = json!({
        "base_url": "http://127.0.0.1:9/never",
        "scenarios": [{ "name": "look", "duration_minutes": 0.01, "concurrent_users": 2, "ramp_up_time_seconds": 0 }],
        "user_profiles": { "reader": { "actions": [{ "name": "look", "weight": 1 }] } },
        "bench": { "journey": journey, "algorithms": ["round-robin", "rl"], "think_time_s": [0.01, 0.02] }
    });
    let config = bench.config("config.json", &config);
    let url = format!("{}/shop", site.url);
    let flags = ["--config", &config, "--url", &url, "--label", "before", "--out", "out"];
    let output = bench.run(&[&flags[..], &["--threshold", "http_req_duration: p(95)<0.000001"]].concat());
    assert_eq!(output.status.code(), Some(99), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(site.lines(), ["GET /shop/items HTTP/1.1", "GET /shop/items/1 HTTP/1.1"]);
    assert!(number(measured(&bench.json("out/summary.json"), "before"), "/total_requests") > 0.0);
}

#[test]
fn two_labels_of_one_address_are_compared() {
    let (bench, site) = (Bench::new(), Site::start());
    for label in ["default", "least_conn"] {
        let flags =
            ["--url", &site.url, "--label", label, "--out", label, "--duration", "0.3s", "--warm-up", "0s"];
        let output = bench.run(&flags);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let output = bench.run(&["compare", "default", "least_conn", "--json", "compared.json"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("least_conn (new)") && printed.contains("default (base)"), "{printed}");
    assert!(printed.contains("not alternated in random order"), "{printed}");
    let pairs = &bench.json("compared.json")["scenarios"][0]["comparison"]["pairs"];
    assert_eq!(pairs.as_array().map(Vec::len), Some(1), "{pairs}");
    assert_eq!(pairs[0]["blocks"], 6, "every block of both runs counts: {pairs}");
}

#[test]
fn what_has_an_admin_api_is_left_alone_too_and_the_way_to_drive_it_is_told() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    running.call("POST", "/api/benchmark/switch?algorithm=p2c");
    let flags = ["--url", &running.entry(), "--out", "out"];
    let output = bench.run(&[&flags[..], &SHORT].concat());
    assert!(
        text(&output.stderr).contains("name the load balancer there with --load-balancer"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(running.routes(), "p2c", "nothing was switched");
    let status = running.call("GET", "/api/benchmark/status");
    assert_eq!(status["benchmarkActive"], false, "no measurement was started: {status}");
}

#[test]
fn what_cannot_be_measured_as_it_is_is_refused_with_the_way_out() {
    let bench = Bench::new();
    let closed = format!("http://127.0.0.1:{}/", common::free_port());
    refused(&bench, &["--url", &closed, "--out", "out"], 3, &[closed.trim_end_matches('/'), "refused"]);
    let site = Site::start();
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--algorithms", "rl,random"], &["--algorithms rl,random", "--load-balancer", "--admin"]),
        (&["--label", ""], &["--label", "is not a label"]),
        (&["--label", "a,b"], &["--label a,b", "without commas"]),
        (&["--label", "x", "--load-balancer", "reference"], &["--label x", "leave the label out"]),
    ];
    for (flags, parts) in cases {
        refused(&bench, &[&["--url", &site.url, "--out", "out"][..], flags].concat(), 2, parts);
    }
    assert!(site.lines().is_empty(), "nothing was sent");
}

/// Starts a site behind a balancer of connections: every fourth connection leads to the backend `new`, all others to
/// `old`. Returns its address.
fn balanced_by_connection() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let backend = if number % 4 == 3 { "new" } else { "old" };
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().expect("a second handle");
                // A blank line ends a request without a body.
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let reply =
                        format!("HTTP/1.1 200 OK\r\nx-backend: {backend}\r\ncontent-length: 2\r\n\r\nok");
                    if line.is_empty() && writer.write_all(reply.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[test]
fn kept_connections_that_lead_to_one_backend_each_are_shown_and_said() {
    let (bench, url) = (Bench::new(), balanced_by_connection());
    let kept = ["--url", &url, "--out", "kept", "--connections", "pool:8", "--verbose"];
    let output = bench.run(&[&kept[..], &SHORT].concat());
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    assert!(printed.contains("Connections by backend"), "{printed}");
    assert!(printed.contains(", HTTP/1.1"), "the heading says what was spoken: {printed}");
    let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("shares of requests follow shares of connections: old has"), "{printed}");
    let summary = bench.json("kept/summary.json");
    assert_eq!((&summary["connections"], &summary["http"]), (&json!("pool:8"), &json!("auto")));
    let connections = &measured(&summary, "as-it-is")["connections"];
    // Whichever connection reached the site first: two of each eight lead to the new backend.
    assert!(number(connections, "/opened") <= 16.0, "eight in each trial: {connections}");
    assert_eq!(number(connections, "/several"), 0.0, "{connections}");

    let each = ["--url", &url, "--out", "each", "--connections", "per-request", "--verbose"];
    let output = bench.run(&[&each[..], &SHORT].concat());
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    assert!(!printed.contains("follow shares of connections"), "nothing is kept: {printed}");
    let summary = bench.json("each/summary.json");
    let result = measured(&summary, "as-it-is");
    let opened = number(result, "/connections/opened");
    assert!(opened >= number(result, "/total_requests"), "each request opens a connection: {result}");
}

#[test]
fn the_plan_says_what_is_spoken_and_which_requests_share_a_connection() {
    let (bench, site) = (Bench::new(), Site::start());
    let output = bench.run(&["plan", "--url", &site.url, "--http", "2", "--connections", "pool:8"]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for line in [
        "protocol: HTTP/2 without TLS, by prior knowledge",
        "connections: all users share them (pool:8), opened within 30 s",
    ] {
        assert!(printed.lines().any(|printed| printed.starts_with(line)), "`{line}` is in {printed}");
    }
    for (flags, part) in [
        (["--connections", "pool:0"], "use a whole number from 1 to 100000, as in `pool:8`"),
        (["--connections", "shared"], "use `per-user`, `pool:N` or `per-request`"),
        (["--http", "3"], "use `1.1`, `2` or `auto`"),
    ] {
        refused(&bench, &[&["--url", &site.url][..], &flags].concat(), 2, &[part]);
    }
    let out = ["--url", &site.url, "--http", "2"];
    refused(&bench, &out, 3, &["does not speak HTTP/2: it answers in HTTP/1.1; use `--http 1.1`"]);
}
