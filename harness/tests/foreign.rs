//! Load balancers that `bench` did not start: honest ones are driven, others are caught before anything
//! is measured under a false name.

mod common;

use common::{Bench, Running, algorithm, number, text};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How a stand-in for a load balancer behaves when it is told to switch.
#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    /// Says that it switched and goes on in rotation.
    Lies,
    /// Answers 400.
    Refuses,
    /// Routes in rotation, as it says, but answers all but held requests with 502 that names no backend.
    Fails,
}

/// Speaks the admin API on one port and, whatever it says, routes in rotation over four backends.
fn stand_in(conduct: Conduct) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let turn = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let turn = Arc::clone(&turn);
            std::thread::spawn(move || serve(stream, conduct, &turn));
        }
    });
    url
}

fn serve(stream: TcpStream, conduct: Conduct, turn: &AtomicUsize) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 || header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default();
        let (status, headers, body) = answer(path, conduct, turn);
        let reply = format!("HTTP/1.1 {status} -\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(path: &str, conduct: Conduct, turn: &AtomicUsize) -> (u16, String, String) {
    let names = ["round-robin", "least-connections"];
    let current = if conduct == Conduct::Fails { names[0] } else { names[1] };
    let admin = |status, value: serde_json::Value| (status, String::new(), value.to_string());
    if let Some(rest) = path.strip_prefix("/proxy/") {
        let backend = turn.fetch_add(1, Ordering::SeqCst) % 4;
        if conduct == Conduct::Fails && !rest.contains("ms=") {
            return (502, String::new(), "<html>502 Bad Gateway</html>".to_owned());
        }
        let held = rest.split("ms=").nth(1).and_then(|ms| ms.parse().ok()).unwrap_or(0);
        std::thread::sleep(Duration::from_millis(held));
        return (200, format!("x-backend: b{backend}\r\n"), "{}".to_owned());
    }
    match path.split('?').next().unwrap_or_default() {
        "/actuator/health" => admin(200, json!({ "status": "UP" })),
        "/api/benchmark/status" => admin(
            200,
            json!({
                "benchmarkActive": true, "currentAlgorithm": current, "currentPhase": 1, "totalPhases": 3,
                "testAlgorithms": names,
            }),
        ),
        "/rl/strategies" => admin(200, json!({ "current": current, "available": names })),
        "/api/benchmark/switch" if conduct == Conduct::Refuses => admin(
            400,
            json!({ "error": "Invalid algorithm: least-connections", "availableAlgorithms": ["round-robin"] }),
        ),
        "/api/benchmark/switch" => {
            admin(200, json!({ "status": "switched", "currentAlgorithm": current, "message": "done" }))
        }
        "/api/benchmark/start" => admin(
            200,
            json!({
                "status": "started", "duration_minutes": 60, "current_algorithm": current,
                "test_algorithms": names, "start_time": 0,
            }),
        ),
        "/api/benchmark/reset" => {
            admin(200, json!({ "status": "reset", "algorithm": current, "message": "" }))
        }
        "/api/benchmark/stop" => {
            admin(200, json!({ "status": "completed", "totalDurationMs": 1, "results": {} }))
        }
        _ => admin(404, json!({ "error": "not here" })),
    }
}

