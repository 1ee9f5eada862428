//! Exported scripts, run by implementations that are not ours: Locust itself plays a list to its end against a server on
//! loopback, and V8 runs the script for k6 with stand-ins for k6's modules and virtual time.
//!
//! `cargo xtask test` installs the Python packages and names their interpreter in `BENCH_PYTHON`; without it the tests are
//! reported as ignored, which the standard test harness could not decide at run time.

#[path = "../common/mod.rs"]
mod common;

use common::{Bench, text};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Names the interpreter that has the packages.
const PYTHON: &str = "BENCH_PYTHON";

fn main() {
    let python = std::env::var_os(PYTHON).is_some();
    let tests: [(&str, fn()); 4] = [
        ("locust_plays_every_request_of_a_list_and_ends", locust_plays),
        ("locust_reads_times_of_every_style_and_sorts_them", locust_reads),
        ("v8_runs_the_k6_script_and_every_request_is_sent_at_its_time", k6_timed),
        ("the_stages_for_k6_have_the_rate_of_the_list", k6_stages),
    ];
    let trial = |(name, test): (&str, fn())| {
        let run = move || -> Result<(), Failed> {
            test();
            Ok(())
        };
        Trial::test(name, run).with_kind("python").with_ignored_flag(!python)
    };
    if !python {
        eprintln!("these tests are ignored: {PYTHON} names no interpreter; `cargo xtask test` sets one up");
    }
    libtest_mimic::run(&Arguments::from_args(), tests.map(trial).into()).exit();
}

/// A name that breaks careless writers of scripts.
const NAME: &str = "a \"list\" <script> of $1 `x`.json";
/// Endpoints that do.
const QUOTES: &str = "/a%22b'c</script>${x}?q='1'";

/// A list in no order, with times in three styles and hostile endpoints. Its offsets are 0, 250, 1500 and 3000 ms.
fn list() -> Value {
    json!([
        { "endpoint": "/api/v1/item", "method": "POST", "timestamp": "2026-01-31T12:00:01.500Z" },
        { "endpoint": "/api/v1/resource?x=1", "method": "GET", "timestamp": "2026-01-31T13:00:00+01:00" },
        { "endpoint": QUOTES, "method": "get", "timestamp": "2026-01-31 12:00:03" },
        { "endpoint": "api/v1/user", "method": "GET", "timestamp": 1_769_860_800.25 }
    ])
}

/// What the list asks for, in order: method, path, offset in milliseconds.
const EXPECTED: [(&str, &str, f64); 4] = [
    ("GET", "/api/v1/resource?x=1", 0.0),
    ("GET", "/api/v1/user", 250.0),
    ("POST", "/api/v1/item", 1_500.0),
    ("GET", QUOTES, 3_000.0),
];

/// Writes the list and exports it.
fn exported(args: &[&str], script: &str) -> Bench {
    let bench = Bench::new();
    bench.config(NAME, &list());
    let output = bench.run(&[&["export", NAME, "-o", script], args].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    bench
}

fn python(bench: &Bench) -> Command {
    let mut command = Command::new(std::env::var_os(PYTHON).expect("tests are ignored without it"));
    command.arg("-B").current_dir(bench.dir.path()).stdin(Stdio::null());
    command
}

fn check(bench: &Bench, args: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports/check.py");
    let output = python(bench).arg(script).args(args).output().expect("Python can be started");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    serde_json::from_str(said.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Method, target and time of arrival of each request.
type Arrived = Arc<Mutex<Vec<(String, String, Instant)>>>;

/// A server that answers every request with 200 and notes it.
fn server() -> (String, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let arrived = Arrived::default();
    let noted = Arc::clone(&arrived);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let noted = Arc::clone(&noted);
            // A client may break off.
            std::thread::spawn(move || drop(answer(stream, &noted)));
        }
    });
    (address, arrived)
}

fn answer(mut stream: TcpStream, arrived: &Arrived) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let mut words = line.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(()) };
        let mut field = String::new();
        while reader.read_line(&mut field)? > 2 {
            field.clear();
        }
        arrived.lock().expect("no thread panicked").push((method, target, now));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    }
}

