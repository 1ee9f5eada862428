//! A program that speaks the protocol of `bench --steer` and gives everything a hostile name, also what no real run can
//! have. The test binary plays it itself when a server starts it with the arguments of `bench`.

use serde_json::{Value, json};
use std::io::Write;

/// Ends titles, attributes, comments and scripts, and would run a script in each of several ways.
const HOSTILE: &str =
    "</title><script>window.ran=1</script><img src=x onerror=\"window.ran=2\">'\"--> &lt;b&gt; ${7*7}";

/// The words by which a server starts `bench`, and nobody starts a test binary.
const MEANT: [&str; 4] = ["--steer", "--plan", "plan", "compare"];

/// What a view must show: each begins a hostile text of its own.
pub(crate) const RUN: [&str; 14] = [
    "balancer",
    "scenario",
    "trial",
    "algorithm",
    "backend",
    "endpoint",
    "method",
    "failure",
    "fault",
    "mark",
    "note",
    "slow",
    "log",
    "answer",
];

/// Returns the hostile text that begins with a word.
pub(crate) fn hostile(word: &str) -> String {
    format!("{word}{HOSTILE}")
}

/// Returns whether this process was started in place of `bench`.
pub(crate) fn is_meant() -> bool {
    std::env::args().skip(1).any(|argument| MEANT.contains(&argument.as_str()))
}

/// Plays `bench`: a plan, a comparison, or a load without end that is told to stop.
pub(crate) fn play() {
    if !std::env::args().any(|argument| argument == "--steer") {
        say(&hostile("plan"));
        return;
    }
    eprintln!("{}", hostile("log"));
    for event in beginning() {
        tell(event);
    }
    let (stopped, is_stopped) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let Ok(command) = serde_json::from_str::<Value>(&line) else { continue };
            tell(json!({ "event": "answered", "id": command["id"], "ok": true, "text": hostile("answer") }));
            if command["do"] == "stop" {
                break;
            }
        }
        let _ = stopped.send(());
    });
    // Bounded, in case that nobody stops it.
    for second in 0..600 {
        for event in moment(f64::from(second)) {
            tell(event);
        }
        if is_stopped.recv_timeout(std::time::Duration::from_millis(250)).is_ok() {
            break;
        }
    }
    tell(trial());
    tell(
        json!({ "event": "run_finished", "ended": "failed", "error": hostile("error"), "results": "", "summary": null }),
    );
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A server that is gone hears nothing, and its end of the input ends this program.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn tell(mut event: Value) {
    event["version"] = 1.into();
    event["at"] = "2026-11-30T00:00:00Z".into();
    say(&event.to_string());
}

fn beginning() -> Vec<Value> {
    vec![
        json!({
            "event": "run_started", "run_id": hostile("run"), "load_balancer": hostile("balancer"), "engine": "live",
            "mode": "compare", "results": hostile("results"), "scenarios": [hostile("scenario")]
        }),
        json!({
            "event": "steerable", "users": 10, "most_users": 1000, "spawn_rate": 1.0,
            "algorithms": [hostile("algorithm"), hostile("other")], "algorithm": hostile("algorithm"),
            "backends": [hostile("backend")], "faults": true, "pause": true, "marks": true
        }),
        json!({
            "event": "scenario_started", "scenario": hostile("scenario"), "contestants": [hostile("algorithm")],
            "trials": 2, "trial_s": 10.0
        }),
        json!({ "event": "block_started", "scenario": hostile("scenario"), "block": 0, "schedule_sha256": "00", "order": [] }),
        json!({ "event": "phase_started", "trial": hostile("trial"), "phase": hostile("phase") }),
        json!({ "event": "note", "text": hostile("note") }),
        json!({ "event": "slow_requests", "trial": hostile("trial"), "lines": [hostile("slow")], "left_out": 3 }),
        json!({ "event": "fault", "backend": hostile("backend"), "text": hostile("fault"), "begins": true }),
        json!({ "event": "mark", "name": hostile("mark"), "at_s": 1.0 }),
    ]
}

/// What is told of a second of the load.
fn moment(at_s: f64) -> [Value; 2] {
    let row = |name: &str| {
        json!({
            "method": hostile("method"), "name": hostile(name), "requests": 12, "failures": 3, "avg_ms": 1.0, "min_ms": 0.5,
            "max_ms": 9.0, "median_ms": 1.0, "p95_ms": 3.0, "p99_ms": 4.0, "requests_per_s": 12.0, "failures_per_s": 3.0
        })
    };
    let failure = json!({ "method": hostile("method"), "name": hostile("endpoint"), "text": hostile("failure"), "count": 3 });
    [
        json!({
            "event": "figures", "trial": hostile("trial"), "algorithm": hostile("algorithm"), "phase": "measure",
            "at_s": at_s, "users": 10, "aim": 10, "in_flight": 3, "requests": 12, "failures": 3,
            "latency_ms": { "mean": 1.0, "p50": 1.0, "p95": 3.0, "p99": 4.0, "max": 9.0 },
            "endpoints": [{
                "method": hostile("method"), "name": hostile("endpoint"), "requests": 12, "failures": 3,
                "p50_ms": 1.0, "p95_ms": 3.0, "p99_ms": 4.0
            }],
            "backends": [{ "id": hostile("backend"), "replies": 12, "errors": 3 }]
        }),
        json!({
            "event": "statistics", "trial": hostile("trial"), "algorithm": hostile("algorithm"), "phase": "measure",
            "seconds": at_s, "endpoints": [row("endpoint")], "total": row("total"), "failures": [failure]
        }),
    ]
}

fn trial() -> Value {
    let latency = json!({ "mean": 1.0, "p50": 1.0, "p95": 3.0, "p99": 4.0 });
    json!({
        "event": "trial_finished", "scenario": hostile("scenario"), "block": 0, "position": 0, "attempt": 0,
        "interrupted": false,
        "summary": { "name": hostile("algorithm"), "throughput_rps": 12.0, "error_rate": 0.25, "latency_ms": latency },
        "problems": [hostile("problem")]
    })
}