fn drive(url: &str) -> (Option<i32>, String, String) {
    let bench = Bench::new();
    let config =
        bench.config("short.json", &common::config(2, 1.0, &json!({ "warm_up_s": 0, "cool_down_s": 0 })));
    let entry = format!("{url}/proxy");
    let output = bench.run(&[
        "--config",
        &config,
        "--load-balancer",
        &entry,
        "--algorithms",
        "least-connections",
        "--out",
        "out",
    ]);
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_switch_that_is_claimed_but_did_not_happen_is_caught_by_behaviour() {
    let (code, printed, message) = drive(&stand_in(Conduct::Lies));
    assert_eq!(code, Some(4), "a false name is worse than no result: {message}");
    assert!(
        printed.starts_with("load balancer: http://127.0.0.1"),
        "the first line says what is driven: {printed}"
    );
    assert!(message.contains("least-connections") && message.contains("behaviour"), "{message}");
}

#[test]
fn a_refused_switch_ends_the_run_and_names_what_is_offered() {
    let (code, _, message) = drive(&stand_in(Conduct::Refuses));
    assert_eq!(code, Some(4), "{message}");
    assert!(message.contains("least-connections") && message.contains("round-robin"), "{message}");
}

#[test]
fn algorithms_that_are_not_offered_are_skipped_visibly_and_none_left_ends_the_run() {
    let url = stand_in(Conduct::Lies);
    let bench = Bench::new();
    let config = bench.config("short.json", &common::config(2, 1.0, &json!({})));
    let entry = format!("{url}/proxy");
    let run = |algorithms: &str| {
        let output = bench.run(&[
            "--config",
            &config,
            "--load-balancer",
            &entry,
            "--algorithms",
            algorithms,
            "--out",
            algorithms,
        ]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, message) = run("prequal");
    assert_eq!(code, Some(3), "{message}");
    assert!(
        message.contains("prequal") && message.contains("offers round-robin, least-connections"),
        "{message}"
    );

    let (code, printed, message) = run("prequal,round-robin");
    // The stand-in's control plane names least-connections for ever, so round-robin is not believed either.
    assert_eq!(code, Some(4), "{message}");
    assert!(printed.contains("prequal: skipped, the load balancer does not offer it"), "{printed}");
}

#[test]
fn errors_of_a_load_balancer_that_names_no_backends_are_not_blamed_on_it() {
    let url = stand_in(Conduct::Fails);
    let bench = Bench::new();
    let settings = json!({ "warm_up_s": 0, "cool_down_s": 0 });
    let config = bench.config("short.json", &common::config(2, 1.0, &settings));
    let entry = format!("{url}/proxy");
    let args = ["--config", &config, "--load-balancer", &entry, "--algorithms", "round-robin"];
    let summary = bench.summary("out", &args);
    let result = algorithm(&summary, "round-robin");
    assert!(number(result, "/outcomes/server_error") > 0.0, "it is not known who failed: {result}");
    for blamed in ["/outcomes/balancer_error", "/outcomes/backend_error"] {
        assert_eq!(number(result, blamed), 0.0, "{blamed}");
    }
}

#[test]
fn a_load_balancer_that_runs_already_is_driven_and_its_backends_are_listed() {
    let bench = Bench::new();
    let topology = bench.config(
        "topology.json",
        &json!({
            "name": "pair", "service_time": { "distribution": "constant", "mean_ms": 2 },
            "pools": [{ "name": "shop", "backends": [{ "id": "left" }, { "id": "right" }] }]
        }),
    );
    let running = Running::start(&bench, &topology);
    let faults = json!([{ "fault": "error_rate", "rate": 1.0 }]);
    let settings =
        json!({ "algorithms": ["round-robin"], "warm_up_s": 0, "cool_down_s": 0, "faults": faults });
    let config = bench.config("running.json", &common::config(4, 2.0, &settings));
    let output = bench.run(&["--config", &config, "--load-balancer", &running.entry(), "--out", "out"]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(printed.contains("(named by you)"), "nobody is surprised: {printed}");
    assert!(
        printed.contains("the fault of the config is not applied"),
        "a knob that does nothing is reported: {printed}"
    );
    let summary = bench.json("out/summary.json");
    let result = algorithm(&summary, "round-robin");
    let ids: Vec<&Value> =
        result["backends"].as_array().expect("backends").iter().map(|b| &b["id"]).collect();
    assert_eq!(ids, ["left", "right"], "the load balancer's own backends");
    assert!(number(result, "/jain_index") > 0.99, "round-robin shares evenly");
    assert_eq!(number(result, "/error_rate"), 0.0, "its backends are not made to fail");
}
