//! Load without end against a server whose answers the test decides: live metrics, marks, the end by a signal, and the
//! wait for a server that is not ready.

mod common;

use common::{Bench, free_port, refused, signal, text};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

/// How often a test looks again before it gives up.
const LOOKS: usize = 1200;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A server that answers every request after a pause, and `/_healthz` with a status, both as the test says.
struct Site {
    url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    pause_ms: AtomicU64,
    health: AtomicU16,
    /// The requests that were answered, those for the health left out.
    answered: AtomicU64,
    /// The questions about health.
    asked: AtomicU64,
}

impl Site {
    fn start(health: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State { health: AtomicU16::new(health), ..State::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        Self { url, state }
    }

    fn answered(&self) -> u64 {
        self.state.answered.load(Ordering::SeqCst)
    }
}

/// Answers the requests of one connection, which have no bodies.
fn answer(stream: TcpStream, state: &State) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 0) {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        let status = if head.starts_with("GET /_healthz") {
            state.asked.fetch_add(1, Ordering::SeqCst);
            state.health.load(Ordering::SeqCst)
        } else {
            std::thread::sleep(Duration::from_millis(state.pause_ms.load(Ordering::SeqCst)));
            state.answered.fetch_add(1, Ordering::SeqCst);
            200
        };
        let reply = format!("HTTP/1.1 {status} X\r\nx-backend: web-1\r\ncontent-length: 2\r\n\r\nok");
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
        head.clear();
    }
}

/// Looks until `found` gives something.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("{what} within a minute");
}

/// `bench serve-load` with results in `out`.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(bench: &Bench, site: &Site, more: &[&str]) -> Self {
        let common = ["serve-load", "--url", &site.url, "--window", "1s", "--out", "out"];
        let listen = ["--metrics-listen", "127.0.0.1:0"];
        let mut command = bench.command(&[&common[..], &listen, more].concat());
        let child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bench can be started");
        let address = until("it says where it listens", || {
            let text = std::fs::read_to_string(bench.path("out/listener.json")).ok()?;
            let said: Value = serde_json::from_str(&text).ok()?;
            Some(said["url"].as_str()?.trim_start_matches("http://").to_owned())
        });
        Self { child, address }
    }

    fn get(&self, path: &str) -> (u16, String) {
        call(&self.address, "GET", path, &self.address, None)
    }

    /// The value of a sample of `/metrics`, without labels or with exactly these.
    fn metric(&self, name: &str) -> f64 {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        line.unwrap_or(0.0)
    }

    /// Ends it as an orchestrator does, and returns what it printed.
    fn end(self, with: Signal) -> Output {
        signal(&self.child, with);
        self.child.wait_with_output().expect("it ends")
    }
}

