//! `bench ui` as its users meet it: a real pack is started through HTTP, steered, stopped, listed and compared, each run as a
//! process of its own.

mod common;

use common::{Bench, refused, signal, text};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Longer than anything takes, so that a test that would wait for ever fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a test looks again before it gives up.
const LOOKS: usize = 1200;
const PAUSE: Duration = Duration::from_millis(50);

/// A running `bench ui`, which ends with the test.
struct Page {
    child: Child,
    address: String,
}

impl Page {
    fn start(bench: &Bench, flags: &[&str]) -> Self {
        let mut command = bench.command(&[&["ui", "--web-port", "0"], flags].concat());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bench can be started");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("standard output")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("page: http://").and_then(|rest| rest.strip_suffix('/'));
        let address = address.unwrap_or_else(|| panic!("it says where the page is: {line}")).to_owned();
        Self { child, address }
    }

    /// Sends a request with further fields. Returns the status, the head and the body.
    fn call(&self, method: &str, path: &str, fields: &str, body: Option<&Value>) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let body = body.map(Value::to_string);
        let about = body.as_ref().map_or_else(String::new, |body| {
            format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
        });
        let (host, body) = (&self.address, body.unwrap_or_default());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{about}{fields}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("it answers");
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a head");
        let head = text(&all[..end]);
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, head, all[end + 4..].to_vec())
    }

    fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.call("GET", path, "", None);
        assert_eq!(status, 200, "{path}: {}", text(&body));
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.call("POST", path, "", Some(body));
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn steer(&self, command: &Value) -> Value {
        let (status, answer) = self.post("/api/steer", command);
        assert_eq!(status, 200, "{command}: {answer}");
        answer
    }

    /// Waits until the board is as a test needs it.
    fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut board = Value::Null;
        for _ in 0..LOOKS {
            board = self.get("/api/state");
            if fits(&board) {
                return board;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{what} within a minute: {board:#}");
    }

    /// Starts the load of a pack and waits for its first seconds.
    fn start_load(&self) {
        let form = json!({ "kind": "pack", "pack": "boutique", "mode": "steady", "profile": "high-traffic",
                           "users": 5, "spawn_rate": 50, "duration": "forever" });
        let (_, checked) = self.post("/api/check", &form);
        assert_eq!(checked["ok"], true, "{checked}");
        let command =
            "bench pack boutique steady --profile=high-traffic --users=5 --spawn-rate=50 --duration=forever";
        assert_eq!(checked["command"], command);
        assert!(
            checked["text"].as_str().is_some_and(|text| text.contains("until it is stopped")),
            "{checked}"
        );
        let (status, started) = self.post("/api/runs", &form);
        assert_eq!(status, 201, "{started}");
        self.until("figures of two seconds with requests", |board| count(board, "requests") >= 2);
    }

    /// Stops the load and returns the id of its results.
    fn stop_load(&self) -> String {
        let stopped = self.steer(&json!({ "do": "stop" }));
        assert_eq!(stopped["ok"], true, "{stopped}");
        let board = self.until("the end", |board| board["run"]["state"] == "over");
        assert_eq!(
            (&board["run"]["exit"], &board["run"]["error"]),
            (&json!(0), &Value::Null),
            "{}",
            board["run"]
        );
        board["run"]["results"].as_str().unwrap_or_else(|| panic!("results: {}", board["run"])).to_owned()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The points of the course of the load in which a column is above 0.
fn count(board: &Value, column: &str) -> usize {
    let columns = board["series"]["columns"].as_array().expect("columns");
    let place = columns.iter().position(|name| name == column).expect("the column");
    let points = board["series"]["points"].as_array().expect("points");
    points.iter().filter(|point| point[place].as_f64().is_some_and(|value| value > 0.0)).count()
}

/// The last value of a column.
fn last(board: &Value, column: &str) -> f64 {
    let columns = board["series"]["columns"].as_array().expect("columns");
    let place = columns.iter().position(|name| name == column).expect("the column");
    let point = board["series"]["points"].as_array().and_then(|points| points.last());
    point.and_then(|point| point[place].as_f64()).unwrap_or_default()
}

fn marks(board: &Value) -> Vec<&Value> {
    board["marks"].as_array().expect("a list").iter().collect()
}

#[test]
fn a_pack_is_started_steered_stopped_and_compared_through_the_page() {
    let bench = Bench::new();
    let page = Page::start(&bench, &[]);
    let choices = page.get("/api/choices");
    let packs = choices["packs"].as_array().expect("a list");
    assert!(
        packs.iter().any(|pack| pack["name"] == "boutique" && pack["modes"][0]["duration"] == "forever"),
        "{packs:?}"
    );

    page.start_load();
    let steerable = page.get("/api/state")["steerable"].clone();
    let backend = steerable["backends"][0].as_str().expect("a backend").to_owned();
    let grown = page.steer(&json!({ "do": "users", "users": 12, "spawn_rate": 50, "from": 5 }));
    assert_eq!(grown["ok"], true, "{grown}");
    page.until("twelve users", |board| last(board, "users") == 12.0 && last(board, "aim") == 12.0);
    let stale = page.steer(&json!({ "do": "users", "users": 50, "from": 5 }));
    assert_eq!(stale["ok"], false, "another page has changed it: {stale}");
    let fault = page.steer(
        &json!({ "do": "fault", "backend": backend, "fault": { "fault": "latency_factor", "factor": 3 } }),
    );
    assert_eq!(fault["ok"], true, "{fault}");
    page.until("a fault", |board| marks(board).iter().any(|mark| mark["kind"] == "fault"));
    let cleared = page.steer(&json!({ "do": "clear_faults" }));
    assert_eq!(cleared["ok"], true, "{cleared}");
    let (status, busy) = page.post("/api/runs", &json!({ "kind": "pack", "pack": "api" }));
    assert_eq!(status, 409, "{busy}");
    let board = page.until("a table of requests", |board| {
        board["statistics"]["rows"].as_array().is_some_and(|rows| !rows.is_empty())
    });
    assert!(
        board["statistics"]["total"]["requests"].as_u64().is_some_and(|count| count > 0),
        "{}",
        board["statistics"]
    );
    assert!(last(&board, "p50") > 0.1, "mock backends take milliseconds: {}", board["series"]);
    let first = page.stop_load();

    let runs = page.get("/api/results");
    let listed = &runs["runs"][0];
    assert_eq!(
        (&listed["id"], &listed["kind"], &listed["ended"]),
        (&json!(first), &json!("load"), &json!("complete"))
    );
    let files = listed["files"].as_array().expect("a list");
    let document = files.iter().find(|file| file["name"] == "continuous.json").expect("the document");
    let document = page.get(&format!("/results/{first}/files/{}", document["n"]));
    let changes = document["changes"].as_array().expect("what was changed");
    assert!(changes.len() >= 2, "users and a fault: {changes:?}");
    let (status, head, report) = page.call("GET", &format!("/results/{first}/reports/0"), "", None);
    assert_eq!((status, head.contains("sandbox")), (200, true), "{head}");
    assert!(text(&report).contains("Continuous load"), "the report of the load");

    page.start_load();
    let second = page.stop_load();
    assert_ne!(first, second);
    let (status, compared) = page.post("/api/compare", &json!({ "before": first, "after": second }));
    assert_eq!((status, &compared["ok"]), (200, &json!(true)), "{compared}");
    let said = compared["text"].as_str().expect("a text");
    assert!(said.contains(&first) && said.contains("mean latency"), "{said}");
}

#[test]
fn a_run_ends_in_order_when_the_page_does() {
    let bench = Bench::new();
    let mut page = Page::start(&bench, &["--results", "kept"]);
    page.start_load();
    let id = page.get("/api/state")["run"]["results"].as_str().expect("its results").to_owned();
    signal(&page.child, Signal::INT);
    let ended = page.child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0));
    let document = bench.json(&format!("kept/{id}/continuous.json"));
    assert_eq!(document["ending"], "stopped", "the load wrote its report");
}

#[test]
fn an_experiment_is_simulated_and_its_trials_are_shown() {
    let bench = Bench::new();
    let page = Page::start(&bench, &[]);
    let form =
        json!({ "kind": "config", "config": "quick_test_config.json", "engine": "sim", "duration": "5s" });
    let (status, started) = page.post("/api/runs", &form);
    assert_eq!(status, 201, "{started}");
    let board = page.until("the end", |board| board["run"]["state"] == "over");
    assert_eq!((&board["run"]["exit"], &board["run"]["ended"]), (&json!(0), &json!("complete")), "{board:#}");
    assert!(board["trials"].as_array().is_some_and(|trials| trials.len() >= 2), "{}", board["trials"]);
    let listed = page.get("/api/results")["runs"][0].clone();
    assert_eq!((&listed["id"], &listed["kind"]), (&board["run"]["results"], &json!("experiment")));
    let (status, refused) = page
        .post("/api/runs", &json!({ "kind": "config", "config": "quick_test_config.json", "users": "many" }));
    assert_eq!((status, &refused["field"]), (422, &json!("users")), "{refused}");
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_chooses_another() {
    let bench = Bench::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("an address").port();
    let output = bench.run(&["ui", "--web-port", &port.to_string()]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(
        error.contains(&format!("port {port} is already in use")) && error.contains("--web-port"),
        "{error}"
    );
    drop(taken);
}

#[test]
fn who_may_use_the_page_is_checked_before_and_after_it_begins() {
    let bench = Bench::new();
    refused(
        &bench,
        &["ui", "--web-listen", "0.0.0.0", "--web-port", "0"],
        2,
        &["--web-auth", "--web-token-file"],
    );
    let wrong = bench.run(&["ui", "--web-auth", "nopassword", "--web-port", "0"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = text(&wrong.stderr);
    assert!(said.contains("`user:password`") && !said.contains("nopassword"), "{said}");
    std::fs::write(bench.path("token"), "0123456789abcdef\n").expect("it can be written");
    let page = Page::start(&bench, &["--web-token-file", "token"]);
    assert_eq!(page.call("GET", "/", "", None).0, 200);
    assert_eq!(page.call("GET", "/api/state", "", None).0, 401);
    assert_eq!(page.call("GET", "/api/state", "authorization: Bearer wrong\r\n", None).0, 401);
    assert_eq!(page.call("GET", "/api/state", "authorization: Bearer 0123456789abcdef\r\n", None).0, 200);
}
