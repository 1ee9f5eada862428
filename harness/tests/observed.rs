//! Replies told apart by a header, the log of slow requests, and what is printed on request: against stand-ins whose
//! counts are known.

mod common;

use common::{Bench, algorithm, number, text};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What was printed, on one line: terminals wrap it.
fn flat(bytes: &[u8]) -> String {
    text(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a stand-in sent.
#[derive(Default)]
struct Sent {
    hits: AtomicU64,
    misses: AtomicU64,
    others: AtomicU64,
}

impl Sent {
    fn counts(&self) -> [u64; 3] {
        [&self.hits, &self.misses, &self.others].map(|count| count.load(Ordering::SeqCst))
    }
}

/// Starts a site with a cache: of the requests for `/user`, each fifth is a miss that takes 12 ms; `/health` has no
/// cache; `/slow` takes 120 ms.
fn cache() -> (String, Arc<Sent>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let sent = Arc::<Sent>::default();
    let shared = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sent = Arc::clone(&shared);
            std::thread::spawn(move || answer(stream, &sent));
        }
    });
    (url, sent)
}

fn answer(stream: TcpStream, sent: &Sent) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 0) {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        if head.starts_with("PRI ") {
            return;
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        head.clear();
        let header = match path.as_str() {
            "/user" => {
                let number = sent.hits.load(Ordering::SeqCst) + sent.misses.load(Ordering::SeqCst);
                if number.is_multiple_of(5) {
                    sent.misses.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(12));
                    "X-Cache-Status: MISS\r\n"
                } else {
                    sent.hits.fetch_add(1, Ordering::SeqCst);
                    "X-Cache-Status: HIT\r\n"
                }
            }
            "/slow" => {
                std::thread::sleep(Duration::from_millis(120));
                ""
            }
            _ => {
                sent.others.fetch_add(1, Ordering::SeqCst);
                ""
            }
        };
        let reply = format!("HTTP/1.1 200 -\r\n{header}x-backend: web-1\r\ncontent-length: 0\r\n\r\n");
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Two users who ask for these paths without a warm-up.
fn config(bench: &Bench, paths: &[&str], more: &Value) -> String {
    let actions: serde_json::Map<String, Value> = paths
        .iter()
        .map(|path| {
            let name = path.trim_start_matches('/');
            ((*name).to_owned(), json!({ "weight": 1, "steps": [{ "name": name, "path": path }] }))
        })
        .collect();
    let mut block = json!({
        "journey": { "name": "cached", "actions": actions },
        "think_time_s": [0.002, 0.004],
        "warm_up_s": 0,
        "cool_down_s": 0
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        block[key] = value.clone();
    }
    let config = json!({
        "scenarios": [{ "name": "cache", "duration_minutes": 0.25, "concurrent_users": 2, "ramp_up_time_seconds": 0 }],
        "bench": block
    });
    bench.config("config.json", &config)
}

#[test]
fn the_share_of_hits_is_exactly_what_the_cache_counted_and_hits_are_found_to_be_faster() {
    let bench = Bench::new();
    let (url, sent) = cache();
    let config = config(&bench, &["/user", "/health"], &json!({ "observe": { "header": "X-Cache-Status" } }));
    let flags = [
        "--config",
        &config,
        "--url",
        &url,
        "--duration",
        "3s",
        "--repetitions",
        "1",
        "--report",
        "html,markdown",
        "--out",
        "out",
    ];
    let output = bench.run(
        &[
            &flags[..],
            &[
                "--threshold",
                "hit_ratio>0.7",
                "--threshold",
                "hit_gain: low>0.3",
                "--threshold",
                "hit_ratio{action:user}<0.9",
            ],
        ]
        .concat(),
    );
    let printed = flat(&output.stdout) + " " + &flat(&output.stderr);
    assert!(output.status.success(), "{printed}");
    let summary = bench.json("out/summary.json");
    let observed = &algorithm(&summary, "as-it-is")["observed"];
    // The doctor's look at the target before the run asks for `/` alone.
    let [hits, misses, _] = sent.counts();
    assert_eq!(
        (observed["ratio"]["hits"].as_u64(), observed["ratio"]["misses"].as_u64()),
        (Some(hits), Some(misses))
    );
    let ratio = number(observed, "/ratio/ratio");
    assert!((ratio - hits as f64 / (hits + misses) as f64).abs() < 1e-12, "{ratio}");
    let (low, high) = (number(observed, "/ratio/interval/0"), number(observed, "/ratio/interval/1"));
    assert!(low <= ratio && ratio <= high, "{low} {ratio} {high}");
    assert_eq!(observed["actions"].as_array().map(Vec::len), Some(1), "`health` has neither: {observed}");
    assert_eq!(observed["gain"]["verdict"], "faster", "{observed}");
    assert!(number(observed, "/actions/0/miss_ms/p50") >= 12.0);
    let without =
        observed["values"].as_array().expect("values").iter().find(|value| value["present"] == false);
    assert!(without.is_some_and(|value| value["replies"].as_u64() > Some(0)), "{observed}");
    assert!(printed.contains("hits are faster than misses"), "{printed}");
    let markdown = std::fs::read_to_string(bench.path("out/report.md")).expect("a report");
    assert!(markdown.contains("### Hits and misses") && markdown.contains("| GET user |"), "{markdown}");
    let page = std::fs::read_to_string(bench.path("out/report.html")).expect("a page");
    assert!(page.contains("Hits and misses"));
    let csv = std::fs::read_to_string(bench.path("out/observed/cache-as-it-is.csv")).expect("a file");
    assert!(csv.starts_with("name,method,hits,misses,hit_ratio,"), "{csv}");
    assert!(csv.contains(&format!("user,GET,{hits},{misses},")), "{csv}");
}

#[test]
fn a_header_that_no_reply_has_is_said_and_meets_no_threshold() {
    let bench = Bench::new();
    let (url, _) = cache();
    let output = bench.run(&[
        "--url",
        &url,
        "--duration",
        "0.5s",
        "--warm-up",
        "0s",
        "--observe",
        "X-Other",
        "--threshold",
        "hit_ratio>0.1",
        "--out",
        "out",
    ]);
    let printed = flat(&output.stdout) + " " + &flat(&output.stderr);
    assert_eq!(output.status.code(), Some(99), "{printed}");
    assert!(printed.contains("no value of `X-Other` is a hit or a miss"), "{printed}");
}

#[test]
fn in_virtual_time_replies_have_no_headers() {
    let bench = Bench::new();
    let output = bench.run(&[
        "--engine",
        "sim",
        "--duration",
        "2s",
        "--warm-up",
        "0s",
        "--no-oracles",
        "--observe",
        "X-Cache-Status",
        "--algorithms",
        "round-robin",
        "--out",
        "out",
    ]);
    let printed = flat(&output.stdout) + " " + &flat(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("in virtual time replies have no headers"), "{printed}");
    assert_eq!(algorithm(&bench.json("out/summary.json"), "round-robin")["observed"], Value::Null);
}

#[test]
fn slow_requests_are_shown_and_listed_and_those_beyond_the_limit_are_counted() {
    let bench = Bench::new();
    let (url, _) = cache();
    let config = config(&bench, &["/slow", "/health"], &json!({ "slow_s": 0.1 }));
    let flags =
        ["--config", &config, "--url", &url, "--duration", "2s", "--repetitions", "1", "--out", "out"];
    let output = bench.run(&[&flags[..], &["--events", "events.jsonl", "--stats", "--grades"]].concat());
    let (printed, errors) = (flat(&output.stdout), flat(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    let listed =
        std::fs::read_to_string(bench.path("out/trials/cache-as-it-is-0-slow_requests.csv")).expect("a list");
    let rows: Vec<&str> = listed.lines().skip(1).filter(|row| row.contains(",slow,GET,")).collect();
    let summary = bench.json("out/summary.json");
    let actions = algorithm(&summary, "as-it-is")["actions"].as_array().expect("actions").clone();
    let slow = actions.iter().find(|action| action["name"] == "slow").expect("it was sent");
    assert_eq!(
        rows.len() as u64,
        slow["requests"].as_u64().expect("a number"),
        "each slow request has a row: {listed}"
    );
    assert!(rows.iter().all(|row| row.contains(",ok,200,web-1,")), "{listed}");
    assert!(errors.contains("slow request: GET slow took "), "{errors}");
    let note = "took 0.100 s or longer; `trials/cache-as-it-is-0-slow_requests.csv` lists all of them";
    let notes = summary["notes"].to_string();
    assert!(notes.contains(note), "{notes}");
    let events = std::fs::read_to_string(bench.path("events.jsonl")).expect("events");
    assert!(events.contains("\"event\":\"slow_requests\""), "they are events");
    assert!(printed.contains("# reqs") && printed.contains("Aggregated"), "Locust's columns: {printed}");
    assert!(
        printed.contains("cache, as-it-is: P95 ") && printed.contains("errors 0.00 % Excellent"),
        "{printed}"
    );
}

#[test]
fn slow_requests_of_a_simulation_are_listed_too() {
    let bench = Bench::new();
    let output = bench.run(&[
        "--engine",
        "sim",
        "--duration",
        "2s",
        "--warm-up",
        "0s",
        "--no-oracles",
        "--slow",
        "1ms",
        "--algorithms",
        "round-robin",
        "--out",
        "out",
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trials = std::fs::read_dir(bench.path("out/trials")).expect("trials");
    let file =
        trials.flatten().find(|file| file.file_name().to_string_lossy().ends_with("-slow_requests.csv"));
    let listed = std::fs::read_to_string(file.expect("a list").path()).expect("text");
    assert!(listed.lines().count() > 10, "{listed}");
}

/// A load of one user, then fifty, then one again, which the simulator plays on a slow backend.
#[test]
fn the_recovery_after_a_peak_is_reported_and_can_be_a_threshold() {
    let bench = Bench::new();
    let patterns = json!([
        { "name": "calm", "duration_minutes": 0.5, "concurrent_users": 4, "scenario_weights": { "browse_weight": 100 } },
        { "name": "peak", "start_minute": 0.5, "duration_minutes": 0.25, "concurrent_users": 400, "scenario_weights": { "browse_weight": 100 } },
        { "name": "after", "start_minute": 0.75, "duration_minutes": 1, "concurrent_users": 4, "scenario_weights": { "browse_weight": 100 } }
    ]);
    let config = json!({
        "rl_training_scenarios": { "spike": { "max_concurrent_users": 400, "traffic_patterns": patterns } },
        "bench": { "think_time_s": [0.1, 0.2], "background_rps": 0 }
    });
    let config = bench.config("spike.json", &config);
    let output = bench.run(&[
        "--config",
        &config,
        "--engine",
        "sim",
        "--no-oracles",
        "--warm-up",
        "0s",
        "--algorithms",
        "round-robin",
        "--threshold",
        "recovery<30s",
        "--report",
        "html,markdown",
        "--out",
        "out",
    ]);
    let printed = flat(&output.stdout) + " " + &flat(&output.stderr);
    assert!(output.status.success(), "{printed}");
    let summary = bench.json("out/summary.json");
    let recovery = &algorithm(&summary, "round-robin")["recovery"];
    assert_eq!(recovery["verdict"], "recovered", "{recovery}");
    assert_eq!((number(recovery, "/peak/start_s"), number(recovery, "/peak/end_s")), (30.0, 45.0));
    assert_eq!(recovery["peak"]["unit"], "users");
    let (low, high) = (number(recovery, "/interval/0"), number(recovery, "/interval/1"));
    let seconds = number(recovery, "/seconds");
    assert!(low <= seconds && seconds <= high && high < 30.0, "{recovery}");
    assert!(printed.contains("after the peak of 400 users, which ended at 45.0 s"), "{printed}");
    let markdown = std::fs::read_to_string(bench.path("out/report.md")).expect("a report");
    assert!(markdown.contains("### Recovery"), "{markdown}");
}

#[test]
fn a_load_without_end_lists_slow_requests_while_it_runs_and_tells_hits_from_misses() {
    let bench = Bench::new();
    let (url, sent) = cache();
    let config = config(
        &bench,
        &["/user", "/slow"],
        &json!({ "slow_s": 0.1, "observe": { "header": "X-Cache-Status" } }),
    );
    let serve = ["serve-load", "--config", &config, "--url", &url, "--duration", "3s", "--out", "out"];
    let output =
        bench.run(&[&serve[..], &["--metrics-listen", "127.0.0.1:0", "--report", "markdown"]].concat());
    let (printed, errors) = (flat(&output.stdout), flat(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    let document = bench.json("out/continuous.json");
    let requests = document["requests"].as_array().expect("requests");
    let slow = requests.iter().find(|request| request["name"] == "slow").expect("it was sent");
    let listed = std::fs::read_to_string(bench.path("out/slow_requests.csv")).expect("a list");
    let rows = listed.lines().skip(1).filter(|row| row.contains(",slow,GET,"));
    assert_eq!(Some(rows.count() as u64), slow["requests"].as_u64(), "each slow request has a row: {listed}");
    assert!(listed.contains(",ok,200,web-1,"), "backends that only replies name have their names: {listed}");
    let lines = errors.matches("slow request: ").count();
    assert!((1..=10).contains(&lines), "{lines} lines in the first minute: {errors}");
    assert!(document["notes"].to_string().contains("took 0.100 s or longer"), "{}", document["notes"]);
    // When the load stops, the two users may have sent requests whose replies nobody waits for.
    let [hits, misses, _] = sent.counts();
    let of = |key: &str| document["observed"]["ratio"][key].as_u64().expect("a number");
    assert!(of("hits") <= hits && of("misses") <= misses && of("hits") + of("misses") + 2 >= hits + misses);
    assert!(printed.contains("hits are faster than misses"), "{printed}");
    let markdown = std::fs::read_to_string(bench.path("out/continuous.md")).expect("a report");
    assert!(markdown.contains("Hits and misses by `X-Cache-Status`"), "{markdown}");
}