/// Sends one request and returns status and body.
fn call(address: &str, method: &str, path: &str, host: &str, body: Option<&str>) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let body = body.unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{kind}content-length: {length}\r\n\r\n{body}"
    )
    .expect("a request can be sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

const REQUESTS: &str = "lbbench_load_requests_total{request=\"/\",method=\"GET\",outcome=\"ok\"}";

#[test]
fn load_is_sent_until_a_signal_and_counts_what_the_server_counts() {
    let (bench, site) = (Bench::new(), Site::start(200));
    let serving = Serving::start(&bench, &site, &["--report", "html,markdown"]);
    until("a hundred requests are counted", || (serving.metric(REQUESTS) >= 100.0).then_some(()));
    until("a window is complete", || {
        (serving.metric("lbbench_load_window_requests_per_second") > 0.0).then_some(())
    });
    let (_, metrics) = serving.get("/metrics");
    for part in [
        "# TYPE lbbench_load_request_duration_seconds histogram",
        "backend=\"web-1\"",
        "lbbench_load_users 10",
    ] {
        assert!(metrics.contains(part), "`{part}` is missing in {metrics}");
    }
    let (_, windows) = serving.get("/windows");
    let windows: Value = serde_json::from_str(&windows).expect("JSON");
    assert!(windows["windows"][0]["p95_ms"].is_number(), "{windows}");
    // The load may be looked at, and marked, only by who should.
    let address = serving.address.clone();
    assert_eq!(call(&address, "GET", "/metrics", "evil.example", None).0, 403);
    assert_eq!(serving.get("/nothing").0, 404);
    assert_eq!(call(&address, "POST", "/marks", &address, Some("{\"name\": 5}")).0, 400);
    assert_eq!(call(&address, "DELETE", "/marks", &address, None).0, 405);

    let output = serving.end(Signal::TERM);
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "a signal is the ordinary end: {said}");
    assert!(printed.contains("\"GET /\" ran for ") && printed.contains(" requests, "), "{printed}");
    assert!(printed.contains("web-1"), "shares by backend are shown: {printed}");

    let document = bench.json("out/continuous.json");
    assert_eq!((&document["ending"], &document["window_s"]), (&json!("stopped"), &json!(1)));
    let requests = document["totals"]["requests"].as_u64().expect("a number");
    let answered = site.answered();
    assert!(
        requests <= answered && requests + 10 >= answered,
        "{requests} of {answered}; ten may be in flight"
    );
    let sum = |list: &Value| -> u64 {
        list.as_array().expect("a list").iter().filter_map(|window| window["requests"].as_u64()).sum()
    };
    assert_eq!(sum(&document["recent"]), requests, "windows add up to the totals");
    let written = lines(&bench.path("out/windows.jsonl"));
    assert_eq!(written.iter().filter_map(|window| window["requests"].as_u64()).sum::<u64>(), requests);
    assert!(written[0]["latency"]["histogram"].is_string(), "with the histograms of latency");
    let page = std::fs::read_to_string(bench.path("out/continuous.html")).expect("a page");
    assert!(page.contains("<svg") && page.contains("Latency (ms)"), "windows are drawn");
    assert!(
        std::fs::read_to_string(bench.path("out/continuous.md"))
            .is_ok_and(|text| text.contains("| / | GET |"))
    );
    assert!(!bench.path("out/listener.json").exists(), "nothing listens any more");
    std::fs::remove_file(bench.path("out/continuous.html")).expect("the page can be removed");
    let again = bench.run(&["report", "out", "--report", "html"]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    let rewritten = std::fs::read_to_string(bench.path("out/continuous.html"));
    assert_eq!(rewritten.ok(), Some(page), "`bench report` writes the same page again");
    refused(
        &bench,
        &["mark", "v2", "--results", "out"],
        3,
        &["the load in `out` is over", "nothing to mark"],
    );
    refused(&bench, &["serve-load", "--url", &site.url, "--out", "out"], 3, &["already holds a run"]);
}

#[test]
fn a_slower_version_behind_a_mark_is_found_live() {
    let (bench, site) = (Bench::new(), Site::start(200));
    site.state.pause_ms.store(10, Ordering::SeqCst);
    let serving = Serving::start(&bench, &site, &[]);
    let windows = |serving: &Serving| -> usize {
        let windows: Value = serde_json::from_str(&serving.get("/windows").1).expect("JSON");
        windows["windows"].as_array().map_or(0, Vec::len)
    };
    until("eight windows are complete", || (windows(&serving) >= 8).then_some(()));
    let output = bench.run(&["mark", "v2", "--results", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("mark `v2` set after"), "{}", text(&output.stdout));
    site.state.pause_ms.store(30, Ordering::SeqCst);
    let mark = until("there is a verdict", || {
        let marks: Value = serde_json::from_str(&serving.get("/marks").1).expect("JSON");
        let mark = marks["marks"][0].clone();
        (mark["after_windows"].as_u64() >= Some(8)).then_some(mark)
    });
    assert_eq!((&mark["name"], &mark["verdict"]), (&json!("v2"), &json!("worse")), "{mark}");
    let output = serving.end(Signal::INT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (said, printed) = (text(&output.stderr), text(&output.stdout));
    assert!(said.contains("worse since `v2`: "), "it is said while the load runs: {said}");
    assert!(printed.contains("worse since `v2`: "), "and at the end: {printed}");
    assert_eq!(bench.json("out/continuous.json")["marks"][0]["verdict"], "worse");
}

#[test]
fn a_load_without_end_may_have_a_limit_and_a_collector_that_is_away_costs_a_warning() {
    let (bench, site) = (Bench::new(), Site::start(200));
    let collector = format!("http://127.0.0.1:{}", free_port());
    let output = bench.run(&[
        "serve-load",
        "--url",
        &site.url,
        "--duration",
        "3s",
        "--window",
        "1s",
        "--metrics-listen",
        "127.0.0.1:0",
        "--otlp",
        &collector,
        "--out",
        "out",
    ]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("metrics cannot be sent to `http://127.0.0.1"), "{said}");
    assert_eq!(said.matches("metrics cannot be sent").count(), 1, "once: {said}");
    let document = bench.json("out/continuous.json");
    assert!(
        document["totals"]["requests"].as_u64() > Some(50) && document["totals"]["errors"] == 0,
        "{document}"
    );
}

#[test]
fn metrics_reach_a_collector() {
    let (bench, site) = (Bench::new(), Site::start(200));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let collector = format!("http://{}", listener.local_addr().expect("an address"));
    let received = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("an export comes");
        let mut writer = stream.try_clone().expect("a second handle");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("a head") > 0, "{head}");
        }
        let length = head.to_ascii_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.expect("a length")];
        reader.read_exact(&mut body).expect("a body");
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("a reply");
        (head, body)
    });
    let output = bench
        .command(&[
            "serve-load",
            "--url",
            &site.url,
            "--duration",
            "2s",
            "--window",
            "1s",
            "--otlp",
            "--out",
            "out",
        ])
        .args(["--metrics-listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .output()
        .expect("bench can be started");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (head, body) = received.join().expect("an export came");
    assert!(head.starts_with("POST /v1/metrics HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("application/x-protobuf"), "{head}");
    let name = b"lbbench.load.requests";
    assert!(body.windows(name.len()).any(|window| window == name), "the metrics are there");
}

#[test]
fn a_server_that_never_is_ready_ends_the_wait_with_what_it_said() {
    let (bench, site) = (Bench::new(), Site::start(503));
    let page = format!("{}/_healthz", site.url);
    for command in [&["serve-load"][..], &["--duration", "1s"]] {
        let args =
            [command, &["--url", &site.url, "--wait-for", &page, "--wait-timeout", "1s", "--out", "out"]];
        let parts = [
            "/_healthz` was not ready within 1 s: asked ",
            " times, last answer: status 503",
            "--wait-timeout",
        ];
        refused(&bench, &args.concat(), 3, &parts);
        std::fs::remove_dir_all(bench.path("out")).expect("the folder can be removed");
    }
    assert_eq!(site.answered(), 0, "no load was sent");
    assert!(site.state.asked.load(Ordering::SeqCst) > 2, "it was asked again and again");
    let nobody = format!("http://127.0.0.1:{}/", free_port());
    let args = ["--url", &site.url, "--wait-for", &nobody, "--wait-timeout", "0.5s", "--out", "out"];
    refused(&bench, &args, 3, &["was not ready within 0.5 s", "are refused"]);
}

#[test]
fn a_run_begins_once_the_server_is_ready() {
    let (bench, site) = (Bench::new(), Site::start(503));
    let page = format!("{}/_healthz", site.url);
    let state = Arc::clone(&site.state);
    let ready = std::thread::spawn(move || {
        until("it is asked twice", || (state.asked.load(Ordering::SeqCst) >= 2).then_some(()));
        assert_eq!(state.answered.load(Ordering::SeqCst), 0, "nothing is sent before");
        state.health.store(302, Ordering::SeqCst);
    });
    let length = ["--duration", "0.5s", "--warm-up", "0s", "--repetitions", "1"];
    let output =
        bench.run(&[&["--url", &site.url, "--wait-for", &page, "--out", "out"][..], &length].concat());
    ready.join().expect("it becomes ready");
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("waiting for `http://") && said.contains("last answer: status 503"), "{said}");
    assert!(said.contains("is ready after"), "{said}");
    assert!(site.answered() > 0);
}

#[test]
fn what_does_not_fit_a_load_without_end_is_refused() {
    let (bench, site) = (Bench::new(), Site::start(200));
    let url = site.url.as_str();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).expect("an address");
    let serve = |more: &[&str], code: i32, parts: &[&str]| {
        refused(&bench, &[&["serve-load", "--url", url], more].concat(), code, parts);
    };
    serve(&["--record-requests"], 2, &["--record-requests", "grow without end"]);
    serve(&["--max-rate", "p(95)<200"], 2, &["--max-rate", "trials with an end"]);
    serve(&["--window", "0.5s"], 2, &["--window", "whole seconds from 1 to 60"]);
    serve(&["--otlp", "https://collector:4318"], 2, &["--otlp https://collector:4318", "only `http://`"]);
    serve(&["--metrics-listen", &taken.1, "--out", "a"], 3, &["--metrics-listen", "failed to listen"]);
    serve(&["--wait-for", "ftp://x/", "--out", "b"], 2, &["--wait-for", "`http://`"]);
    serve(&["--engine", "sim"], 2, &["--duration forever", "--engine live"]);
    refused(&bench, &["--url", url, "--window", "5s"], 2, &["--window", "`bench serve-load`"]);
    refused(&bench, &["--url", url, "--duration", "for ever"], 2, &["`for ever` is not a duration"]);
    let nobody = format!("http://127.0.0.1:{}", free_port());
    refused(&bench, &["mark", "v2", "--at", &nobody], 3, &["nothing answers at", "is the load over?"]);
    refused(&bench, &["mark", "v2", "--results", "nowhere"], 3, &["`nowhere` holds no running load"]);
    refused(&bench, &["mark", ""], 2, &["1 to 64 characters"]);
    assert_eq!(site.answered(), 0, "nothing was sent");
}

#[test]
fn a_plan_without_end_says_so() {
    let (bench, site) = (Bench::new(), Site::start(200));
    let output = bench.run(&["plan", "--url", &site.url, "--duration", "forever"]);
    let printed = text(&output.stdout);
    assert!(
        printed.contains("length: until it is stopped") && printed.contains("left as it is"),
        "{printed}"
    );
}