fn locust_plays() {
    let bench = exported(&["--to", "locust"], "locustfile.py");
    let (address, arrived) = server();
    let began = Instant::now();
    let output = python(&bench)
        .args(["-m", "locust", "-f", "locustfile.py", "--headless", "--host", &address, "--csv", "played"])
        .output()
        .expect("Locust can be started");
    let said = text(&output.stderr);
    assert!(output.status.success(), "no request failed: {said}");
    assert!(said.contains("played 4 requests"), "Locust ends after the last reply: {said}");
    let mut arrived = arrived.lock().expect("no thread panicked").clone();
    arrived.sort_by_key(|(_, _, at)| *at);
    for ((method, target, at), (expected, path, offset_ms)) in arrived.iter().zip(EXPECTED) {
        // Locust encodes what a request target may not hold.
        let path = ["<", ">", "{", "}"]
            .iter()
            .zip(["%3C", "%3E", "%7B", "%7D"])
            .fold(path.to_owned(), |path, (raw, encoded)| path.replace(raw, encoded));
        assert_eq!((method.as_str(), target.as_str()), (expected, path.as_str()), "{arrived:?}");
        assert!(
            at.duration_since(began).as_secs_f64() * 1e3 >= offset_ms,
            "{path} is not sent before its time"
        );
    }
    assert_eq!(arrived.len(), 4, "{arrived:?}");
    let output = bench.run(&["analyze", "played_stats.csv", "--json", "analysis.json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(bench.json("analysis.json")["analysis"]["summary"]["total_requests"], 4);
}

fn locust_reads() {
    let bench = exported(&["--to", "locust"], "locustfile.py");
    let found = check(&bench, &["locust", "locustfile.py"]);
    let requests: Vec<(f64, String, String)> =
        serde_json::from_value(found["requests"].clone()).expect("offsets, methods and endpoints");
    assert_eq!(requests.len(), EXPECTED.len());
    for ((offset, method, endpoint), (expected, path, offset_ms)) in requests.iter().zip(EXPECTED) {
        assert!((offset * 1e3 - offset_ms).abs() < 1e-3, "{requests:?}");
        assert_eq!(method, expected);
        assert_eq!(endpoint.trim_start_matches('/'), path.trim_start_matches('/'));
    }
    assert!(found["data"].as_str().is_some_and(|data| data.ends_with(NAME)), "{found}");
}

fn k6_timed() {
    let bench = exported(&["--to", "k6"], "play.js");
    let environment = json!({ "BASE_URL": "http://shop.example:8080/" }).to_string();
    let found = check(&bench, &["k6", "play.js", NAME, &environment]);
    assert_eq!(found["opened"], json!([NAME]), "the list lies beside the script");
    let scenario = &found["options"]["scenarios"]["replay"];
    assert_eq!((&scenario["executor"], &scenario["iterations"]), (&json!("shared-iterations"), &json!(4)));
    assert_eq!(scenario["maxDuration"], "123s", "k6 would end after ten minutes by itself");
    let sent: Vec<(String, String, f64, String)> =
        serde_json::from_value(found["sent"].clone()).expect("requests");
    let expected: Vec<(String, String, f64)> = EXPECTED
        .iter()
        .map(|(method, path, offset)| {
            ((*method).to_owned(), format!("http://shop.example:8080{path}"), *offset)
        })
        .collect();
    let requests: Vec<(String, String, f64)> =
        sent.iter().map(|(method, url, at, _)| (method.clone(), url.clone(), *at)).collect();
    assert_eq!(requests, expected);
    assert_eq!(sent[0].3, "GET /api/v1/resource", "a query makes no new name");
    assert_eq!(found["late"], json!([0, 0, 0, 0]));
    let fast = check(&bench, &["k6", "play.js", NAME, &json!({ "SPEED": "10", "VUS": "1" }).to_string()]);
    let times: Vec<&Value> = fast["sent"].as_array().expect("requests").iter().map(|one| &one[2]).collect();
    assert_eq!(times, [&json!(0), &json!(25), &json!(150), &json!(300)]);
}

fn k6_stages() {
    let bench = exported(&["--to", "k6", "--stages"], "play.js");
    let found = check(&bench, &["k6", "play.js", NAME, "{}"]);
    let scenario = &found["options"]["scenarios"]["replay"];
    assert_eq!(scenario["executor"], "ramping-arrival-rate");
    let stages = scenario["stages"].as_array().expect("stages");
    // Seconds with 2, 1, 0 and 1 requests; each rate, per hour, is set at once and held for a second.
    let held: Vec<(i64, &str)> = stages
        .iter()
        .skip(1)
        .step_by(2)
        .map(|stage| {
            (stage["target"].as_i64().expect("a number"), stage["duration"].as_str().expect("a time"))
        })
        .collect();
    assert_eq!(held, [(7_200, "1s"), (3_600, "1s"), (0, "1s"), (3_600, "1s")]);
    assert!(stages.iter().step_by(2).all(|stage| stage["duration"] == "0s"));
    assert_eq!(found["sent"].as_array().map(Vec::len), Some(4), "iterations beyond the list send nothing");
}
